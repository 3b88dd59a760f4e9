"""A folder in memory for the data of a run's servers.

Emptying the database after a test makes and removes hundreds of files. On a disk that takes as long as the tests
themselves do.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")
#: Bytes that have to be free there. Each process of the tests uses a tenth of it at most.
ENOUGH = 4 * 2**30

# Waits for the end of its standard input, which comes however the other side ends; so does that of the servers, some
# seconds later.
_REMOVER = """
import os, shutil, sys, time
sys.stdin.read()
for _ in range(200):
    shutil.rmtree(sys.argv[1], ignore_errors=True)
    if not os.path.exists(sys.argv[1]):
        break
    time.sleep(0.1)
"""


@contextmanager
def quick_folder(on_disk: Path, *, memory: Path = MEMORY, enough: int = ENOUGH) -> Iterator[Path]:
    """An empty folder in memory, which is gone afterwards, even if this process is killed; else `on_disk`."""
    if not memory.is_dir() or shutil.disk_usage(memory).free < enough:
        yield on_disk
        return
    folder = tempfile.mkdtemp(prefix="urgentaction-tests-", dir=memory)
    command = [sys.executable, "-I", "-S", "-c", _REMOVER, folder]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as remover:
        try:
            yield Path(folder)
        finally:
            assert remover.stdin is not None
            remover.stdin.close()
            remover.wait()
