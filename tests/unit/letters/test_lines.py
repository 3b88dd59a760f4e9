"""Where lines of plain text end."""

# ruff: noqa: E501 - East Asian characters are counted twice
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from urgentaction.letters import lines

CHINESE = "两人在河边的房屋中被带走（2015年11月24日夜间），此后再也没有人见过他们；家属以“河边的房子”为题记述了此事……我们敦促贵部说明关押地点。"
JAPANESE = "二人は「川辺の家」から連れ去られた。その後、だれも姿を見ていません。ちょっとした手がかりでも、ぜひご連絡ください（UA-2026-0001）。"
KOREAN = "두 사람은 강가의 집에서 끌려갔으며 그 뒤로 아무도 그들을 보지 못했습니다."


@given(st.lists(st.text(alphabet="abcdefäéжя0123456789한글", min_size=1, max_size=15), max_size=40))
def test_wrapped_lines_fit_and_lose_no_word(words: list[str]) -> None:
    wrapped = lines.wrap(" ".join(words), width=40)
    assert wrapped.split() == " ".join(words).split()
    assert all(lines.columns(line) <= 40 for line in wrapped.split("\n"))


@given(st.sampled_from([CHINESE, JAPANESE, KOREAN, f"{CHINESE} {KOREAN} plain words {JAPANESE}"]), st.integers(24, 90))
def test_no_line_is_too_wide_and_nothing_is_lost(text: str, width: int) -> None:
    wrapped = lines.wrap(text, width=width).split("\n")
    assert "".join("".join(wrapped).split()) == "".join(text.split())
    for line in wrapped:
        assert lines.columns(line) <= width
        assert line[0] not in "，。、；）”」…！っょ"
        assert line[-1] not in "（“「"


def test_chinese_lines_are_full() -> None:
    first, *_ = lines.wrap(CHINESE, width=40).split("\n")
    assert lines.columns(first) >= 38


def test_a_korean_word_stays_whole() -> None:
    assert lines.wrap(KOREAN, width=20).split() == KOREAN.split()


def test_an_address_in_chinese_text_stays_whole() -> None:
    text = "请访问<https://safepassage.example/cases/two-people>或致电我们。"
    assert "<https://safepassage.example/cases/two-people>" in lines.wrap(text, width=50).replace("\n", "|")


def test_columns_are_counted_as_a_terminal_does() -> None:
    assert lines.columns("한글 ab") == 7
    assert lines.columns("中文，") == 6
    assert lines.columns("مُحَمَّد") == 4
    assert lines.columns("\u2066ab\u2069") == 2
