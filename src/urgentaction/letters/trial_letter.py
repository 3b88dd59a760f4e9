"""A letter about nobody, for the doctor: shows that templates, fonts and the typesetter work together."""

from __future__ import annotations

from datetime import date

from django.conf import settings

from urgentaction.core.errors import TemplateError

from .content import (
    Addressee,
    AlertView,
    Audience,
    CaseView,
    CcEntry,
    CountriesView,
    LetterContext,
    MarkdownText,
    PersonView,
    UpdateView,
)
from .organisation import organisation
from .render import render_letter
from .service import template, typesetter
from .source import Family

KIND = "first_appeal"
#: In its own script, so that a missing font shows.
_TEXTS = {
    "en": "This is a test of the letters. It is sent to nobody.",
    "ko": "편지 시험입니다. 아무에게도 보내지 않습니다.",
    "fr": "Ceci est un essai. Cette lettre n’est envoyée à personne.",
    "es": "Esto es una prueba. Esta carta no se envía a nadie.",
    "ru": "Это проверка. Письмо никому не отправляется.",
    "zh-Hans": "这是一封测试信函，不会寄给任何人。",
    "ar": "هذه رسالة تجريبية لا تُرسل إلى أحد.",
    "ja": "これは書簡の試験です。誰にも送られません。",
}
_SECTIONS = ("who", "request", "latest", "law", "demands", "acknowledgement", "whereabouts", "outcome")


def languages() -> list[str]:
    """Those that the shipped library has letters in."""
    return sorted(file.stem for file in (settings.SHIPPED_TEMPLATES / "letters" / KIND).glob("*.md"))


def typeset_trial_letter(language: str) -> bytes:
    """The PDF of a test letter.

    Raises:
        TemplateError: the template or its translation is at fault, or a font is missing.
        ConfigurationError: the organisation's file can't be used, or the fonts aren't installed.
    """
    context = _context(language)
    pdf = typesetter().letter_pdf(render_letter(template(Family.LETTERS, KIND, language), context), context)
    if not pdf.startswith(b"%PDF-"):
        raise TemplateError("The typesetter did not make a PDF; reinstall the `typst` package.")
    return pdf


def _context(language: str) -> LetterContext:
    words = _TEXTS.get(language, _TEXTS["en"])
    day = date(2015, 11, 24)
    return LetterContext(
        language=language,
        audience=Audience.GOVERNMENT,
        organisation=organisation().view(language),
        signatory=organisation().signatory(language),
        addressee=Addressee(name="N. N.", office=words, salutation=words),
        case=CaseView(
            reference="UA-2015-0000",
            title=words,
            public_title=words,
            re_line=words,
            texts={name: MarkdownText(f"- {words}" if name == "demands" else words) for name in _SECTIONS},
            countries=CountriesView(custodian=words, origin=words, intercessor=words),
        ),
        update=UpdateView(status="detained", status_label=words, as_of=day, confidence="confirmed"),
        alert=AlertView(kind=KIND, level=1, number="UA-2015-0000/1", dated_on=day),
        persons=(PersonView(name=words),),
        cc=(CcEntry(name="N. N.", office=words),),
    )
