"""How a case's text speaks of a person: `[[person-1]]`, which each reader sees as consent allows.

    Border guards took [[person-1]] and [[person-9]] to Tumen.
    국경수비대는 [[person-1|을/를]] 체포했습니다.

After a bar comes a pair of Korean particles, of which the one is written that fits. A form that begins a sentence gets
a capital: "A member of the group was taken to Tumen."

Pure. Must not know what a person is called.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_MARK = re.compile(r"\[\[(?P<key>[a-z0-9][a-z0-9-]*)(?:\|(?P<particles>[^\[\]|/\s]+/[^\[\]|/\s]+))?\]\]")
_BEGUN = re.compile(r"\[\[[^\n]{0,40}")
_SENTENCE_BEGINS = re.compile(r"(?:^|\n[ \t]*\n|[.!?…][\"”’»)]*\s+|\n[ \t]*(?:[-+*>]|\d+[.)])[ \t]+)[\"“‘«(*_]*$")


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a text where a person stands. `particles` is a pair such as "은/는", or empty."""

    key: str
    particles: str
    line: int
    begins_sentence: bool


def marks(text: str) -> Iterator[Mark]:
    """The marks of a text, in order."""
    for found in _MARK.finditer(text):
        yield _mark(found)


def unreadable(text: str) -> Iterator[tuple[int, str]]:
    """Line and beginning of everything that starts like a mark and is none."""
    for found in _BEGUN.finditer(_MARK.sub("", text)):
        # Counted in the text itself: what was taken out has no line breaks.
        yield text_line(found.string, found.start()), found[0][:20]


def fill(text: str, write: Callable[[Mark], str]) -> str:
    """The text with every mark replaced by what `write` says of it."""
    return _MARK.sub(lambda found: write(_mark(found)), text)


def text_line(text: str, place: int) -> int:
    """The line, from 1, on which a place of a text is."""
    return text.count("\n", 0, place) + 1


def _mark(found: re.Match[str]) -> Mark:
    before = found.string[max(found.start() - 200, 0) : found.start()]
    return Mark(
        key=found["key"],
        particles=found["particles"] or "",
        line=text_line(found.string, found.start()),
        begins_sentence=_SENTENCE_BEGINS.search(before) is not None,
    )
