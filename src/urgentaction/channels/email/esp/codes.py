"""Providers' answers and reported events → retry classes. Pure.

What the recipient's server said is judged by the SMTP codes in it, as in a bounce that comes by mail; the provider's
own word counts only where it repeats none. NEVER suppresses by the code that comes with it (`supporters.rules`), so
the codes of RFC 3463 are used also where a provider says the same in its own words.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from urgentaction.channels import http
from urgentaction.channels.contract import Outcome, ReceiptKind, Refused, RetryClass, Unknown
from urgentaction.channels.email.esp.providers import TRAITS, Provider
from urgentaction.channels.email.smtp.codes import classify
from urgentaction.channels.wording import harmless

_log = logging.getLogger(__name__)

NO_MAILBOX = "5.1.1"
NOT_AN_ADDRESS = "5.1.3"
_TIMED_OUT = "4.4.7"

_ENHANCED = re.compile(r"(?<![\d.])([45]\.\d{1,3}\.\d{1,3})(?![\d.])")
_BASIC = re.compile(r"(?<![\d.])([45]\d\d)(?![\d.])")

#: Postmark's `ErrorCode`s that blame our token, our sender or our account.
_POSTMARK_ABOUT_US = frozenset({"10", "400", "401", "402", "405", "412", "413"})
POSTMARK_INACTIVE = "406"
#: How each says that the recipient's address is none.
_BAD_RECIPIENT: Mapping[Provider, re.Pattern[str]] = {
    Provider.POSTMARK: re.compile(r"^(?:invalid|error\s+parsing)\s+'to'", re.IGNORECASE),
    Provider.MAILGUN: re.compile(r"\bto\b\W+parameter is not a valid address", re.IGNORECASE),
    Provider.BREVO: re.compile(r"not valid in to\b", re.IGNORECASE),
    Provider.SENDGRID: re.compile(r"personalizations\.\d+\.to\b", re.IGNORECASE),
}
#: Refusals of a whole request that may be one recipient's fault.
_MAY_BE_ONE = frozenset({400, 413, 422})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """An error as a provider words it: its code (else the status), its words, and the field it blames."""

    code: str
    text: str = ""


def fault_of(answer: http.Answer) -> Fault:
    """The first error of an answer, in any of the shapes that the providers give it."""
    body = answer.json_object()
    errors = body.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):  # SendGrid
        first = errors[0]
        return Fault(code=str(answer.status), text=f"{first.get('message') or ''} {first.get('field') or ''}".strip())
    code = body.get("ErrorCode", body.get("code"))
    text = body.get("Message", body.get("message", ""))
    return Fault(code=str(answer.status if code is None or code == "" else code), text=str(text or ""))


def outcome_of(provider: Provider, answer: http.Answer) -> Outcome:
    """What an answer that is no success means for each message of the request, all of them alike."""
    if answer.is_success:
        return Unknown(f"{TRAITS[provider].title} answered {answer.status}, but not in the form of its API.")
    fault = fault_of(answer)
    if names_no_address(provider, fault):
        return Refused(RetryClass.NEVER, NOT_AN_ADDRESS, harmless(fault.text))
    if fault.code == POSTMARK_INACTIVE and provider is Provider.POSTMARK:
        return Refused(RetryClass.NEVER, fault.code, harmless(fault.text))
    retry_class = http.class_of_status(answer.status)
    if retry_class is None:
        return Unknown(f"{TRAITS[provider].title} broke down over the request (HTTP {answer.status}).")
    is_ours = http.is_about_us(answer.status) or is_about_us(provider, fault.code)
    return Refused(
        RetryClass.FIX_FIRST if is_ours else retry_class,
        harmless(fault.code, limit=60),
        harmless(fault.text),
        answer.retry_after(),
        is_about_us=is_ours,
        is_gateway_fault=http.is_gateway_fault(answer.status),
    )


def is_about_us(provider: Provider, code: str) -> bool:
    """Whether a provider's own code blames our account or sender."""
    return provider is Provider.POSTMARK and code in _POSTMARK_ABOUT_US


def names_no_address(provider: Provider, fault: Fault) -> bool:
    """Whether an error says that the recipient's address is none."""
    return _BAD_RECIPIENT[provider].search(fault.text) is not None


def may_be_one_of_them(provider: Provider, answer: http.Answer) -> bool:
    """Whether a refused request of several may be taken without one of them. Nothing of it has been taken."""
    return answer.status in _MAY_BE_ONE and not is_about_us(provider, fault_of(answer).code)


