"""Several requests of one batch under way at once, for a caller that is no coroutine.

An event loop runs only while the caller waits for the next outcome, in the caller's own thread. So `begin` and
whatever is done with an outcome run outside it (Django's ORM refuses to work inside one), and no message costs a
thread. A batch has its loop and its connections to itself; both are kept for the next batch where it came to its end,
and thrown away where it was broken off: nobody knows then in which state they are.

Signals are let in only while the loop waits for its sockets, because a time limit that strikes in the middle of it is
an exception in a place that nobody foresaw: in a weak reference's callback, where Python drops it; between a socket and
its owner, which leaves it open. Where it strikes a request all the same (another thread may take one in), it passes
for a bug in that one: no more are begun, the others are finished, and it goes on its way.

Each request under way has a client, and so a connection, of its own: httpcore's pool offers one idle connection to
all that wait, and with sixteen of them nine tenths of the time go into being turned away.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import selectors
import signal
from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any, Generic, TypeVar

import httpx

from urgentaction.channels.contract import Begin, Outcome, Refused, RetryClass

#: How long requests that were broken off may take to let go of their connections.
GRACE_SECONDS = 2.0

T = TypeVar("T")
#: Hands one message over. What the network or the gateway did is an outcome; an exception is a bug.
Submit = Callable[[T], Coroutine[Any, Any, Outcome]]

#: What ends or interrupts a program from outside; not the faults of its own code.
_SIGNALS = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGALRM}) | {
    signal.SIGUSR1,  # the worker's soft time limit
    signal.SIGUSR2,
}

_log = logging.getLogger(__name__)


class Underway(Generic[T]):
    """Keeps up to `at_once` requests under way."""

    def __init__(
        self,
        build_clients: Callable[[int], list[httpx.AsyncClient]],
        speak: Callable[[httpx.AsyncClient], Submit[T]],
        *,
        carries: type[T],
        at_once: int,
    ) -> None:
        """Opens nothing yet.

        Args:
            build_clients: makes so many.
            speak: makes, of a client, what hands one message over.
            carries: what a message is here; a batch with another in it is a bug.
        """
        self._build_clients = build_clients
        self._speak = speak
        self._carries = carries
        self._at_once = at_once
        self._idle: list[_Lanes[T]] = []

    def submit_many(self, batch: Sequence[object], begin: Begin) -> Iterator[tuple[int, Outcome]]:
        """As `contract.Gateway.submit_many`. After a refusal that all others would meet as well, no more is begun.

        A bug in handing over one message is raised when the outcomes of the others are told; an interruption at once.
        """
        messages: list[T] = []
        for message in batch:
            if not isinstance(message, self._carries):
                raise TypeError(f"A gateway for {self._carries.__name__} was handed a {type(message).__name__}.")
            messages.append(message)
        lanes = self._idle.pop() if self._idle else _Lanes(self._build_clients(self._at_once), self._speak)
        try:
            yield from lanes.submit_many(messages, begin)
        except BaseException:
            lanes.break_off()
            raise
        self._idle.append(lanes)

    def close(self) -> None:
        """Let go of connections. May be called twice."""
        while self._idle:
            self._idle.pop().break_off()


class _Lanes(Generic[T]):
    """A loop and its connections, for one batch at a time."""

    def __init__(self, clients: Sequence[httpx.AsyncClient], speak: Callable[[httpx.AsyncClient], Submit[T]]) -> None:
        self._clients = clients
        self._free = [speak(client) for client in clients]
        self._loop = asyncio.SelectorEventLoop(_Attentive())
        self._loop.set_exception_handler(self._on_fault)
        self._underway: dict[asyncio.Task[Outcome], tuple[int, Submit[T]]] = {}
        self._finished: deque[asyncio.Task[Outcome]] = deque()
        self._broke_in: BaseException | None = None
        self._is_ending = False

    def submit_many(self, batch: Sequence[T], begin: Begin) -> Iterator[tuple[int, Outcome]]:
        places, is_open = iter(range(len(batch))), True
        bug: BaseException | None = None
        while True:
            while is_open and self._free:
                place = next(places, None)
                is_open = place is not None and begin(place)
                if is_open and place is not None:
                    self._start(place, batch[place])
            if not self._underway:
                break
            for place, told in self._wait():
                if not isinstance(told, BaseException):
                    is_open = is_open and not _concerns_all(told)
                    yield place, told
                else:
                    bug, is_open = bug or told, False
            if self._broke_in is not None:
                raise self._broke_in
        if bug is not None:
            raise bug

    def _start(self, place: int, one: T) -> None:
        # The one used last: its connection is the freshest.
        lane = self._free.pop()
        with _undisturbed():
            task = self._loop.create_task(lane(one))
            self._underway[task] = place, lane
            task.add_done_callback(self._note)

    def _note(self, task: asyncio.Task[Outcome]) -> None:
        self._finished.append(task)
        if not self._is_ending:
            self._loop.stop()

    def _wait(self) -> list[tuple[int, Outcome | BaseException]]:
        """Run until something is known; the outcomes, and the bugs."""
        if not self._finished:
            with _undisturbed():
                self._loop.run_forever()
        told: list[tuple[int, Outcome | BaseException]] = []
        while self._finished:
            task = self._finished.popleft()
            place, lane = self._underway.pop(task)
            self._free.append(lane)
            error = _error(task)
            if isinstance(error, Exception | None):
                told.append((place, error if error is not None else task.result()))
            else:
                self._broke_in = error
        return told

    def _on_fault(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What the loop's own callbacks raise belongs to no request; nobody knows what it has broken."""
        _log.error("Requests under way: %s", context.get("message"))
        if error := context.get("exception"):
            self._broke_in = error
            if not self._is_ending:
                loop.stop()

    def break_off(self) -> None:
        """Cancel what is under way, and let go of connections and loop. What struck meanwhile is raised."""
        self._is_ending, self._broke_in = True, None
        with _undisturbed():
            try:
                self._loop.run_until_complete(self._end())
            finally:
                self._loop.close()
        if self._broke_in is not None:
            raise self._broke_in

    async def _end(self) -> None:
        # What was only just created begins first: cancelled before that, anyio leaves coroutines that nobody awaits.
        await asyncio.sleep(0)
        for task in self._underway:
            task.cancel()
        if self._underway:
            ended, left = await asyncio.wait(self._underway, timeout=GRACE_SECONDS)
            self._broke_in = self._broke_in or next(filter(None, map(_error, ended)), None)
            if left:
                _log.error("%d requests did not end when they were broken off.", len(left))
        try:
            async with asyncio.timeout(GRACE_SECONDS):
                for client in self._clients:
                    await client.aclose()
                await self._loop.shutdown_asyncgens()
        except TimeoutError:
            _log.warning("A gateway's connections were not closed in time.")


class _Attentive(selectors.DefaultSelector):
    """Lets signals in while it waits."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            return super().select(timeout)
        finally:
            signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _error(task: asyncio.Task[Any]) -> BaseException | None:
    """What a task ended with; out of its group, where it is one of a kind."""
    error = None if task.cancelled() else task.exception()
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _concerns_all(outcome: Outcome) -> bool:
    """Whether the gateway asked to slow down, or blames what every message has in common."""
    return isinstance(outcome, Refused) and (outcome.retry_class is RetryClass.THROTTLE or outcome.is_about_us)
