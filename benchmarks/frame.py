"""What the benchmarks run on: the product as in production, on this machine, gone when the program ends.

PostgreSQL (durable: fsync and synchronous_commit on) and Valkey on folders of their own, migrated; the product's own
worker programs, sandbox and web process where they are asked for; the sink as the mail server. `urgentaction.cli.stack`
starts and ends all of it, also where this program is killed; here it is looked at from outside.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import django
import redis
from django.apps import apps

from benchmarks.report import STDERR, BenchmarkFailed
from benchmarks.sink_program import SinkProgram
from urgentaction.cli.programs import WORKERS, Part
from urgentaction.cli.stack import POSTGRES, VALKEY, Stack
from urgentaction.embedded import PostgresServer, ValkeyServer

#: What a mailing needs: officials' worker (it also starts, freezes and expands), supporters' worker, the clock.
MAILING_PARTS = (Part.URGENT, Part.BULK, Part.BEAT)
#: Not under /tmp, which is often memory: there a durable commit would cost nothing.
FOLDER = Path("var") / "bench"
_PREFIX = "run-"
#: May be set from outside, to try values: everything else that is ours is taken out of the environment.
TUNING = frozenset(
    {
        "URGENTACTION_CLAIM_SIZE",
        "URGENTACTION_LEASE_SECONDS",
        "URGENTACTION_MAIL_WINDOW",
        "URGENTACTION_SWEEP_SECONDS",
        "URGENTACTION_BACKOFF_SCALE",
    }
)
_TICKS = os.sysconf("SC_CLK_TCK")


class Machine:
    """Servers, workers and a sink for as long as a `with` block lasts. One a process: Django is set up for it.

    Args:
        parts: which of the product's programs to start.
        environment: variables for all of them, this process included.
    """

    def __init__(
        self, parts: Collection[Part] = MAILING_PARTS, *, environment: Mapping[str, str] | None = None
    ) -> None:
        if apps.ready:
            raise AssertionError("Django is set up already; one machine a process")
        self._parts, self._environment = tuple(parts), dict(environment or {})
        self._open = ExitStack()
        self.sink: SinkProgram
        self.stack: Stack

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            folder = starting.enter_context(new_folder())
            self.sink = starting.enter_context(SinkProgram())
            forget_environment()
            mail = {
                "URGENTACTION_MODE": "sandbox",
                "URGENTACTION_SMTP_HOST": "127.0.0.1",
                "URGENTACTION_SMTP_PORT": str(self.sink.port),
                "URGENTACTION_SMTP_TLS": "none",
            }
            self.stack = Stack(folder / "run", parts=self._parts, env=mail | self._environment)
            with STDERR.status("Starting PostgreSQL, Valkey and the workers …"):
                self.stack.start()
            starting.callback(self.stack.stop)
            starting.callback(self.kill_parts)  # nobody needs an orderly end here, and it would take a while
            os.environ.update(self.stack.environment)
            django.setup()
            starting.callback(_let_go)
            self._open = starting.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @property
    def folder(self) -> Path:
        """For files of this run; gone with it."""
        return self.stack.var.path

    @property
    def redis_url(self) -> str:
        """Of the broker."""
        return self.stack.environment["REDIS_URL"]

    def kill_parts(self) -> None:
        """End the product's programs at once; the servers stay."""
        for part in self.stack.parts:
            if self.stack.is_alive(part):
                self.stack.kill(part)

    def tasks(self) -> int:
        """How many messages were put into the broker's queues since it started, beat's included."""
        with redis.Redis.from_url(self.redis_url) as client:
            found = client.info("commandstats")
        return int(found.get("cmdstat_lpush", {}).get("calls", 0))

    def programs(self) -> dict[str, int]:
        """The top process of everything that takes part, by name."""
        running = {str(part): self.stack.pid(part) for part in self.stack.parts if self.stack.is_alive(part)}
        for name, server in ((POSTGRES, self.stack.servers.postgres), (VALKEY, self.stack.servers.valkey)):
            if server is not None and (pid := _pid_of(server)):
                running[name] = pid
        return {**running, "sink": self.sink.process.pid}

    def cpu(self) -> dict[str, float]:
        """Processor seconds that each program has used so far, its children included; empty without /proc."""
        return {name: cpu_seconds(pid) for name, pid in self.programs().items()} if has_proc() else {}

    def memory(self) -> dict[str, Memory]:
        """The workers' processes, by `bulk 1234`; empty without /proc."""
        found: dict[str, Memory] = {}
        for part in WORKERS:
            if has_proc() and self.stack.is_alive(part):
                for pid in (self.stack.pid(part), *children_of(self.stack.pid(part))):
                    if (memory := memory_of(pid)) is not None:
                        found[f"{part} {pid}"] = memory
        return found

    def forget_peaks(self) -> None:
        """Let the kernel measure the workers' largest sizes anew. proc(5), clear_refs."""
        for name in self.memory():
            with contextlib.suppress(OSError):  # kept from us in some containers; then the peak is of the whole run
                Path(f"/proc/{name.split()[1]}/clear_refs").write_text("5")


