"""Words and forms that belong to a language rather than to a template: dates, labels, Korean particles.

Pure. Must not know cases, templates or files.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from babel.dates import format_date, get_month_names

from urgentaction.core.errors import TemplateError


class MissingTranslation(TemplateError):
    """Something is not there in the language asked for. The message names the file or table to add to."""


class NameOrder(StrEnum):
    """Where the office stands in an address block."""

    NAME_FIRST = "name_first"  # the name, and the office on the line below
    OFFICE_FIRST = "office_first"  # the office, and the name on the line below
    ONE_LINE = "one_line"  # office, name, honorific


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """The fixed words of letterhead, header and footer, and how a language puts a letter's parts together.

    Attributes:
        page: takes `{x}` and `{y}`.
        supporter: the form of address in a notice, with `{name}`; `friend` the one for somebody without a name.
        after_salutation, after_closing: what ends each of them, unless it ends in a mark already.
        between: stands between office, name and honorific where they share a line.
        list_comma: between the parts of a line.
    """

    locale: str
    re: str
    cc: str
    fax: str
    phone: str
    email: str
    page: str
    copy_for: str
    enclosures: str
    fax_from: str
    fax_to: str
    repeat: str
    supporter: str
    friend: str
    after_salutation: str = ","
    after_closing: str = ","
    order: NameOrder = NameOrder.NAME_FIRST
    between: str = " "
    list_comma: str = ", "
    is_right_to_left: bool = False


_LABELS = {
    "en": Labels(
        locale="en_GB",
        re="Re:",
        cc="CC:",
        fax="Fax:",
        phone="Tel:",
        email="Email:",
        page="page {x} of {y}",
        copy_for="Copy for:",
        enclosures="Enclosures:",
        fax_from="From:",
        fax_to="To:",
        repeat="REPEAT TRANSMISSION",
        supporter="{name}",
        friend="friend",
    ),
    "ko": Labels(
        locale="ko_KR",
        re="제목:",
        cc="참조:",
        fax="팩스:",
        phone="전화:",
        email="이메일:",
        page="{y}쪽 중 {x}쪽",
        copy_for="사본 수신:",
        enclosures="붙임:",
        fax_from="발신:",
        fax_to="수신:",
        repeat="재전송",
        supporter="{name} 님",
        friend="회원님",
        after_closing="",
        order=NameOrder.ONE_LINE,
    ),
    "fr": Labels(
        locale="fr_FR",
        re="Objet\u00a0:",
        cc="Copies\u00a0:",
        fax="Télécopie\u00a0:",
        phone="Tél.\u00a0:",
        email="Courriel\u00a0:",
        page="page {x} sur {y}",
        copy_for="Copie pour\u00a0:",
        enclosures="Pièces jointes\u00a0:",
        fax_from="De\u00a0:",
        fax_to="À\u00a0:",
        repeat="NOUVELLE TRANSMISSION",
        supporter="{name}",
        friend="à vous",
    ),
    "es": Labels(
        locale="es_ES",
        re="Asunto:",
        cc="Con copia a:",
        fax="Fax:",
        phone="Tel.:",
        email="Correo electrónico:",
        page="página {x} de {y}",
        copy_for="Copia para:",
        enclosures="Anexos:",
        fax_from="De:",
        fax_to="Para:",
        repeat="TRANSMISIÓN REPETIDA",
        supporter="{name}",
        friend="amigas y amigos",
        after_salutation=":",
    ),
    "ru": Labels(
        locale="ru_RU",
        re="Тема:",
        cc="Копии:",
        fax="Факс:",
        phone="Тел.:",
        email="Эл. почта:",
        page="стр. {x} из {y}",
        copy_for="Копия:",
        enclosures="Приложения:",
        fax_from="От кого:",
        fax_to="Кому:",
        repeat="ПОВТОРНАЯ ПЕРЕДАЧА",
        supporter="{name}",
        friend="друзья",
        after_salutation="!",
        order=NameOrder.OFFICE_FIRST,
    ),
    "zh-Hans": Labels(
        locale="zh_Hans_CN",
        re="事由：",
        cc="抄送：",
        fax="传真：",
        phone="电话：",
        email="电子邮件：",
        page="第 {x} 页，共 {y} 页",
        copy_for="本副本送：",
        enclosures="附件：",
        fax_from="发件方：",
        fax_to="收件方：",
        repeat="重复发送",
        supporter="{name}",
        friend="朋友",
        after_salutation="：",
        after_closing="",
        order=NameOrder.ONE_LINE,
        between="",
        list_comma="，",
    ),
    "ja": Labels(
        locale="ja_JP",
        re="件名：",
        cc="写し送付先：",
        fax="ファクス：",
        phone="電話：",
        email="電子メール：",
        page="{y}ページ中{x}ページ",
        copy_for="写し（宛先）：",
        enclosures="同封：",
        fax_from="発信：",
        fax_to="宛先：",
        repeat="再送",
        supporter="{name} 様",
        friend="ご支援くださる皆様",
        after_salutation="",
        after_closing="",
        order=NameOrder.ONE_LINE,
        list_comma="、",
    ),
    "ar": Labels(
        locale="ar",
        re="الموضوع:",
        cc="نسخة إلى:",
        fax="الفاكس:",
        phone="الهاتف:",
        email="البريد الإلكتروني:",
        page="صفحة {x} من {y}",
        copy_for="هذه النسخة موجهة إلى:",
        enclosures="المرفقات:",
        fax_from="من:",
        fax_to="إلى:",
        repeat="إعادة إرسال",
        supporter="{name}",
        friend="أصدقاءنا الأعزاء",
        after_salutation="،",
        after_closing="،",
        list_comma="، ",
        is_right_to_left=True,
    ),
}


def labels(language: str) -> Labels:
    """The fixed words in `language`.

    Raises:
        MissingTranslation: the language has none yet.
    """
    try:
        return _LABELS[language]
    except KeyError:
        known = ", ".join(sorted(_LABELS))
        raise MissingTranslation(
            f"letters can be set in {known}, not in {language!r}; add its labels in letters/wording.py"
        ) from None


def long_date(day: date, language: str) -> str:
    """A date as one writes it in a letter: "24 November 2015", "2015년 11월 24일" (CLDR long form, except three).

    French calls the first of a month "1er", and CLDR doesn't.

    Russian spells out the word for "year": CLDR's "г." would end many a sentence in two full stops.

    Arabic gives the month both its names and keeps European digits, as United Nations documents do
    ("24 تشرين الثاني/نوفمبر 2015"): the names of Egypt are not those of the Levant, the same letter may go to either,
    and the figures must be those of passports, court files and the case's number. The calendar is the Gregorian one
    for the same reason: it is the one in which the facts of a case are dated.
    """
    locale = labels(language).locale
    if language == "ar":
        month = f"{_month(day, 'ar_LB')}/{_month(day, 'ar_EG')}"
        return f"{day.day} {month} {day.year}"
    if language == "fr" and day.day == 1:
        return format_date(day, format="'1er' MMMM y", locale=locale)
    return format_date(day, format="d MMMM y 'года'" if language == "ru" else "long", locale=locale)


def _month(day: date, locale: str) -> str:
    return str(get_month_names("wide", locale=locale)[day.month])


def ended(text: str, mark: str) -> str:
    """A salutation or closing with the mark that ends it in its language; a sentence of its own keeps its own end."""
    bare = text.strip().rstrip(_WEAK_MARKS).rstrip()
    return bare if bare.endswith(_STRONG_MARKS) else f"{bare}{mark}"


_WEAK_MARKS = ",،，、:："
_STRONG_MARKS = (".", "!", "?", "。", "！", "？", "؟", "…")


def labelled(label: str, value: str) -> str:
    """A label and what it names: "Fax: +82 …", "传真：+82 …". A full-width colon brings its own blank."""
    return f"{label}{value}" if label.endswith("：") else f"{label} {value}"


def office_and_name(name: str, office: str, language: str) -> str:
    """One line for a CC list: "Yun Byung-se, Minister of Foreign Affairs", "외교부 장관 윤병세"."""
    words = labels(language)
    if words.order is NameOrder.NAME_FIRST:
        return words.list_comma.join(part for part in (name, office) if part)
    return words.between.join(part for part in (office, name) if part)


_HANGUL_FIRST, _HANGUL_LAST, _FINALS, _FINAL_RIEUL = 0xAC00, 0xD7A3, 28, 8
#: Digits whose Korean reading ends in a consonant (영 일 삼 육 칠 팔), and those among them that end in ㄹ.
_DIGITS_WITH_FINAL, _DIGITS_WITH_RIEUL = "013678", "178"


def with_particle(word: str, pair: str) -> str:
    """A Korean word with the particle its last sound asks for.

    Args:
        word: ends in Hangul or a digit; anything else can't be known and gets both forms ("Anna은(는)").
        pair: the form after a consonant, a slash, the form after a vowel: "은/는", "이/가", "과/와", "으로/로".

    Raises:
        ValueError: the pair is not of that form.
    """
    after_consonant, slash, after_vowel = pair.partition("/")
    if not (slash and after_consonant and after_vowel):
        raise ValueError(f"{pair!r} is no pair of particles; write it like 은/는")
    last = word.rstrip(" )]\u201d\u2019\"'")[-1:]
    if last and _HANGUL_FIRST <= ord(last) <= _HANGUL_LAST:
        final = (ord(last) - _HANGUL_FIRST) % _FINALS
        has_final, has_rieul = final != 0, final == _FINAL_RIEUL
    elif last and last in "0123456789":
        has_final, has_rieul = last in _DIGITS_WITH_FINAL, last in _DIGITS_WITH_RIEUL
    else:
        return f"{word}{after_consonant}({after_vowel})"
    # 으로/로 is the one pair in which ㄹ counts as a vowel.
    if has_rieul and after_consonant.startswith("으"):
        has_final = False
    return f"{word}{after_consonant if has_final else after_vowel}"
