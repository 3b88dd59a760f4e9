"""The sign-up form: what it shows, and what somebody typed into it, checked.

Must not ask the database anything: whether an address is known must not show in any answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.conf import settings
from django.http import HttpRequest
from django.middleware.csrf import get_token

from urgentaction.channels.addresses import normalise_email, parse_printed_numbers
from urgentaction.channels.contract import Channel, Mode
from urgentaction.channels.guard import is_reserved
from urgentaction.core import clock
from urgentaction.core.errors import InvalidInput
from urgentaction.letters.organisation import organisation
from urgentaction.supporters.sign_up import SignUp

from .wording import message_languages, words_in

#: Robots fill in every field; people don't see this one.
TRAP = "website"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with a field, in the reader's words. `anchor` is the field's id."""

    anchor: str
    text: str


@dataclass(frozen=True, slots=True)
class Form:
    """A form as it is shown: the languages to choose from, what was typed, and what is wrong with it."""

    token: str
    languages: tuple[tuple[str, str], ...]
    language: str
    consent: str
    values: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()

    @property
    def at_fault(self) -> frozenset[str]:
        """The fields with a fault."""
        return frozenset(fault.anchor for fault in self.faults)


def short_form(request: HttpRequest, *, language: str) -> Form:
    """An empty form on a page in `language`."""
    return shown_form(request, language=language, values={}, faults=())


def shown_form(request: HttpRequest, *, language: str, values: Mapping[str, str], faults: tuple[Fault, ...]) -> Form:
    """A form with what was typed, and what is wrong with it."""
    written = message_languages()
    return Form(
        token=get_token(request),
        languages=tuple(written.items()),
        language=values.get("language") or (language if language in written else "en"),
        consent=consent_words(language),
        values=values,
        faults=faults,
    )


def consent_words(language: str) -> str:
    """What somebody agrees to, on a page in `language`."""
    return words_in(language).sign_up.consent.replace("{organisation}", organisation().view(language).name)


def read_form(typed: Mapping[str, str], *, language: str) -> tuple[SignUp | None, tuple[Fault, ...]]:
    """What somebody typed, or what is wrong with it.

    Args:
        language: of the page, whose words they agreed to.
    """
    words, faults = words_in(language).sign_up, []
    email = _email(typed.get("email", ""))
    if not email:
        faults.append(Fault("email", words.email_fault))
    name = " ".join(typed.get("name", "").split())
    if len(name) > 200 or not name.isprintable():
        faults.append(Fault("name", words.name_fault))
    chosen = typed.get("language", "")
    if chosen not in message_languages():
        faults.append(Fault("language", words.language_fault))
    wants_sms, printed = typed.get("sms") == "yes", typed.get("phone", "").strip()
    phone = _phone(printed) if wants_sms and printed else ""
    if wants_sms and not phone:
        faults.append(Fault("phone", words.phone_fault if printed else words.phone_needed))
    if typed.get("consent") != "yes":
        faults.append(Fault("consent", words.consent_needed))
    faults += _outside_sandbox(email, phone, words.sandbox_fault)
    if faults:
        return None, tuple(faults)
    agreed = consent_words(language)
    digest = hashlib.sha256(agreed.encode()).hexdigest()[:16]
    sign_up = SignUp(
        email=email,
        language=chosen,
        name=name,
        phone=phone,
        words=f"sign-up form ({language}), words {digest}",
        asked_at=clock.now(),
    )
    return sign_up, ()


def _outside_sandbox(email: str, phone: str, text: str) -> list[Fault]:
    """Said here and not kept silent: in a sandbox nobody's subscription can be betrayed."""
    if settings.MODE is Mode.LIVE:
        return []
    typed = (("email", Channel.EMAIL, email), ("phone", Channel.SMS, phone))
    return [Fault(anchor, text) for anchor, channel, value in typed if value and not is_reserved(channel, value)]


def _email(text: str) -> str:
    if len(text) > 254:  # RFC 5321, section 4.5.3.1.3
        return ""
    try:
        return normalise_email(text)
    except InvalidInput:
        return ""


def _phone(text: str) -> str:
    if len(text) > 40:
        return ""
    try:
        numbers = parse_printed_numbers(text)
    except InvalidInput:
        return ""
    return numbers[0] if len(numbers) == 1 else ""
