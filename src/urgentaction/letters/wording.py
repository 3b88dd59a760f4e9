"""Words and forms that belong to a language rather than to a template: dates, labels, Korean particles.

Pure. Must not know cases, templates or files.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from babel.dates import format_date

from urgentaction.core.errors import TemplateError


class MissingTranslation(TemplateError):
    """Something is not there in the language asked for. The message names the file or table to add to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """The fixed words of letterhead, header and footer. `page` takes `{x}` and `{y}`.

    `supporter` is the form of address in a notice, with `{name}`; `friend` the one for somebody without a name.
    `comma` ends salutation and closing. `is_name_last`: the office is printed before the name.
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
    comma: str
    is_name_last: bool = False
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
        comma=",",
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
        comma=",",
        is_name_last=True,
    ),
    "fr": Labels(
        locale="fr_FR",
        re="Objet :",
        cc="Copies :",
        fax="Télécopie :",
        phone="Tél. :",
        email="Courriel :",
        page="page {x} sur {y}",
        copy_for="Copie pour :",
        enclosures="Pièces jointes :",
        fax_from="De :",
        fax_to="À :",
        repeat="NOUVELLE TRANSMISSION",
        supporter="{name}",
        friend="amie, ami",
        comma=",",
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
        friend="simpatizante",
        comma=":",
    ),
    "ru": Labels(
        locale="ru_RU",
        re="Тема:",
        cc="Копии:",
        fax="Факс:",
        phone="Тел.:",
        email="Эл. почта:",
        page="стр. {x} из {y}",
        copy_for="Копия для:",
        enclosures="Приложения:",
        fax_from="От:",
        fax_to="Кому:",
        repeat="ПОВТОРНАЯ ПЕРЕДАЧА",
        supporter="{name}",
        friend="друзья",
        comma=",",
    ),
    "zh-Hans": Labels(
        locale="zh_Hans_CN",
        re="事由：",
        cc="抄送：",
        fax="传真：",
        phone="电话：",
        email="电子邮件：",
        page="第 {x} 页，共 {y} 页",
        copy_for="抄送副本：",
        enclosures="附件：",
        fax_from="发件方：",
        fax_to="收件方：",
        repeat="重复发送",
        supporter="{name}",
        friend="朋友",
        comma="：",
        is_name_last=True,
    ),
    "ja": Labels(
        locale="ja_JP",
        re="件名：",
        cc="写し送付先：",
        fax="ファクス：",
        phone="電話：",
        email="電子メール：",
        page="{y}ページ中{x}ページ",
        copy_for="写し：",
        enclosures="同封：",
        fax_from="発信：",
        fax_to="宛先：",
        repeat="再送",
        supporter="{name} 様",
        friend="ご支援者の皆様",
        comma="",
        is_name_last=True,
    ),
    "ar": Labels(
        locale="ar",
        re="الموضوع:",
        cc="نسخة إلى:",
        fax="الفاكس:",
        phone="الهاتف:",
        email="البريد الإلكتروني:",
        page="صفحة {x} من {y}",
        copy_for="نسخة موجهة إلى:",
        enclosures="المرفقات:",
        fax_from="من:",
        fax_to="إلى:",
        repeat="إعادة إرسال",
        supporter="{name}",
        friend="صديقتنا، صديقنا",
        comma="،",
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


def labelled(label: str, value: str) -> str:
    """A label with what it stands before. A full-width colon brings its own space."""
    return f"{label}{value}" if label.endswith("：") else f"{label} {value}"


def long_date(day: date, language: str) -> str:
    """A date as one writes it in a letter: "24 November 2015", "2015년 11월 24일" (CLDR long form)."""
    return format_date(day, format="long", locale=labels(language).locale)


def office_and_name(name: str, office: str, language: str) -> str:
    """One line for a CC list: "Yun Byung-se, Minister of Foreign Affairs", "외교부 장관 윤병세"."""
    if labels(language).is_name_last:
        return f"{office} {name}".strip()
    return ", ".join(part for part in (name, office) if part)


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
