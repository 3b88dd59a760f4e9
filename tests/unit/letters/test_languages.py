"""First appeal, notice and text message of the sample case in every language, as their readers see them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from tests.unit.letters.contexts import TEMPLATES
from tests.unit.letters.worldwide import CASE, sample_letter, sample_notice, sample_sms
from urgentaction.core.languages import LETTER_LANGUAGES
from urgentaction.letters.content import LetterContext
from urgentaction.letters.render import RenderedLetter, render_letter, render_notice, render_sms
from urgentaction.letters.sections import parse_sections
from urgentaction.letters.sms import SmsEncoding, sms_segments
from urgentaction.letters.source import Family, load_shipped
from urgentaction.letters.wording import long_date

STATUSES = ("detained", "transferred", "return_imminent", "fate_unknown")
#: What is left of a template or of Markdown when something went wrong.
REMAINS = re.compile(r"\{\{|\}\}|\{%|None|Undefined|\\\W|\*\*|SLOT0")
LATIN_ALONE = re.compile(r"[A-Za-z]{2,}")
#: Latin words that a letter in another script rightly has: names on the line, codes, and terms quoted as such.
MEANT = re.compile(
    r"https?://\S+|\S+@\S+|urgentaction\.example|12 Sample Street|London|United Kingdom|refugees|sur place|UA|STOP"
)


def appeal(language: str, status: str = "return_imminent", context: LetterContext | None = None) -> RenderedLetter:
    source = load_shipped(Family.LETTERS, "first_appeal", language, root=TEMPLATES)
    return render_letter(source, context or sample_letter(language, status))


def as_seen(text: str) -> str:
    """Without the marks that keep a number or an address in its own direction (Unicode Standard Annex 9)."""
    return re.sub("[\u2066-\u2069]", "", text)


#: The first lines, the end, and how the President is greeted, of the letter of 24 November 2015.
AS_PRINTED = {
    "en": ("24 November 2015", "H.E. Ms Park Geun-hye\nPresident of", "Dear President Park,", "Yours sincerely,"),
    "ko": (
        "2015년 11월 24일",
        "대한민국 대통령 박근혜 귀하",
        "존경하는 박근혜 대통령님께,",
        "깊은 경의를 담아 삼가 올립니다.",
    ),
    "fr": (
        "24 novembre 2015",
        "Son Excellence Madame Park Geun-hye\nPrésidente de la République de Corée",
        "Madame la Présidente,",
        "Veuillez agréer, Madame la Présidente, l’expression de ma très haute\nconsidération.",
    ),
    "es": (
        "24 de noviembre de 2015",
        "Excma. Sra. D.ª Park Geun-hye\nPresidenta de la República de Corea",
        "Excelentísima señora presidenta:",
        "Reciba el testimonio de mi más alta y distinguida consideración.",
    ),
    "ru": (
        "24 ноября 2015 года",
        "Президенту Республики Корея\nЕё Превосходительству г-же Пак Кын Хе",
        "Уважаемая госпожа Президент!",
        "С глубоким уважением,",
    ),
    "zh-Hans": ("2015年11月24日", "大韩民国总统朴槿惠阁下", "尊敬的朴槿惠总统阁下：", "顺致最崇高的敬意"),
    "ar": (
        "24 تشرين الثاني/نوفمبر 2015",
        "فخامة الرئيسة بارك غون هيه\nرئيسة جمهورية كوريا",
        "فخامة الرئيسة بارك غون هيه، تحية طيبة وبعد،",
        "وتفضلوا فخامتكم بقبول أسمى عبارات التقدير والاحترام،",
    ),
    "ja": ("2015年11月24日", "大韓民国大統領 朴槿恵 閣下", "謹啓", "謹言"),
}


@pytest.mark.parametrize("language", LETTER_LANGUAGES)
def test_the_letter_has_the_form_of_its_language(language: str) -> None:
    letter = appeal(language)
    date_line, block, salutation, closing = AS_PRINTED[language]
    assert (letter.date_line, letter.salutation) == (date_line, salutation)
    text = as_seen(letter.text)
    places = [text.find(f"\n{part}\n") for part in (date_line, block.split("\n")[0], salutation)]
    assert -1 not in places
    assert places == sorted(places)
    assert block in text
    assert f"\n{closing}\n" in text


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("language", LETTER_LANGUAGES)
def test_the_letter_renders_clean_at_every_stage(language: str, status: str) -> None:
    letter = appeal(language, status)
    for text in (letter.re_line, letter.text, letter.html):
        assert not REMAINS.search(text)
    assert not re.search(r"\S  |\n{3,}", letter.body_markdown)
    direction = "rtl" if language == "ar" else "ltr"
    assert f'<html lang="{language}" dir="{direction}">' in letter.html


#: Each language's own words for what the letter of 24 November must say; the numbers must be those of the facts.
FACTS = {
    "en": ("nine", "eleven months", "Tumen", "Shenyang", "Dongxing", "Mong Cai", "kwanliso", "death"),
    "ko": ("9명", "11개월", "투먼", "선양", "둥싱", "몽까이", "관리소", "사형"),
    "fr": ("neuf", "onze mois", "Tumen", "Shenyang", "Dongxing", "Mong Cai", "kwanliso", "punie de mort"),
    "es": ("nueve", "once meses", "Tumen", "Shenyang", "Dongxing", "Mong Cai", "kwanliso", "con la muerte"),
    "ru": ("девять", "одиннадцать месяцев", "Тумэне", "Шэньян", "Дунсине", "Монгкае", "кванлисо", "смертной казнью"),
    "zh-Hans": ("九名", "十一个月", "图们", "沈阳", "东兴", "芒街", "管理所", "死刑"),
    "ar": ("تسعة", "أحد عشر شهراً", "تومن", "شنيانغ", "دونغشينغ", "مونغ كاي", "كوانليسو", "الإعدام"),
    "ja": ("9名", "11か月", "図們", "瀋陽", "東興", "モンカイ", "管理所", "死刑"),
}


@pytest.mark.parametrize("language", LETTER_LANGUAGES)
def test_the_letter_states_the_facts(language: str) -> None:
    body = " ".join(appeal(language).body_markdown.split())
    assert [word for word in FACTS[language] if word not in body] == []
    assert [number for number in ("2015", "16", "22", "24", "2010", "2013", "19", "112") if number not in body] == []
    assert "https://urgentaction.example/cases/ua-2015-0117" in body


@pytest.mark.parametrize("language", LETTER_LANGUAGES)
def test_no_letter_knows_what_happened_after_it(language: str) -> None:
    _, _, tumen, shenyang, *_ = FACTS[language]
    context = sample_letter(language, "detained")
    early = appeal(language, context=context)
    told = f"{early.re_line} {early.body_markdown}"
    assert [word for word in (tumen, shenyang, "112") if word in told] == []


@pytest.mark.parametrize("language", LETTER_LANGUAGES)
def test_every_language_of_the_first_case_has_the_same_sections(language: str) -> None:
    keys = {
        one: parse_sections((CASE / "texts" / f"{one}.md").read_text(encoding="utf-8")).keys()
        for one in ("en", language)
    }
    assert keys[language] == keys["en"]


@pytest.mark.parametrize(
    "path", sorted(CASE.parent.glob("*/texts/*.md")), ids=lambda path: f"{path.parts[-3]}-{path.stem}"
)
def test_no_notice_is_headed_by_what_is_over(path: Path) -> None:
    """Mails to supporters are called after `public_title`: not “held in …” where the text says they are free."""
    sections = parse_sections(path.read_text(encoding="utf-8"))
    over = ("released", "stay_granted", "fate_unknown")
    told = {status for key in ("outcome", "re_line", "latest") for status in over if f"{key}@{status}" in sections}
    assert {status for status in told if f"public_title@{status}" not in sections} == set()


@pytest.mark.parametrize("language", ["ko", "ru", "zh-Hans", "ar", "ja"])
def test_nothing_is_left_in_latin_letters_that_should_not_be(language: str) -> None:
    letter, context = appeal(language), sample_notice(language)
    notice = render_notice(load_shipped(Family.NOTICES, "appeal", language, root=TEMPLATES), context)
    notice = notice.fill(name="", unsubscribe_url="https://x.example/u", preferences_url="https://x.example/p")
    for text in (letter.text, notice.subject, notice.text):
        bare = MEANT.sub("", " ".join(text.split()))
        assert LATIN_ALONE.findall(bare) == []


@pytest.mark.parametrize("language", LETTER_LANGUAGES)
def test_marks_and_quotes_are_those_of_the_language(language: str) -> None:
    letter = appeal(language)
    text = re.sub(r"https?://\S+|\S+@\S+|[+\d][\d -]+", "", f"{letter.re_line}\n{letter.body_markdown}")
    foreign = {
        "en": "„«»，。、，؟،",
        "ko": "「」『』，。،",
        "fr": "\"'“”„，。،",
        "es": "\"'„，。،",
        "ru": "\"'“”，。،",
        "zh-Hans": "\"'「」『』،",
        "ar": "\"'“”„,;?，。",
        "ja": "\"'“”،，．",
    }[language]
    assert sorted(set(text) & set(foreign)) == []
    if language in {"zh-Hans", "ja"}:
        # A blank between two characters is a line that was broken in the source.
        wide = "[\u3001-\u30ff\u3400-\u9fff\uff00-\uffef]"
        assert re.findall(f"{wide} +{wide}", text) == []
        assert re.findall(rf"{wide}[,.;:?!]", text) == []


@pytest.mark.parametrize("language", LETTER_LANGUAGES)
def test_texts_are_composed_and_carry_no_hidden_marks(language: str) -> None:
    letter = appeal(language)
    text = f"{letter.date_line}{letter.re_line}{letter.salutation}{letter.body_markdown}{letter.closing}"
    assert text == unicodedata.normalize("NFC", text)
    assert [hex(ord(char)) for char in text if unicodedata.category(char) in {"Cf", "Co", "Cn"}] == []


GREETINGS = {
    "en": ("Dear Ada Noor,", "Dear friend,"),
    "ko": ("Ada Noor 님께", "회원님께"),
    "fr": ("Bonjour Ada Noor,", "Bonjour à vous,"),
    "es": ("Hola, Ada Noor:", "Hola, amigas y amigos:"),
    "ru": ("Здравствуйте, Ada Noor!", "Здравствуйте, друзья!"),
    "zh-Hans": ("Ada Noor，您好！", "朋友，您好！"),
    "ar": ("Ada Noor، تحية طيبة وبعد،", "أصدقاءنا الأعزاء، تحية طيبة وبعد،"),
    "ja": ("Ada Noor 様", "ご支援くださる皆様"),
}


@pytest.mark.parametrize("size", [1, 9])
@pytest.mark.parametrize("level", [1, 2])
@pytest.mark.parametrize("deadline", [None, date(2015, 12, 1)])
@pytest.mark.parametrize("language", LETTER_LANGUAGES)
def test_the_notice_is_addressed_and_complete(language: str, deadline: date | None, level: int, size: int) -> None:
    context = sample_notice(language)
    context = replace(
        context,
        alert=replace(context.alert, deadline=deadline, level=level),
        case=replace(context.case, group_size=size),
    )
    notice = render_notice(load_shipped(Family.NOTICES, "appeal", language, root=TEMPLATES), context)
    named, friend = GREETINGS[language]
    links = {"unsubscribe_url": "https://x.example/u", "preferences_url": "https://x.example/p"}
    for name, greeting in (("Ada Noor", named), ("", friend)):
        filled = notice.fill(name=name, **links)
        assert as_seen(filled.text).startswith(f"{greeting}\n")
        assert not REMAINS.search(filled.subject + filled.text + filled.html)
        assert all(link in filled.text for link in (*links.values(), context.action_url))
    assert "UA 117/15" in notice.subject
    assert context.case.public_title in notice.subject
    first_of_december = long_date(date(2015, 12, 1), language)
    assert (first_of_december in " ".join(notice.text.split())) is (deadline is not None)


@pytest.mark.parametrize("language", LETTER_LANGUAGES)
def test_the_text_message_is_short_on_every_day_of_the_year(language: str) -> None:
    """French months may leave GSM-7 (août), Arabic ones have two names: no day may cost a third segment."""
    context = replace(sample_sms(language), alert=replace(sample_sms(language).alert, number="UA-2015-0117/12"))
    source = load_shipped(Family.SMS, "appeal", language, root=TEMPLATES)
    for deadline in (None, *(date(2015, month, day) for month in range(1, 13) for day in (1, 28))):
        text = render_sms(source, replace(context, alert=replace(context.alert, deadline=deadline)))
        assert "\n" not in text
        encoding, segments = sms_segments(text)
        assert segments <= 2, (text, len(text))
        if language in {"en", "es"} or (language == "fr" and (deadline is None or deadline.month != 8)):
            assert encoding is SmsEncoding.GSM_7
        assert not re.search(r"Tumen|투먼|Тумэн|图们|図們|تومن|Kore|Coré|Core|북한|朝鲜|朝鮮|Коре|كوريا", text)
