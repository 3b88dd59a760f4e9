"""What becomes of a mail that a provider's API has taken: written down like any other, delivered, reported.

Owns the ledger's entries and the reports' order. What an API and a report look like is in `postmark.py` and
`mailgun.py`. Reports that are owed when the program ends are not made up for at the next start.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

from .callbacks import Compose, Train
from .config import is_reserved_address
from .faults import OK, Step
from .state import State, digest

_PERMANENT = re.compile(r"5\d\d ")


@dataclass(frozen=True, slots=True)
class File:
    """An attachment."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One recipient's mail, everything filled in.

    Attributes:
        ref: the provider's name for it; where it names only requests, several mails share one.
        reference: what the client gave to recognise it by, which every report repeats.
    """

    ref: str
    to: str
    sender: str
    subject: str
    text: str
    html: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    files: tuple[File, ...] = ()
    reference: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)

    def header(self, name: str) -> str:
        """The first header of that name, or nothing."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def written(self) -> bytes:
        """As it would arrive (RFC 5322)."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.sender, self.to, self.subject
        for name, value in self.headers:
            message[name] = value
        message.set_content(self.text)
        if self.html:
            message.add_alternative(self.html, subtype="html")
        for file in self.files:
            maintype, _, subtype = file.content_type.partition("/")
            message.add_attachment(file.content, maintype=maintype, subtype=subtype, filename=file.name)
        return message.as_bytes()


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One report: `delivered`, `bounced` (for good), `deferred`, `complained` or `unsubscribed`."""

    kind: str
    mail: Mail
    id: str
    at: datetime
    reply: str = ""


#: Makes a provider's report of a piece of news, to be sent to a URL.
Report = Callable[[str, News], Compose]


def steps_for(state: State, addresses: Sequence[str]) -> list[Step]:
    """What is to happen to each recipient of a request; asking uses a step up."""
    return [state.faults.take("email", address) for address in addresses]


def is_taken(address: str) -> bool:
    """Whether the sandbox takes mail for this address at all."""
    return is_reserved_address(address)


async def accept(state: State, mails: Sequence[tuple[Mail, Step]], report: Report) -> None:
    """Write the mails down, every one of them, and let their reports start."""
    contents = [mail.written() for mail, _ in mails]
    await asyncio.gather(
        *(_write_down(state, mail, content) for (mail, _), content in zip(mails, contents, strict=True))
    )
    for mail, step in mails:
        if step != OK:
            state.events.record("fault", channel="email", to=mail.to, ref=mail.ref, step=str(step))
        state.start(_tell(state, mail, step, report))


async def answer_later(state: State, steps: Sequence[Step]) -> None:
    """Wait as long as the slowest of a request's recipients asks for."""
    pause = max((step.delay_ms for step in steps), default=0) / 1000
    await asyncio.sleep(pause + state.faults.default("email", "delay_ms"))


async def _write_down(state: State, mail: Mail, content: bytes) -> None:
    file = Path("mail") / f"{secrets.token_hex(8).upper()}.eml"
    (state.config.data / file).write_bytes(content)
    state.events.record("accepted", channel="email", ref=mail.ref, sender=mail.sender)
    await state.ledger.append(
        channel="email",
        to=mail.to,
        ref=mail.ref,
        message_id=mail.header("Message-ID"),
        client_state=mail.reference,
        sha256=digest(content),
        file=str(file),
    )


async def _tell(state: State, mail: Mail, step: Step, report: Report) -> None:
    url = state.faults.esp_webhook_url or state.config.esp_webhook_url
    if not url:
        return
    train = Train(step)
    for kind in _fate(step):
        news = News(kind=kind, mail=mail, id=secrets.token_hex(8), at=datetime.now(UTC), reply=step.smtp)
        compose = report(url, news)
        train.put(lambda compose=compose, kind=kind: _deliver(state, compose, kind, mail.ref))  # type: ignore[misc]
    await train.arrive()


async def _deliver(state: State, compose: Compose, kind: str, ref: str) -> bool:
    return await state.caller.deliver(compose, name=kind, channel="email", ref=ref)


def _fate(step: Step) -> list[str]:
    """The recipient's server says what a script makes a mail server say; without one it takes the mail."""
    if _PERMANENT.match(step.smtp):
        return ["bounced"]
    kinds = ["deferred"] if step.smtp else []
    kinds.append("delivered")
    if step.complaint:
        kinds.append("complained")
    if step.unsubscribed:
        kinds.append("unsubscribed")
    return kinds
