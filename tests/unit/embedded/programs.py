"""Programs that use the embedded servers, as processes of their own, and a look at what is left of them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

import urgentaction
from urgentaction.embedded.observe import wait_until

SECONDS = 30.0

#: Starts both servers on the folder given, says their URLs, and waits for ever.
PROGRAM = """
import signal, sys
from pathlib import Path
from urgentaction.embedded import Servers
with Servers(Path(sys.argv[1]), durable=False) as servers:
    print(servers.database_url, servers.redis_url, flush=True)
    signal.pause()
"""

needs_proc = pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="looks for processes in /proc")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="changes user, which only root may")


def python_path() -> str:
    """What a bare interpreter needs to find this project and its dependencies."""
    folders = [str(Path(urgentaction.__file__).parents[1])]
    return os.pathsep.join(folders + [entry for entry in sys.path if entry.endswith("site-packages")])


@contextmanager
def program(*arguments: str | Path, code: str = PROGRAM) -> Iterator[subprocess.Popen[str]]:
    """A Python program in a process group of its own, as a shell starts it; killed at the end if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
        env=dict(os.environ) | {"PYTHONPATH": python_path()},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def first_line(process: subprocess.Popen[str]) -> list[str]:
    """The words of the first line that the program prints."""
    assert process.stdout is not None
    words = process.stdout.readline().split()
    assert words, process.communicate(timeout=SECONDS)[1]
    return words


def processes_of(folder: Path) -> list[str]:
    """Every living process that works in the folder or names it in its command line."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        if int(entry.name) == os.getpid():
            continue
        with suppress(OSError):
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if not command:
                continue  # a zombie: it has ended, and waits for its parent to notice
            place = str((entry / "cwd").readlink())
            if str(folder) in command or str(folder) in place:
                found.append(f"{entry.name} {command}")
    return found


def assert_nothing_left(folder: Path) -> None:
    wait_until(lambda: not processes_of(folder), seconds=SECONDS)
    assert processes_of(folder) == []
