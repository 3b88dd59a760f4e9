"""One SMTP connection. smtplib connects, greets, encrypts and logs in; the mail transaction is written here,
because only then is it exact on which side of the final dot something broke.

**The point of no return** is the final dot (RFC 5321 §4.1.1.4). Whatever breaks before its last byte was handed to
the kernel is *not sent*; a refusal after it is known; silence after it is *unknown*.

Owns the connection and nothing else: it does not retry, does not build messages. One recipient a transaction. With
PIPELINING (RFC 2920) MAIL, RCPT and DATA leave in one write, so DATA may be granted (354) although the recipient was
refused: then a lone dot ends it.
"""

from __future__ import annotations

import contextlib
import re
import smtplib
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass

from urgentaction.channels.contract import Accepted, Outcome, Refused, RetryClass, Unknown
from urgentaction.channels.email.smtp.codes import Step, classify, is_about_domain, is_about_us, is_gateway_fault
from urgentaction.channels.wording import harmless

_CRLF = b"\r\n"
_DOT = b".\r\n"
_MAX_REPLY_BYTES = 65_536
_SERVICE_CLOSING = 421
_START_INPUT = 354
#: What the replies to an envelope's commands answer, in their order.
_STEPS = (Step.MAIL, Step.RCPT, Step.DATA)
_REPLY_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?:\s|$)")
_QUEUE_ID = re.compile(r"(?:queued as|queue id:?|\bid=)\s*<?([A-Za-z0-9._-]{4,64})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and how to connect. `password` never appears in a repr. Times in seconds."""

    host: str
    port: int
    tls: str
    helo: str
    context: ssl.SSLContext
    reply_seconds: float
    dot_seconds: float


@dataclass(frozen=True, slots=True)
class Credentials:
    """User name and password, kept out of every repr."""

    username: str
    password: str

    def __repr__(self) -> str:
        return "<Credentials>"


@dataclass(frozen=True, slots=True)
class Envelope:
    """The commands of one transaction, without line ends, and the message with dots not yet stuffed."""

    mail: bytes
    rcpt: bytes
    content: bytes
    message_id: str

    @property
    def domain(self) -> str:
        """The recipient's domain, as it stands in RCPT TO."""
        return self.rcpt.decode("utf-8", "replace").rpartition("@")[2].rstrip(">")


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
            return _faulty(str(self.code), f"Out of step: {harmless(self.text)}")
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


class _Broken(Exception):
    """The connection is of no use any more. `code` is short and stable, the text for people."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def dot_stuff(content: bytes) -> bytes:
    """Make a message safe between DATA and the final dot, without that dot (RFC 5321 §4.5.2).

    Every line ends in CRLF afterwards, lone CR and LF included: a server that reads a lone LF as a line end must not
    find a final dot where we saw none.
    """
    lines = re.sub(rb"\r\n|\r|\n", _CRLF, content)
    if not lines.endswith(_CRLF):
        lines += _CRLF
    return re.sub(rb"(?m)^\.", b"..", lines)


def open_session(endpoint: Endpoint, credentials: Credentials | None) -> Session | Refused:
    """Connect, EHLO, STARTTLS, AUTH. A refusal says why there is no session; nothing was sent."""
    smtp: smtplib.SMTP | None = None
    try:
        smtp = _connect(endpoint)
        smtp.ehlo_or_helo_if_needed()
        if endpoint.tls == "starttls":
            smtp.starttls(context=endpoint.context)
            smtp.ehlo_or_helo_if_needed()
        if credentials is not None:
            smtp.login(credentials.username, credentials.password)
        return Session(smtp, endpoint)
    except (OSError, ValueError) as error:
        if smtp is not None:
            smtp.close()
        return _refusal_of_opening(error)


def _connect(endpoint: Endpoint) -> smtplib.SMTP:
    if endpoint.tls == "tls":
        return smtplib.SMTP_SSL(
            endpoint.host, endpoint.port, endpoint.helo, timeout=endpoint.reply_seconds, context=endpoint.context
        )
    return smtplib.SMTP(endpoint.host, endpoint.port, endpoint.helo, timeout=endpoint.reply_seconds)


def _refusal_of_opening(error: Exception) -> Refused:
    match error:
        case smtplib.SMTPResponseException():
            words = error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else ""
            return Reply(int(error.smtp_code), words).refusal(Step.OPENING)
        case smtplib.SMTPServerDisconnected():
            return _faulty("closed", "The mail server hung up or fell silent while greeting.")
        case smtplib.SMTPNotSupportedError():
            return _blaming_us("not-offered", "The mail server offers no STARTTLS or no AUTH.")
        case smtplib.SMTPException():
            return _blaming_us("auth", "No way to log in that both sides know.")
        case ssl.SSLCertVerificationError():
            return _blaming_us("tls", "The mail server's certificate was not accepted.")
        case ValueError():
            return _blaming_us("login", "User name or password can't be sent (non-ASCII).")
        case _:
            return _faulty("connect", f"No connection to the mail server ({type(error).__name__}).")


def _blaming_us(code: str, text: str) -> Refused:
    return Refused(RetryClass.FIX_FIRST, code, text, is_about_us=True)


def _faulty(code: str, text: str) -> Refused:
    return Refused(RetryClass.SOON, code, text, is_gateway_fault=True)


class Session:
    """An open connection, ready for transactions, one after the other. Belongs to one thread.

    Attributes:
        is_open: whether another transaction may be tried.
        is_stale: the server had hung up between two transactions, before it read a word of the last one.
    """

    def __init__(self, smtp: smtplib.SMTP, endpoint: Endpoint) -> None:
        if smtp.sock is None:
            raise ValueError("The session needs a connection.")
        self._smtp = smtp
        self._sock: socket.socket = smtp.sock
        self._endpoint = endpoint
        self._buffer = b""
        self._transactions = 0
        self._replies_heard = 0
        self.is_open = True
        self.is_stale = False
        # The dot leaves in the same write as the message, but short commands should not wait for an ACK either.
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def features(self) -> Mapping[str, str]:
        """What the server offered after EHLO, names in lower case."""
        return self._smtp.esmtp_features

    @property
    def size_limit(self) -> int:
        """The most bytes a message may have (RFC 1870); 0: none was told."""
        told = self.features.get("size", "").strip()
        return int(told) if told.isascii() and told.isdigit() else 0

    def transact(self, envelope: Envelope) -> Outcome:
        """One mail transaction. Afterwards look at `is_open` and `is_stale`."""
        try:
            return self._transact(envelope)
        except BaseException:
            # A time limit or Ctrl-C in the middle: nobody knows where in the dialogue this connection stands.
            self._hang_up()
            raise

    def noop(self) -> bool:
        """Whether the server still answers."""
        try:
            self._send(b"NOOP\r\n")
            return self._reply(self._endpoint.reply_seconds).is_positive
        except _Broken:
            self._hang_up()
            return False

    def close(self) -> None:
        """Say goodbye and hang up. May be called twice."""
        if self.is_open:
            # A courtesy: what was accepted stays accepted, whether or not the server hears it.
            with contextlib.suppress(_Broken):
                self._send(b"QUIT\r\n")
        self._hang_up()

    def _transact(self, envelope: Envelope) -> Outcome:
        self._transactions += 1
        self._replies_heard = 0
        try:
            refused = self._open_envelope(envelope)
            if refused is not None:
                return refused
            self._send(dot_stuff(envelope.content) + _DOT)
        except _Broken as broken:
            self.is_stale = self._transactions > 1 and self._replies_heard == 0 and broken.code == "closed"
            self._hang_up()
            return _faulty(broken.code, f"{broken} Nothing was handed over.")
        return self._verdict(envelope)

    def _verdict(self, envelope: Envelope) -> Outcome:
        """What the server says after the final dot. From here on silence means unknown."""
        try:
            reply = self._reply(self._endpoint.dot_seconds)
        except _Broken as broken:
            self._hang_up()
            return Unknown(f"{broken} The message had been handed over completely.")
        if reply.code == _SERVICE_CLOSING:
            self._hang_up()
        if reply.is_positive:
            found = _QUEUE_ID.search(reply.text)
            return Accepted(found.group(1) if found else envelope.message_id)
        if reply.is_negative:
            return reply.refusal(Step.DOT, domain=envelope.domain)
        self._hang_up()
        return Unknown(f"The mail server answered {reply.code} to the final dot, which means nothing.")

    def _open_envelope(self, envelope: Envelope) -> Refused | None:
        """MAIL, RCPT, DATA; None when the server waits for the message."""
        commands = (envelope.mail, envelope.rcpt, b"DATA")
        replies = self._pipelined(commands) if "pipelining" in self.features else self._in_turn(commands)
        first_bad = next((n for n, reply in enumerate(replies) if not self._is_wanted(n, reply)), None)
        if first_bad is None:
            return None
        refused = replies[first_bad].refusal(_STEPS[first_bad], domain=envelope.domain)
        self._clear_up(replies)
        return refused

    def _pipelined(self, commands: tuple[bytes, ...]) -> list[Reply]:
        self._send(b"".join(command + _CRLF for command in commands))
        replies: list[Reply] = []
        try:
            for _ in commands:
                replies.append(self._reply(self._endpoint.reply_seconds))  # noqa: PERF401  # what came must stay
        except _Broken:
            # A server that refuses and hangs up has said what it had to say.
            if not any(reply.is_negative for reply in replies):
                raise
            self._hang_up()
        return replies

    def _in_turn(self, commands: tuple[bytes, ...]) -> list[Reply]:
        replies: list[Reply] = []
        for number, command in enumerate(commands):
            self._send(command + _CRLF)
            replies.append(self._reply(self._endpoint.reply_seconds))
            if not self._is_wanted(number, replies[-1]):
                break
        return replies

    def _is_wanted(self, number: int, reply: Reply) -> bool:
        is_data = number == 2
        return reply.code == _START_INPUT if is_data else reply.is_positive

    def _clear_up(self, replies: list[Reply]) -> None:
        """After a refused envelope: bring the dialogue back to where a new MAIL may follow, or hang up."""
        if any(reply.code == _SERVICE_CLOSING for reply in replies):
            self.is_stale = self._transactions > 1 and replies[0].code == _SERVICE_CLOSING
            self._hang_up()
        if not self.is_open:
            return
        try:
            if replies[-1].code == _START_INPUT:
                # Nobody is left to receive it: an empty message, which the server must refuse (RFC 2920 §3.1).
                self._send(_DOT)
                self._reply(self._endpoint.dot_seconds)
            self._send(b"RSET\r\n")
            if not self._reply(self._endpoint.reply_seconds).is_positive:
                self._hang_up()
        except _Broken:
            # The refusal stands; only the connection is lost with it.
            self._hang_up()

    def _send(self, data: bytes) -> None:
        """Hand all of `data` to the kernel, or raise _Broken; then its last byte was not handed over."""
        view, sent = memoryview(data), 0
        self._sock.settimeout(self._endpoint.reply_seconds)
        while sent < len(view):
            try:
                sent += self._sock.send(view[sent:])
            except TimeoutError as error:
                raise _Broken("timeout", "The mail server stopped reading.") from error
            except OSError as error:
                raise _Broken("closed", f"The connection broke while sending ({type(error).__name__}).") from error

    def _reply(self, seconds: float) -> Reply:
        """The next reply, within `seconds` in all, however it is cut into packets."""
        ends = time.monotonic() + seconds
        lines: list[str] = []
        while True:
            found = _REPLY_LINE.fullmatch(self._line(ends))
            if found is None:
                raise _Broken("garbled", "The mail server said something that is no SMTP reply.")
            code, separator, text = found.groups()
            lines.append((text or b"").decode("utf-8", "replace").strip())
            if separator != b"-":
                self._replies_heard += 1
                return Reply(int(code), " ".join(line for line in lines if line))

    def _line(self, ends: float) -> bytes:
        while b"\n" not in self._buffer:
            left = ends - time.monotonic()
            if left <= 0:
                raise _Broken("timeout", "The mail server did not answer in time.")
            self._sock.settimeout(left)
            try:
                received = self._sock.recv(4096)
            except TimeoutError as error:
                raise _Broken("timeout", "The mail server did not answer in time.") from error
            except OSError as error:
                raise _Broken("closed", f"The connection broke while reading ({type(error).__name__}).") from error
            if not received:
                raise _Broken("closed", "The mail server closed the connection.")
            self._buffer += received
            if len(self._buffer) > _MAX_REPLY_BYTES:
                raise _Broken("garbled", "The mail server's reply has no end.")
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.rstrip(b"\r")

    def _hang_up(self) -> None:
        self.is_open = False
        self._smtp.close()
