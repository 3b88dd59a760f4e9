"""A name is found however it is written, and other words are left alone."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.cases.spelled import names, spellings
from urgentaction.cases import names as names_module
from urgentaction.cases.names import Mention, PersonNames, mentions

WORDS = "The letter of the day was written at the border, and nobody answered it. 편지는 국경에서 썼다."


def found(text: str, *names: str, shown: tuple[str, ...] = ()) -> bool:
    return bool(mentions(text, [PersonNames("person-1", names)], shown=shown))


@example(("Park-Yeonmi", "Yeonmi Park"), 0)
@settings(deadline=None)  # the first name of a script is looked up character by character
@given(names().flatmap(lambda name: st.tuples(st.just(name), spellings(name))), st.integers(0, 20))
def test_a_name_is_found_in_every_spelling(pair: tuple[str, str], place: int) -> None:
    name, written = pair
    words = WORDS.split(" ")
    assert found(" ".join([*words[:place], written, *words[place:]]), name)


@given(st.lists(names(), min_size=1, max_size=3))
def test_words_that_are_no_name_are_left_alone(hidden: list[str]) -> None:
    assert not found(WORDS, *hidden)
    assert not found(f"<p title='x'>{WORDS}</p>&amp;", *hidden)


@given(st.text(max_size=200), st.lists(st.text(max_size=12), max_size=3))
@example("ß<b", ["SS"])
def test_no_text_and_no_name_is_too_strange(text: str, hidden: list[str]) -> None:
    for mention in mentions(text, [PersonNames("p", tuple(hidden))]):
        assert 1 <= mention.line <= text.count("\n") + 1 + text.count("&")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Ali’s brother", "Ali"),
        ("An came, not you", "An"),
        ("탈북민홍길동은", "홍길동"),
        ("홍 길동 씨", "홍길동"),
        ("김철이", "김철"),
        ("金正と山田太郎さん", "山田 太郎"),
        ("وأحمد وصل", "أحمد"),
        ("لأحمد", "احمد"),
        ("Straße", "STRASSE"),
        ("letter-KimCholSu-en.pdf", "Kim Chol-su"),
        ("Kim Cho-\nl-su", "Kim Chol-su"),
        ("> taken with Kim\n> Chol-su", "Kim Chol-su"),
        ("Chʼoe Min-su", "Ch'oe Min-su"),
        ("Ch'oe", "Choe"),
        ("2015김철3", "김철"),
        ("李", "李"),
        ("葛\U000e0100城太郎は", "葛城太郎"),
        ("García López, María José", "María José García López"),
        ("Kim\t\t      Chol-su", "Kim Chol-su"),
        ("<td>Kim</td>\n            <td>Chol-su</td>", "Kim Chol-su"),
        ("K\u20ddim Chol-su", "Kim Chol-su"),
    ],
)
def test_written_out(text: str, name: str) -> None:
    assert found(text, name)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("alignment", "Ali"),
        ("an apple", "An"),
        ("in a box", "Ina"),
        ("brilliant", "Li An"),
        ("evil I answered", "Li An"),
        ("kimono", "Kim"),
        ("theory of the o", "Theo"),
        ("그는 아이 유학생", "아유"),
        ("Kim stayed. 12 days later Chol came", "Kim Chol"),
        ("anything at all", ""),
        ("anything at all ...", "..."),
    ],
)
def test_not_written_out(text: str, name: str) -> None:
    assert not found(text, name)


def test_a_mention_says_who_and_where_and_never_the_name() -> None:
    people = [PersonNames("person-1", ("Qazul Tibvex",)), PersonNames("person-2", ("홍길동", "Hong Kil-tong"))]
    told = mentions("one\nQAZUL TIBVEX\n\nHong Kiltong, 홍길동은\n", people)
    assert told == [Mention("person-1", 2), Mention("person-2", 4)]
    assert "Qazul" not in repr(people)


def test_a_name_that_may_be_seen_hides_the_one_inside_it() -> None:
    assert not found("Kim Chol-su Park left", "Kim Chol-su", shown=("Kim Chol-su Park",))
    assert found("Kim Chol-su Park left Kim Cholsu", "Kim Chol-su", shown=("Kim Chol-su Park",))


def test_this_property_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a search that only compares letters as they stand, the first property finds a spelling that gets through."""

    def naive(text: str, hidden: list[PersonNames], *, shown: tuple[str, ...] = ()) -> list[Mention]:
        return [Mention(one.key, 1) for one in hidden for name in one.spellings if name.casefold() in text.casefold()]

    assert names_module.mentions is mentions
    monkeypatch.setitem(found.__globals__, "mentions", naive)
    with pytest.raises(AssertionError):
        test_a_name_is_found_in_every_spelling()
