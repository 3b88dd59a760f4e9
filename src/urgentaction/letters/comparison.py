"""How two texts differ, line by line and word by word, ready to be shown.

Pure. For terminals there is `versions.difference`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

#: Unchanged lines shown around a change.
AROUND = 3
#: Longer lines are compared as a whole: word by word takes time that grows with the square.
MOST_WORDS = 400
#: Lines that have less than this in common are two lines, not one that was changed.
_ALIKE = 0.4
_WORD = re.compile(r"\s+|\w+|[^\w\s]")


class Mark(StrEnum):
    """What became of a line."""

    SAME = "same"
    REMOVED = "removed"
    ADDED = "added"
    LEFT_OUT = "left_out"  # unchanged lines that are not shown


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a line; changed ones are what the other text has differently."""

    text: str
    is_changed: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One line. Lines count from 1; 0 in the text that does not have it. `count`: how many are left out."""

    mark: Mark
    old_line: int = 0
    new_line: int = 0
    parts: tuple[Part, ...] = ()
    count: int = 0


def compared(old: str, new: str, *, around: int = AROUND) -> tuple[Row, ...]:
    """Both texts as one list of lines; empty if they are the same."""
    before, after = old.splitlines(), new.splitlines()
    if before == after:
        return ()
    matcher = difflib.SequenceMatcher(None, before, after)
    rows: list[Row] = []
    shown = 0  # lines of the old text so far
    for group in matcher.get_grouped_opcodes(around):
        rows += _left_out(group[0][1] - shown)
        for tag, old_from, old_to, new_from, new_to in group:
            if tag == "equal":
                rows += _same(before[old_from:old_to], old_from, new_from)
            else:
                rows += _changed(before[old_from:old_to], after[new_from:new_to], old_from, new_from)
        shown = group[-1][2]
    return (*rows, *_left_out(len(before) - shown))


def _left_out(count: int) -> list[Row]:
    return [Row(Mark.LEFT_OUT, count=count)] if count else []


def _same(lines: Sequence[str], old_from: int, new_from: int) -> Iterator[Row]:
    for at, line in enumerate(lines, start=1):
        yield Row(Mark.SAME, old_from + at, new_from + at, (Part(line),))


def _changed(before: Sequence[str], after: Sequence[str], old_from: int, new_from: int) -> Iterator[Row]:
    """Lines that were changed stand together, the old one above the new one."""
    for at in range(max(len(before), len(after))):
        old = before[at] if at < len(before) else None
        new = after[at] if at < len(after) else None
        old_parts, new_parts = _by_words(old or "", new or "") if old is not None and new is not None else (None, None)
        if old is not None:
            yield Row(Mark.REMOVED, old_line=old_from + at + 1, parts=old_parts or (Part(old),))
        if new is not None:
            yield Row(Mark.ADDED, new_line=new_from + at + 1, parts=new_parts or (Part(new),))


def _by_words(old: str, new: str) -> tuple[tuple[Part, ...] | None, tuple[Part, ...] | None]:
    before, after = _WORD.findall(old), _WORD.findall(new)
    if max(len(before), len(after)) > MOST_WORDS:
        return None, None
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    if matcher.ratio() < _ALIKE:
        return None, None
    opcodes = matcher.get_opcodes()
    return (
        tuple(Part("".join(before[i:j]), tag != "equal") for tag, i, j, _, _ in opcodes if i < j),
        tuple(Part("".join(after[i:j]), tag != "equal") for tag, _, _, i, j in opcodes if i < j),
    )
