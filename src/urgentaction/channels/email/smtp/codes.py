"""SMTP replies → retry classes. The enhanced code (RFC 3463, RFC 5248) wins over the three digits (RFC 5321).

Pure. NEVER is kept for replies that speak of the recipient's address; whatever speaks of us (reputation, policy,
authentication, our message) is FIX_FIRST, so that a block list does not cost anybody their place among the
recipients.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from enum import StrEnum

from urgentaction.channels.contract import RetryClass

_log = logging.getLogger(__name__)


class Step(StrEnum):
    """What a reply answers. Before RCPT nobody but us and the server can be meant."""

    OPENING = "opening"  # greeting, EHLO, STARTTLS, AUTH
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    DOT = "dot"

    @property
    def is_recipient_named(self) -> bool:
        """Whether the server knows by now whom the mail is for."""
        return self not in {Step.OPENING, Step.MAIL}


ENHANCED: Mapping[str, RetryClass] = {
    # The recipient's address: gone, or never was. These suppress.
    "5.1.0": RetryClass.NEVER,
    "5.1.1": RetryClass.NEVER,
    "5.1.2": RetryClass.NEVER,
    "5.1.3": RetryClass.NEVER,
    "5.1.6": RetryClass.NEVER,
    "5.1.10": RetryClass.NEVER,  # null MX, RFC 7505
    "5.2.1": RetryClass.NEVER,
    "5.4.4": RetryClass.NEVER,
    # A full mailbox may be emptied; it never suppresses by itself.
    "5.2.2": RetryClass.LATER,
    "5.3.2": RetryClass.LATER,
    # Our sender address, our message, our commands.
    "5.1.7": RetryClass.FIX_FIRST,
    "5.1.8": RetryClass.FIX_FIRST,
    "5.2.3": RetryClass.FIX_FIRST,
    "5.3.4": RetryClass.FIX_FIRST,
    # Passing faults, ordered by how soon they pass.
    "4.7.0": RetryClass.THROTTLE,
    "4.7.28": RetryClass.THROTTLE,
    "4.7.1": RetryClass.SOON,  # greylisting: five to fifteen minutes
    "4.2.1": RetryClass.LATER,
    "4.2.2": RetryClass.LATER,
    "4.3.0": RetryClass.SOON,
    "4.3.1": RetryClass.SOON,
    "4.3.2": RetryClass.SOON,
    "4.4.1": RetryClass.SOON,
    "4.4.2": RetryClass.SOON,
}

#: Whole subjects (class and subject of RFC 3463), where the detail is not listed above.
ENHANCED_SUBJECTS: Mapping[str, RetryClass] = {
    "4.3": RetryClass.SOON,
    "4.4": RetryClass.SOON,
    "4.7": RetryClass.SOON,
    "5.5": RetryClass.FIX_FIRST,
    "5.6": RetryClass.FIX_FIRST,
    "5.7": RetryClass.FIX_FIRST,
}

BASIC: Mapping[int, RetryClass] = {
    421: RetryClass.SOON,
    450: RetryClass.SOON,
    451: RetryClass.SOON,
    452: RetryClass.SOON,
    454: RetryClass.SOON,
    500: RetryClass.FIX_FIRST,
    501: RetryClass.FIX_FIRST,
    502: RetryClass.FIX_FIRST,
    503: RetryClass.FIX_FIRST,
    504: RetryClass.FIX_FIRST,
    530: RetryClass.FIX_FIRST,
    534: RetryClass.FIX_FIRST,
    535: RetryClass.FIX_FIRST,
    538: RetryClass.FIX_FIRST,
    550: RetryClass.NEVER,
    551: RetryClass.NEVER,
    552: RetryClass.LATER,  # "storage exceeded", theirs far more often than a limit on one message
    553: RetryClass.NEVER,
    555: RetryClass.FIX_FIRST,
}

#: Said in a bare 550 or 554, these speak of us and not of the recipient.
_ABOUT_US = re.compile(
    r"spam|block(?:ed|list| list)|black ?list|reputation|policy|relay|not authori[sz]ed|authenticat|dmarc|spf|dkim"
    r"|rate limit|banned|sender",
    re.IGNORECASE,
)

_FIRST_PERMANENT = 500

#: Our login or our sender address, at whatever step: many servers wait for RCPT before they judge either.
_LOGIN = frozenset({530, 534, 535, 538})
_LOGIN_OR_SENDER = frozenset({"5.1.7", "5.1.8", "5.7.8", "5.7.60"})
#: This message, although nobody has been named yet: its size and its encoding are told with MAIL FROM.
_MESSAGE = frozenset({"5.2.3", "5.3.4", "4.2.3", "4.3.4"})
_MESSAGE_SUBJECTS = ("5.6.", "4.6.")

#: The server's own trouble by what it answers: its disk, its configuration, it shuts down. RCPT is missing on purpose:
#: there a relay may pass on what the recipient's side said. After the message, "4.3.0" may be about that one.
_SYSTEM = frozenset({"4.3.1", "4.3.2", "4.3.5"})
SYSTEM_FAULTS: Mapping[Step, frozenset[str]] = {
    Step.DATA: _SYSTEM | {"4.3.0", "4.4.2"},
    Step.DOT: _SYSTEM | {"4.4.2"},
}
_SERVICE_CLOSING = 421


def classify(code: int, enhanced: str, text: str) -> RetryClass:
    """What a refusing reply means.

    Args:
        code: the three digits, 400 to 599.
        enhanced: `5.1.1`, or empty where the server gave none.
        text: the server's words, used only where the codes leave open whom they blame.

    Returns:
        a class for every input; an unlisted code is logged and becomes LATER (4xx) or NEVER (5xx).
    """
    # A reply whose two codes contradict each other (450 5.1.1) is judged by the one RFC 5321 obliges servers to.
    if enhanced and enhanced[0] == str(code)[0]:
        subject = enhanced.rpartition(".")[0]
        listed = ENHANCED.get(enhanced) or ENHANCED_SUBJECTS.get(subject)
        if listed is not None:
            return listed
    elif code >= _FIRST_PERMANENT and _ABOUT_US.search(text):
        return RetryClass.FIX_FIRST
    if code in BASIC:
        return BASIC[code]
    _log.warning("Unlisted SMTP reply %s %s.", code, enhanced or "(no enhanced code)")
    return RetryClass.NEVER if code >= _FIRST_PERMANENT else RetryClass.LATER


def is_about_us(code: int, enhanced: str, *, step: Step) -> bool:
    """Whether a FIX_FIRST reply blames our account, sender or connection, rather than one message or recipient.

    Args:
        code: the three digits.
        enhanced: the enhanced code, or empty.
        step: what it answers.
    """
    if code in _LOGIN or enhanced in _LOGIN_OR_SENDER:
        return True
    return not _is_about_message(enhanced) and not step.is_recipient_named


def is_gateway_fault(code: int, enhanced: str, *, step: Step) -> bool:
    """Whether a refusal that is none for ever (SOON, LATER) is the server's own trouble, whoever is written to."""
    if not 400 <= code < _FIRST_PERMANENT or _is_about_message(enhanced):
        return False
    if not step.is_recipient_named:
        return True
    if enhanced:
        return enhanced in SYSTEM_FAULTS.get(step, ())
    return code == _SERVICE_CLOSING and step in SYSTEM_FAULTS


def is_about_domain(text: str, *, step: Step, domain: str) -> bool:
    """Whether a THROTTLE means one recipient domain rather than everything that we hand to this server.

    Args:
        text: the server's words.
        step: what it answers; at RCPT the recipient decides, later only words that name the domain do.
        domain: the recipient's.
    """
    if step is Step.RCPT:
        return True
    return step.is_recipient_named and bool(domain) and domain.casefold() in text.casefold()


def _is_about_message(enhanced: str) -> bool:
    return enhanced in _MESSAGE or enhanced.startswith(_MESSAGE_SUBJECTS)
