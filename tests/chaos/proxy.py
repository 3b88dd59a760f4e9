"""A TCP proxy on loopback that breaks connections on request, at an exact byte, and counts what it broke.

Owns the faults of the wire between us and a gateway. Knows two protocols just well enough to find the point of no
return, in the clear: SMTP's final dot and the end of an HTTP request. It judges nothing but what it did itself.

Sockets are driven directly, without asyncio's transports: those read ahead and write later, and no byte count would
be exact. On Linux a closed socket says FIN, and RST where it had unread bytes; SO_LINGER with 0 seconds always says
RST (socket(7), RFC 9293 §3.10.4); what arrived before an RST can still be read.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from enum import StrEnum
from operator import itemgetter

import h11

from tests.network_guard import is_loopback

_ANSWER_SECONDS = 10.0
_LINE_START = re.compile(rb"(\r\n|\r\Z)(\.\r?)?\Z")  # and perhaps half a final dot
_AT_ONCE = struct.pack("ii", 1, 0)


class Way(StrEnum):
    """The direction of bytes."""

    UP = "up"  # from the client to the server
    DOWN = "down"


class Fault(StrEnum):
    """What can go wrong, and the name it is counted by."""

    DELAY = "delay"  # everything read waits `seconds` before it is passed on
    THROTTLE = "throttle"  # `size` bytes at a time, `seconds` before each
    DROP = "drop"  # bytes of one way are swallowed from now on; the connection stays
    HALF_CLOSE = "half_close"  # one FIN, `way` says to whom (up: the server); the opposite way goes on
    RESET = "reset"  # RST to both sides
    CUT = "cut"  # both sides closed
    BLACK_HOLE = "black_hole"  # accepted, never passed on, never answered
    REFUSE = "refuse"  # nobody listens, until cleared
    CUT_BEFORE_DOT = "cut_before_dot"  # everything of an SMTP message passes except the final dot
    CUT_AFTER_DOT = "cut_after_dot"  # the final dot passes; its reply is awaited, swallowed, and both sides closed
    CUT_ANSWER = "cut_answer"  # a whole HTTP request passes; its answer is awaited, swallowed, and both sides closed


_BY_BYTES = frozenset({Fault.DROP, Fault.HALF_CLOSE, Fault.RESET, Fault.CUT})
_LASTING = frozenset({Fault.DELAY, Fault.THROTTLE})
_MANY_A_CONNECTION = frozenset({Fault.CUT_BEFORE_DOT, Fault.CUT_AFTER_DOT, Fault.CUT_ANSWER})


@dataclass(slots=True, eq=False)
class _Plan:
    """One armed fault. `left` is on how many connections it may still strike, None: on all."""

    fault: Fault
    left: int | None
    way: Way | None
    after: int
    seconds: float
    size: int
    skip: int
    connection: int | None

    def may_strike(self, link: _Link) -> bool:
        return self.left != 0 and self.connection in {None, link.number} and self not in link.struck


@dataclass(slots=True, eq=False)
class _Link:
    """One connection through the proxy, from both its ends."""

    number: int
    ends: dict[Way, socket.socket]  # where bytes of that way go to
    smtp: SmtpWatch
    http: HttpWatch
    passed: Counter[tuple[_Plan, Way]] = field(default_factory=Counter)  # bytes, since it was armed
    struck: set[_Plan] = field(default_factory=set)
    swallowed: set[Way] = field(default_factory=set)
    slowed_by: set[_Plan] = field(default_factory=set)
    awaited: _Plan | None = None  # strikes at the server's next byte


class _Ended(Exception):
    """A fault closed the connection."""


class SmtpWatch:
    """Finds the final dot (CRLF.CRLF, RFC 5321 §4.1.1.4) of a dialogue in the clear, however it is cut into reads."""

    def __init__(self) -> None:
        self._reply = b""
        self._tail: bytes | None = None  # how the message passed on so far ends; None: none is on its way
        self.held = b""  # a dot at the start of a line, until its next bytes tell what it is

    def heard(self, data: bytes) -> None:
        """Bytes of the server: after a 354 the client's message begins, as if at the start of a line."""
        *lines, self._reply = (self._reply + data).split(b"\n")
        if any(re.match(rb"354(?!-)", line) for line in lines):
            self._tail = b"\r\n"

    def said(self, data: bytes) -> tuple[bytes, bytes, bytes]:
        """The client's bytes before the final dot, that dot with its line end, and those behind it."""
        if self._tail is None:
            return data, b"", b""
        text, known = self._tail + self.held + data, len(self._tail)
        before, dot, behind = text.partition(b"\r\n.\r\n")
        if dot:
            self._tail, self.held = None, b""
            return (before + b"\r\n")[known:], b".\r\n", behind
        ending = _LINE_START.search(text)
        self._tail, self.held = ending.groups(b"") if ending else (b"", b"")
        return text[known : len(text) - len(self.held)], b"", b""


