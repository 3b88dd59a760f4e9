"""One connection with a mailing on it: the next envelope leaves in one write with the message before it.

What stands on the wire, in order: the content of `sent` with its final dot, then the envelope of `opened` (RFC 2920
§3.1 lets commands follow a message in one group). The content of `opened` waits for its 354. So a server's replies can
only answer, in this order: a lone dot and RSET that clear up after a refusal, the dot of `sent`, the envelope of
`opened`. Where the server has no PIPELINING each command waits for the reply to the one before.

Owns what is under way on one connection, and never waits: whoever drives it says when to read and to write. The point
of no return is the one of session.py. What had been opened, but not sent, when the connection broke under a message
before it, or between two, is given back to be opened elsewhere: of its content nothing had left.
"""

from __future__ import annotations

import math
import ssl
import sys
from collections.abc import Callable
from dataclasses import dataclass

from urgentaction.channels.contract import Accepted, Outcome
from urgentaction.channels.email.smtp.codes import Step
from urgentaction.channels.email.smtp.replies import (
    SERVICE_CLOSING,
    START_INPUT,
    Broken,
    Reply,
    faulty,
    first_refusal,
    is_wanted,
    lost,
    not_sent,
    queue_id,
    take_reply,
)
from urgentaction.channels.email.smtp.session import DOT, NOT_NOW, TLS_RECORD, Session

#: How much of a write is offered to the kernel at once, where the connection is in the clear.
PIECE = sys.maxsize
_READ_BYTES = 4096
_COMMANDS = 3  # MAIL, RCPT, DATA
_RSET = b"RSET\r\n"


@dataclass(frozen=True, slots=True)
class Dialect:
    """What of a message depends on the server that is to take it."""

    is_8bit: bool
    has_size: bool
    size_limit: int


class Letter:
    """One copy as bytes: `envelope` are its three commands, `content` is dot-stuffed and without the final dot."""

    __slots__ = ("content", "dialect", "envelope", "message_id", "place", "to")

    def __init__(self, place: int, to: str, message_id: str, dialect: Dialect, envelope: bytes, content: bytes) -> None:
        self.place = place
        self.to = to
        self.message_id = message_id
        self.dialect = dialect
        self.envelope = envelope
        self.content = content

    @property
    def domain(self) -> str:
        """The recipient's."""
        return self.to.rpartition("@")[2]


