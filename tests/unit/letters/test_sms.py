"""Segments of text messages."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urgentaction.letters.sms import _BASIC, _EXTENSION, SmsEncoding, sms_segments, unfit_for_korea


@pytest.mark.parametrize(
    ("text", "encoding", "segments"),
    [
        ("", SmsEncoding.GSM_7, 0),
        ("a" * 160, SmsEncoding.GSM_7, 1),
        ("a" * 161, SmsEncoding.GSM_7, 2),
        ("a" * 306, SmsEncoding.GSM_7, 2),
        ("a" * 307, SmsEncoding.GSM_7, 3),
        ("€" * 80, SmsEncoding.GSM_7, 1),
        ("€" * 81, SmsEncoding.GSM_7, 2),
        ("a" * 152 + "€" + "a" * 152, SmsEncoding.GSM_7, 3),  # the pair moves whole into the second segment
        ("가" * 70, SmsEncoding.UCS_2, 1),
        ("가" * 71, SmsEncoding.UCS_2, 2),
        ("가" * 134, SmsEncoding.UCS_2, 2),
        ("가" * 135, SmsEncoding.UCS_2, 3),
        ("😀" * 35, SmsEncoding.UCS_2, 1),
        ("😀" * 66, SmsEncoding.UCS_2, 2),
        ("😀" * 67, SmsEncoding.UCS_2, 3),  # 33 pairs fill 66 of 67 units
        ("it’s", SmsEncoding.UCS_2, 1),
    ],
)
def test_known_lengths(text: str, encoding: SmsEncoding, segments: int) -> None:
    assert sms_segments(text) == (encoding, segments)


@given(st.text(alphabet=_BASIC + _EXTENSION, max_size=700))
def test_gsm_segments_hold_the_septets(text: str) -> None:
    septets = len(text) + sum(char in _EXTENSION for char in text)
    encoding, segments = sms_segments(text)
    assert encoding is SmsEncoding.GSM_7
    least = 0 if not septets else 1 if septets <= 160 else math.ceil(septets / 153)
    assert least <= segments <= least + math.ceil(least / 100) + 1


@given(st.text(max_size=400))
def test_one_more_character_never_needs_fewer_segments(text: str) -> None:
    encoding, segments = sms_segments(text)
    longer, more = sms_segments(text + "가")
    assert longer is SmsEncoding.UCS_2
    assert more >= segments or encoding is SmsEncoding.GSM_7
    assert more >= math.ceil(len((text + "가").encode("utf-16-le")) / 2 / 70)


def test_characters_that_korean_carriers_drop_are_named_once() -> None:
    assert unfit_for_korea("긴급행동 UA 117/15 – 😀 –") == "–😀"
    assert unfit_for_korea("긴급행동 UA 117/15") == ""
