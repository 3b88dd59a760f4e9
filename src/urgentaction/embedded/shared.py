"""A server that several programs share: the first one in starts it, the last one out stops it.

Owns the protocol between the programs that use one data folder, and the guardian (`guardian.py`) that runs the server.
Must not: know which server it is; that is in `postgres.py` and `valkey.py`.

Everything rests on file locks (flock), because the kernel drops them with their process, whatever ended it. No process
id is ever believed unless a lock proves that its process lives. In the data folder:

    users.lock     held shared by every program that uses the server. The guardian waits for it exclusively: when that
                   is granted, nobody is left, and it stops the server. So Ctrl-C, `kill -9` and a power cut of a
                   user all count as leaving, and a newcomer waits at the door until a shutdown is over.
    start.lock     held exclusively while somebody starts the server or leaves it: one at a time.
    alive.lock     held by the guardian, the server and each of its processes: free means that nothing of it lives,
                   so a stale postmaster.pid or a half-made folder may be cleared away.
    guardian.lock  held by the guardian; contains its process id.
    server.json    port and password (mode 0600), the same from one start to the next while the port can be had.
    server.log     of the present run; server.log.1 of the run before.

Starting: hold users.lock, then start.lock. If alive.lock and guardian.lock are held, the server is running or about to:
wait until it answers to the password, and use it. If only alive.lock is held, a guardian was killed and its server is
going down: wait for the end. If alive.lock is free, clear leftovers and start.
Leaving: under start.lock, try to hold users.lock exclusively. If that fails others are there; else this was the last
one, and it stops the server and waits for its end.

A child made by fork without exec (multiprocessing's "fork") shares its parent's hold on users.lock, and counts as a
user until it ends or the parent calls `stop`. It can't stop what its parent started.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import random
import secrets
import signal
import socket
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from io import FileIO
from pathlib import Path

from urgentaction.core.errors import ConfigurationError, UrgentActionError
from urgentaction.embedded.account import Account, account_for
from urgentaction.embedded.guard import Guarded
from urgentaction.embedded.observe import tail, wait_until

_START_SECONDS = 60.0  # recovery after a crash replays the log first
_STOP_SECONDS = 20.0
_ORPHAN_SECONDS = 10.0
_PORT_ATTEMPTS = 10

# Below the range that Linux and macOS take outgoing ports from: no client can sit on a server's port by chance, nor
# connect to itself while the server is away.
_PORTS = range(15_000, 32_000)

# What the servers get to see of the environment: no PG* variable, no secret, but what this interpreter may need to run.
_LIBRARY_PATHS = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"} | {
    name: os.environ[name] for name in _LIBRARY_PATHS if name in os.environ
}


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach a server on 127.0.0.1."""

    port: int
    password: str


