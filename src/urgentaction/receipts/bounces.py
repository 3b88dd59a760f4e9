"""What a mail that came back means, pure: a delivery report, a complaint, an automatic answer, or a person's words.

    report      RFC 3464 delivery status (in RFC 6522's multipart/report), or a bounce in a server's own words, which
                `flufl.bounce` recognises
    complaint   RFC 5965 feedback report
    automatic   RFC 3834: out of office, receipts of reading; nobody has to look
    unreadable  from a mail system, but nobody can tell about what
    reply       everything else

Nothing in such a mail is signed, so anybody can write one. What names the delivery is our reference, which carries our
signature and is known only to whoever got that very mail; where it stands is listed here, whether it is ours is for
the caller to ask. Any bytes can be parsed; a mail that breaks the parser is `unreadable`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.parser import HeaderParser
from email.utils import parseaddr
from enum import StrEnum

from flufl.bounce import all_failures

from urgentaction.channels.contract import RetryClass
from urgentaction.channels.email.smtp.codes import classify
from urgentaction.channels.wording import harmless

log = logging.getLogger(__name__)
# It tells of each of its twenty detectors that it is asked.
logging.getLogger("flufl.bounce").setLevel(logging.WARNING)

#: As much of a mail as is looked at, in bytes. Reports come before the mail that they return.
LIMIT = 1024 * 1024
#: So many recipients of one report are read, and so many references; ours has one of each.
_MOST = 20


class MailKind(StrEnum):
    """What came in."""

    REPORT = "report"
    COMPLAINT = "complaint"
    AUTOMATIC = "automatic"
    UNREADABLE = "unreadable"
    REPLY = "reply"


class Action(StrEnum):
    """What a mail server did with a mail (RFC 3464, section 2.3.3)."""

    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"
    DELAYED = "delayed"
    FAILED = "failed"


#: The best that any of a report's recipients had is what became of our mail: it was written to one address.
_BEST_FIRST = tuple(Action)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientReport:
    """What a report says of one recipient.

    Attributes:
        code: the enhanced status code (RFC 3463); three digits where there is no better; or empty.
        retry_class: set for FAILED.
        text: the server's words, shortened, with nothing personal in them.
        address: the recipient as the report names it; personal.
    """

    action: Action
    code: str = ""
    retry_class: RetryClass | None = None
    text: str = ""
    address: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingMail:
    """A mail as it was understood.

    Attributes:
        references: texts that may be references of ours, the most trustworthy first, in lower case; unproven.
        reports: of REPORT, one a recipient, never empty there.
        feedback: of COMPLAINT, the type it gives (`abuse`, `opt-out`).
        sender: the address in From, or of a complaint's recipient; personal.
    """

    kind: MailKind
    references: tuple[str, ...] = ()
    reports: tuple[RecipientReport, ...] = ()
    feedback: str = ""
    sender: str = field(default="", repr=False)

    @property
    def report(self) -> RecipientReport | None:
        """What became of our mail, all recipients of the report taken together."""
        return min(self.reports, key=lambda one: _BEST_FIRST.index(one.action), default=None)


def parse_mail(raw: bytes, *, recipient: str = "") -> IncomingMail:
    """Understand one message (RFC 5322), whatever its bytes.

    Args:
        recipient: the address that the mail server took it for, from the envelope; believed before any header.
    """
    try:
        return _parsed(message_from_bytes(raw[:LIMIT]), recipient)
    except Exception:
        # Mail is written by anybody, and Python's parser has its limits (depth, charsets, malformed parameters).
        log.exception("a mail of %d bytes could not be parsed", len(raw))
        return IncomingMail(kind=MailKind.UNREADABLE, references=_found(_VERP, [recipient]))


def _parsed(message: Message, recipient: str) -> IncomingMail:
    parts = list(_parts(message))
    sender = parseaddr(_header(message, "From"))[1]
    references = (
        *_found(_VERP, [recipient, *(value for name in _RECIPIENT_HEADERS for value in _headers(message, name))]),
        *_returned(parts),
        *_found(_MESSAGE_ID, [*_headers(message, "In-Reply-To"), *_headers(message, "References")]),
    )
    if reports := tuple(_reports(parts)):
        return IncomingMail(kind=MailKind.REPORT, references=_once(references), reports=reports)
    if (complaint := _complaint(parts)) is not None:
        return IncomingMail(
            kind=MailKind.COMPLAINT if complaint.feedback in _COMPLAINTS else MailKind.UNREADABLE,
            references=_once((*references, *complaint.references)),
            feedback=complaint.feedback,
            sender=complaint.sender,
        )
    is_system = _is_from_a_mail_system(message, sender)
    if is_system and (report := _in_own_words(message, parts)) is not None:
        found = _found(_RETURNED_LINE, [_text(parts)])
        return IncomingMail(kind=MailKind.REPORT, references=_once((*references, *found)), reports=(report,))
    kind = MailKind.AUTOMATIC if _is_automatic(message) else MailKind.UNREADABLE if is_system else MailKind.REPLY
    return IncomingMail(kind=kind, references=_once(references), sender=sender)


# --- Whose it is ------------------------------------------------------------------------------------------------------

_REFERENCE = r"(d[0-9a-z]{1,13}-[0-9a-f]{20})"
#: The return path (`deliveries.references.return_path`), also inside of what forwarders made of it.
_VERP = re.compile(rf"\bb\+{_REFERENCE}@", re.IGNORECASE)
_MESSAGE_ID = re.compile(rf"<{_REFERENCE}@", re.IGNORECASE)
#: In a bounce that is no MIME message, the returned headers stand in its text.
_RETURNED_LINE = re.compile(
    rf"^[> \t]*(?:Message-ID|Return-Path):[ \t]*<(?:b\+)?{_REFERENCE}@", re.IGNORECASE | re.MULTILINE
)
_RECIPIENT_HEADERS = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To", "Cc")
_RETURNED_TYPES = frozenset({"text/rfc822-headers", "message/rfc822-headers", "message/global-headers"})


def _found(pattern: re.Pattern[str], texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(one.lower() for text in texts for one in pattern.findall(text)[:_MOST])


def _once(references: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(references))[:_MOST]


def _returned(parts: Iterable[Message]) -> Iterator[str]:
    """References in the headers of our own mail, as it was returned."""
    for part in parts:
        kind = part.get_content_type()
        if kind in ("message/rfc822", "message/global"):
            inner = next(iter(_inner(part)), None)
        elif kind in _RETURNED_TYPES:
            inner = HeaderParser().parsestr(_decoded(part).lstrip() or _header_block(part))
        else:
            continue
        if inner is not None:
            yield from _found(_MESSAGE_ID, _headers(inner, "Message-ID"))
            yield from _found(_VERP, _headers(inner, "Return-Path"))


# --- Delivery status --------------------------------------------------------------------------------------------------

_STATUS_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
_ENHANCED = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_REPLY_CODE = re.compile(r"(?<![\d.])([245]\d\d)(?=[ -]|$)")
_ACTION_OF_CLASS: Mapping[str, Action] = {"2": Action.DELIVERED, "4": Action.DELAYED, "5": Action.FAILED}
_UNSAID = ".0.0"  # an enhanced code that says nothing beyond its class


def _reports(parts: Iterable[Message]) -> Iterator[RecipientReport]:
    for part in parts:
        if part.get_content_type() in _STATUS_TYPES:
            for block in list(_blocks(part))[:_MOST]:
                if (report := _report(block)) is not None:
                    yield report


def _report(block: Message) -> RecipientReport | None:
    """One block of a delivery status; None for the one about the message as a whole."""
    status = _ENHANCED.search(_header(block, "Status"))
    diagnostic = _header(block, "Diagnostic-Code").partition(";")[2] or _header(block, "Diagnostic-Code")
    action = _action(_header(block, "Action"), status)
    if action is None:
        return None
    recipient = _header(block, "Original-Recipient") or _header(block, "Final-Recipient")
    return _judged(
        action,
        status=status.group() if status else "",
        words=diagnostic,
        address=parseaddr(recipient.rpartition(";")[2])[1],
    )


def _action(told: str, status: re.Match[str] | None) -> Action | None:
    word = told.strip().lower()
    if word.startswith("error"):  # OpenSMTPD
        return Action.FAILED
    named = next((action for action in Action if word.startswith(action)), None)
    return named or (_ACTION_OF_CLASS[status.group(1)] if status and not word else None)


def _judged(action: Action, *, status: str, words: str, address: str = "") -> RecipientReport:
    """A recipient's report, its code and retry class worked out of status and words."""
    reply = _REPLY_CODE.search(words)
    basic = reply.group() if reply else ""
    said = next((one.group() for one in _ENHANCED.finditer(words) if one.group()[0] == status[:1]), "")
    enhanced = said if said and (not status or status.endswith(_UNSAID)) else status
    is_vague = not enhanced or enhanced.endswith(_UNSAID)
    code = basic if is_vague and basic else enhanced
    retry_class = None
    if action is Action.FAILED:
        if enhanced.startswith("4"):
            retry_class = RetryClass.LATER  # their server has tried for days already
        else:
            digits = int(basic) if basic.startswith("5") else 550
            retry_class = classify(digits, "" if is_vague else enhanced, words)
    text = harmless(words)
    return RecipientReport(action=action, code=code, retry_class=retry_class, text=text, address=address)


