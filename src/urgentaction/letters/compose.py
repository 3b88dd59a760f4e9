"""Contexts for letters, notices and text messages, put together from a case and the occasion on which one writes.

The same for what is frozen for an alert (`service`) and for what is only looked at (`preview`). Consent is applied in
`views`; must not render, write, or know channels.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings

from urgentaction.cases.models import Case
from urgentaction.directory.models import Official

from . import views
from .content import AlertView, Audience, LetterContext, NoticeContext, SmsContext, UpdateView
from .organisation import organisation


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """Why one writes now, in one language.

    Attributes:
        concerned: keys of the persons it is about; empty for all.
    """

    case: Case
    language: str
    update: UpdateView
    alert: AlertView
    concerned: tuple[str, ...] = ()


def letter_context(
    occasion: Occasion, *, to: Official, cc: Iterable[Official], audience: Audience = Audience.GOVERNMENT
) -> LetterContext:
    """Everything the template may read of a letter.

    Raises:
        MissingTranslation: the case has no text in this language.
    """
    language = occasion.language
    return LetterContext(
        language=language,
        audience=audience,
        organisation=organisation().view(language),
        signatory=organisation().signatory(language),
        addressee=views.addressee(to, language),
        case=views.case(occasion.case, language, status=occasion.update.status, audience=audience),
        update=occasion.update,
        alert=occasion.alert,
        persons=views.persons(occasion.case, audience, language, only=occasion.concerned),
        cc=tuple(views.cc_entry(official, language) for official in cc),
    )


def notice_context(occasion: Occasion, *, audience: Audience = Audience.SUPPORTER) -> NoticeContext:
    """Everything the template may read of a notice, its slots left open.

    Raises:
        MissingTranslation: the case has no text in this language.
    """
    language = occasion.language
    return NoticeContext(
        language=language,
        organisation=organisation().view(language),
        case=views.case(occasion.case, language, status=occasion.update.status, audience=audience),
        update=occasion.update,
        alert=occasion.alert,
        action_url=action_url(occasion.case),
        persons=views.persons(occasion.case, audience, language, only=occasion.concerned),
    )


def sms_context(occasion: Occasion, *, link: str) -> SmsContext:
    """Everything the template may read of a text message."""
    language = occasion.language
    return SmsContext(
        language=language, organisation_name=organisation().view(language).name, alert=occasion.alert, link=link
    )


def action_url(case: Case) -> str:
    """Where a supporter reads on: the case's public background, or the service's own address."""
    return case.background_url or settings.PUBLIC_URL