class HttpWatch:
    """Counts the HTTP/1.1 requests a client has sent to their last byte; of anything else none."""

    def __init__(self) -> None:
        self._request: h11.Connection | None = h11.Connection(h11.SERVER)

    def said(self, data: bytes) -> int:
        """How many requests end in these bytes."""
        if not data or self._request is None:
            return 0
        try:
            self._request.receive_data(data)
            while isinstance(event := self._request.next_event(), h11.Request | h11.Data):
                pass
        except h11.RemoteProtocolError:
            self._request = None
            return 0
        if not isinstance(event, h11.EndOfMessage):
            return 0
        behind, self._request = self._request.trailing_data[0], h11.Connection(h11.SERVER)
        return 1 + self.said(behind)


class FaultProxy(contextlib.AbstractContextManager["FaultProxy"]):
    """Forwards connections to one server on this machine, and plays the faults that were armed.

    Args:
        target_host, target_port: the server, on this machine. It need not be there yet.

    Attributes:
        host, port: where clients connect.
        played: how often each fault happened, by name. Counted just before its effect can be seen.
        accepted: how many connections there were; the first one has the number 1.
    """

    def __init__(self, target_host: str, target_port: int) -> None:
        if not is_loopback(target_host):
            raise ValueError(f"The proxy forwards to this machine only, not to {target_host}.")
        self._target = (target_host, target_port)
        self.host = "127.0.0.1"
        self.played: Counter[str] = Counter()
        self.accepted = 0
        self._plans: list[_Plan] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._is_listening = False
        self._listener = _bound(self.host, 0)
        self.port: int = self._listener.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"fault-proxy-{self.port}", daemon=True)
        self._thread.start()
        self._ask(self._clear())

    def __exit__(self, *_: object) -> None:
        self.close()

    def arm(
        self,
        fault: Fault | str,
        *,
        times: int | None = 1,
        way: Way | str | None = None,
        after: int = 0,
        seconds: float = 0.05,
        size: int = 1,
        skip: int = 0,
        connection: int | None = None,
    ) -> None:
        """Let a fault happen from now on, to open connections too, except BLACK_HOLE and REFUSE.

        Args:
            fault, way: by value or name; no way means up, and for DELAY and THROTTLE both.
            times: on how many connections; None: on all, until cleared.
            after: DROP, HALF_CLOSE, RESET, CUT: exactly that many bytes of that way, counted on each connection from
                now on, still pass; 0: it strikes when the first one comes.
            seconds, size: of DELAY and THROTTLE; bytes.
            skip: how often it is let pass first: connections, final dots, or answers.
            connection: only that connection's number.
        """
        which = Fault(fault)
        direction = Way(way) if way else None if which in _LASTING else Way.UP
        self._ask(self._arm(_Plan(which, times, direction, after, seconds, size, skip, connection)))

    def clear(self) -> None:
        """No more faults, and listen again. What a connection has lost stays lost."""
        self._ask(self._clear())

    def close(self) -> None:
        """End connections, listener and thread. Raises the proxy's own mistakes: no test may pass because of one."""
        if self._loop.is_closed():
            return
        try:
            self._ask(self._end())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_ANSWER_SECONDS)
            self._loop.close()

    def _ask(self, step: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(step, self._loop).result(_ANSWER_SECONDS)

    # What follows runs in the proxy's thread.

    async def _arm(self, plan: _Plan) -> None:
        if plan.fault is not Fault.REFUSE:
            self._plans = [*(old for old in self._plans if old.left != 0 or old.fault in _LASTING), plan]
        elif self._is_listening:
            # A bound socket that does not listen keeps the port and refuses.
            self._is_listening = False
            self._loop.remove_reader(self._listener)
            self._listener.close()
            self._listener = _bound(self.host, self.port)
            self.played[plan.fault] += 1

    async def _clear(self) -> None:
        self._plans.clear()
        if not self._is_listening:
            self._is_listening = True
            self._listener.listen(512)
            self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        try:
            client, _ = self._listener.accept()
        except OSError:
            return  # gone before it was taken
        client.setblocking(False)
        self.accepted += 1
        self._tasks.append(self._loop.create_task(self._serve(client, self.accepted)))

    async def _end(self) -> None:
        if self._is_listening:
            self._loop.remove_reader(self._listener)
        self._listener.close()
        await asyncio.sleep(0)  # a task that never began would not close its socket
        for task in self._tasks:
            task.cancel()
        results = await asyncio.gather(*self._tasks, return_exceptions=True)
        if errors := [error for error in results if isinstance(error, Exception)]:
            raise ExceptionGroup("The fault proxy itself failed.", errors)

    async def _serve(self, client: socket.socket, number: int) -> None:
        server = _socket(self._target[0])
        link = _Link(number, {Way.UP: server, Way.DOWN: client}, SmtpWatch(), HttpWatch())
        is_reset = True
        try:
            if self._strikes(Fault.BLACK_HOLE, link):
                self.played[Fault.BLACK_HOLE] += 1
                while await self._loop.sock_recv(client, 65_536):
                    pass
                return
            await self._loop.sock_connect(server, self._target)
            async with asyncio.TaskGroup() as pumps:
                for way in Way:
                    pumps.create_task(self._pump(link, way))
            is_reset = False
        except* _Ended:
            is_reset = False
        except* OSError:
            is_reset = True  # a broken end breaks the other one too
        finally:
            for end in (client, server):
                if is_reset:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
                end.close()

    async def _pump(self, link: _Link, way: Way) -> None:
        while data := await self._loop.sock_recv(link.ends[Way.DOWN if way is Way.UP else Way.UP], 65_536):
            if way is Way.UP:
                await self._pass_up(link, data)
                continue
            if link.awaited is not None:
                self.played[link.awaited.fault] += 1
                raise _Ended
            link.smtp.heard(data)
            await self._pass(link, way, data)
        await self._pass(link, way, link.smtp.held if way is Way.UP else b"")
        _finish(link.ends[way])

    async def _pass_up(self, link: _Link, data: bytes) -> None:
        before, dot, behind = link.smtp.said(data)
        if dot and self._strikes(Fault.CUT_BEFORE_DOT, link):
            await self._pass(link, Way.UP, before)
            self.played[Fault.CUT_BEFORE_DOT] += 1
            raise _Ended
        if dot and (plan := self._strikes(Fault.CUT_AFTER_DOT, link)):
            # Before the dot leaves: its reply may be read before this coroutine goes on.
            link.awaited, behind = plan, b""
        for _ in range(link.http.said(data)):
            link.awaited = link.awaited or self._strikes(Fault.CUT_ANSWER, link)
        await self._pass(link, Way.UP, before + dot + behind)

    async def _pass(self, link: _Link, way: Way, data: bytes) -> None:
        """Hand on `data`, up to the byte where an armed fault strikes."""
        while data:
            room, plan = self._nearest(link, way)
            now, data = (data, b"") if plan is None else (data[:room], data[room:])
            await self._write(link, way, now)
            if plan is not None and room <= len(now) and self._takes(plan, link):
                self._break(link, way, plan)

    async def _write(self, link: _Link, way: Way, data: bytes) -> None:
        link.passed.update({(plan, way): len(data) for plan in self._plans})
        if way in link.swallowed or not data:
            return
        slow = self._lasting(link, way)
        size = min((plan.size for plan in slow if plan.fault is Fault.THROTTLE), default=len(data))
        for start in range(0, len(data), size):
            await asyncio.sleep(max((plan.seconds for plan in slow), default=0))
            await self._loop.sock_sendall(link.ends[way], data[start : start + size])

    def _nearest(self, link: _Link, way: Way) -> tuple[int, _Plan | None]:
        """How many bytes may still pass on this way, and the fault that strikes then."""
        found = (
            (max(0, plan.after - link.passed[plan, way]), plan)
            for plan in self._plans
            if plan.fault in _BY_BYTES and plan.way is way and plan.may_strike(link)
        )
        return min(found, key=itemgetter(0), default=(0, None))

    def _lasting(self, link: _Link, way: Way) -> list[_Plan]:
        """The faults that slow this way down now."""
        slow = [plan for plan in self._plans if plan.fault in _LASTING and plan.way in {None, way}]
        for plan in slow:
            if self._takes(plan, link):
                self.played[plan.fault] += 1
                link.slowed_by.add(plan)
        return [plan for plan in slow if plan in link.slowed_by]

    def _strikes(self, fault: Fault, link: _Link) -> _Plan | None:
        """The plan of this fault that strikes here and now, if one does; it is used up by one."""
        return next((plan for plan in self._plans if plan.fault is fault and self._takes(plan, link)), None)

    def _takes(self, plan: _Plan, link: _Link) -> bool:
        # While bytes were written it may have been cleared, or have struck on another connection.
        if plan not in self._plans or not plan.may_strike(link):
            return False
        is_skipped = plan.skip > 0
        if is_skipped:
            plan.skip -= 1
        elif plan.left is not None:
            plan.left -= 1
        if not (is_skipped and plan.fault in _MANY_A_CONNECTION):
            link.struck.add(plan)
        return not is_skipped

    def _break(self, link: _Link, way: Way, plan: _Plan) -> None:
        self.played[plan.fault] += 1
        if plan.fault in {Fault.CUT, Fault.RESET}:
            raise ConnectionResetError if plan.fault is Fault.RESET else _Ended
        link.swallowed.add(way)
        if plan.fault is Fault.HALF_CLOSE:
            _finish(link.ends[way])


def _bound(host: str, port: int) -> socket.socket:
    """A socket that keeps a port; one that is not listening refuses."""
    bound = _socket(host)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((host, port))
    return bound


def _socket(host: str) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    made.setblocking(False)
    # Else the kernel glues small writes together again. Accepted connections inherit it.
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def _finish(end: socket.socket) -> None:
    """FIN; the other way stays open. Harmless where it was said before."""
    with contextlib.suppress(OSError):  # the peer has reset the connection meanwhile
        end.shutdown(socket.SHUT_WR)
