"""Servers that misbehave on purpose: an SMTP server that follows a script, an HTTP server that answers raw bytes."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

SILENCE = b"<silence>"  # says nothing and keeps the connection
HANG_UP = b"<hang up>"  # closes without a word


class Server:
    """Accepts connections on a free port of the loopback and serves each in a thread until it is closed."""

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self._serve = serve
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        accepting = threading.Thread(target=self._accept)
        accepting.start()
        self._threads.append(accepting)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # closed
            self.connections += 1
            self._open.append(connection)
            thread = threading.Thread(target=self._guarded, args=(connection,))
            thread.start()
            self._threads.append(thread)

    def _guarded(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):  # the client hanging up is part of the game
            self._serve(connection)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(timeout=5)
            assert not thread.is_alive()


@dataclass
class SmtpScript:
    """Replies by step (`GREETING`, `EHLO`, `MAIL`, `RCPT`, `DATA`, `DOT`, …), used in order; then the polite one.

    A reply may be SILENCE or HANG_UP; `+HANG_UP` at its end means: say it, then close. `is_dribbling` sends every
    byte in a packet of its own.
    """

    features: tuple[str, ...] = ("8BITMIME", "SIZE 1000000")
    replies: dict[str, list[bytes]] = field(default_factory=dict)
    is_dribbling: bool = False
    commands: list[str] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)

    def next_reply(self, step: str) -> bytes:
        scripted = self.replies.get(step)
        if scripted:
            return scripted.pop(0)
        if step == "EHLO":
            lines = ["hostile.invalid", *self.features]
            return b"".join(
                f"250{' ' if number == len(lines) else '-'}{line}\r\n".encode() for number, line in enumerate(lines, 1)
            )
        polite = {"GREETING": b"220 hostile.invalid\r\n", "DATA": b"354 go on\r\n", "QUIT": b"221 bye\r\n"}
        return polite.get(step, b"250 2.0.0 Ok\r\n")


def smtp_dialogue(script: SmtpScript) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = connection.makefile("rb")

        def say(step: str) -> str:
            """`go`, `stop`, or `data`."""
            reply = script.next_reply(step)
            if reply == SILENCE:
                stream.read()
                return "stop"
            words = reply.removesuffix(HANG_UP).removesuffix(b"+")
            pieces = [words[n : n + 1] for n in range(len(words))] if script.is_dribbling else [words]
            for piece in pieces:
                connection.sendall(piece)
            if reply.endswith(HANG_UP):
                return "stop"
            return "data" if words.startswith(b"354") else "go"

        if say("GREETING") == "stop":
            return
        for line in stream:
            command = line.decode("utf-8").rstrip("\r\n")
            script.commands.append(command)
            next_step = say(command.split(" ")[0].upper())
            if next_step == "data":
                if (message := _message(stream)) is None:
                    return
                script.messages.append(message)
                next_step = say("DOT")
            if next_step == "stop" or command == "QUIT":
                return

    return serve


def _message(stream: Iterator[bytes]) -> bytes | None:
    """As RFC 5321 §4.5.2 has a receiver undo the stuffing; None without a final dot: that is no message (§4.1.1.4)."""
    lines: list[bytes] = []
    for line in stream:
        if line == b".\r\n":
            return b"".join(lines)
        lines.append(line[1:] if line.startswith(b".") else line)
    return None


@dataclass
class HttpScript:
    """What an HTTP server does with each request: `answers` in order, the last one for ever.

    `reads` is how many bytes of a request it takes before it acts; None: all of it, by Content-Length.
    """

    answers: list[bytes]
    reads: int | None = None
    requests: list[bytes] = field(default_factory=list)


def http_dialogue(script: HttpScript) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        request = b""
        while script.reads is None or len(request) < script.reads:
            if script.reads is None and _is_whole(request):
                break
            received = connection.recv(65_536 if script.reads is None else script.reads - len(request))
            if not received:
                return
            request += received
        script.requests.append(request)
        answer = script.answers.pop(0) if len(script.answers) > 1 else script.answers[0]
        if answer == SILENCE:
            connection.recv(1)
        elif answer != HANG_UP:
            connection.sendall(answer)

    return serve


def _is_whole(request: bytes) -> bool:
    head, end, body = request.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return bool(end) and len(body) >= (int(lengths[0].split(b":")[1]) if lengths else 0)


def http_answer(status: int, body: bytes = b"", headers: str = "", *, length: int | None = None) -> bytes:
    head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body) if length is None else length}\r\nConnection: close\r\n"
    return (head + headers + "\r\n").encode() + body
