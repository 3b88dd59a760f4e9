"""Plots: numbers and words in, a well-formed picture out, in which everything stays where it can be seen."""

from __future__ import annotations

import itertools
import re
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from urgentaction.console.deliveries import plots
from urgentaction.console.deliveries.plots import Curve, Part

COUNTS = st.integers(0, 10**7)
SVG = re.compile(r"^<svg ")


def picture(said: str) -> ET.Element:
    assert SVG.match(said)
    assert "style=" not in said
    return ET.fromstring(said)


@given(st.lists(st.lists(COUNTS, min_size=5, max_size=5), min_size=1, max_size=3))
def test_every_point_is_within_the_frame(values: list[list[int]]) -> None:
    lines = [Curve(f"c{n}", f"line {n}", sorted(one)) for n, one in enumerate(values)]
    most = max(one[-1] for one in (line.values for line in lines))
    svg = picture(plots.curves(lines, ticks=[(0, "0 s"), (4, "1 h")], most=most, title="How", note="What"))
    found = svg.findall("polyline")
    assert len(found) == len(lines)
    for line in found:
        for point in line.attrib["points"].split():
            x, y = (float(part) for part in point.split(","))
            assert plots.LEFT - 0.1 <= x <= plots.WIDTH - plots.RIGHT + 0.1
            assert plots.TOP - 0.1 <= y <= plots.HEIGHT - plots.BOTTOM + 0.1
    ends = sorted(float(text.attrib["y"]) for text in svg.findall("text") if "end" in text.attrib.get("class", ""))
    assert all(lower - upper >= plots.APART - 0.2 for upper, lower in itertools.pairwise(ends))


def test_a_curve_says_its_name_and_number_at_its_end() -> None:
    svg = picture(plots.curves([Curve("failed", "failed", [0, 3])], ticks=[], most=3, title="Fax", note="So"))
    assert "failed 3" in [text.text for text in svg.findall("text")]
    assert svg.attrib["role"] == "img"
    assert svg.attrib["aria-label"] == "Fax"


def test_words_cannot_break_out_of_a_picture() -> None:
    said = plots.bars([("<script>", 2), ("b & c", 0)], title='"><script>', note="")
    assert "<script" not in said
    assert "<script>" in [text.text for text in picture(said).findall("text")]


@given(st.lists(COUNTS, max_size=7))
def test_a_bar_is_never_longer_than_its_place_and_every_part_is_seen(counts: list[int]) -> None:
    widths = plots.widths(counts, whole=1000, least=6)
    assert sum(widths) <= 1000.001
    for count, width in zip(counts, widths, strict=True):
        assert (width >= 5.999) == bool(count)


def test_a_bar_has_its_parts_in_order() -> None:
    svg = picture(plots.stacked([Part("delivered", 1), Part("failed", 0), Part("waiting", 3)]))
    names = [(rect.attrib["class"], rect.attrib["width"]) for rect in svg.findall("rect")]
    assert names == [("part-none", "1000"), ("part-delivered", "250.0"), ("part-waiting", "750.0")]


@given(st.integers(0, 10**8))
def test_the_axis_has_few_round_numbers(most: int) -> None:
    steps = plots.steps_to(most)
    assert steps[0] == 0
    assert steps[-1] <= most or most == 0
    assert len(steps) <= 6
    assert steps == sorted(set(steps))
