"""Plots as SVG, drawn from numbers alone: what goes in are counts and words, what comes out is an element. Pure.

Colours and dashes are the style sheet's, by class; every curve carries its name at its end and every bar its number, so
that colour is never the only sign. Whoever can't see a plot reads the table that its page puts beside it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

from django.utils.safestring import SafeString

WIDTH, HEIGHT = 640, 220
LEFT, RIGHT, TOP, BOTTOM = 52, 120, 12, 28
BAR = 22
#: Names at the ends of curves stay so far apart, or they could not be read.
APART = 15


@dataclass(frozen=True, slots=True)
class Curve:
    """A line. `name` is its CSS class (`curve-NAME`); `values`: one for each place on the axis."""

    name: str
    label: str
    values: Sequence[int]


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a bar. `name` is its CSS class (`part-NAME`)."""

    name: str
    count: int


def curves(lines: Sequence[Curve], *, ticks: Sequence[tuple[int, str]], most: int, title: str, note: str) -> SafeString:
    """Lines over an axis of equal steps.

    Args:
        ticks: where the axis is marked (the index of a value) and with which words.
        most: the top of the upright axis; nothing may be above it.
        title: what a screen reader calls the picture.
        note: what it shows, in a sentence.
    """
    svg = _picture(WIDTH, HEIGHT, title, note, classes="plot")
    most, places = max(most, 1), max((len(line.values) for line in lines), default=2)

    def x(place: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * place / max(places - 1, 1)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / most

    for value in steps_to(most):
        _line(svg, LEFT, y(value), WIDTH - RIGHT, y(value), "grid")
        _text(svg, LEFT - 6, y(value) + 4, f"{value:,}", "end")
    for place, label in ticks:
        _line(svg, x(place), HEIGHT - BOTTOM, x(place), HEIGHT - BOTTOM + 4, "axis")
        _text(svg, x(place), HEIGHT - BOTTOM + 18, label, "middle")
    _line(svg, LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, "axis")
    ends = _spread([y(line.values[-1]) if line.values else y(0) for line in lines])
    for line, end in zip(lines, ends, strict=True):
        points = " ".join(f"{x(place):.1f},{y(value):.1f}" for place, value in enumerate(line.values))
        SubElement(svg, "polyline", {"class": f"curve curve-{line.name}", "points": points})
        _text(svg, WIDTH - RIGHT + 8, end + 4, f"{line.label} {line.values[-1]:,}", "start", f"end end-{line.name}")
    return _said(svg)


def bars(rows: Sequence[tuple[str, int]], *, title: str, note: str) -> SafeString:
    """A bar for each row, lying, as long as its number; the number and its share stand behind it."""
    height = TOP + BAR * len(rows) + 4
    svg = _picture(WIDTH, height, title, note, classes="plot")
    left, right = 130, 110
    whole, most = sum(count for _, count in rows), max([count for _, count in rows], default=0) or 1
    for number, (label, count) in enumerate(rows):
        top = TOP + BAR * number
        length = (WIDTH - left - right) * count / most
        _text(svg, left - 8, top + BAR - 8, label, "end")
        SubElement(
            svg,
            "rect",
            {"class": "bar", "x": f"{left}", "y": f"{top + 2}", "width": f"{length:.1f}", "height": f"{BAR - 6}"},
        )
        share = f" ({count * 100 / whole:.0f} %)" if whole and count else ""
        _text(svg, left + length + 6, top + BAR - 8, f"{count:,}{share}", "start")
    return _said(svg)


def stacked(parts: Sequence[Part]) -> SafeString:
    """One thin bar, divided like its parts; a part that is there is never too narrow to be seen.

    It is hidden from screen readers: its page says the same in words beside it.
    """
    attributes = {"class": "stacked", "viewBox": "0 0 1000 10", "preserveAspectRatio": "none", "aria-hidden": "true"}
    svg = Element("svg", attributes)
    SubElement(svg, "rect", {"class": "part-none", "x": "0", "y": "0", "width": "1000", "height": "10"})
    begin = 0.0
    for part, width in zip(parts, widths([part.count for part in parts], whole=1000, least=6), strict=True):
        if width:
            place = {"x": f"{begin:.1f}", "y": "0", "width": f"{width:.1f}", "height": "10"}
            SubElement(svg, "rect", {"class": f"part-{part.name}", **place})
        begin += width
    return _said(svg)


def widths(counts: Sequence[int], *, whole: float, least: float) -> list[float]:
    """`whole` divided like `counts`, but at least `least` for each that is not 0; together never more than `whole`."""
    total = sum(counts)
    if not total:
        return [0.0 for _ in counts]
    wanted = [max(whole * count / total, least) if count else 0.0 for count in counts]
    spare = sum(wanted) - whole
    roomy = sum(width - least for width in wanted if width > least)
    if spare <= 0 or roomy <= 0:
        return wanted
    return [width - spare * (width - least) / roomy if width > least else width for width in wanted]


def steps_to(most: int) -> list[int]:
    """Round numbers from 0 to at most `most`, three to six of them, for an upright axis."""
    if most < 1:
        return [0]
    size = 10 ** math.floor(math.log10(most))
    step = next(step for step in (size // 5, size // 2, size, size * 2) if step and most / step <= 5)
    return list(range(0, most + 1, max(step, 1)))


def _spread(places: Sequence[float]) -> list[float]:
    """The same places, moved up where two are too near, and down again where they would leave the plot."""
    order = sorted(range(len(places)), key=lambda one: -places[one])
    moved = dict(enumerate(places))
    for lower, upper in itertools.pairwise(order):
        moved[upper] = min(moved[upper], moved[lower] - APART)
    least = float(TOP)
    for one in reversed(order):
        moved[one] = max(moved[one], least)
        least = moved[one] + APART
    return [moved[one] for one in range(len(places))]


def _picture(width: int, height: int, title: str, note: str, *, classes: str) -> Element:
    svg = Element("svg", {"class": classes, "viewBox": f"0 0 {width} {height}", "role": "img", "aria-label": title})
    SubElement(svg, "title").text = f"{title}. {note}" if note else title
    return svg


def _line(svg: Element, x1: float, y1: float, x2: float, y2: float, name: str) -> None:
    ends = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
    SubElement(svg, "line", {"class": name, **{key: f"{value:.1f}" for key, value in ends.items()}})


def _text(svg: Element, x: float, y: float, said: str, anchor: str, name: str = "") -> None:
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor}
    SubElement(svg, "text", {**place, **({"class": name} if name else {})}).text = said


def _said(svg: Element) -> SafeString:
    """The element as text for a page. ElementTree has escaped every word in it."""
    return SafeString(tostring(svg, encoding="unicode"))
