"""The title of a published letter, by language: who writes to whom. Forms that need no case endings.

Pure. Must not know cases or pages.
"""

from __future__ import annotations

from collections.abc import Mapping

from .content import LetterContext
from .wording import MissingTranslation, office_and_name, with_particle

_TITLES: Mapping[str, str] = {
    "en": "Letter from {organisation} to {addressee}",
    "ko": "{organisation} {addressee}에게 보내는 공개서한",
    "fr": "Lettre ouverte : {organisation} à {addressee}",
    "es": "Carta abierta de {organisation} a {addressee}",
    "ru": "Открытое письмо: {organisation} — {addressee}",
    "zh-Hans": "{organisation}致{addressee}的公开信",
    "ja": "{organisation}から{addressee}への公開書簡",
    "ar": "رسالة مفتوحة من {organisation} إلى {addressee}",
}


def title_of(context: LetterContext) -> str:
    """The title in the letter's language. Raises MissingTranslation."""
    form = _TITLES.get(context.language)
    if form is None:
        raise MissingTranslation(
            f"published letters have no title in {context.language!r}; add it in letters/publishing_words.py"
        )
    organisation = context.organisation.name
    if context.language == "ko":
        organisation = with_particle(organisation, "이/가")
    to = context.addressee
    return form.format(organisation=organisation, addressee=office_and_name(to.name, to.office, context.language))
