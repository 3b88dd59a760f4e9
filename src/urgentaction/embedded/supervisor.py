"""The child programs of a run: web, workers, beat, sandbox.

Owns: starting, watching and ending them. Every child runs under a guardian (`guardian.py`) in a session of its own; the
guardian holds the other end of a pipe to this process, so the child and all it started go away even if this process is
killed with SIGKILL. Ctrl-C in the terminal reaches this process only, which then ends the children in order.
Must not: know what the children do, or start one again by itself.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from urgentaction.core.errors import ConfigurationError, UrgentActionError
from urgentaction.embedded.guard import Guarded
from urgentaction.embedded.observe import tail, wait_until

_KILL_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class _Child:
    argv: list[str]
    env: dict[str, str]
    guardian: subprocess.Popen[bytes]
    pid: int


class Supervisor:
    """Child programs with one log file each. As a context manager it stops them all at the end.

    Args:
        log_dir: folder for `<name>.log`; made if it doesn't exist. Logs are added to, not overwritten.
        grace: seconds that a child gets between SIGTERM and SIGKILL should this process vanish.
    """

    def __init__(self, log_dir: Path, *, grace: float = 5.0) -> None:
        self._log_dir = log_dir.resolve()
        self._grace = grace
        self._children: dict[str, _Child] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def log(self, name: str) -> Path:
        """The file with what the child writes to standard output and error."""
        return self._log_dir / f"{name}.log"

    def start(self, name: str, argv: Sequence[str], *, env: Mapping[str, str] | None = None) -> None:
        """Start a child in the present working folder.

        Args:
            name: what to call it; one child at a time may bear it.
            argv: the command; its first word is looked up in the PATH of `env`.
            env: the child's whole environment; this process's own by default.

        Raises:
            ConfigurationError: there is no such command.
            UrgentActionError: a child of that name is running.
        """
        if self.is_alive(name):
            message = f"{name} is running already; stop it before starting it again."
            raise UrgentActionError(message)
        environment = dict(os.environ if env is None else env)
        if shutil.which(argv[0], path=environment.get("PATH")) is None:
            message = f"{name} can't be started: there is no program {argv[0]}."
            raise ConfigurationError(message)
        self._forget(name)
        self._log_dir.mkdir(parents=True, exist_ok=True)
        guarded = Guarded(argv=list(argv), log=self.log(name), cwd=Path.cwd(), grace=self._grace)
        guardian = subprocess.Popen(
            guarded.command_line(),
            env=environment,
            stdin=subprocess.PIPE,  # the lifeline
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            pid = self._read_pid(name, guardian)
        except BaseException:
            _close(guardian)
            guardian.wait()
            raise
        self._children[name] = _Child(list(argv), environment, guardian, pid)

    def is_alive(self, name: str) -> bool:
        """Whether the child runs. False for one that has ended or was never started."""
        child = self._children.get(name)
        return child is not None and child.guardian.poll() is None

    def alive(self) -> list[str]:
        """The names of the children that run, in the order they were started."""
        return [name for name in self._children if self.is_alive(name)]

    def exit_code(self, name: str) -> int | None:
        """How the child ended (128 + signal number if a signal ended it); None while it runs."""
        return self._child(name).guardian.poll()

    def pid(self, name: str) -> int:
        """The process id of the child, which is also its process group and session."""
        return self._child(name).pid

    def wait_ready(
        self,
        name: str,
        *,
        predicate: Callable[[], bool] | None = None,
        ready_file: Path | None = None,
        port: int | None = None,
        deadline: float = 30.0,
    ) -> None:
        """Wait until the child is ready: all that is given must hold.

        Args:
            name: the child.
            predicate: asked again and again.
            ready_file: exists once the child is ready; one from an earlier run must have been deleted.
            port: TCP port on 127.0.0.1 that it accepts connections on.
            deadline: seconds to wait at most.

        Raises:
            UrgentActionError: the child ended, or wasn't ready in time; the message has the end of its log.
        """

        def is_ready() -> bool:
            return (
                (ready_file is None or ready_file.exists())
                and (port is None or _is_listening(port))
                and (predicate is None or predicate())
            )

        wait_until(lambda: not self.is_alive(name) or is_ready(), seconds=deadline)
        if not self.is_alive(name):
            raise UrgentActionError(self._report(name, f"ended with {self.exit_code(name)} before it was ready"))
        if not is_ready():
            raise UrgentActionError(self._report(name, f"wasn't ready after {deadline:g} s"))

    def kill(self, name: str) -> None:
        """End the child and everything it started at once, as a crash would, and wait until they are gone."""
        self._end(name, signal.SIGUSR1, seconds=_KILL_SECONDS)

    def restart(self, name: str, *, timeout: float = 10.0) -> None:
        """End the child if it runs (SIGTERM; SIGKILL after `timeout` seconds), and start the same command again."""
        child = self._child(name)
        self._end(name, signal.SIGTERM, seconds=timeout)
        self.start(name, child.argv, env=child.env)

    def stop(self, timeout: float = 10.0) -> None:
        """End all children, the last started first. Each gets SIGTERM and, after `timeout` seconds, SIGKILL.

        Raises:
            UrgentActionError: a child doesn't even end by SIGKILL.
        """
        for name in reversed(list(self._children)):
            self._end(name, signal.SIGTERM, seconds=timeout)
            self._forget(name)

    def _end(self, name: str, how: signal.Signals, *, seconds: float) -> None:
        guardian = self._child(name).guardian
        for number, limit in ((how, seconds), (signal.SIGUSR1, _KILL_SECONDS)):
            guardian.send_signal(number)
            try:
                guardian.wait(limit)
            except subprocess.TimeoutExpired:
                continue
            return
        raise UrgentActionError(self._report(name, "doesn't end"))

    def _forget(self, name: str) -> None:
        child = self._children.pop(name, None)
        if child is not None:
            _close(child.guardian)

    def _child(self, name: str) -> _Child:
        try:
            return self._children[name]
        except KeyError:
            message = f"No child {name!r} was started; there are: {', '.join(self._children) or 'none'}."
            raise UrgentActionError(message) from None

    def _read_pid(self, name: str, guardian: subprocess.Popen[bytes]) -> int:
        line = guardian.stdout.readline() if guardian.stdout else b""
        if not line:
            raise UrgentActionError(self._report(name, "couldn't be started"))
        return int(line)

    def _report(self, name: str, what: str) -> str:
        return f"{name} {what}. The end of {self.log(name)}:\n{tail(self.log(name))}"


def _close(guardian: subprocess.Popen[bytes]) -> None:
    for pipe in (guardian.stdin, guardian.stdout):
        if pipe is not None:
            pipe.close()


def _is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
