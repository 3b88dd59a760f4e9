"""One SMTP connection, one transaction after the other. Not left to smtplib, because only then is it exact on which
side of the final dot something broke.

**The point of no return** is the final dot (RFC 5321 §4.1.1.4). Whatever breaks before its last byte was handed to
the kernel is *not sent*; a refusal after it is known; silence after it is *unknown*.

Owns the connection and nothing else: it does not retry, does not build messages. One recipient a transaction. With
PIPELINING (RFC 2920) MAIL, RCPT and DATA leave in one write, so DATA may be granted (354) although the recipient was
refused: then a lone dot ends it. Mailings share the connection, but not this dialogue (lane.py).
"""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass

from urgentaction.channels.contract import Outcome, Refused, Unknown
from urgentaction.channels.email.message import dot_stuff
from urgentaction.channels.email.smtp.replies import (
    SERVICE_CLOSING,
    START_INPUT,
    Broken,
    Reply,
    first_refusal,
    is_wanted,
    lost,
    not_sent,
    take_reply,
)

DOT = b".\r\n"
#: Raised by a socket that does not wait, where there is nothing to read or no room to write.
NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
#: The most bytes of one (RFC 8446 §5.1).
TLS_RECORD = 16_384
_CRLF = b"\r\n"
#: A server has to read so many bytes within `reply_seconds`.
_STRETCH = 65_536


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and how to connect. Times in seconds: for a reply, and for the one to a final dot."""

    host: str
    port: int
    tls: str
    helo: str
    context: ssl.SSLContext
    reply_seconds: float
    dot_seconds: float


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


class Session:
    """An open connection, ready for transactions, one after the other. Belongs to one thread.

    Attributes:
        sock: the connection itself; whoever uses it sets whether it waits.
        transactions: how many envelopes have been sent over it.
        is_open: whether another transaction may be tried.
        is_stale: the server had hung up between two transactions, before it read a word of the last one.
    """

    def __init__(self, smtp: smtplib.SMTP, endpoint: Endpoint) -> None:
        if smtp.sock is None:
            raise ValueError("The session needs a connection.")
        self._smtp = smtp
        self.sock: socket.socket = smtp.sock
        self.endpoint = endpoint
        self.transactions = 0
        self.is_open = True
        self.is_stale = False
        self._buffer = b""
        self._replies_heard = 0
        # The dot leaves in the same write as the message, but short commands should not wait for an ACK either.
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def features(self) -> Mapping[str, str]:
        """What the server offered after EHLO, names in lower case."""
        return self._smtp.esmtp_features

    @property
    def size_limit(self) -> int:
        """The most bytes a message may have (RFC 1870); 0: none was told."""
        told = self.features.get("size", "").strip()
        return int(told) if told.isascii() and told.isdigit() else 0

    @property
    def is_quiet(self) -> bool:
        """Whether the server has said nothing since the last transaction: no goodbye, no end, nothing unasked."""
        if self._buffer:
            return False
        self.sock.setblocking(False)
        try:
            self.sock.recv(1)
        except NOT_NOW:
            return True
        except OSError:
            return False
        return False

    def transact(self, envelope: Envelope) -> Outcome:
        """One mail transaction. Afterwards look at `is_open` and `is_stale`."""
        try:
            return self._transact(envelope)
        except BaseException:
            # A time limit or Ctrl-C in the middle: nobody knows where in the dialogue this connection stands.
            self.hang_up()
            raise

    def noop(self) -> bool:
        """Whether the server still answers."""
        try:
            self._send(b"NOOP\r\n")
            return self._reply(self.endpoint.reply_seconds).is_positive
        except Broken:
            self.hang_up()
            return False

    def close(self) -> None:
        """Say goodbye and hang up. May be called twice."""
        if self.is_open:
            # A courtesy: what was accepted stays accepted, whether or not the server hears it.
            with contextlib.suppress(Broken):
                self._send(b"QUIT\r\n")
        self.hang_up()

    def hang_up(self) -> None:
        """Drop the connection without a word."""
        self.is_open = False
        self._smtp.close()

    def _transact(self, envelope: Envelope) -> Outcome:
        self.transactions += 1
        self._replies_heard = 0
        try:
            refused = self._open_envelope(envelope)
            if refused is not None:
                return refused
            self._send(dot_stuff(envelope.content) + DOT)
        except Broken as broken:
            self.is_stale = self.transactions > 1 and self._replies_heard == 0 and broken.code == "closed"
            self.hang_up()
            return not_sent(broken)
        return self._verdict(envelope)

    def _verdict(self, envelope: Envelope) -> Outcome:
        """What the server says after the final dot. From here on silence means unknown."""
        try:
            reply = self._reply(self.endpoint.dot_seconds)
        except Broken as broken:
            self.hang_up()
            return lost(broken)
        outcome = reply.verdict(message_id=envelope.message_id, domain=envelope.domain)
        if reply.code == SERVICE_CLOSING or isinstance(outcome, Unknown):
            self.hang_up()
        return outcome

    def _open_envelope(self, envelope: Envelope) -> Refused | None:
        """MAIL, RCPT, DATA; None when the server waits for the message."""
        commands = (envelope.mail, envelope.rcpt, b"DATA")
        replies = self._pipelined(commands) if "pipelining" in self.features else self._in_turn(commands)
        refused = first_refusal(replies, domain=envelope.domain)
        if refused is not None:
            self._clear_up(replies)
        return refused

    def _pipelined(self, commands: tuple[bytes, ...]) -> list[Reply]:
        self._send(b"".join(command + _CRLF for command in commands))
        replies: list[Reply] = []
        try:
            for _ in commands:
                replies.append(self._reply(self.endpoint.reply_seconds))  # noqa: PERF401  # what came must stay
        except Broken:
            # A server that refuses and hangs up has said what it had to say.
            if not any(reply.is_negative for reply in replies):
                raise
            self.hang_up()
        return replies

    def _in_turn(self, commands: tuple[bytes, ...]) -> list[Reply]:
        replies: list[Reply] = []
        for number, command in enumerate(commands):
            self._send(command + _CRLF)
            replies.append(self._reply(self.endpoint.reply_seconds))
            if not is_wanted(number, replies[-1]):
                break
        return replies

    def _clear_up(self, replies: list[Reply]) -> None:
        """After a refused envelope: bring the dialogue back to where a new MAIL may follow, or hang up."""
        if any(reply.code == SERVICE_CLOSING for reply in replies):
            self.is_stale = self.transactions > 1 and replies[0].code == SERVICE_CLOSING
            self.hang_up()
        if not self.is_open:
            return
        try:
            if replies[-1].code == START_INPUT:
                # Nobody is left to receive it: an empty message, which the server must refuse (RFC 2920 §3.1).
                self._send(DOT)
                self._reply(self.endpoint.dot_seconds)
            self._send(b"RSET\r\n")
            if not self._reply(self.endpoint.reply_seconds).is_positive:
                self.hang_up()
        except Broken:
            # The refusal stands; only the connection is lost with it.
            self.hang_up()

    def _send(self, data: bytes) -> None:
        """Hand all of `data` to the kernel, or raise Broken; then its last byte was not handed over."""
        view, sent = memoryview(data), 0
        ends, next_stretch = 0.0, 0
        while sent < len(view):
            if sent >= next_stretch:
                ends, next_stretch = time.monotonic() + self.endpoint.reply_seconds, sent + _STRETCH
            sent += self._put(view[sent : sent + TLS_RECORD], ends)

    def _put(self, piece: memoryview, ends: float) -> int:
        left = ends - time.monotonic()
        if left <= 0:
            raise Broken("timeout", "The mail server stopped reading.")
        self.sock.settimeout(left)
        try:
            return self.sock.send(piece)
        except TimeoutError as error:
            raise Broken("timeout", "The mail server stopped reading.") from error
        except OSError as error:
            raise Broken("closed", f"The connection broke while sending ({type(error).__name__}).") from error

    def _reply(self, seconds: float) -> Reply:
        """The next reply, within `seconds` in all, however it is cut into packets."""
        ends = time.monotonic() + seconds
        while (taken := take_reply(self._buffer)) is None:
            self._buffer += self._received(ends)
        reply, self._buffer = taken
        self._replies_heard += 1
        return reply

    def _received(self, ends: float) -> bytes:
        """What comes next, up to and with the end of a line."""
        received = b""
        while b"\n" not in received and len(received) < _STRETCH:
            left = ends - time.monotonic()
            if left <= 0:
                raise Broken("timeout", "The mail server did not answer in time.")
            self.sock.settimeout(left)
            try:
                piece = self.sock.recv(4096)
            except TimeoutError as error:
                raise Broken("timeout", "The mail server did not answer in time.") from error
            except OSError as error:
                raise Broken("closed", f"The connection broke while reading ({type(error).__name__}).") from error
            if not piece:
                raise Broken("closed", "The mail server closed the connection.")
            received += piece
        return received
