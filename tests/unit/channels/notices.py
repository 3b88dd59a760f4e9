"""A mailing, and copies of it by the dozen."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Sequence
from email.message import EmailMessage

from tests.unit.channels.samples import MAIL
from urgentaction.channels.contract import Accepted, Begin, Outcome
from urgentaction.channels.mailing import Copy, Mailing, MailingGateway

IN_TURN = ("8BITMIME", "SIZE 1000000")
PIPELINING = ("PIPELINING", *IN_TURN)
GOES_ON = b"354 go on\r\n"

#: Two marks, one of them at the start of a line; text that needs eight bits.
NOTICE = Mailing(
    key="m-0001",
    sender=MAIL.sender,
    sender_name=MAIL.sender_name,
    reply_to=MAIL.reply_to,
    date=MAIL.date,
    subject=MAIL.subject,
    text="Dear %name%,\n.a line that starts with a dot\n%name%\n안녕하십니까\nEnd: %url%\n",
    html="<p>Dear %name%,</p>\n<p><a href='%url%'>End</a></p>\n",
    language="en",
    headers=(("List-Unsubscribe", "<%url%>"), ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")),
    marks=("%name%", "%url%"),
)


def copies(count: int, *, first: int = 0, domain: str = "office.invalid") -> list[Copy]:
    """So many copies of NOTICE, numbered from `first`."""
    return [
        Copy(
            reference=f"c-{number:04}",
            attempt=1,
            to=f"person{number}@{domain}",
            return_path=f"b-{number:04}@bounces.urgentaction.invalid",
            message_id=f"<c-{number:04}@urgentaction.invalid>",
            values=(f"Person {number}", f"https://urgentaction.invalid/u/{number:04}"),
        )
        for number in range(first, first + count)
    ]


def sent(
    gateway: MailingGateway, window: Sequence[Copy], *, mailing: Mailing = NOTICE, begin: Begin = lambda _: True
) -> list[Outcome]:
    """The outcomes in the order of the copies; each has exactly one."""
    told = list(gateway.submit_mailing(mailing, window, begin))
    assert sorted(place for place, _ in told) == list(range(len(window)))
    return [outcome for _, outcome in sorted(told, key=lambda one: one[0])]


def kinds(outcomes: Sequence[Outcome]) -> list[type]:
    return [type(outcome) for outcome in outcomes]


def everybody(window: Sequence[Copy]) -> list[Outcome]:
    """All accepted, by a server that tells no names of its own."""
    return [Accepted(copy.message_id) for copy in window]


def read(content: bytes) -> EmailMessage:
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def text_of(content: bytes) -> str:
    part = read(content).get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")
