"""The SMTP gateway: connections kept between messages, replaced when the server hangs up.

Letters go one after the other over one connection; a mailing goes over several at once, compiled beforehand.

Belongs to one thread of one process: build it in the worker that uses it.
"""

from __future__ import annotations

import dataclasses
import functools
import ssl
from collections import OrderedDict
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
from urgentaction.channels.email.message import check, compose, with_ascii_domain
from urgentaction.channels.email.skeleton import Skeleton, compile_mailing
from urgentaction.channels.email.smtp.lane import Dialect, Letter
from urgentaction.channels.email.smtp.opening import Credentials, open_session
from urgentaction.channels.email.smtp.pool import Pool
from urgentaction.channels.email.smtp.session import Endpoint, Envelope, Session
from urgentaction.channels.email.smtp.window import Window, too_big
from urgentaction.channels.mailing import Copy, Mailing, written_out
from urgentaction.channels.options import GatewayKind, Option, Options, is_this_machine
from urgentaction.core.errors import InvalidInput

REPLY_SECONDS = 20.0
#: RFC 5321 §4.5.3.2.6 grants ten minutes after the final dot; a lease is shorter, and a late yes ends as unknown.
DOT_SECONDS = 60.0
BATCH = 100
CONNECTIONS = 8
#: Compiled mailings kept: a few alerts in a few languages. Each takes tens of kilobytes.
SKELETONS = 32


class SmtpGateway:
    """Hands mail to one submission server.

    Where the server closed the connection between two messages, the next one goes over a new connection at once: it
    had not been read. In `submit_many`, a server that can't be reached is asked once, not once a message.
    """

    channel = Channel.EMAIL
    capabilities = Capabilities(batch=BATCH, at_once=2 * CONNECTIONS, takes_mailings=True)

    def __init__(self, options: Options) -> None:
        self.name = options.name
        self._endpoint = _endpoint(options)
        username = options["username"]
        self._credentials = Credentials(username, options["password"]) if username else None
        if username and not options["password"]:
            raise options.fault("password", "is not set, but a user name is.")
        connections = options.integer("connections", least=1, most=64)
        # Twice: on each connection the next envelope travels with the message before it.
        self.capabilities = Capabilities(batch=BATCH, at_once=2 * connections, takes_mailings=True)
        self._pool = Pool(self._endpoint, self._credentials, size=connections)
        self._skeletons: OrderedDict[tuple[str, bool], Skeleton | None] = OrderedDict()

    def __repr__(self) -> str:
        return f"<SMTP gateway {self.name!r} at {self._endpoint.host}:{self._endpoint.port}>"

    def submit(self, outgoing: Outgoing) -> Outcome:
        """One message, one recipient. The reference is the queue id where the server told one, else the Message-ID."""
        session, outcome = self._deliver(None, outgoing)
        if session is not None:
            self._pool.give_back(session)
        return outcome

    def submit_many(self, batch: Sequence[Outgoing], begin: Begin) -> Iterator[tuple[int, Outcome]]:
        """In order, each outcome as soon as it is known; between two of them no transaction is open."""
        session: Session | None = None
        unreachable: Outcome | None = None
        try:
            for place, outgoing in enumerate(batch):
                if not begin(place):
                    return
                outcome = unreachable
                if outcome is None:
                    session, outcome = self._deliver(session, outgoing)
                    unreachable = outcome if session is None else None
                yield place, outcome
        finally:
            if session is not None:
                self._pool.give_back(session)

    def submit_mailing(self, mailing: Mailing, copies: Sequence[Copy], begin: Begin) -> Iterator[tuple[int, Outcome]]:
        """Over several connections at once, outcomes in any order.

        What can't be filled in, such as a recipient whose address is not ASCII, is composed and sent by itself at last.
        """
        compiled: dict[bool, Skeleton | None] = {}

        def write(place: int, dialect: Dialect) -> Letter | None:
            is_8bit = dialect.is_8bit
            if is_8bit not in compiled:
                compiled[is_8bit] = self._skeleton(mailing, is_8bit=is_8bit)
            skeleton = compiled[is_8bit]
            return None if skeleton is None else letter(place, copies[place], skeleton, dialect)

        window = Window(len(copies), write, begin, self._pool)
        yield from window.outcomes()
        careful = [] if window.is_ended else window.careful
        by_itself = [written_out(mailing, copies[place]) for place in careful]
        for number, outcome in self.submit_many(by_itself, lambda number: begin(careful[number])):
            yield careful[number], outcome

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
            return Health(is_ok=False, detail=f"{where}: {session.text} ({session.code})", code=session.code)
        is_ok = session.noop()
        session.close()
        detail = f"{where} answers" if is_ok else f"{where} hung up after the greeting"
        detail = f"{detail}; login {'accepted' if self._credentials else 'not asked for'}."
        return Health(is_ok=is_ok, detail=detail, code="" if is_ok else "closed")

    def close(self) -> None:
        """Say goodbye to the server."""
        self._pool.close()

    def _deliver(self, session: Session | None, outgoing: Outgoing) -> tuple[Session | None, Outcome]:
        """Send over this session, over another where it is missing or gone stale; and the one to go on with.

        No session in the answer: there was none to be had, and the outcome says why.
        """
        if not isinstance(outgoing, OutgoingEmail):
            raise TypeError(f"A mail gateway was handed a {type(outgoing).__name__}.")
        if session is None or not session.is_open:
            lent = self._pool.lend_one()
            if isinstance(lent, Refused):
                return None, lent
            session = lent
        try:
            outcome = _transact(session, outgoing)
        except BaseException:
            session.hang_up()
            raise
        return self._deliver(None, outgoing) if session.is_stale else (session, outcome)

    def _skeleton(self, mailing: Mailing, *, is_8bit: bool) -> Skeleton | None:
        """The mailing compiled, or None where every copy has to be composed."""
        key = mailing.key, is_8bit
        if key in self._skeletons:
            self._skeletons.move_to_end(key)
            return self._skeletons[key]
        try:
            self._skeletons[key] = compile_mailing(mailing, is_8bit=is_8bit)
        except InvalidInput:
            self._skeletons[key] = None  # composing one says to each what is wrong with it
        if len(self._skeletons) > SKELETONS:
            self._skeletons.popitem(last=False)
        return self._skeletons[key]


