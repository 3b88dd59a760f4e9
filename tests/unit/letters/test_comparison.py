"""How two texts differ, as it is shown."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from urgentaction.letters.comparison import MOST_WORDS, Mark, Part, compared

TEXTS = st.lists(st.sampled_from(["", "one", "two words", "three more words", "one two"]), max_size=12).map("\n".join)


def test_the_same_text_has_no_difference() -> None:
    assert compared("a\nb", "a\nb\n") == ()


def test_a_changed_line_shows_which_words() -> None:
    removed, added = compared("Please act before Monday.", "Please act before Friday, at once.")
    assert (removed.mark, removed.old_line, removed.new_line) == (Mark.REMOVED, 1, 0)
    assert Part("Monday", is_changed=True) in removed.parts
    assert (added.mark, added.new_line) == (Mark.ADDED, 1)
    assert Part("Please act before ") in added.parts


def test_lines_far_from_a_change_are_left_out() -> None:
    old = "\n".join(str(n) for n in range(1, 21))
    rows = compared(old, old.replace("10", "ten"))
    assert [(row.mark, row.count) for row in rows if row.mark is Mark.LEFT_OUT] == [
        (Mark.LEFT_OUT, 6),
        (Mark.LEFT_OUT, 7),
    ]
    assert [row.new_line for row in rows if row.mark is Mark.SAME] == [7, 8, 9, 11, 12, 13]


def test_a_very_long_line_is_compared_as_a_whole() -> None:
    removed, added = compared("a " * MOST_WORDS, "a " * MOST_WORDS + "b")
    assert len(removed.parts) == len(added.parts) == 1


@given(TEXTS, TEXTS)
def test_both_texts_can_be_read_off_it(old: str, new: str) -> None:
    rows = compared(old, new, around=100)
    if rows:
        told = {row.old_line: "".join(part.text for part in row.parts) for row in rows if row.old_line}
        assert [told[at] for at in sorted(told)] == old.splitlines()
        told = {row.new_line: "".join(part.text for part in row.parts) for row in rows if row.new_line}
        assert [told[at] for at in sorted(told)] == new.splitlines()
    else:
        assert old.splitlines() == new.splitlines()