def refusal_of_one(provider: Provider, code: str, text: str) -> Refused:
    """What it means that one message of a request was refused, where the provider answers for each."""
    fault = Fault(code=code, text=text)
    if names_no_address(provider, fault):
        return Refused(RetryClass.NEVER, NOT_AN_ADDRESS, harmless(text))
    if code == POSTMARK_INACTIVE:
        return Refused(RetryClass.NEVER, code, harmless(text))
    return Refused(RetryClass.FIX_FIRST, code, harmless(text), is_about_us=is_about_us(provider, code))


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What a provider reports of one message, as django-anymail words it for all providers.

    Attributes:
        kind: `delivered`, `bounced` …; `reason`: `bounced`, `invalid`, `spam` …, or empty.
        said: by the recipient's server, or the provider's description.
        is_soft: the provider itself calls the bounce a passing one.
    """

    kind: str
    reason: str = ""
    said: str = ""
    is_soft: bool = False


@dataclass(frozen=True, slots=True)
class Meaning:
    """The same in the contract's words; `retry_class` is set for FAILED."""

    kind: ReceiptKind
    code: str
    retry_class: RetryClass | None = None


_PROGRESS = frozenset({"queued", "sent", "deferred"})
#: Nothing to do with the way of a message, or not for us to act on: that somebody signed up again is for staff to see.
_SILENT = frozenset({"opened", "clicked", "autoresponded", "subscribed", "inbound", "inbound_failed"})
#: Why a provider did not even try, where nobody else said anything.
_REASONS: Mapping[str, tuple[RetryClass, str]] = {
    "invalid": (RetryClass.NEVER, NOT_AN_ADDRESS),
    "bounced": (RetryClass.NEVER, NO_MAILBOX),
    "timed_out": (RetryClass.LATER, _TIMED_OUT),
    "blocked": (RetryClass.NEVER, "blocked"),  # by the provider's own list or policy: it says nothing of the address
    "spam": (RetryClass.OPT_OUT, "complaint"),
    "unsubscribed": (RetryClass.OPT_OUT, "unsubscribed"),
}


def meaning_of(event: Event) -> Meaning | None:
    """What an event means; None where it is nothing that a delivery would change by. Total: any text is taken."""
    if event.kind in _PROGRESS:
        return Meaning(ReceiptKind.PROGRESS, event.kind)
    if event.kind == "delivered":
        return Meaning(ReceiptKind.DELIVERED, event.kind)
    if event.kind == "complained":
        return Meaning(ReceiptKind.OPTED_OUT, "complaint")
    if event.kind == "unsubscribed":
        return Meaning(ReceiptKind.OPTED_OUT, "unsubscribed")
    if event.kind in {"bounced", "rejected", "failed"}:
        retry_class, code = _failure(event)
        return Meaning(ReceiptKind.FAILED, code, retry_class)
    if event.kind not in _SILENT:
        _log.warning("A mail provider reports an event of an unlisted kind, %r.", event.kind[:60])
    return None


def _failure(event: Event) -> tuple[RetryClass, str]:
    if event.reason in {"spam", "unsubscribed"}:
        return _REASONS[event.reason]
    if (found := _smtp_codes(event.said)) is not None:
        basic, enhanced = found
        retry_class = classify(basic, enhanced, event.said)
        if event.is_soft and retry_class is RetryClass.NEVER and not enhanced:
            retry_class = RetryClass.LATER
        return retry_class, enhanced or str(basic)
    if event.kind == "failed":
        return RetryClass.FIX_FIRST, "failed"  # the provider could not make a mail of it
    if event.is_soft:
        return RetryClass.LATER, "soft-bounce"
    return _REASONS.get(event.reason, (RetryClass.LATER, event.reason or event.kind))


def _smtp_codes(said: str) -> tuple[int, str] | None:
    """The three digits and the enhanced code in a server's words; one of them is made from the other if need be."""
    enhanced, basic = _ENHANCED.search(said), _BASIC.search(said)
    if enhanced is None:
        return (int(basic.group(1)), "") if basic else None
    code = enhanced.group(1)
    is_matched = basic is not None and basic.group(1)[0] == code[0]
    return (int(basic.group(1)) if basic is not None and is_matched else int(f"{code[0]}50")), code


def text_of(value: Any) -> str:
    """What a provider put where a text belongs."""
    return value if isinstance(value, str) else "" if value is None else str(value)