def _transact(session: Session, outgoing: OutgoingEmail) -> Outcome:
    envelope = prepare(session, outgoing)
    return envelope if isinstance(envelope, Refused) else session.transact(envelope)


def letter(place: int, copy: Copy, skeleton: Skeleton, dialect: Dialect) -> Letter | None:
    """A copy as bytes for one server; None where it has to be composed.

    What `fill` let pass holds no line break and no angle bracket in its addresses.
    """
    try:
        content = skeleton.fill(copy)
        to = copy.to if copy.to.isascii() else with_ascii_domain(copy.to)
        size = f" SIZE={len(content)}" if dialect.has_size else ""
        body = " BODY=8BITMIME" if dialect.is_8bit and not content.isascii() else ""
        envelope = f"MAIL FROM:<{copy.return_path}>{size}{body}\r\nRCPT TO:<{to}>\r\nDATA\r\n".encode("ascii")
    except (InvalidInput, UnicodeEncodeError):
        return None
    return Letter(place, to, copy.message_id, dialect, envelope, content)


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
        return too_big(len(content), session.size_limit)
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
    to, sender, reply_to, return_path = (with_ascii_domain(address) for address in _addresses(outgoing))
    return dataclasses.replace(outgoing, to=to, sender=sender, reply_to=reply_to, return_path=return_path)


def _endpoint(options: Options) -> Endpoint:
    host, tls = options.host("host"), options["tls"]
    if options.mode is Mode.LIVE and tls == "none" and not is_this_machine(host):
        raise options.fault("tls", "must be starttls or tls in live mode, unless the mail server is this machine.")
    reply_seconds = options.timeout(REPLY_SECONDS)
    return Endpoint(
        host=host,
        port=options.integer("port", least=1, most=65_535),
        tls=tls,
        helo=options["helo"],
        context=_trusted(options.mode),
        reply_seconds=reply_seconds,
        dot_seconds=min(DOT_SECONDS, 3 * reply_seconds),
    )


@functools.cache
def _trusted(mode: Mode) -> ssl.SSLContext:
    """Whom this process trusts, read once."""
    context = ssl.create_default_context()
    if mode is Mode.SANDBOX:
        # The stand-in on this machine has no certificate that anybody signed.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


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
        Option("connections", "connections that a mailing may use at once", default=str(CONNECTIONS)),
    ),
    load=lambda: SmtpGateway,
)
