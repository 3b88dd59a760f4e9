"""Segments of text messages, as 3GPP TS 23.038 and 23.040 count them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urgentaction.sandbox.segments import count, is_gsm7


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),  # two places each
        ("€" * 81, 2),
        ("a" * 152 + "€" + "a" * 8, 2),  # the euro sign does not fit into the last place of the first segment
        ("한" * 70, 1),
        ("한" * 71, 2),
        ("한" * 134, 2),
        ("한" * 135, 3),
        ("a" * 159 + "’", 3),  # one typographic apostrophe makes it 16 bits throughout
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("😀" * 67, 3),  # 33 a segment: a pair is not split
    ],
)
def test_known_lengths(text: str, segments: int) -> None:
    assert count(text) == segments


@given(st.text(max_size=400), st.text(max_size=50))
def test_more_text_never_takes_fewer_segments(text: str, more: str) -> None:
    assert 1 <= count(text) <= count(text + more)


@given(st.text(alphabet="abc €{}", max_size=500))
def test_the_default_alphabet_holds_at_least_76_characters_a_segment(text: str) -> None:
    assert is_gsm7(text)
    assert count(text) <= max(1, -(-len(text) // 76))