# --- Bounces in a server's own words ----------------------------------------------------------------------------------

_SYSTEMS = ("mailer-daemon", "postmaster", "mail-daemon", "mailer_daemon", "microsoftexchange", "mmdf", "daemon")
#: Below this line stands what we had written.
_COPY_BEGINS = re.compile(r"^-{2,}.*\b(?:copy|original|returned|headers)\b.*$", re.IGNORECASE | re.MULTILINE)


def _is_from_a_mail_system(message: Message, sender: str) -> bool:
    is_null = any(value.strip() == "<>" for value in _headers(message, "Return-Path"))
    is_answer = _header(message, "Auto-Submitted").strip().lower().startswith("auto-replied")
    is_named = sender.lower().startswith(_SYSTEMS) or "X-Failed-Recipients" in message
    # Answering machines send with an empty return path too (RFC 3834, section 3.3).
    return is_named or (is_null and not is_answer)


def _in_own_words(message: Message, parts: list[Message]) -> RecipientReport | None:
    temporary, permanent = all_failures(message)
    if not (temporary or permanent):
        return None
    words = " ".join(_COPY_BEGINS.split(_text(parts), maxsplit=1)[0].split())
    refusal = re.search(r"(?<![\d.])5\d\d[ -].*", words)
    said = refusal.group() if refusal and permanent else ""
    enhanced = _ENHANCED.search(said[:20])
    return _judged(
        Action.FAILED if permanent else Action.DELAYED,
        status=enhanced.group() if enhanced else "5.0.0" if permanent else "4.0.0",
        words=said,
        address=next(iter(permanent or temporary)).decode("ascii", "replace"),
    )


