"""Mail from one process to the sink, in windows: sockets served in turn (ours), asyncio, one message after the other.

What a message costs us is processor time: while we wait, others work. All three send the same bytes, filled into the
same compiled skeleton; only the last composes each message. The asyncio contender knows the ordinary answers and
nothing else, so it is the least that such a transport would cost. uvloop is measured where it is installed.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from benchmarks.frame import need
from benchmarks.report import Result, parser, progress, run
from benchmarks.sink_program import SinkProgram
from urgentaction.channels.contract import Accepted, GatewayConfig, Mode, Outcome
from urgentaction.channels.email.skeleton import Skeleton, compile_mailing
from urgentaction.channels.email.smtp.gateway import KIND, SmtpGateway, letter
from urgentaction.channels.email.smtp.lane import Dialect, Letter
from urgentaction.channels.mailing import Copy, Mailing, written_out
from urgentaction.channels.options import Options

ROUNDS = 5
#: One by one is slow: it is asked of fewer.
SHARE_ALONE = 10
_DIALECT = Dialect(is_8bit=True, has_size=True, size_limit=0)
_PARAGRAPH = "Nine people are at risk of being returned against their will. Please write to the minister today.\n"

NOTICE = Mailing(
    key="benchmark",
    sender="alerts@urgentaction.invalid",
    sender_name="Urgent Action",
    reply_to="reply@urgentaction.invalid",
    date=datetime(2026, 1, 1, tzinfo=UTC),
    subject="Nine people at risk of return",
    text="Dear %name%,\n\n" + _PARAGRAPH * 14 + "\nTo hear no more of us: %link%\n",
    html="<p>Dear %name%,</p>\n" + f"<p>{_PARAGRAPH}</p>\n" * 24 + "<p><a href='%link%'>No more</a></p>\n",
    language="en",
    headers=(("List-Unsubscribe", "<%link%>"), ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")),
    marks=("%name%", "%link%"),
)


def copies(count: int) -> list[Copy]:
    return [
        Copy(
            reference=f"r-{number}",
            attempt=1,
            to=f"person{number}@domain{number % 97}.invalid",
            return_path=f"b-{number:08}@bounces.urgentaction.invalid",
            message_id=f"<{number:032}@urgentaction.invalid>",
            values=(f"Ada {number}", f"https://urgentaction.invalid/u/{number:064}"),
        )
        for number in range(count)
    ]


def always(_place: int) -> bool:
    return True


@dataclass(slots=True)
class Spent:
    """What one contender took, round by round: microseconds of processor time a message, and messages a second."""

    cpu: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)


class Talk(asyncio.Protocol):
    """One connection of the asyncio contender."""

    def __init__(self, skeleton: Skeleton) -> None:
        self.skeleton = skeleton
        self.transport = cast("asyncio.Transport", None)
        self.ready = asyncio.get_running_loop().create_future()
        self.heard, self.greetings = b"", 2
        self.letters: Iterator[Letter] = iter(())
        self.sent: Letter | None = None
        self.opened: Letter | None = None
        self.told: list[tuple[int, Outcome]] = []
        self.done: asyncio.Future[None] = self.ready

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(b"EHLO [127.0.0.1]\r\n")

    def begin(self, letters: Iterator[Letter]) -> asyncio.Future[None]:
        self.letters, self.told = letters, []
        self.done = asyncio.get_running_loop().create_future()
        self.opened = next(letters, None)
        if self.opened is None:
            self.done.set_result(None)
        else:
            self.transport.write(self.opened.envelope)
        return self.done

    def data_received(self, data: bytes) -> None:
        self.heard += data
        if not self.ready.done():
            if b"\r\n250 " in self.heard and self.heard.endswith(b"\r\n"):
                self.heard = b""
                self.ready.set_result(None)
            return
        lines = self.heard.split(b"\r\n")
        if len(lines) <= (self.sent is not None) + 3 * (self.opened is not None):
            return  # not all of it yet
        self.heard = b""
        if self.sent is not None:
            need(lines[0].startswith(b"250 "), f"the sink said {lines[0]!r}")
            self.told.append((self.sent.place, Accepted(lines[0].decode().rpartition(" ")[2])))
        self.sent, self.opened = self.opened, None
        if self.sent is None:
            self.done.set_result(None)
            return
        need(lines[-2].startswith(b"354 "), f"the sink said {lines[-2]!r}")
        self.opened = next(self.letters, None)
        envelope = b"" if self.opened is None else self.opened.envelope
        self.transport.write(b"".join((self.sent.content, b".\r\n", envelope)))


class WithAsyncio:
    """The same windows over an event loop."""

    def __init__(self, port: int, connections: int, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.skeleton = compile_mailing(NOTICE, is_8bit=True)
        self.talks: list[Talk] = loop.run_until_complete(self._connect(port, connections))

    async def _connect(self, port: int, connections: int) -> list[Talk]:
        loop = asyncio.get_running_loop()
        made = [
            await loop.create_connection(lambda: Talk(self.skeleton), "127.0.0.1", port) for _ in range(connections)
        ]
        await asyncio.gather(*(talk.ready for _, talk in made))
        return [talk for _, talk in made]

    def letters(self, window: Sequence[Copy]) -> Iterator[Letter]:
        for place, copy in enumerate(window):
            written = letter(place, copy, self.skeleton, _DIALECT)
            if written is not None and always(place):
                yield written

    def send(self, window: Sequence[Copy]) -> int:
        self.loop.run_until_complete(self._send(self.letters(window)))
        return sum(isinstance(outcome, Accepted) for talk in self.talks for _, outcome in talk.told)

    async def _send(self, letters: Iterator[Letter]) -> None:
        await asyncio.gather(*(talk.begin(letters) for talk in self.talks))

    def close(self) -> None:
        for talk in self.talks:
            talk.transport.close()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()


def ours(port: int, connections: int) -> SmtpGateway:
    options = {"host": "127.0.0.1", "port": str(port), "tls": "none", "connections": str(connections)}
    config = GatewayConfig(name="smtp", kind="smtp", mode=Mode.SANDBOX, options=options)
    return SmtpGateway(Options(config, KIND.options))


def measure(chosen: argparse.Namespace) -> Result:
    with SinkProgram() as sink:
        gateway = ours(sink.port, chosen.connections)

        def in_turn(window: Sequence[Copy]) -> int:
            return sum(isinstance(one, Accepted) for _, one in gateway.submit_mailing(NOTICE, window, always))

        def one_by_one(window: Sequence[Copy]) -> int:
            batch = [written_out(NOTICE, copy) for copy in window]
            return sum(isinstance(one, Accepted) for _, one in gateway.submit_many(batch, always))

        contenders: dict[str, Callable[[Sequence[Copy]], int]] = {"ours": in_turn, "one by one": one_by_one}
        loops = {"asyncio": asyncio.new_event_loop, **with_uvloop()}
        others = {name: WithAsyncio(sink.port, chosen.connections, make()) for name, make in loops.items()}
        contenders |= {name: other.send for name, other in others.items()}
        try:
            spent = in_rounds(sink, contenders, chosen.messages, chosen.window)
        finally:
            gateway.close()
            for other in others.values():
                other.close()
    return result(spent, fill_cost(), chosen)


def with_uvloop() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    try:
        uvloop: Any = importlib.import_module("uvloop")
    except ImportError:
        return {}
    return {"asyncio with uvloop": uvloop.new_event_loop}


def in_rounds(
    sink: SinkProgram, contenders: dict[str, Callable[[Sequence[Copy]], int]], messages: int, window: int
) -> dict[str, Spent]:
    """Each in turn, round by round, so that a busy machine slows all of them."""
    spent = {name: Spent() for name in contenders}
    everybody = copies(messages)
    with progress() as bar:
        task = bar.add_task("rounds", total=(ROUNDS + 1) * len(contenders))
        for number, (name, send) in itertools.product(range(ROUNDS + 1), contenders.items()):
            some = everybody[: max(window, messages // SHARE_ALONE)] if name == "one by one" else everybody
            sink.reset()
            began, cpu = time.monotonic(), time.process_time()
            accepted = sum(send(some[start : start + window]) for start in range(0, len(some), window))
            seconds, cpu = time.monotonic() - began, time.process_time() - cpu
            taken = sink.counts()["messages"]
            need(accepted == taken == len(some), f"{name}: {accepted} accepted, {taken} taken, {len(some)} sent")
            if number:  # the first is for warming up
                spent[name].cpu.append(cpu / len(some) * 1e6)
                spent[name].rate.append(len(some) / seconds)
            bar.advance(task)
    return spent


def fill_cost() -> float:
    """Microseconds of processor time to fill in one copy."""
    skeleton, some = compile_mailing(NOTICE, is_8bit=True), copies(5000)
    began = time.process_time()
    for copy in some:
        skeleton.fill(copy)
    return (time.process_time() - began) / len(some) * 1e6


def result(spent: dict[str, Spent], fill: float, chosen: argparse.Namespace) -> Result:
    cpu = {name: statistics.median(one.cpu) for name, one in spent.items()}
    notes = [
        f"Windows of {chosen.window}, {chosen.connections} connections, {len(NOTICE.text + NOTICE.html)} characters."
    ]
    if "asyncio with uvloop" not in spent:
        notes.append("uvloop is not installed.")
    return Result(
        benchmark="transport",
        unit="processor time a message, theirs to ours",
        ratios={
            name: round(statistics.median(b / a for a, b in zip(spent["ours"].cpu, one.cpu, strict=True)), 3)
            for name, one in spent.items()
            if name != "ours"
        },
        rate=round(max(spent["ours"].rate)),
        figures={
            "cpu_us": {name: round(value, 1) for name, value in cpu.items()},
            "cpu_us_beside_fill": round(cpu["ours"] - fill, 1),
            "fill_us": round(fill, 1),
            "best_rate": {name: round(max(one.rate)) for name, one in spent.items()},
        },
        notes=notes,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    made = parser("transport", __doc__)
    made.add_argument("--messages", type=int, default=10_000, help="in each round")
    made.add_argument("--window", type=int, default=100, help="copies handed over at a time")
    made.add_argument("--connections", type=int, default=8)
    return run(measure, made.parse_args(arguments))


if __name__ == "__main__":
    raise SystemExit(main())
