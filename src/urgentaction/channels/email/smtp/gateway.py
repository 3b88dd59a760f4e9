"""The SMTP gateway: one connection at a time, kept between messages, replaced when the server hangs up.

Belongs to one thread of one process: build it in the worker that uses it.
"""

from __future__ import annotations

import dataclasses
import ssl
from collections.abc import Iterable, Iterator, Sequence

from urgentaction.channels.contract import (
    Begin,
    Callback,
    CannotTell,
    Capabilities,
    Channel,
    ForgedCallback,
    Found,
    Health,
    Lookup,
    Mode,
    Outcome,
    Outgoing,
    OutgoingEmail,
    Receipt,
    Refused,
    RetryClass,
)
from urgentaction.channels.email.smtp.message import check, compose
from urgentaction.channels.email.smtp.session import Credentials, Endpoint, Envelope, Session, open_session
from urgentaction.channels.options import GatewayKind, Option, Options, is_this_machine
from urgentaction.core.errors import InvalidInput

REPLY_SECONDS = 20.0
#: RFC 5321 §4.5.3.2.6 grants ten minutes after the final dot; a lease is shorter, and a late yes ends as unknown.
DOT_SECONDS = 60.0
BATCH = 100


class SmtpGateway:
    """Hands mail to one submission server.

    Where the server closed the connection between two messages, the next one goes over a new connection at once: it
    had not been read. In `submit_many`, a server that can't be reached is asked once, not once a message.
    """

    channel = Channel.EMAIL
    capabilities = Capabilities(batch=BATCH)

    def __init__(self, options: Options) -> None:
        self.name = options.name
        self._endpoint = _endpoint(options)
        username = options["username"]
        self._credentials = Credentials(username, options["password"]) if username else None
        if username and not options["password"]:
            raise options.fault("password", "is not set, but a user name is.")
        self._session: Session | None = None

    def __repr__(self) -> str:
        return f"<SMTP gateway {self.name!r} at {self._endpoint.host}:{self._endpoint.port}>"

    def submit(self, outgoing: Outgoing) -> Outcome:
        """One message, one recipient. The reference is the queue id where the server told one, else the Message-ID."""
        session = self._ready()
        return session if isinstance(session, Refused) else self._deliver(session, outgoing)

    def submit_many(self, batch: Sequence[Outgoing], begin: Begin) -> Iterator[tuple[int, Outcome]]:
        """In order, each outcome as soon as it is known; between two of them no transaction is open."""
        unreachable: Refused | None = None
        for place, outgoing in enumerate(batch):
            if not begin(place):
                return
            session = unreachable or self._ready()
            if isinstance(session, Refused):
                unreachable = session
                yield place, session
            else:
                outcome = self._deliver(session, outgoing)
                if self._session is None and isinstance(outcome, Refused):
                    unreachable = outcome  # the connection at hand had gone stale, and there was no other
                yield place, outcome

    def parse(self, callback: Callback) -> Iterable[Receipt]:  # noqa: ARG002  # the contract's signature
        """A mail server makes no callbacks, so whatever claims to be one is not from it."""
        raise ForgedCallback(f"Gateway {self.name!r} is a mail server and makes no callbacks.")

    def lookup(self, question: Lookup) -> Found | CannotTell:
        """A mail server can't be asked. The same message may be sent again: its Message-ID stays the same."""
        return CannotTell(f"A mail server can't be asked about {question.reference}.", is_final=True)

    def cancel(self, ref: str) -> bool:
        """Mail can't be called back."""
        del ref
        return False

    def check(self) -> Health:
        """Connect, EHLO, STARTTLS, AUTH and NOOP over a connection of its own."""
        where = f"{self._endpoint.host}:{self._endpoint.port}"
        session = open_session(self._endpoint, self._credentials)
        if isinstance(session, Refused):
            return Health(is_ok=False, detail=f"{where}: {session.text} ({session.code})")
        is_ok = session.noop()
        session.close()
        detail = f"{where} answers" if is_ok else f"{where} hung up after the greeting"
        return Health(is_ok=is_ok, detail=f"{detail}; login {'accepted' if self._credentials else 'not asked for'}.")

    def close(self) -> None:
        """Say goodbye to the server."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _ready(self) -> Session | Refused:
        """The session at hand, or a new one, or why there is none."""
        if self._session is not None and self._session.is_open:
            return self._session
        session = open_session(self._endpoint, self._credentials)
        self._session = session if isinstance(session, Session) else None
        return session

    def _deliver(self, session: Session, outgoing: Outgoing) -> Outcome:
        if not isinstance(outgoing, OutgoingEmail):
            raise TypeError(f"A mail gateway was handed a {type(outgoing).__name__}.")
        outcome = self._transact(session, outgoing)
        if not session.is_stale:
            return outcome
        fresh = self._ready()
        return fresh if isinstance(fresh, Refused) else self._transact(fresh, outgoing)

    def _transact(self, session: Session, outgoing: OutgoingEmail) -> Outcome:
        envelope = prepare(session, outgoing)
        return envelope if isinstance(envelope, Refused) else session.transact(envelope)


def prepare(session: Session, outgoing: OutgoingEmail) -> Envelope | Refused:
    """Message and envelope in the dialect this server speaks, or why it can't be sent over it."""
    try:
        check(outgoing)
        mail = _with_ascii_domains(outgoing)
        is_utf8 = not all(address.isascii() for address in _addresses(mail))
        if is_utf8 and "smtputf8" not in session.features:
            # The address is right, but this server can't carry it; a stop of the whole gateway would not help.
            return Refused(RetryClass.NEVER, "smtputf8", "The mail server can't carry addresses beyond ASCII.")
        content = compose(mail, is_8bit=is_utf8 or "8bitmime" in session.features, is_utf8=is_utf8)
    except InvalidInput as error:
        return Refused(RetryClass.FIX_FIRST, "invalid-message", str(error))
    if 0 < session.size_limit < len(content):
        text = f"The message has {len(content)} bytes; the mail server takes {session.size_limit}."
        return Refused(RetryClass.FIX_FIRST, "5.3.4", text)
    parameters = [
        f"SIZE={len(content)}" if "size" in session.features else "",
        "BODY=8BITMIME" if not content.isascii() and "8bitmime" in session.features else "",
        "SMTPUTF8" if is_utf8 else "",
    ]
    command = " ".join([f"MAIL FROM:<{mail.return_path}>", *(parameter for parameter in parameters if parameter)])
    return Envelope(command.encode(), f"RCPT TO:<{mail.to}>".encode(), content, mail.message_id)


