"""Whom the fan-out is measured against: the usual way with Celery, and Postfix's `smtp-source`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from celery import Celery

from benchmarks import usual
from benchmarks.frame import need, until
from benchmarks.report import progress
from benchmarks.sink_program import SinkProgram
from urgentaction.embedded import Supervisor

#: Sessions in parallel; the best counts.
SESSIONS = (1, 4, 16, 64)
#: About what smtp-source's own headers take; `-l` doesn't count them.
SOURCE_HEADERS = 200
_READY_SECONDS = 60.0
_PATIENCE = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One contender's try."""

    messages: int
    seconds: float
    bytes_each: float
    connections: int
    how: str

    @property
    def rate(self) -> float:
        return self.messages / self.seconds


def usual_way(
    sink: SinkProgram, *, redis_url: str, words: usual.Notice, recipients: int, processes: int, folder: Path
) -> Run:
    """A worker with so many processes; from the first `apply_async` to the last message at the sink."""
    folder.mkdir(parents=True, exist_ok=True)
    words.save(folder / "notice.json")
    ready = folder / "ready"
    environment = {
        **os.environ,
        "REDIS_URL": redis_url,
        usual.NOTICE: str(folder / "notice.json"),
        usual.PORT: str(sink.port),
        usual.READY: str(ready),
    }
    command = [sys.executable, "-m", "celery", "--app=benchmarks.usual", "worker", f"--queues={usual.QUEUE}"]
    command += [f"--concurrency={processes}", "--pool=prefork", "--without-gossip", "--without-mingle"]
    with Supervisor(folder) as children, Celery(broker=redis_url) as client:
        children.start("usual", [*command, "--without-heartbeat", "--loglevel=WARNING"], env=environment)
        children.wait_ready("usual", ready_file=ready, deadline=_READY_SECONDS)
        for number in range(processes * 4):  # so that it has loaded what it needs
            client.send_task(usual.TASK, (f"warm{number}@domain.invalid", "Ada"), queue=usual.QUEUE)
        need(
            until(lambda: sink.counts()["messages"] >= processes * 4, seconds=_PATIENCE), "the usual way sends nothing"
        )
        sink.reset()
        began = time.monotonic()
        with progress() as bar:
            task = bar.add_task(f"the usual way: {recipients:,} notices", total=recipients)
            for number in range(recipients):
                client.send_task(usual.TASK, (f"person{number}@domain.invalid", "Ada"), queue=usual.QUEUE)

            def is_done() -> bool:
                taken = int(sink.counts()["messages"])
                bar.update(task, completed=taken)
                return taken >= recipients

            done = until(is_done, seconds=_PATIENCE)
        seconds = time.monotonic() - began
        children.kill("usual")
    need(done, f"the usual way brought only {sink.counts()['messages']} of {recipients}")
    return _run(sink, seconds, how=f"{processes} worker processes")


def smtp_source(sink: SinkProgram, *, messages: int, size: int) -> Run | None:
    """`smtp-source -d` with several numbers of sessions; the fastest. None where Postfix isn't installed."""
    program = shutil.which("smtp-source", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")
    if program is None:
        return None
    best: Run | None = None
    for sessions in SESSIONS:
        sink.reset()
        began = time.monotonic()
        done = subprocess.run(
            source_command(program, sessions=sessions, messages=messages, size=size, port=sink.port),
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE,
        )
        need(done.returncode == 0, f"{program} failed: {done.stderr.strip()[-400:]}")
        need(
            until(lambda: sink.counts()["messages"] >= messages, seconds=5),
            f"{program} brought only {sink.counts()['messages']} of {messages}",
        )
        run = _run(sink, time.monotonic() - began, how=f"-d -s {sessions}")
        best = run if best is None or run.rate > best.rate else best
    return best


def source_command(program: str, *, sessions: int, messages: int, size: int, port: int) -> list[str]:
    """smtp-source(1): `-d` keeps connections open, `-s` of them in parallel, `-m` messages, `-l` bytes of body."""
    body = max(size - SOURCE_HEADERS, 1)
    command = [program, "-d", "-s", str(sessions), "-m", str(messages), "-l", str(body)]
    return [*command, "-f", usual.SENDER, "-t", "person@domain.invalid", f"inet:127.0.0.1:{port}"]


def _run(sink: SinkProgram, seconds: float, *, how: str) -> Run:
    counts = sink.counts()
    return Run(
        messages=counts["messages"],
        seconds=seconds,
        bytes_each=counts["bytes"] / max(counts["messages"], 1),
        connections=counts["connections"],
        how=how,
    )
