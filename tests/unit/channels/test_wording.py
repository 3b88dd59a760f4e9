"""A gateway's words are stored and shown: nobody's address or number may be among them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urgentaction.channels.wording import harmless


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("550 5.1.1 <kim@office.gov>: no such user", "550 5.1.1 <<address>>: no such user"),
        ("The 'To' number +1 (202) 555-0123 is not valid.", "The 'To' number <number> is not valid."),
        ("To 442079460123\r\nsecond\x00line", "To <number> second line"),
        ("421 4.7.28 slow down", "421 4.7.28 slow down"),
    ],
)
def test_addresses_and_numbers_are_masked(text: str, expected: str) -> None:
    assert harmless(text) == expected


@given(text=st.text(max_size=500), limit=st.integers(2, 300))
def test_it_is_one_short_line(text: str, limit: int) -> None:
    shown = harmless(text, limit=limit)
    assert len(shown) <= limit
    assert not set(shown) & set("\r\n\0\t")
