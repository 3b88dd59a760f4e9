"""A tiny program that runs one command and ends it when nobody wants it any more.

It is started by path (`python -I -S guardian.py SPEC`, see `guard.Guarded`), imports the standard library only and
knows nothing of the project. It owns one child process, and everything that child starts:

- The child runs in a session of its own, so a Ctrl-C in the terminal doesn't reach it.
- The *lifeline* says whether somebody still wants the child. Either it is standard input, a pipe whose other end the
  parent holds (end of file: the parent is gone), or a lock file that every user of a shared server holds shared
  (an exclusive lock is granted here only once the last user has let go). The kernel closes pipes and drops locks
  with their process, so `kill -9` of a user counts as leaving.
- When the lifeline is gone, the child's group gets the stop signal and, after the grace period, SIGKILL.
- When the child has ended, whatever it left running is killed: its process group and, on Linux, every orphan below
  it (orphans are handed to the guardian, which registers as their reaper).
- Should the guardian itself be killed, Linux sends the child `death_signal`.

Signals: SIGTERM passes the stop signal on, SIGUSR1 kills the child's group at once.
Exit status: the child's (128 + signal if a signal ended it), 127 if it couldn't be run, 75 if a lock is held.

Must not: wait with a timer for its parent, or trust a process id that it hasn't waited for itself.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, NoReturn

_PR_SET_PDEATHSIG = 1
_PR_SET_SECUREBITS = 28
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_PR_SET_CHILD_SUBREAPER = 36
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAPABILITY_VERSION_3 = 0x20080522

_EXIT_LOCKED = 75
_EXIT_NOT_RUN = 127

_IS_LINUX = sys.platform == "linux"


def main(spec: dict[str, Any]) -> NoReturn:
    """Run `spec` (the fields of `guard.Guarded`) to its end and leave with the exit status described above."""
    log = os.open(spec["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 2)
    if spec["alive_lock"]:
        # Inherited by the child and all it starts: the lock is free only once every one of them has ended.
        os.set_inheritable(_hold(spec["alive_lock"]), True)
    own_lock = _hold(spec["guardian_lock"]) if spec["guardian_lock"] else None
    if spec["users_lock"]:
        _detach()
    if own_lock is not None:
        os.ftruncate(own_lock, 0)
        os.write(own_lock, str(os.getpid()).encode())
    if _IS_LINUX:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)

    child = _launch(spec)
    signal.signal(signal.SIGTERM, lambda *_: _signal_group(child, spec["stop_signal"]))
    signal.signal(signal.SIGUSR1, lambda *_: _signal_group(child, signal.SIGKILL))
    threading.Thread(target=_end_without_lifeline, args=(spec, child), daemon=True).start()
    with contextlib.suppress(BrokenPipeError):  # the parent has gone already: the lifeline will tell
        os.write(1, f"{child}\n".encode())

    status = _wait_for(child)
    _signal_group(child, signal.SIGKILL)
    if _IS_LINUX:
        _kill_orphans()
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


def _hold(path: str) -> int:
    """Take the lock file exclusively, for as long as this process lives."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _complain(f"{path} is held by another process")
        sys.exit(_EXIT_LOCKED)
    return lock


def _detach() -> None:
    """Let the program that started a shared server go its own way; the locks taken so far stay held."""
    if os.fork():
        os._exit(0)
    os.setsid()


def _launch(spec: dict[str, Any]) -> int:
    """Start the command; returns once it has been executed, so that its process group exists."""
    guardian = os.getpid()
    executed, executing = os.pipe()
    child = os.fork()
    if child:
        os.close(executing)
        os.read(executed, 1)  # end of file: exec closed the other end
        os.close(executed)
        return child
    try:
        os.setsid()
        os.dup2(os.open(spec["stdin"] or os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)
        os.chdir(spec["cwd"])
        for number in (signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)  # Python ignores SIGPIPE, and ignoring is inherited
        if spec["account"]:
            _become(**spec["account"])
        if _IS_LINUX:
            # After the change of user, which would clear it.
            _prctl(_PR_SET_PDEATHSIG, spec["death_signal"])
            if os.getppid() != guardian:
                os._exit(_EXIT_NOT_RUN)
        os.execvp(spec["argv"][0], spec["argv"])  # noqa: S606 - a list of words; a shell would be the risk
    except OSError as error:
        _complain(f"can't run {spec['argv'][0]}: {error}")
    finally:
        os._exit(_EXIT_NOT_RUN)


def _become(*, uid: int, gid: int, capability: int | None) -> None:
    """Leave root for good; keep at most one capability, across the exec, to reach files below a closed folder."""
    if capability is not None:
        # Keeps the capabilities through setuid until capset drops all but one, and has access(2), which PostgreSQL asks
        # about its own binaries, count that one: see capabilities(7).
        _prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if capability is not None:
        header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
        bit = 1 << capability
        data = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)  # effective, permitted, inheritable; then the upper half
        _check(ctypes.CDLL(None, use_errno=True).capset(header, data), "capset")
        _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability)


def _prctl(option: int, argument: int, second: int = 0) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    arguments = [ctypes.c_ulong(value) for value in (argument, second, 0, 0)]
    _check(libc.prctl(option, *arguments), f"prctl {option}")


def _check(result: int, call: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")


def _end_without_lifeline(spec: dict[str, Any], child: int) -> None:
    if spec["users_lock"]:
        # Stays locked until this process has ended: a newcomer waits until everything is gone, then starts afresh.
        fcntl.flock(os.open(spec["users_lock"], os.O_RDWR | os.O_CREAT, 0o600), fcntl.LOCK_EX)
    else:
        while os.read(0, 1024):
            pass
    _signal_group(child, spec["stop_signal"])
    time.sleep(spec["grace"])
    _signal_group(child, signal.SIGKILL)


def _signal_group(child: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # ended on its own in this very moment
        os.killpg(child, number)


def _wait_for(child: int) -> int:
    while True:
        pid, status = os.waitpid(-1, 0)  # any: orphans of the child end up here as well
        if pid == child:
            return status


def _kill_orphans() -> None:
    while True:
        for pid in _own_children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _own_children() -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended while we looked
            # proc(5): "pid (name) state ppid …"; the name may hold anything, so count from its last bracket.
            status = (entry / "stat").read_text(encoding="utf-8", errors="replace")
            if int(status.rpartition(")")[2].split()[1]) == os.getpid():
                found.append(int(entry.name))
    return found


def _complain(message: str) -> None:
    os.write(2, f"guardian: {message}\n".encode(errors="replace"))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
