"""An SMTP server that takes everything, keeps nothing and counts: the far end of every contender.

A program of its own (`python -m benchmarks.sink`), one thread around epoll, because it shares the machine with what is
measured and must not be what holds it back. Standard input is its control: one command a line, one JSON answer a line;
when it ends, so does the sink, whatever ended its parent. It offers PIPELINING (RFC 2920), 8BITMIME (RFC 6152) and SIZE
(RFC 1870), and nothing that would have to be measured with it: no TLS, no AUTH.

Commands: `counts`; `reset` (counts and what was looked at); `look on` (keep each message's recipient and Message-ID)
and `look off`; `looked`; `sample` (the first message since `look on`, base64); `delay 0.05` (seconds before each `250`
of a message, for a slow server).
"""

from __future__ import annotations

import base64
import itertools
import json
import re
import select
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

READ_BYTES = 1 << 18
HOST = "127.0.0.1"
MESSAGE_ID = re.compile(rb"^message-id:\s*(<[^>\r\n]*>)", re.IGNORECASE | re.MULTILINE)
IN_BRACKETS = re.compile(rb"<([^>]*)>")

GREETING = b"220 sink.invalid ESMTP\r\n"
EHLO = b"250-sink.invalid\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-ENHANCEDSTATUSCODES\r\n250 8BITMIME\r\n"
OK = b"250 2.0.0 Ok\r\n"
SENDER_OK = b"250 2.1.0 Ok\r\n"
RECIPIENT_OK = b"250 2.1.5 Ok\r\n"
GO_ON = b"354 End data with <CR><LF>.<CR><LF>\r\n"
NOT_NOW = b"503 5.5.1 RCPT first\r\n"
BYE = b"221 2.0.0 Bye\r\n"
UNKNOWN = b"502 5.5.2 Command not recognised\r\n"
#: Distinct recipients that are named where one of them got several messages of different names.
MOST_NAMED = 20


class Books:
    """What came in, over all connections."""

    def __init__(self) -> None:
        self.is_looking = False
        self.delay = 0.0
        self.reset()

    def reset(self) -> None:
        """Begin again at nothing."""
        self.counts = dict.fromkeys(("connections", "mail", "rcpt", "data", "messages", "bytes", "reads"), 0)
        self.first_at = self.last_at = 0.0
        self.by_id: Counter[bytes] = Counter()
        self.ids_of: dict[bytes, set[bytes]] = {}
        self.sample = b""

    def look(self, recipients: list[bytes], message: bytes) -> None:
        """Note whose message this is, and what it is called."""
        found = MESSAGE_ID.search(message, 0, max(message.find(b"\r\n\r\n"), 0) + 2)
        name = found[1] if found else b""
        self.by_id[name] += 1
        self.sample = self.sample or message
        for recipient in recipients:
            self.ids_of.setdefault(recipient, set()).add(name)

    def told(self, command: str) -> dict[str, Any]:
        """Carry out one line from the control."""
        word, _, value = command.strip().partition(" ")
        match word:
            case "counts":
                return {**self.counts, "seconds": round(self.last_at - self.first_at, 6)}
            case "reset":
                self.reset()
            case "look":
                self.is_looking = value == "on"
            case "delay":
                self.delay = float(value)
            case "sample":
                return {"message": base64.b64encode(self.sample).decode()}
            case "looked":
                return self.looked()
            case _:
                return {"error": f"unknown command {word!r}"}
        return {}

    def looked(self) -> dict[str, Any]:
        """Recipients and Message-IDs: how many, which came more than once, and who got different ones."""
        repeats = {name.decode("ascii", "replace"): count for name, count in self.by_id.items() if count > 1}
        several = [address.decode("utf-8", "replace") for address, names in self.ids_of.items() if len(names) > 1]
        return {
            "messages": sum(self.by_id.values()),
            "message_ids": len(self.by_id),
            "recipients": len(self.ids_of),
            "repeats": repeats,
            "different": several[:MOST_NAMED],
        }


