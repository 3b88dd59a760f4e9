"""What stands the other way round in a right-to-left line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urgentaction.letters import bidi


def shown(text: str) -> str:
    return bidi.isolate(text).replace(bidi.OPEN, "[").replace(bidi.CLOSE, "]")


@pytest.mark.parametrize(
    ("text", "isolated"),
    [
        ("الفاكس: +82 2-770-4721", "الفاكس: [+82 2-770-4721]"),
        ("الهاتف +44 (20) 7946 0100.", "الهاتف [+44 (20) 7946 0100]."),
        ("إلى Park Geun-hye، في 24 نوفمبر 2015", "إلى [Park Geun-hye]، في 24 نوفمبر 2015"),
        ("عام 2015 https://x.example/a/1.", "عام 2015 [https://x.example/a/1]."),
        ("(انظر UNHCR)", "(انظر [UNHCR])"),
        ("(UNHCR) وغيرها", "[(UNHCR)] وغيرها"),
        ("القضية UA 117/15 · UA-2015-0117", "القضية [UA 117/15 · UA-2015-0117]"),
        ("12 Example Street, London", "[12 Example Street, London]"),
        ("السيد Иванов و金英姬", "السيد [Иванов] و[金英姬]"),
        ("المادة 3 والمادة (33)، 2015/11/24", "المادة 3 والمادة (33)، 2015/11/24"),
        ("", ""),
    ],
)
def test_what_runs_left_to_right_is_isolated(text: str, isolated: str) -> None:
    assert shown(text) == isolated


@given(st.text(alphabet="ابت AbC019+-().,/&:;؟،\n", max_size=60))
def test_isolating_adds_marks_in_pairs_and_nothing_else(text: str) -> None:
    marked = bidi.isolate(text)
    assert marked.replace(bidi.OPEN, "").replace(bidi.CLOSE, "") == text
    depth = 0
    for char in marked:
        depth += {bidi.OPEN: 1, bidi.CLOSE: -1}.get(char, 0)
        assert depth in {0, 1}
        assert not (depth and "\u0600" <= char <= "\u06ff")
    assert depth == 0


def test_html_keeps_its_tags_and_entities() -> None:
    made = bidi.isolate_html('<p title="Anna B">من <a href="https://x.example/?a=1&amp;b=2">Kim &amp; Lee</a></p>')
    assert made == (
        '<p title="Anna B">من <a href="https://x.example/?a=1&amp;b=2"><bdi dir="ltr">Kim &amp; Lee</bdi></a></p>'
    )


@pytest.mark.parametrize("fragment", ["عمر &amp; علي", "قال &lt;نعم&gt;"])
def test_what_stands_for_a_sign_in_html_is_no_stretch(fragment: str) -> None:
    assert bidi.isolate_html(fragment) == fragment
    assert bidi.isolate_html("&#34;عمر&#34;") == '"عمر"'


def test_a_place_for_a_name_waits_for_its_direction() -> None:
    assert bidi.isolate("السيدة NAME،", either_way=("NAME",)) == f"السيدة {bidi.OPEN_EITHER}NAME{bidi.CLOSE}،"
    assert bidi.isolate_html("<p>إلى NAME</p>", either_way=("NAME",)) == "<p>إلى <bdi>NAME</bdi></p>"
