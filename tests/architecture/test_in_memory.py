"""The folder of the tests' servers is in memory where there is room, and never stays there."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.in_memory import quick_folder

_HOLDS_ONE = """
import sys, time
from pathlib import Path
from tests.in_memory import quick_folder
with quick_folder(Path(sys.argv[1]), memory=Path(sys.argv[2]), enough=0) as folder:
    (folder / "data").write_text("of a server", encoding="utf-8")
    print(folder, flush=True)
    time.sleep(600)
"""


def test_is_in_memory_and_gone_afterwards(tmp_path: Path) -> None:
    with quick_folder(tmp_path / "disk", memory=tmp_path, enough=0) as folder:
        (folder / "data").write_text("of a server", encoding="utf-8")
        assert folder.parent == tmp_path
    assert not folder.exists()


def test_is_on_the_disk_where_memory_is_short_or_missing(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with quick_folder(disk, memory=tmp_path, enough=2**60) as folder:
        assert folder == disk
    with quick_folder(disk, memory=tmp_path / "no-such-folder") as folder:
        assert folder == disk


def test_is_gone_too_when_the_run_was_killed(tmp_path: Path, project: Path) -> None:
    command = [sys.executable, "-c", _HOLDS_ONE, str(tmp_path / "disk"), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=project) as run:
        assert run.stdout is not None
        folder = Path(run.stdout.readline().strip())
        assert (folder / "data").exists()
        run.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 60
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not folder.exists()
