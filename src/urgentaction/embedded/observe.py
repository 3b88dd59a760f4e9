"""Waiting for something to become true, and the end of a log for an error message.

Must not: know what is waited for.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

_PAUSE = 0.01  # seconds between two looks


def wait_until(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Look until `condition` holds or `seconds` have passed; whether it held in the end."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= end:
            return False
        time.sleep(_PAUSE)
    return True


def tail(log: Path, *, lines: int = 20) -> str:
    """The last lines of a log, indented, or a remark that it is empty."""
    if not log.exists():
        return f"  ({log} was not written)"
    text = log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
    return "\n".join(f"  {line}" for line in text) or f"  ({log} is empty)"