# --- Complaints and automatic answers ---------------------------------------------------------------------------------

#: Feedback types by which a person says that they don't want this. `not-spam` and `auth-failure` say something else.
_COMPLAINTS = frozenset({"abuse", "fraud", "opt-out", "opt-out-list", "complaint"})
_AUTOMATIC_HEADERS = ("X-Autoreply", "X-Autorespond", "X-Autoresponder", "X-Auto-Reply")
_AUTOMATIC_PRECEDENCE = frozenset({"auto_reply", "auto-reply", "bulk", "junk", "list"})
_AUTOMATIC_TYPES = frozenset({"message/disposition-notification"})  # a receipt of reading, RFC 8098
_OUT_OF_OFFICE = re.compile(
    r"^(?:auto(?:matic)?[ -]?(?:reply|response|answer)|out of (?:the )?office)\b", re.IGNORECASE
)


def _complaint(parts: Iterable[Message]) -> IncomingMail | None:
    for part in parts:
        if part.get_content_type() == "message/feedback-report":
            block = next(iter(_blocks(part)), None)
            if block is None:
                continue
            return IncomingMail(
                kind=MailKind.COMPLAINT,
                references=_found(_VERP, [_header(block, "Original-Mail-From")]),
                feedback=harmless(_header(block, "Feedback-Type").strip().lower(), limit=20),
                sender=parseaddr(_header(block, "Original-Rcpt-To"))[1],
            )
    return None


def _is_automatic(message: Message) -> bool:
    submitted = _header(message, "Auto-Submitted").strip().lower()
    return (
        (bool(submitted) and not submitted.startswith("no"))
        or any(name in message for name in _AUTOMATIC_HEADERS)
        or _header(message, "Precedence").strip().lower() in _AUTOMATIC_PRECEDENCE
        or _OUT_OF_OFFICE.match(_header(message, "Subject").strip()) is not None
        or any(part.get_content_type() in _AUTOMATIC_TYPES for part in _parts(message))
    )


# --- Reading mail -----------------------------------------------------------------------------------------------------


def _parts(message: Message) -> Iterator[Message]:
    """The message and its parts, without those of a mail that is enclosed: what that one says is not said to us."""
    yield message
    if message.get_content_maintype() == "multipart":
        for part in _inner(message):
            yield from _parts(part)


def _inner(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []


def _blocks(part: Message) -> Iterator[Message]:
    """The groups of fields in a report, with an empty line between any two.

    Python takes `message/delivery-status` apart by itself, and of all others only the first group.
    """
    for inner in _inner(part):
        yield inner
        rest = inner.get_payload()
        if isinstance(rest, str):
            for group in re.split(r"\r?\n[ \t]*\r?\n", rest):
                if group.strip():
                    yield HeaderParser().parsestr(group.lstrip())


def _headers(message: Message, name: str) -> list[str]:
    return [str(value) for value in message.get_all(name, [])]


def _header(message: Message, name: str) -> str:
    return next(iter(_headers(message, name)), "")


def _header_block(part: Message) -> str:
    """`message/rfc822-headers` is parsed already: its headers again as text."""
    return "\n".join(f"{name}: {value}" for inner in _inner(part) for name, value in inner.items())


def _decoded(part: Message) -> str:
    payload = part.get_payload(decode=True)
    return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""


def _text(parts: Iterable[Message]) -> str:
    """The first text in it."""
    return next((_decoded(part) for part in parts if part.get_content_type() == "text/plain"), "")