@dataclass(frozen=True, slots=True)
class Memory:
    """Of one process, in MB (10^6 bytes): resident now, and at most since the last `forget_peaks`."""

    now: float
    peak: float


def has_proc() -> bool:
    """Whether the kernel tells about processes in /proc (Linux)."""
    return Path("/proc/self/status").exists()


def memory_of(pid: int) -> Memory | None:
    """Of a process; None when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    told = dict(line.split(":", 1) for line in lines if ":" in line)
    if "VmRSS" not in told:
        return None
    now, peak = (int(told[name].split()[0]) * 1024 / 1e6 for name in ("VmRSS", "VmHWM"))
    return Memory(round(now, 1), round(peak, 1))


def children_of(pid: int) -> list[int]:
    """Its children; none when it is gone. proc(5)."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()]
    except OSError:
        return []


def cpu_seconds(pid: int) -> float:
    """Used by a process, by its children that live, and by those of them that ended and were waited for."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0.0
    own = sum(int(word) for word in status.rpartition(")")[2].split()[11:15]) / _TICKS
    return own + sum(cpu_seconds(child) for child in children_of(pid))


def until(is_true: Callable[[], object], *, seconds: float, pause: float = 0.02) -> bool:
    """Wait for something; False if it did not come about in time."""
    end = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True


@contextlib.contextmanager
def new_folder() -> Iterator[Path]:
    """A folder of this process below `var/bench`, gone at the end. What a killed run left there goes as well."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for left in FOLDER.glob(f"{_PREFIX}*-*"):
        if not _lives(left.name.removeprefix(_PREFIX).partition("-")[0]):
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=FOLDER)).absolute()
    folder.chmod(0o711)  # the servers may run as another user
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def forget_environment() -> None:
    """Take our variables out of this process's environment: a benchmark never meets a real database or gateway."""
    for name in list(os.environ):
        if name in {"DATABASE_URL", "REDIS_URL"} or (name.startswith("URGENTACTION_") and name not in TUNING):
            del os.environ[name]


def need(condition: object, message: str) -> None:
    """Raise BenchmarkFailed unless it holds."""
    if not condition:
        raise BenchmarkFailed(message)


def _lives(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        pass
    return True


def _pid_of(server: PostgresServer | ValkeyServer) -> int:
    """The server's own process: the only child of its guardian."""
    try:
        guardian = int((server.data / "guardian.lock").read_text(encoding="utf-8") or 0)
    except (OSError, ValueError):
        return 0
    return next(iter(children_of(guardian)), 0)


def _let_go() -> None:
    from django.db import connections  # noqa: PLC0415 - only after the settings stand

    connections.close_all()
