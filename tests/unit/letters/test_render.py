"""Shipped templates and sample texts, as an official and a supporter would read them."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import pytest

from tests.unit.letters.contexts import (
    LANGUAGES,
    ROOT,
    TEMPLATES,
    case_texts,
    letter_context,
    named,
    notice_context,
    sms_context,
)
from urgentaction.core.errors import TemplateError
from urgentaction.letters.content import MarkdownText
from urgentaction.letters.render import RenderedLetter, render_letter, render_notice, render_sms
from urgentaction.letters.sections import parse_sections
from urgentaction.letters.sms import sms_segments, unfit_for_korea
from urgentaction.letters.source import Family, TemplateSource, load_shipped, shipped_kinds, shipped_languages

COURSE_OF_LETTERS = {
    "first_appeal": "detained",
    "further_information": "return_imminent",
    "whereabouts_request": "fate_unknown",
    "stop_action": "released",
    "successor": "forcibly_returned",
}


def shipped_letter(kind: str, language: str, status: str) -> RenderedLetter:
    context = letter_context(language, status, with_invented=kind in {"stop_action", "successor"})
    return render_letter(load_shipped(Family.LETTERS, kind, language, root=TEMPLATES), context)


@pytest.mark.parametrize("family", list(Family))
def test_every_kind_exists_in_english_and_korean(family: Family) -> None:
    kinds = shipped_kinds(family, root=TEMPLATES)
    assert kinds
    for kind in kinds:
        assert set(LANGUAGES) <= set(shipped_languages(family, kind, root=TEMPLATES)), kind


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", shipped_kinds(Family.LETTERS, root=TEMPLATES))
def test_every_letter_renders_clean(kind: str, language: str) -> None:
    letter = shipped_letter(kind, language, COURSE_OF_LETTERS[kind])
    assert letter.re_line
    assert letter.salutation == ("Dear President Park," if language == "en" else "존경하는 박근혜 대통령님께,")
    for text in (letter.text, letter.html):
        assert not re.search(r"\{\{|\}\}|\{%|None|Undefined|\\\W|\*\*", text)
    assert not re.search(r"\S  |\n{3,}", letter.body_markdown)
    assert f'<html lang="{language}" dir="ltr">' in letter.html
    assert "<img" not in letter.html
    assert "url(" not in letter.html


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("status", ["died", "executed", "forcibly_returned"])
@pytest.mark.parametrize("size", [1, 9])
def test_the_grave_letter_fits_what_happened(status: str, size: int, language: str) -> None:
    context = letter_context(language, status, with_invented=True)
    context = replace(context, case=replace(context.case, group_size=size))
    body = render_letter(load_shipped(Family.LETTERS, "successor", language, root=TEMPLATES), context).body_markdown
    mourning = "mourn" if language == "en" else "애도"
    assert (mourning in body) is (status != "forcibly_returned")


def test_the_plain_letter_has_its_parts_in_order() -> None:
    text = shipped_letter("further_information", "en", "return_imminent").text
    parts = [
        "Safe Passage Watch\n12 Example Street, London N1 0XX, United Kingdom\nTel: +44 20 7946 0100",
        "24 November 2015",
        "Park Geun-hye\nPresident of the Republic of Korea\n1 Cheongwadae-ro, Jongno-gu\nSeoul 03048",
        "Fax: +82 2-770-4721\nEmail: President@president.go.kr",
        "Re: Nine North Korean refugees",
        "Dear President Park,",
        "On 24 October 2015 I wrote to you",
        "We urge you to",
        "- press Beijing",
        "https://safepassage.example/cases/ua-2015-0117",
        "Yours sincerely,",
        "Brad Adams\nExecutive Director, Asia Division\nSafe Passage Watch",
        "CC:\nYun Byung-se, Minister of Foreign Affairs\nHong Yong-pyo, Minister of Unification",
        "UA 117/15 · UA-2015-0117",
    ]
    places = [text.find(part) for part in parts]
    assert -1 not in places, parts[places.index(-1)]
    assert places == sorted(places)
    assert max(map(len, text.split("\n"))) <= 84  # the contact line of the letterhead is kept whole parts


def test_the_korean_letter_is_addressed_as_korean_letters_are() -> None:
    text = shipped_letter("further_information", "ko", "return_imminent").text
    assert "2015년 11월 24일\n\n대한민국 대통령 박근혜 귀하\n서울특별시 종로구 청와대로 1" in text
    assert "참조:\n외교부 장관 윤병세\n통일부 장관 홍용표" in text


#: What a letter of the first case must say once return is imminent, and where it says it.
POINTS = {
    "intercede with Beijing": ("leadership in Beijing", "중국 최고 지도부와 교섭"),
    "whereabouts": ("disclose where the nine are held", "어디에 억류되어 있으며"),
    "no forced return": ("hand not one of them over", "강제송환하지 않도록"),
    "sur place": ("*sur place*", "현장 난민"),
    "the decree of 2010": ("In 2010", "2010년"),
    "death": ("the penalty is death", "사형"),
    "the camps": ("*kwanliso*", "정치범수용소(관리소)"),
    "a country of their choice": ("a country of their choice", "스스로 선택한"),
    "the resolution": ("On 19 November", "11월 19일"),
    "the child": ("eleven months", "11개월"),
    "Tumen": ("Tumen", "투먼"),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("point", POINTS)
def test_the_letter_makes_its_points(point: str, language: str) -> None:
    body = shipped_letter("first_appeal", language, "return_imminent").body_markdown
    assert POINTS[point][LANGUAGES.index(language)] in " ".join(body.split())


#: Words that belong to a later day than the status.
LATER = {
    "detained": (
        "Tumen",
        "투먼",
        "Shenyang",
        "선양",
        "19 November",
        "11월",
        "112",
        "eleven months",
        "11개월",
        "December",
    ),
    "transferred": ("Tumen", "투먼", "19 November", "11월 19일", "112", "eleven months", "11개월"),
    "return_imminent": ("2 December", "12월 2일"),
}


@pytest.mark.parametrize("status", LATER)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["first_appeal", "further_information"])
def test_no_letter_knows_what_happened_after_it(kind: str, language: str, status: str) -> None:
    context = letter_context(language, status)
    context = replace(context, update=replace(context.update, as_of=date(2015, 10, 24)))
    text = render_letter(load_shipped(Family.LETTERS, kind, language, root=TEMPLATES), context)
    told = " ".join(f"{text.re_line} {text.body_markdown}".split())
    assert [word for word in LATER[status] if word in told] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_supporters_read_addresses_no_president(language: str) -> None:
    for status in ("detained", "return_imminent", "fate_unknown"):
        texts = case_texts(language, status)
        for name in ("latest", "who", "law"):
            assert not re.search(r"\b(you|your)\b|대통령님", texts[name]), (status, name)


def test_sample_texts_exist_for_every_case() -> None:
    for reference, language, status, names in (
        ("UA-2018-0052", "en", "extradition_imminent", {"request", "latest", "who", "law", "demands"}),
        ("UA-2018-0052", "en", "released", {"outcome"}),
        ("UA-2017-0091", "en", "execution_imminent", {"request", "latest", "who", "law", "demands"}),
        ("UA-2017-0091", "en", "missing", {"request", "latest", "demands"}),
        ("UA-2010-0131", "en", "return_imminent", {"request", "latest", "who", "law", "demands"}),
        ("UA-2010-0131", "en", "released", {"outcome", "remaining"}),
        ("UA-2022-0074", "en", "detained", {"request", "latest", "who", "law", "demands"}),
        ("UA-2022-0074", "ar", "detained", {"request", "latest", "who", "law", "demands"}),
        ("UA-2022-0074", "ar", "released", {"outcome"}),
        ("UA-2015-0117", "ko", "return_imminent", {"request", "latest", "who", "law", "demands", "acknowledgement"}),
    ):
        assert names <= case_texts(language, status, reference).keys()


def test_both_languages_of_the_first_case_have_the_same_sections() -> None:
    folder = ROOT / "samples" / "cases" / "UA-2015-0117" / "texts"
    keys = [parse_sections((folder / f"{language}.md").read_text(encoding="utf-8")).keys() for language in LANGUAGES]
    assert keys[0] == keys[1]


def test_an_addressee_without_salutation_is_named() -> None:
    context = letter_context("en")
    context = replace(context, addressee=replace(context.addressee, salutation=""))
    with pytest.raises(TemplateError, match="Park Geun-hye has no salutation in this language"):
        render_letter(load_shipped(Family.LETTERS, "first_appeal", "en", root=TEMPLATES), context)


def test_a_letter_without_a_needed_section_names_it() -> None:
    context = letter_context("en", "charged")
    with pytest.raises(TemplateError, match=r"first_appeal/en.md, line \d+: .*no section 'latest'"):
        render_letter(load_shipped(Family.LETTERS, "first_appeal", "en", root=TEMPLATES), context)


def test_template_and_letter_must_agree_on_the_language() -> None:
    source = load_shipped(Family.LETTERS, "first_appeal", "ko", root=TEMPLATES)
    with pytest.raises(TemplateError, match="is in 'ko', the letter in 'en'"):
        render_letter(source, letter_context("en"))


def test_an_error_in_front_matter_names_its_line() -> None:
    source = TemplateSource("mine.md", "en", '+++\nclosing = "x"\nre = "{{ case.re_lin }}"\n+++\nBody')
    with pytest.raises(TemplateError, match=r"mine\.md, line 3: 're_lin' is no field of CaseView"):
        render_letter(source, letter_context("en"))


def test_a_hostile_name_stays_a_name_in_the_mail() -> None:
    letter = render_letter(
        TemplateSource("mine.md", "en", '+++\nclosing = "x"\nre = "y"\n+++\nTo {{ addressee.name }}.'),
        named(letter_context("en"), '<img src=x onerror="alert(1)"> *b*'),
    )
    assert "<img" not in letter.html
    assert "*b*" in letter.html
    assert 'To <img src=x onerror="alert(1)"> *b*.' in letter.text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", shipped_kinds(Family.NOTICES, root=TEMPLATES))
def test_every_notice_renders_and_is_filled_for_a_person(kind: str, language: str) -> None:
    context = notice_context(language, "released" if kind == "good_news" else "return_imminent", with_invented=True)
    notice = render_notice(load_shipped(Family.NOTICES, kind, language, root=TEMPLATES), context)
    assert "UA 117/15" in notice.subject
    assert "SLOT0" not in notice.subject
    filled = notice.fill(
        name="Kim <b>SLOT0UNSUBSCRIBE0SLOT",
        unsubscribe_url="https://s.example/u?t=1&x=2",
        preferences_url="https://s.example/p",
    )
    greeting = {"en": "Dear Kim <b>SLOT0UNSUBSCRIBE0SLOT,", "ko": "Kim <b>SLOT0UNSUBSCRIBE0SLOT 님께"}[language]
    assert filled.text.startswith(greeting)
    assert "https://s.example/u?t=1&x=2" in filled.text
    assert 'href="https://s.example/u?t=1&amp;x=2"' in filled.html
    assert "Kim &lt;b&gt;" in filled.html
    assert "slot.invalid" not in filled.text + filled.html
    anonymous = notice.fill(name="", unsubscribe_url="https://s.example/u", preferences_url="https://s.example/p")
    assert anonymous.text.startswith({"en": "Dear friend,", "ko": "회원님께"}[language])


def test_a_notice_without_unsubscribe_link_is_refused() -> None:
    source = TemplateSource("mine.md", "en", '+++\nsubject = "x"\n+++\nHello')
    with pytest.raises(TemplateError, match="the unsubscribe link is missing"):
        render_notice(source, notice_context("en"))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", shipped_kinds(Family.SMS, root=TEMPLATES))
def test_every_text_message_is_short_and_names_nobody(kind: str, language: str) -> None:
    text = render_sms(load_shipped(Family.SMS, kind, language, root=TEMPLATES), sms_context(language))
    assert "\n" not in text
    assert "https://safepassage.example/a/117" in text
    assert sms_segments(text)[1] <= {"en": 1, "ko": 2}[language]
    for identity in ("Tumen", "투먼", "North Korea", "북한", "탈북", "UA-2015-0117", "nine", "Park"):
        assert identity not in text
    if language == "ko":
        assert unfit_for_korea(text) == ""


def test_a_text_message_cannot_reach_the_case() -> None:
    with pytest.raises(TemplateError, match="uses 'case', which is not defined"):
        render_sms(TemplateSource("mine.txt", "en", "{{ case.title }} {{ link }}"), sms_context("en"))


def test_text_messages_need_their_link_and_fit_korea() -> None:
    with pytest.raises(TemplateError, match="the link is missing"):
        render_sms(TemplateSource("mine.txt", "en", "Act now"), sms_context("en"))
    with pytest.raises(TemplateError, match="Korean carriers drop the characters '😀'"):
        render_sms(TemplateSource("mine.txt", "ko", "😀 {{ link }}"), sms_context("ko"))


def test_markdown_in_a_subject_is_plain() -> None:
    context = notice_context("en")
    context = replace(context, case=replace(context.case, public_title=MarkdownText("Nine *refugees*")))
    notice = render_notice(load_shipped(Family.NOTICES, "appeal", "en", root=TEMPLATES), context)
    assert notice.subject == "UA 117/15: Nine refugees"
