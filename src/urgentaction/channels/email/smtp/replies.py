"""What a mail server says, read: replies out of bytes, and what each means for the message it answers.

Pure. RFC 5321 §4.2 (replies), RFC 2034 (enhanced codes).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from urgentaction.channels.contract import Accepted, Outcome, Refused, RetryClass, Unknown
from urgentaction.channels.email.smtp.codes import Step, classify, is_about_domain, is_about_us, is_gateway_fault
from urgentaction.channels.wording import harmless

SERVICE_CLOSING = 421
START_INPUT = 354
#: What the replies to an envelope's commands answer, in their order.
STEPS = (Step.MAIL, Step.RCPT, Step.DATA)

_MAX_REPLY_BYTES = 65_536
_REPLY_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?:\s|$)")
#: Two that are found fast, for most servers say one of them; then whatever looks like one.
_QUEUED_AS = re.compile(r"queued as ([A-Za-z0-9._-]{4,64})")
_QUEUE_ID = re.compile(r"(?:queued as|queue id:?|\bid=)\s*<?([A-Za-z0-9._-]{4,64})", re.IGNORECASE)


class Broken(Exception):
    """The connection is of no use any more. `code` is short and stable, the text for people."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's reply, all its lines joined by spaces."""

    code: int
    text: str

    @property
    def is_positive(self) -> bool:
        """2xx."""
        return 200 <= self.code < 300

    @property
    def is_negative(self) -> bool:
        """4xx or 5xx."""
        return self.code >= 400

    @property
    def enhanced(self) -> str:
        """The enhanced status code the text starts with (RFC 2034), or empty."""
        found = _ENHANCED.match(self.text)
        return found.group(1) if found else ""

    def refusal(self, step: Step, *, domain: str = "") -> Refused:
        """This reply as a refusal. Before RCPT a server can only mean us, so NEVER becomes FIX_FIRST there.

        Args:
            domain: the recipient's, where there is one.
        """
        if not self.is_negative:
            return faulty(str(self.code), f"Out of step: {harmless(self.text)}")
        code, enhanced = self.code, self.enhanced
        retry_class = classify(code, enhanced, self.text)
        if retry_class is RetryClass.NEVER and not step.is_recipient_named:
            retry_class = RetryClass.FIX_FIRST
        is_passing = retry_class in {RetryClass.SOON, RetryClass.LATER}
        return Refused(
            retry_class,
            enhanced or str(code),
            harmless(f"{code} {self.text}"),
            is_about_us=retry_class is RetryClass.FIX_FIRST and is_about_us(code, enhanced, step=step),
            is_gateway_fault=is_passing and is_gateway_fault(code, enhanced, step=step),
            is_about_domain=retry_class is RetryClass.THROTTLE and is_about_domain(self.text, step=step, domain=domain),
        )

    def verdict(self, *, message_id: str, domain: str) -> Outcome:
        """This reply as the answer to a final dot."""
        if self.is_positive:
            return Accepted(queue_id(self.text) or message_id)
        if self.is_negative:
            return self.refusal(Step.DOT, domain=domain)
        return Unknown(f"The mail server answered {self.code} to the final dot, which means nothing.")


def take_reply(heard: bytes) -> tuple[Reply, bytes] | None:
    """The first reply in `heard` and what stands behind it; None where it is not complete yet.

    Raises:
        Broken: it is no SMTP reply, or has no end.
    """
    lines: list[str] = []
    start = 0
    while (end := heard.find(b"\n", start)) >= 0:
        found = _REPLY_LINE.fullmatch(heard[start:end].rstrip(b"\r"))
        if found is None:
            raise Broken("garbled", "The mail server said something that is no SMTP reply.")
        code, separator, text = found.groups()
        lines.append((text or b"").decode("utf-8", "replace").strip())
        start = end + 1
        if separator != b"-":
            return Reply(int(code), " ".join(line for line in lines if line)), heard[start:]
    if len(heard) > _MAX_REPLY_BYTES:
        raise Broken("garbled", "The mail server's reply has no end.")
    return None


def first_refusal(replies: Sequence[Reply], *, domain: str) -> Refused | None:
    """Why an envelope was not taken, by the replies to its commands; None where the server waits for the message."""
    for number, reply in enumerate(replies):
        if not is_wanted(number, reply):
            return reply.refusal(STEPS[number], domain=domain)
    return None


def is_wanted(number: int, reply: Reply) -> bool:
    """Whether this reply to an envelope's command (0: MAIL, 1: RCPT, 2: DATA) lets the transaction go on."""
    return reply.code == START_INPUT if STEPS[number] is Step.DATA else reply.is_positive


def queue_id(text: str) -> str:
    """The server's own name for the message, or empty."""
    found = _QUEUED_AS.search(text) or _QUEUE_ID.search(text)
    return found.group(1) if found else ""


def faulty(code: str, text: str) -> Refused:
    """The connection or the server is to blame, and nothing was handed over."""
    return Refused(RetryClass.SOON, code, text, is_gateway_fault=True)


def lost(broken: Broken) -> Unknown:
    """It broke after the final dot had been handed over, and before that was answered."""
    return Unknown(f"{broken} The message had been handed over completely.")


def not_sent(broken: Broken) -> Refused:
    """It broke before the final dot was handed over."""
    return faulty(broken.code, f"{broken} Nothing was handed over.")