class Lane:
    """A session while a mailing goes over it.

    Attributes:
        dialect: what its server speaks.
        deadline: when, on `time.monotonic`, the server will have been silent for too long; infinite when idle.
        wants_room: something waits until the kernel takes more.
    """

    def __init__(
        self,
        session: Session,
        *,
        give: Callable[[Dialect], Letter | None],
        tell: Callable[[tuple[int, Outcome]], None],
        give_back: Callable[[Letter], None],
    ) -> None:
        """Put a session, which is quiet, to use.

        Args:
            give: the next letter to be opened, already begun; None where there is no more.
            tell: hears places and outcomes.
            give_back: takes a letter that must be opened elsewhere.
        """
        features = session.features
        self.dialect = Dialect("8bitmime" in features, "size" in features, session.size_limit)
        self.deadline = math.inf
        self.wants_room = False
        self._session = session
        self._sock = session.sock
        self._sock.setblocking(False)
        # Of a TLS record the other side reads all or nothing, so with one at a time it is exact what was handed over.
        self._piece = TLS_RECORD if isinstance(self._sock, ssl.SSLSocket) else PIECE
        self._is_pipelining = "pipelining" in features
        self._reply_seconds = session.endpoint.reply_seconds
        self._dot_seconds = session.endpoint.dot_seconds
        self._give, self._tell, self._give_back = give, tell, give_back
        self._heard = b""
        self._left = b""  # what the kernel has not taken yet
        self._dot_left = 0  # how many bytes of that end with the dot of `sent`
        self._sent: Letter | None = None
        self._opened: Letter | None = None
        self._replies: list[Reply] = []  # to the envelope of `opened`, so far
        self._commands: list[bytes] = []  # of that envelope, not sent yet: the server has no PIPELINING
        self._clearing: list[Step | None] = []  # what the next replies answer before all else: a lone dot, RSET (None)

    @property
    def is_open(self) -> bool:
        """Whether the connection can be used."""
        return self._session.is_open

    @property
    def is_busy(self) -> bool:
        """Whether an answer is awaited."""
        return self._session.is_open and not (self._sent is None and self._opened is None and not self._clearing)

    def start(self, now: float) -> None:
        """Where nothing is under way: open the next letter, if there is one."""
        if self.is_open and not self.is_busy:
            self._guarded(lambda: self._open_next(now))

    def read(self, now: float) -> bool:
        """The server said something, or hung up. Returns whether all is well, and the next answer awaited."""
        try:
            data = self._sock.recv(_READ_BYTES)
            if self._is_all_well(data, now):
                return not self.wants_room
            self._take(data, now)
        except NOT_NOW:
            return True
        except Broken as broken:
            self._break(broken)
        except OSError as error:
            self._break(Broken("closed", f"The connection broke while reading ({type(error).__name__})."))
        return self.is_busy and not self.wants_room

    def write(self, now: float) -> None:
        """The kernel may take more."""
        if self._left:
            self._guarded(lambda: self._put(self._left, self._dot_left, now, is_rest=True))

    def give_up(self) -> None:
        """The deadline is over."""
        what = "stopped reading" if self._left else "did not answer in time"
        self._break(Broken("timeout", f"The mail server {what}."))

    def _guarded(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Broken as broken:
            self._break(broken)

    # --- what the server says

    def _is_all_well(self, data: bytes, now: float) -> bool:
        """The ordinary case, made short: in one piece, all is well with `sent` and with `opened`.

        Nothing is decided here: False leaves it to those who read with care.
        """
        sent, opened = self._sent, self._opened
        if sent is None or opened is None or self._heard or self._replies or self._left or not self._is_pipelining:
            return False
        lines = data.split(b"\r\n")
        if len(lines) != 5 or lines[4]:
            return False
        dot, mail, rcpt, go_on, _ = lines
        if not (dot[:4] == mail[:4] == rcpt[:4] == b"250 " and go_on[:4] == b"354 "):
            return False
        self._tell((sent.place, Accepted(queue_id(dot.decode("utf-8", "replace")) or sent.message_id)))
        self._sent, self._opened = opened, None
        self._hand_over(opened, now)
        return True

    def _take(self, data: bytes, now: float) -> None:
        if not data:
            raise Broken("closed", "The mail server closed the connection.")
        self._heard += data
        while self.is_open and (taken := take_reply(self._heard)) is not None:
            reply, self._heard = taken
            self._answered(reply, now)

    def _answered(self, reply: Reply, now: float) -> None:
        if self._clearing:
            self._cleared(reply)
        elif self._sent is not None:
            self._dot_answered(self._sent, reply)
        elif self._opened is not None:
            self._envelope_answered(self._opened, reply, now)
        else:
            raise Broken("garbled", "The mail server spoke without being asked.")
        self._wait(now)
        if not self.is_busy:
            self._open_next(now)

    def _cleared(self, reply: Reply) -> None:
        is_rset = self._clearing.pop(0) is None
        if reply.code == SERVICE_CLOSING or (is_rset and not reply.is_positive):
            raise Broken("closed", "The mail server did not go on after a refusal.")

    def _dot_answered(self, letter: Letter, reply: Reply) -> None:
        outcome = reply.verdict(message_id=letter.message_id, domain=letter.domain)
        if self._dot_left:
            if not reply.is_negative:
                raise Broken("garbled", "The mail server answered a message before it had all of it.")
            self._tell((letter.place, outcome))
            self._sent = None
            raise Broken("closed", "The mail server refused a message before it had all of it.")
        self._tell((letter.place, outcome))
        self._sent = None
        if reply.code == SERVICE_CLOSING or not (reply.is_positive or reply.is_negative):
            raise Broken("closed", "The mail server closes the connection.")

    def _envelope_answered(self, letter: Letter, reply: Reply, now: float) -> None:
        self._replies.append(reply)
        if reply.code == SERVICE_CLOSING:
            raise Broken("closed", "The mail server closes the connection.")
        count = len(self._replies)
        if self._commands and is_wanted(count - 1, reply):
            self._put(self._commands.pop(0), 0, now)
        elif count == _COMMANDS or not self._is_pipelining:
            self._envelope_ends(letter, now)

    def _envelope_ends(self, letter: Letter, now: float) -> None:
        refused = first_refusal(self._replies, domain=letter.domain)
        if self._left or (refused is None and self._heard):
            raise Broken("garbled", "The mail server answered before it was asked.")
        is_data_granted = self._replies[-1].code == START_INPUT
        self._replies.clear()
        self._commands.clear()
        self._opened = None
        if refused is None:
            self._sent = letter
            self._hand_over(letter, now)
            return
        self._tell((letter.place, refused))
        # Granted although nobody is left to receive it: an empty message, which the server must refuse (RFC 2920 §3.1).
        self._clearing = [Step.DOT, None] if is_data_granted else [None]
        self._followed((DOT, _RSET) if is_data_granted else (_RSET,), 0, now)

    # --- what we say

    def _open_next(self, now: float) -> None:
        letter = self._give(self.dialect)
        if letter is None:
            self._wait(now)
            return
        self._opened = letter
        self._session.transactions += 1
        if self._is_pipelining:
            self._put(letter.envelope, 0, now)
            return
        self._commands = letter.envelope.splitlines(keepends=True)
        self._put(self._commands.pop(0), 0, now)

    def _hand_over(self, letter: Letter, now: float) -> None:
        """The content of what is now `sent`, whose 354 has come."""
        self._followed((letter.content, DOT), len(letter.content) + len(DOT), now)

    def _followed(self, pieces: tuple[bytes, ...], dot: int, now: float) -> None:
        """Send these, and behind it the next envelope where the server has PIPELINING."""
        if self._is_pipelining and (following := self._give(self.dialect)) is not None:
            self._opened = following
            self._session.transactions += 1
            pieces = (*pieces, following.envelope)
        self._put(b"".join(pieces), dot, now)

    def _put(self, data: bytes, dot: int, now: float, *, is_rest: bool = False) -> None:
        """Hand to the kernel what it takes now. `dot` bytes of it end with the final dot of `sent`."""
        if self._left and not is_rest:
            raise Broken("garbled", "The mail server answered before it was asked.")
        self._left, self._dot_left = data, dot
        try:
            count = self._sock.send(data if len(data) <= self._piece else data[: self._piece])
        except NOT_NOW:
            count = 0
        except OSError as error:
            raise Broken("closed", f"The connection broke while sending ({type(error).__name__}).") from error
        if count == len(data):
            self._left, self._dot_left, self.wants_room = b"", 0, False
            self._wait(now)
            return
        self._left, self._dot_left, self.wants_room = data[count:], max(0, dot - count), True
        if not is_rest:
            self.deadline = now + self._reply_seconds

    def _wait(self, now: float) -> None:
        """For the next reply, so long as it may take."""
        if self._left:
            return
        if self._sent is not None or (self._clearing and self._clearing[0] is Step.DOT):
            self.deadline = now + self._dot_seconds
        else:
            self.deadline = now + self._reply_seconds if self.is_busy else math.inf

    # --- what breaks

    def _break(self, broken: Broken) -> None:
        """The connection is over: settle what was under way."""
        sent, opened, dot_left = self._sent, self._opened, self._dot_left
        is_between = sent is not None or bool(self._clearing)
        self._sent = self._opened = None
        self._clearing.clear()
        self.deadline, self.wants_room = math.inf, False
        self._session.hang_up()
        if sent is not None:
            self._tell((sent.place, not_sent(broken) if dot_left else lost(broken)))
        if opened is not None:
            self._settle_opened(opened, broken, is_between=is_between)

    def _settle_opened(self, letter: Letter, broken: Broken, *, is_between: bool) -> None:
        replies = self._replies
        is_goodbye = bool(replies) and replies[0].code == SERVICE_CLOSING
        is_unheard = is_goodbye or not replies
        is_stale = self._session.transactions > 1 and (broken.code == "closed" or is_between)
        if is_unheard and is_stale and broken.code != "timeout":
            self._give_back(letter)
        elif any(reply.is_negative for reply in replies):
            # A server that refuses and hangs up has said what it had to say.
            refused = first_refusal(replies, domain=letter.domain)
            self._tell((letter.place, refused or faulty(broken.code, str(broken))))
        else:
            self._tell((letter.place, not_sent(broken)))
