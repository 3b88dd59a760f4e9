"""Calling the people on call, by a channel of their own: a webhook, or mail over a server of its own.

Must not: use deliveries, gateways, the broker or the database; they may be what is broken. Knows nothing of Django.
Nothing that it says or logs holds an address or a secret.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from http import HTTPStatus
from urllib.parse import SplitResult, unquote, urlsplit

from urgentaction.channels.contract import Channel, Mode
from urgentaction.channels.guard import check_destination, check_host
from urgentaction.channels.http import Answer, NotSent, build_client, exchange
from urgentaction.core.errors import ConfigurationError, UrgentActionError

SECONDS = 10.0
_PORTS: Mapping[str, int] = {"smtp": 587, "smtps": 465}


class NotTold(UrgentActionError):
    """Nobody could be reached; the message says which ways failed, and how."""


@dataclass(frozen=True, slots=True)
class Call:
    """What is said: no names, no addresses; numbers of alerts and counts only."""

    title: str
    text: str
    severity: str
    key: str
    status: str  # open, reminder, over, test


@dataclass(frozen=True, slots=True, kw_only=True)
class Contacts:
    """Whom to call and how. Empty: nobody is called.

    Attributes:
        url: a webhook that takes POSTed JSON; its path is often its secret.
        mail: addresses; `smtp` is the server that takes the mail, `smtps://user:password@host:port` or `smtp://…`.
        sender: address in From.
        allow_hosts: as for gateways: hosts that sandbox mode allows besides loopback.
    """

    mode: Mode
    url: str = field(default="", repr=False)
    mail: tuple[str, ...] = field(default=(), repr=False)
    smtp: str = field(default="", repr=False)
    sender: str = ""
    allow_hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises ConfigurationError naming the variable, and SandboxRefusal for what sandbox mode must not reach."""
        if bool(self.mail) != bool(self.smtp):
            raise ConfigurationError("URGENTACTION_ONCALL_MAIL and URGENTACTION_ONCALL_SMTP: set both, or neither.")
        if self.url:
            schemes = {"https"} if self.mode is Mode.LIVE else {"https", "http"}
            check_host(self.mode, _host(self.url, "URGENTACTION_ONCALL_URL", schemes), allow=self.allow_hosts)
        if self.smtp:
            check_host(self.mode, _host(self.smtp, "URGENTACTION_ONCALL_SMTP", set(_PORTS)), allow=self.allow_hosts)
        for address in self.mail:
            if "@" not in address or not address.isprintable() or " " in address:
                raise ConfigurationError("URGENTACTION_ONCALL_MAIL: write addresses with commas between them.")
            check_destination(self.mode, Channel.EMAIL, address)

    @property
    def ways(self) -> tuple[str, ...]:
        """By what people can be called, in the order in which it is tried."""
        return tuple(name for name, given in (("webhook", self.url), ("mail", self.mail)) if given)


def trial_call(where: str) -> Call:
    """What is said to see whether a call arrives. `where`: the address of this installation."""
    text = f"This is a test. Nothing has happened.\n{where}"
    return Call("urgentaction: test call", text, "warning", "drill", "test")


def tell(call: Call, contacts: Contacts) -> str:
    """Call somebody; the second way is tried where the first fails. Returns the way that worked.

    Raises:
        NotTold: no way worked, or there is none.
    """
    ways: Mapping[str, Callable[[Call, Contacts], str]] = {"webhook": _post, "mail": _mail}
    failures = []
    for name in contacts.ways:
        why = ways[name](call, contacts)
        if not why:
            return name
        failures.append(f"{name}: {why}")
    raise NotTold("; ".join(failures) or "No on-call contact is configured (URGENTACTION_ONCALL_URL, …_MAIL).")


def _post(call: Call, contacts: Contacts) -> str:
    """Why it failed; empty where the other side said 2xx."""
    with build_client(read_seconds=SECONDS) as client:
        answer = exchange(client, "POST", contacts.url, json_body=asdict(call))
    match answer:
        case Answer():
            return "" if answer.is_success else f"status {_status(answer.status)}"
        case NotSent(code):
            return f"not sent ({code})"
        case _:
            # It may have arrived. Being called twice is better than not being called.
            return "no answer"


def _status(number: int) -> str:
    try:
        return f"{number} {HTTPStatus(number).phrase}"
    except ValueError:
        return str(number)


def _mail(call: Call, contacts: Contacts) -> str:
    try:
        with _connected(contacts) as server:
            for message in _messages(call, contacts):
                server.send_message(message)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        code = getattr(error, "smtp_code", "")
        return f"{type(error).__name__} {code}".strip()
    return ""


def _connected(contacts: Contacts) -> smtplib.SMTP:
    parts = urlsplit(contacts.smtp)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    own_name = contacts.sender.rpartition("@")[2] or "localhost"  # smtplib would ask the resolver
    context = ssl.create_default_context()
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, own_name, timeout=SECONDS, context=context)
    else:
        server = smtplib.SMTP(host, port, own_name, timeout=SECONDS)
    try:
        if parts.scheme == "smtp" and contacts.mode is Mode.LIVE:
            server.starttls(context=context)
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
    except BaseException:
        server.close()
        raise
    return server


def _messages(call: Call, contacts: Contacts) -> Iterator[EmailMessage]:
    """One for each address: none of them sees the others."""
    for address in contacts.mail:
        message = EmailMessage()
        message["From"], message["To"] = contacts.sender, address
        message["Subject"] = f"[{call.severity}] {call.title}"
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain=contacts.sender.rpartition("@")[2] or "localhost")
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notice comes back
        message.set_content(f"{call.text}\n")
        yield message


def _host(url: str, variable: str, schemes: set[str]) -> str:
    try:
        parts: SplitResult = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = SplitResult("", "", "", "", ""), None
    if parts.scheme not in schemes or not host:
        wanted = " or ".join(f"{scheme}://…" for scheme in sorted(schemes))
        raise ConfigurationError(f"{variable} must look like {wanted}.")  # the value may hold a password
    return host
