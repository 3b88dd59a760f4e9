"""The whole stack, set up to be broken: short leases, proxies before the gateways, a file that arms crash points.

Owns: starting and stopping it, and bringing parts back while other things break. What is broken is `faults`'.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.chaos import reading, world
from tests.chaos.proxy import FaultProxy
from tests.sandbox_program import read_ledger
from urgentaction.channels.sms.twilio import AT_ONCE
from urgentaction.cli.programs import WORKERS, Part
from urgentaction.cli.stack import POSTGRES, VALKEY, Stack

MAIL_WINDOW = 10
#: What one process may have in a gateway's hands at most: a window of mail, or the SMS that Twilio works on at once.
IN_HAND = max(MAIL_WINDOW, AT_ONCE)
LEASE_SECONDS = 10
GATEWAY_SECONDS = 2
DRILL = {
    "URGENTACTION_MODE": "sandbox",
    "URGENTACTION_SWEEP_SECONDS": "1",
    "URGENTACTION_MAIL_WINDOW": str(MAIL_WINDOW),
    "URGENTACTION_CLAIM_SIZE": "30",
    "URGENTACTION_GATEWAY_TIMEOUT_SECONDS": str(GATEWAY_SECONDS),
}
REACHED = "urgentaction: crash point {place} reached"


class Harness:
    """A stack on a folder of its own, with its world loaded. As a context manager: started, and stopped.

    Args:
        folder: for data, logs and generated files; must be new.
        lease: seconds that a worker may hold a delivery.
        scale: what pauses are multiplied with. Two minutes of it must be longer than a gateway may take to answer, or a
            request that is still on its way would be taken for one that never was.
        durable: whether PostgreSQL keeps what it confirmed when it is killed. Only a test without such a kill may
            turn it off.
    """

    def __init__(
        self, folder: Path, size: world.Size, *, lease: int = LEASE_SECONDS, scale: float = 0.04, durable: bool = True
    ) -> None:
        self.folder, self.size, self.lease = folder.absolute(), size, lease
        self.crash_file = self.folder / "crash-at"
        self.folder.mkdir(parents=True, exist_ok=True)
        drill = DRILL | {
            "URGENTACTION_CRASH_AT": f"file:{self.crash_file}",
            "URGENTACTION_LEASE_SECONDS": str(lease),
            "URGENTACTION_BACKOFF_SCALE": str(scale),
        }
        self.stack = Stack(self.folder / "run", env=drill, durable=durable)
        self.mail_proxy = FaultProxy("127.0.0.1", self.stack._smtp_port)
        self.http_proxy = FaultProxy("127.0.0.1", self.stack._http_port)
        gateways = f"http://127.0.0.1:{self.http_proxy.port}"
        self.stack.environment |= {
            "URGENTACTION_SMTP_PORT": str(self.mail_proxy.port),
            "URGENTACTION_TELNYX_BASE_URL": f"{gateways}/telnyx",
            "URGENTACTION_TWILIO_BASE_URL": f"{gateways}/twilio",
        }
        self.token = ""
        #: Parts that ended although nothing was done to them, with the end of their logs.
        self.died_by_themselves: list[str] = []
        self._reviving: dict[str, Future[None]] = {}
        self._hands = ThreadPoolExecutor(4, thread_name_prefix="revive")
        self._frozen: set[int] = set()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            starting.callback(self.mail_proxy.close)
            starting.callback(self.http_proxy.close)
            starting.callback(self._hands.shutdown)
            self.stack.start()
            starting.callback(self.stack.stop)
            starting.callback(self._kill_all)
            data = self.folder / "data"
            world.write_data(data, self.size)
            self.token = reading.drive(self.environment, "load", str(data)).strip()
            self.set_script()
            self._open = starting.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @property
    def environment(self) -> dict[str, str]:
        """Of every program of the stack."""
        return self.stack.environment

    @property
    def database_url(self) -> str:
        """Of the stack's database."""
        return self.environment["DATABASE_URL"]

    def set_script(self) -> None:
        """Tell the sandbox its troubles; it forgets them when it ends."""
        answer = httpx.post(
            f"{self.stack.outbox_url}/script", json=world.script(self.size), trust_env=False, timeout=30
        )
        assert answer.is_success, answer.text

    def ledger(self) -> list[dict[str, Any]]:
        """Everything that the gateways took."""
        return read_ledger(self.stack.outbox_url)

    def broker(self) -> redis.Redis:
        """A connection to the broker, without retries of its own."""
        return redis.Redis.from_url(self.environment["REDIS_URL"], socket_timeout=5, retry=Retry(NoBackoff(), 0))

    # Bringing back.

    def revive(self, name: str, *, is_emptied: bool = False) -> None:
        """Start a part that was killed, while other things go on."""
        self._reviving[name] = self._hands.submit(self._revive, name, is_emptied)

    def _revive(self, name: str, is_emptied: bool) -> None:  # noqa: FBT001
        self.stack.restart(name, is_emptied=is_emptied)
        if name == Part.SANDBOX:
            self.set_script()
            self.mail_proxy.clear()
            self.http_proxy.clear()

    def whole(self, name: str) -> None:
        """Wait until a part that is being brought back is there."""
        if (coming := self._reviving.pop(name, None)) is not None:
            coming.result(120)
        self.look_after()

    def all_whole(self) -> None:
        """Wait until everything is there again."""
        for name in list(self._reviving):
            self.whole(name)
        self.look_after()

    def look_after(self) -> None:
        """Start again what ended by itself, as an init system would, and make a note of it."""
        for name in self.stack.stopped():
            if name not in self._reviving:
                log = self.stack.log(name).read_text(encoding="utf-8", errors="replace")
                self.died_by_themselves.append(f"{name}: …{log[-600:]}")
                self.stack.restart(name)

    # Stopping and going on.

    def freeze(self, part: Part) -> None:
        """SIGSTOP for a part and everything it started."""
        group = self.stack.pid(part)
        self._frozen.add(group)
        os.killpg(group, signal.SIGSTOP)

    def thaw(self, part: Part) -> None:
        """SIGCONT."""
        group = self.stack.pid(part)
        os.killpg(group, signal.SIGCONT)
        self._frozen.discard(group)

    def _kill_all(self) -> None:
        """Nobody needs an orderly end here, and it would take a while."""
        for group in self._frozen:
            os.killpg(group, signal.SIGCONT)
        for part in self.stack.parts:
            if self.stack.is_alive(part):
                self.stack.kill(part)

    # Looking.

    def logs(self) -> dict[str, int]:
        """How long each part's log is now, to be handed to `says`."""
        return {part: self._log(part).stat().st_size for part in self.stack.parts if self._log(part).exists()}

    def says(self, words: str, *, since: dict[str, int]) -> str:
        """The part whose log has these words behind that place; empty if none has."""
        for part in self.stack.parts:
            if not self._log(part).exists():
                continue
            with self._log(part).open("rb") as log:
                log.seek(since.get(part, 0))
                if words.encode() in log.read():
                    return str(part)
        return ""

    def count(self, words: str) -> int:
        """How often the workers' logs have these words."""
        return sum(self._log(part).read_bytes().count(words.encode()) for part in WORKERS)

    def _log(self, part: str) -> Path:
        return self.stack.log(part)


def until(is_true: Callable[[], object], *, seconds: float, pause: float = 0.05) -> bool:
    """Wait for something; False if it did not come about in time."""
    end = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True


def state_of(pid: int) -> str:
    """The kernel's letter for a process (R, S, D, T, Z …); empty when it is gone. proc(5)."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return status.rpartition(")")[2].split()[0]


def parent_of(pid: int) -> int:
    """The process id of a process's parent."""
    status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    return int(status.rpartition(")")[2].split()[1])


def children_of(pid: int) -> list[int]:
    """The process ids of a process's children; none when it is gone."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def is_gone(pids: Sequence[int]) -> bool:
    """Whether none of these processes runs any more."""
    return all(state_of(pid) in ("", "Z", "X") for pid in pids)


__all__ = ["POSTGRES", "VALKEY", "Harness", "Part", "children_of", "is_gone", "parent_of", "state_of", "until"]