class SharedServer(ABC):
    """One server on one data folder; see the module's docstring for who starts and stops it.

    Args:
        data: folder for the server's data, lock files and log; made if it doesn't exist.
        durable: whether what the server has confirmed survives a crash of the machine. Tests may turn it off.
    """

    #: What messages call it.
    name: str

    def __init__(self, data: Path, *, durable: bool = True) -> None:
        self.data = data.resolve()
        self.durable = durable
        self._users: FileIO | None = None
        self._user_pid = 0

    @property
    def log(self) -> Path:
        """What the server says of the present run."""
        return self.data / "server.log"

    @property
    def is_running(self) -> bool:
        """Whether any process of the server lives, no matter who started it."""
        return (self.data / "alive.lock").exists() and _is_held(self.data / "alive.lock")

    def start(self) -> str:
        """Start the server, or join the programs that use it already; harmless if repeated.

        Returns:
            Its URL, with the password; the same from run to run while the port can be had.

        Raises:
            ConfigurationError: the wheel is missing, or the data folder can't be used by this user.
            UrgentActionError: the server didn't come up; the message has the end of its log.
        """
        self._make_folder()
        if self._users is None:
            users = _open(self.data / "users.lock")
            try:
                self._take(users, fcntl.LOCK_SH)
            except BaseException:
                users.close()
                raise
            self._users = users
            self._user_pid = os.getpid()
        try:
            with self._one_at_a_time():
                return self._url(self._join() or self._begin())
        except BaseException:
            self._leave()
            raise

    def stop(self) -> None:
        """Leave the server; the last program out ends it and waits until it is gone. Harmless if repeated.

        Raises:
            UrgentActionError: the server doesn't end.
        """
        if self._users is None or self._user_pid != os.getpid():
            return
        try:
            with self._one_at_a_time():
                if self._is_last(self._users):
                    self._end(signal.SIGTERM)
        finally:
            self._leave()

    def kill(self) -> None:
        """End the server at once, as a crash would, and wait until it is gone. `start` starts it again, same port."""
        with self._one_at_a_time():
            self._end(signal.SIGUSR1)

    # What each server brings.

    @abstractmethod
    def _program(self) -> Path:
        """The server's binary."""

    @abstractmethod
    def _data_folder(self) -> Path:
        """The folder inside `data` that belongs to the server."""

    @abstractmethod
    def _prepare(self, password: str, *, is_new_password: bool, account: Account | None) -> None:
        """Make the data if there is none, and clear what a crash left. Nothing of the server lives."""

    @abstractmethod
    def _guarded(self, access: Access) -> Guarded:
        """The server's command; locks, log and account are filled in here."""

    @abstractmethod
    def _missing(self, access: Access) -> str | None:
        """None if the server answers to the password, else what it still lacks."""

    @abstractmethod
    def _url(self, access: Access) -> str:
        """The URL for the program that asked."""

    # Starting.

    def _make_folder(self) -> None:
        try:
            self.data.mkdir(parents=True, exist_ok=True)
            if os.geteuid() == self.data.stat().st_uid:
                # Root's servers run as another user, who must get through to the data; files in it are closed.
                self.data.chmod(0o711 if os.geteuid() == 0 else 0o700)
            _open(self.data / "start.lock").close()
        except OSError as error:
            message = (
                f"{error.filename or self.data} can't be used by user {os.geteuid()}: {error.strerror}. Run this as the"
                f" user who made {self.data}, or choose another data folder."
            )
            raise ConfigurationError(message) from error

    def _join(self) -> Access | None:
        """Use the server that runs; None if there is none."""
        if not self.is_running:
            return None
        if not _is_held(self.data / "guardian.lock"):
            if wait_until(lambda: not self.is_running, seconds=_ORPHAN_SECONDS):
                return None
            message = (
                f"{self.name} of an earlier run still uses {self.data} although its guardian was killed. End its"
                f" processes (their working folder or command line names {self.data}), then start again."
            )
            raise UrgentActionError(message)
        access = self._read_access()
        if access is None:
            message = f"{self.name} is running on {self.data}, but server.json is gone. End it, then start again."
            raise UrgentActionError(message)
        return access if self._comes_up(access) else None

    def _begin(self) -> Access:
        """Start the server on the port of the last time, or on another if that is taken."""
        account = account_for(self._data_folder(), binary=self._program())
        known = self._read_access()
        access = known or Access(_free_port(), secrets.token_urlsafe(24))
        for _ in range(_PORT_ATTEMPTS):
            if not _is_free(access.port):
                access = Access(_free_port(), access.password)
                continue
            self._prepare(access.password, is_new_password=known is None, account=account)
            # After preparing: while there is no server.json, the password is still to be set.
            self._write_access(access)
            self._launch(access, account)
            if self._comes_up(access):
                return access
            if "address already in use" not in tail(self.log).lower():
                break
            access = Access(_free_port(), access.password)
        message = f"{self.name} didn't start. The end of {self.log}:\n{tail(self.log)}"
        raise UrgentActionError(message)

    def _launch(self, access: Access, account: Account | None) -> None:
        if self.log.exists():
            self.log.replace(self.data / "server.log.1")
        guarded = replace(
            self._guarded(access),
            account=account,
            alive_lock=self.data / "alive.lock",
            guardian_lock=self.data / "guardian.lock",
            users_lock=self.data / "users.lock",
        )
        # Ends as soon as the guardian has taken its locks and gone its own way.
        subprocess.run(
            guarded.command_line(), env=_ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False
        )

    def _run_once(self, argv: list[str], *, account: Account | None, stdin: Path | None = None) -> None:
        """Run a command of the server's tools to its end, under a guardian like the server itself."""
        log = self.data / "setup.log"
        guarded = Guarded(argv=argv, log=log, stdin=stdin, account=account, alive_lock=self.data / "alive.lock")
        # The pipe on standard input is the guardian's lifeline: it closes when this program goes.
        with subprocess.Popen(
            guarded.command_line(), env=_ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        ) as process:
            code = process.wait()
        if code != 0:
            message = f"{self.name} could not be set up: {argv[0]} ended with {code}. The end of {log}:\n{tail(log)}"
            raise UrgentActionError(message)

    def _comes_up(self, access: Access) -> bool:
        """Wait until the server answers; false if it ended instead."""
        missing: str | None = None

        def is_settled() -> bool:
            nonlocal missing
            if not self.is_running:
                return True
            missing = self._missing(access)
            return missing is None

        if not wait_until(is_settled, seconds=_START_SECONDS):
            message = (
                f"{self.name} doesn't answer after {_START_SECONDS:.0f} s: {missing}."
                f" The end of {self.log}:\n{tail(self.log)}"
            )
            raise UrgentActionError(message)
        return self.is_running

    # Ending.

    def _is_last(self, users: FileIO) -> bool:
        """Whether nobody else uses the server. If so, newcomers wait until this program lets go of `users`."""
        if _try_lock(users, fcntl.LOCK_EX):
            return True
        # flock(2) turns a shared lock into an exclusive one in two steps, and in between the guardian may have got it.
        # Then it is held exclusively still, and the server is on its way out.
        return not _try_lock(users, fcntl.LOCK_SH)

    def _end(self, how: signal.Signals) -> None:
        self._signal_guardian(how)
        if wait_until(lambda: not self.is_running, seconds=_STOP_SECONDS):
            return
        self._signal_guardian(signal.SIGUSR1)
        if not wait_until(lambda: not self.is_running, seconds=_STOP_SECONDS):
            message = f"{self.name} on {self.data} doesn't end. The end of {self.log}:\n{tail(self.log)}"
            raise UrgentActionError(message)

    def _signal_guardian(self, number: signal.Signals) -> None:
        lock = self.data / "guardian.lock"
        if not (lock.exists() and _is_held(lock)):
            return
        with contextlib.suppress(ProcessLookupError):  # it ended between the two lines
            os.kill(int(lock.read_text(encoding="ascii")), number)

    def _leave(self) -> None:
        if self._users is not None:
            # Unlocking, where closing would do, also lets go for any forked child that shares the file.
            fcntl.flock(self._users, fcntl.LOCK_UN)
            self._users.close()
            self._users = None

    # Locks and files.

    @contextlib.contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        with _open(self.data / "start.lock") as lock:
            self._take(lock, fcntl.LOCK_EX)
            yield

    def _take(self, lock: FileIO, kind: int) -> None:
        seconds = _START_SECONDS + _STOP_SECONDS
        if not wait_until(lambda: _try_lock(lock, kind), seconds=seconds):
            message = f"Another program has been starting or stopping {self.name} on {self.data} for {seconds:.0f} s."
            raise UrgentActionError(message)

    def _read_access(self) -> Access | None:
        file = self.data / "server.json"
        if not file.exists():
            return None
        try:
            return Access(**json.loads(file.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            message = f"{file} is damaged ({error}). Delete it; the next start writes a new one and keeps the data."
            raise ConfigurationError(message) from error

    def _write_access(self, access: Access) -> None:
        write_private(self.data / "server.json", json.dumps(asdict(access)))


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner can read, all of it or nothing."""
    draft = file.with_name(f"{file.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
        stream.write(text)
    draft.replace(file)


def _open(lock: Path) -> FileIO:
    return FileIO(os.open(lock, os.O_RDWR | os.O_CREAT, 0o600), "r+")


def _try_lock(lock: FileIO, kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_held(lock: Path) -> bool:
    """Whether some process holds it exclusively. Looking takes it shared, so that two who look don't mislead."""
    with _open(lock) as file:
        return not _try_lock(file, fcntl.LOCK_SH)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    """A port that nobody listens on just now; somebody may take it before the server does, so the start retries."""
    for port in random.sample(_PORTS, 200):
        if _is_free(port):
            return port
    message = f"No free port between {_PORTS.start} and {_PORTS.stop}. Is something using them all?"
    raise ConfigurationError(message)