class Connection:
    """One client: bytes in, replies out."""

    __slots__ = (
        "books",
        "done",
        "fresh",
        "is_full",
        "is_in_message",
        "names",
        "outgoing",
        "recipients",
        "rest",
        "sock",
    )

    def __init__(self, sock: socket.socket, books: Books, names: Iterator[int]) -> None:
        self.sock, self.books, self.names = sock, books, names
        self.rest = b""
        self.outgoing = GREETING
        self.is_in_message = False
        self.fresh = False  # no byte of the message has been passed over yet
        self.recipients: list[bytes] = []
        self.done = False
        self.is_full = False  # the other side doesn't read: replies wait

    def take(self, data: bytes) -> None:
        """Read what came; the replies wait in `outgoing`."""
        chunk = self.rest + data if self.rest else data
        replies: list[bytes] = []
        at = 0
        while not self.done:
            end = self._message(chunk, at, replies) if self.is_in_message else self._command(chunk, at, replies)
            if end < 0:
                break
            at = end
        self._keep(chunk[at:])
        self.outgoing += b"".join(replies)

    def _keep(self, rest: bytes) -> None:
        """Of a message that goes on only its end matters, unless somebody looks at it."""
        if self.is_in_message and not self.books.is_looking and len(rest) > 4:
            self.books.counts["bytes"] += len(rest) - 4
            self.fresh = False
            rest = rest[-4:]
        self.rest = rest

    def _message(self, chunk: bytes, at: int, replies: list[bytes]) -> int:
        """The end of the message that begins at `at`; -1 where it has not come yet."""
        if self.fresh and chunk.startswith(b".\r\n", at):
            end, length = at + 3, 0
        else:
            dot = chunk.find(b"\r\n.\r\n", at)
            if dot < 0:
                return -1
            end, length = dot + 5, dot + 2 - at
        books = self.books
        books.counts["bytes"] += length
        books.counts["messages"] += 1
        if books.is_looking:
            books.look(self.recipients, chunk[at : at + length])
        if books.delay:
            time.sleep(books.delay)
        books.last_at = time.monotonic()
        replies.append(b"250 2.0.0 Ok: queued as %X\r\n" % next(self.names))
        self.is_in_message = False
        self.recipients = []
        return end

    def _command(self, chunk: bytes, at: int, replies: list[bytes]) -> int:
        """The end of the command at `at`; -1 where its line is not complete."""
        end = chunk.find(b"\r\n", at)
        if end < 0:
            return -1
        counts = self.books.counts
        verb = chunk[at : at + 4].upper()
        if verb == b"MAIL":
            counts["mail"] += 1
            self.recipients = []
            replies.append(SENDER_OK)
        elif verb == b"RCPT":
            counts["rcpt"] += 1
            found = IN_BRACKETS.search(chunk, at, end)
            self.recipients.append(found[1] if found else b"")
            replies.append(RECIPIENT_OK)
        elif verb == b"DATA" and not self.recipients:
            replies.append(NOT_NOW)
        elif verb == b"DATA":
            counts["data"] += 1
            self.books.first_at = self.books.first_at or time.monotonic()
            self.is_in_message = self.fresh = True
            replies.append(GO_ON)
        else:
            replies.append(self._other(verb))
        return end + 2

    def _other(self, verb: bytes) -> bytes:
        if verb in (b"EHLO", b"HELO"):
            return EHLO if verb == b"EHLO" else OK
        if verb in (b"RSET", b"NOOP"):
            self.recipients = [] if verb == b"RSET" else self.recipients
            return OK
        if verb == b"QUIT":
            self.done = True
            return BYE
        return UNKNOWN


class Sink:
    """The listening socket, its connections, and the control."""

    def __init__(self, port: int = 0) -> None:
        self.books = Books()
        self.listener = socket.create_server((HOST, port), backlog=1024)
        self.listener.setblocking(False)
        self.port: int = self.listener.getsockname()[1]
        self.connections: dict[int, Connection] = {}
        self.poll = select.epoll()
        self.poll.register(self.listener.fileno(), select.EPOLLIN)
        self.names = itertools.count(1)
        # Read into one place: a new piece of memory of this size for each read would cost more than the rest of it.
        self.buffer = bytearray(READ_BYTES)
        self.view = memoryview(self.buffer)

    def serve(self) -> None:
        """Until standard input ends."""
        control = sys.stdin.fileno()
        self.poll.register(control, select.EPOLLIN)
        listener = self.listener.fileno()
        while True:
            for descriptor, event in self.poll.poll():
                if descriptor == listener:
                    self.welcome()
                elif descriptor == control:
                    line = sys.stdin.buffer.readline()
                    if not line:
                        return
                    sys.stdout.write(json.dumps(self.books.told(line.decode())) + "\n")
                    sys.stdout.flush()
                else:
                    self.attend(self.connections[descriptor], event)

    def welcome(self) -> None:
        """Everybody who waits at the door."""
        while True:
            try:
                sock, _ = self.listener.accept()
            except BlockingIOError:
                return
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.books.counts["connections"] += 1
            connection = self.connections[sock.fileno()] = Connection(sock, self.books, self.names)
            self.poll.register(sock.fileno(), select.EPOLLIN)
            self.answer(connection)

    def attend(self, connection: Connection, event: int) -> None:
        """Read once and answer once."""
        if event & ~select.EPOLLOUT:
            try:
                length = connection.sock.recv_into(self.buffer)
            except BlockingIOError:
                return
            except OSError:
                length = 0
            if not length:
                self.part(connection)
                return
            self.books.counts["reads"] += 1
            connection.take(self.view[:length].tobytes())
        self.answer(connection)

    def answer(self, connection: Connection) -> None:
        """Send what waits; the rest when there is room again."""
        waiting = connection.outgoing
        try:
            sent = connection.sock.send(waiting) if waiting else 0
        except BlockingIOError:
            sent = 0
        except OSError:
            self.part(connection)
            return
        connection.outgoing = waiting[sent:]
        is_full = sent < len(waiting)
        if is_full != connection.is_full:
            connection.is_full = is_full
            self.poll.modify(connection.sock.fileno(), select.EPOLLIN | (select.EPOLLOUT if is_full else 0))
        if connection.done and not is_full:
            self.part(connection)

    def part(self, connection: Connection) -> None:
        """Forget a connection."""
        self.connections.pop(connection.sock.fileno(), None)
        connection.sock.close()


def main() -> None:
    sink = Sink()
    sys.stdout.write(json.dumps({"port": sink.port}) + "\n")
    sys.stdout.flush()
    sink.serve()


if __name__ == "__main__":
    main()
