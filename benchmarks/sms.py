"""What it brings to have several requests for text messages under way, against the sandbox's gateway.

A real gateway answers after a tenth of a second or so; so here does the sandbox (`--delay`). Both ways go over the
same adapter in one run, in turn; the sandbox calls back for every message, and its ledger is what counts.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from benchmarks.frame import cpu_seconds, forget_environment, has_proc, memory_of, need, new_folder, until
from benchmarks.report import Result, parser, progress, run
from tests.sandbox_program import SandboxProgram
from urgentaction.channels.contract import Accepted, GatewayConfig, Mode, Outgoing, OutgoingSms
from urgentaction.channels.registry import build
from urgentaction.channels.sms.twilio import AT_ONCE

ROUNDS = 3
STATUSES = 2  # that the sandbox calls back for each message: sent, delivered
GIVE_UP = 300.0


def measure(chosen: argparse.Namespace) -> Result:
    forget_environment()
    single = max(chosen.messages // (ROUNDS * AT_ONCE), 20)
    many = max(chosen.messages // ROUNDS, single)
    rates: dict[int, list[float]] = {1: [], AT_ONCE: []}
    cpu: list[float] = []
    with new_folder() as folder, sandbox(folder) as program, Ear() as ear, progress() as bar:
        program.script(defaults={"sms": {"delay_ms": chosen.delay}})
        step = bar.add_task("Messages", total=ROUNDS * (single + many))
        sent = 0
        for _ in range(ROUNDS):
            for at_once, count in ((1, single), (AT_ONCE, many)):
                used = time.process_time()
                rates[at_once].append(rate(program, ear, at_once=at_once, first=sent, count=count))
                if at_once == AT_ONCE:
                    cpu.append((time.process_time() - used) / count)
                sent += count
                bar.advance(step, count)
        need(len(program.ledger()) == sent, f"the gateway took {len(program.ledger())} messages, not {sent}")
        need(until(lambda: ear.heard >= sent * STATUSES, seconds=GIVE_UP), "not every status was called back")
        pid = program.process.pid
        sandbox_figures = {
            "cpu_us_per_message": round(cpu_seconds(pid) / sent * 1e6),
            "threads": threads_of(pid),
            "rss_mb": memory.now if (memory := memory_of(pid)) else 0.0,
        }
    own = memory_of(os.getpid())
    one, together = (statistics.median(rates[at_once]) for at_once in (1, AT_ONCE))
    return Result(
        benchmark="sms",
        unit=f"text messages a second; {AT_ONCE} under way / one after the other",
        ratios={"one after the other": together / one},
        rate=together,
        rss_mb=own.peak if own else None,
        figures={
            "messages": sent,
            "answer_after_ms": chosen.delay,
            "one_after_the_other_per_second": one,
            "cpu_us_per_message": round(statistics.median(cpu) * 1e6),
            "threads": ear.most_threads,
            "callbacks": ear.heard,
            "sandbox": sandbox_figures,
        },
        notes=["The threads are this one, the one that hears the callbacks, and the progress bar's."],
    )


def rate(program: SandboxProgram, ear: Ear, *, at_once: int, first: int, count: int) -> float:
    """Messages a second, from the first that is begun to the last answer."""
    options = {**program.gateway_options()["twilio"], "at_once": str(at_once)}
    gateway = build(GatewayConfig(name="twilio", kind="twilio", mode=Mode.SANDBOX, options=options))
    batch = messages(ear, first, count)
    accepted = 0
    started = time.perf_counter()
    for _, outcome in gateway.submit_many(batch, lambda _: True):
        accepted += isinstance(outcome, Accepted)
        ear.count_threads()
    elapsed = time.perf_counter() - started
    gateway.close()
    need(accepted == count, f"only {accepted} of {count} messages were accepted")
    return count / elapsed


def messages(ear: Ear, first: int, count: int) -> list[Outgoing]:
    return [
        OutgoingSms(
            reference=f"sms-{number}",
            attempt=1,
            to=f"+1{202 + number // 100 % 500}55501{number % 100:02}",
            text="Two refugees may be returned to torture tomorrow. Please write today: https://alerts.invalid/a/17",
            callback_url=f"{ear.url}/hooks/twilio/?ref=sms-{number}",
        )
        for number in range(first, first + count)
    ]


def threads_of(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir())) if has_proc() else 0


@contextmanager
def sandbox(folder: Path) -> Iterator[SandboxProgram]:
    # It says on its standard output where it listens; ours is for the JSON.
    ours = os.dup(1)
    os.dup2(2, 1)
    try:
        program = SandboxProgram.start(folder / "sandbox")
    finally:
        os.dup2(ours, 1)
        os.close(ours)
    try:
        yield program
    finally:
        program.stop()


class Ear:
    """Hears the callbacks in a thread of its own, and answers as fast as can be."""

    def __init__(self) -> None:
        self.heard = 0
        self.most_threads = 0
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        opening = self._loop.create_server(lambda: _Hearing(self), "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(opening, self._loop).result(GIVE_UP)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def count_threads(self) -> None:
        self.most_threads = max(self.most_threads, threading.active_count())


class _Hearing(asyncio.Protocol):
    """One connection on which the gateway calls back."""

    def __init__(self, ear: Ear) -> None:
        self._ear = ear
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        while b"\r\n\r\n" in self._read:
            head, _, rest = self._read.partition(b"\r\n\r\n")
            lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            length = int(lengths[0].split(b":")[1]) if lengths else 0
            if len(rest) < length:
                return
            self._read = rest[length:]
            self._ear.heard += 1
            self._transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")  # type: ignore[attr-defined]


def main(arguments: Sequence[str] | None = None) -> int:
    made = parser("sms", __doc__)
    made.add_argument("--messages", type=int, default=10_000, help="in all, several under way (default: 10000)")
    made.add_argument("--delay", type=int, default=50, help="milliseconds until the gateway answers (default: 50)")
    return run(measure, made.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