def _addresses(outgoing: OutgoingEmail) -> tuple[str, ...]:
    return outgoing.to, outgoing.sender, outgoing.reply_to, outgoing.return_path


def _with_ascii_domains(outgoing: OutgoingEmail) -> OutgoingEmail:
    """Domains as DNS knows them, so that SMTPUTF8 is needed for local parts only (RFC 5891)."""
    to, sender, reply_to, return_path = (_with_ascii_domain(address) for address in _addresses(outgoing))
    return dataclasses.replace(outgoing, to=to, sender=sender, reply_to=reply_to, return_path=return_path)


def _with_ascii_domain(address: str) -> str:
    local, at, domain = address.rpartition("@")
    try:
        return f"{local}{at}{domain if domain.isascii() else domain.encode('idna').decode('ascii')}"
    except UnicodeError as error:
        raise InvalidInput.of("domain", "can't be written as a DNS name.") from error


def _endpoint(options: Options) -> Endpoint:
    host, tls = options.host("host"), options["tls"]
    if options.mode is Mode.LIVE and tls == "none" and not is_this_machine(host):
        raise options.fault("tls", "must be starttls or tls in live mode, unless the mail server is this machine.")
    context = ssl.create_default_context()
    if options.mode is Mode.SANDBOX:
        # The stand-in on this machine has no certificate that anybody signed.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return Endpoint(
        host=host,
        port=options.integer("port", least=1, most=65_535),
        tls=tls,
        helo=options["helo"],
        context=context,
        reply_seconds=REPLY_SECONDS,
        dot_seconds=DOT_SECONDS,
    )


KIND = GatewayKind(
    kind="smtp",
    channel=Channel.EMAIL,
    options=(
        Option("host", "mail submission host", is_required=True),
        Option("port", "its port", default="587"),
        Option("username", "user name, where it asks for one"),
        Option("password", "password", is_secret=True),
        Option("tls", "how the connection is encrypted", default="starttls", choices=("starttls", "tls", "none")),
        Option("helo", "the name said in EHLO", default="[127.0.0.1]"),
    ),
    build=SmtpGateway,
)
