"""An SMTP server whose every answer is drawn by lot, and who remembers what it took: the oracle for mailings."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
from collections import Counter
from dataclasses import dataclass, field

#: What may happen at any answer, and how often in a thousand; otherwise it is polite.
MOODS = {
    "later": 40,  # 4xx
    "never": 40,  # 5xx
    "closing": 20,  # 421, and the end
    "hang up": 20,
    "reset": 10,  # RST: what was said before may be lost with it
    "garbage": 10,
    "silence": 2,
    "long": 40,  # a polite answer of several lines
}
_AT_ONCE = struct.pack("ii", 1, 0)
_POLITE = {"DATA": b"354 go on\r\n", "QUIT": b"221 bye\r\n"}
_WORDS = {
    "later": b"451 4.3.0 not now\r\n",
    "never": b"550-5.1.1 no\r\n550 5.1.1 such user\r\n",
    "closing": b"421 4.3.2 shutting down\r\n",
    "garbage": b"what?\r\n",
}
_LONG = b"250-first of two\r\n250 2.0.0 second\r\n"


class _Over(Exception):
    """This connection has come to its end."""


@dataclass
class Moods:
    """Takes part in any number of connections.

    Attributes:
        took: recipients whose message was taken and positively answered for, and how often.
        saw: recipients whose final dot was read.
        unheard: of those taken, whose answer a reset may have destroyed on its way.
        problems: what a client must not do, and did.
    """

    seed: int
    features: tuple[str, ...] = ("PIPELINING", "8BITMIME", "SIZE 1000000")
    took: Counter[str] = field(default_factory=Counter)
    saw: Counter[str] = field(default_factory=Counter)
    unheard: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    _count: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def serve(self, connection: socket.socket) -> None:
        with self._lock:
            self._count += 1
            talk = _Talk(self, connection, random.Random(f"{self.seed} {self._count}"))
        with contextlib.suppress(_Over):
            talk.run()


class _Talk:
    def __init__(self, moods: Moods, connection: socket.socket, lot: random.Random) -> None:
        self.moods, self.connection, self.lot = moods, connection, lot
        self.style = lot.choice(("joined", "separate", "dribbling"))
        self.incoming, self.outgoing = b"", b""
        self.is_open_transaction = False
        self.recipient = ""
        self.taken: list[str] = []
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def run(self) -> None:
        self.say(b"220 moody.invalid\r\n")
        while True:
            line = self.line()
            verb = line.split(b" ")[0].upper().decode()
            if verb == "EHLO":
                lines = ["moody.invalid", *self.moods.features]
                marks = ["-"] * (len(lines) - 1) + [" "]
                self.say("".join(f"250{mark}{text}\r\n" for mark, text in zip(marks, lines, strict=True)).encode())
            elif verb == "QUIT":
                self.say(_POLITE["QUIT"])
                self.end()
            elif verb in {"MAIL", "RCPT", "DATA", "RSET"}:
                self.command(verb, line.decode())
            else:
                self.moods.problems.append(f"command {line!r}")
                self.end()

    def command(self, verb: str, line: str) -> None:
        if verb == "MAIL" and self.is_open_transaction:
            self.moods.problems.append("MAIL within a transaction")
        if verb == "RSET":
            self.is_open_transaction, self.recipient = False, ""
            self.say(b"250 2.0.0 Ok\r\n")
            return
        if verb == "RCPT" and not self.is_open_transaction:
            self.say(b"503 5.5.1 MAIL first\r\n")
            return
        if verb == "DATA" and not self.recipient and self.lot.random() < 0.5:
            self.say(b"503 5.5.1 RCPT first\r\n")
            return
        if not self.is_positive(verb):
            return
        if verb == "MAIL":
            self.is_open_transaction, self.recipient = True, ""
        elif verb == "RCPT":
            self.recipient = line.partition("<")[2].rstrip(">")
        else:
            self.message()

    def message(self) -> None:
        recipient, lines = self.recipient, 0
        while (line := self.line()) != b".":
            lines += 1
            if line.startswith(b".") and not line.startswith(b".."):
                self.moods.problems.append("a dot that is not stuffed")
            if lines == 3 and self.lot.random() < 0.03:
                self.end()
        self.is_open_transaction, self.recipient = False, ""
        if not recipient:
            if lines:
                self.moods.problems.append("a message to nobody")
            self.say(b"554 5.5.1 no valid recipients\r\n")
            return
        with self.moods._lock:
            self.moods.saw[recipient] += 1
        self.is_positive("DOT", recipient)

    def is_positive(self, step: str, recipient: str = "") -> bool:
        """Answer by lot."""
        mood = self.mood()
        if mood not in {"polite", "long"}:
            self.misbehave(mood)
            return False
        if recipient:
            with self.moods._lock:
                self.moods.took[recipient] += 1
            self.taken.append(recipient)
        self.say(_LONG if mood == "long" and step != "DATA" else _POLITE.get(step, b"250 2.0.0 Ok\r\n"))
        return True

    def mood(self) -> str:
        draw = self.lot.randrange(1000)
        for name, share in MOODS.items():
            if draw < share:
                return name
            draw -= share
        return "polite"

    def misbehave(self, mood: str) -> None:
        self.say(_WORDS.get(mood, b""))
        if mood in {"closing", "hang up", "garbage"}:
            self.end()
        if mood == "reset":
            self.moods.unheard.update(self.taken[-2:])
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            raise _Over
        if mood == "silence":
            self.flush()
            while self.connection.recv(65_536):
                pass
            raise _Over

    def line(self) -> bytes:
        while b"\r\n" not in self.incoming:
            self.flush()
            received = self.connection.recv(65_536)
            if not received:
                raise _Over
            self.incoming += received
        line, _, self.incoming = self.incoming.partition(b"\r\n")
        return line

    def say(self, words: bytes) -> None:
        self.outgoing += words
        if self.style != "joined":
            self.flush()

    def flush(self) -> None:
        words, self.outgoing = self.outgoing, b""
        step = 1 if self.style == "dribbling" else len(words) or 1
        for start in range(0, len(words), step):
            self.connection.sendall(words[start : start + step])

    def end(self) -> None:
        """Close in such a way that the other side can read everything that was said."""
        self.flush()
        self.connection.shutdown(socket.SHUT_WR)
        self.connection.settimeout(5)
        while self.connection.recv(65_536):
            pass
        raise _Over
