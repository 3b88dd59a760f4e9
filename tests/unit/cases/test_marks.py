"""Marks in a case's text: `[[person-1]]`."""

from __future__ import annotations

import pytest

from urgentaction.cases.marks import Mark, fill, marks, unreadable


def test_marks_are_read_with_their_lines_and_particles() -> None:
    text = "They took [[person-1]].\n\n[[person-9|은/는]] was left."
    assert list(marks(text)) == [Mark("person-1", "", 1, False), Mark("person-9", "은/는", 3, True)]
    assert list(unreadable(text)) == []


@pytest.mark.parametrize("text", ["[[Person 1]]", "[[person-1", "[[person-1|은]]", "[[]]", "[[person-1|은 / 는]]"])
def test_what_only_looks_like_a_mark_is_told(text: str) -> None:
    assert list(marks(f"x\n{text}")) == []
    assert [line for line, _ in unreadable(f"[[person-1]]\n{text}")] == [2]


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("[[a]] left", True),
        ("It ended. [[a]] left", True),
        ("It ended.”\n[[a]] left", True),
        ("above\n\n[[a]] left", True),
        ("above\n- [[a]] left", True),
        ("above\n2. **[[a]]** left", True),
        ("he and [[a]] left", False),
        ("the end,\n[[a]] left", False),
    ],
)
def test_where_a_sentence_begins(text: str, begins: bool) -> None:  # noqa: FBT001
    assert [mark.begins_sentence for mark in marks(text)] == [begins]


def test_marks_are_replaced_and_all_else_stays() -> None:
    assert fill("a [[x]] [b] [[y|이/가]] [[Z]]", lambda mark: mark.key.upper()) == "a X [b] Y [[Z]]"
