"""Named places at which a drill can make a process die, as if by `kill -9`. They cost one comparison.

`URGENTACTION_CRASH_AT=after_intent` ends the process there the first time it comes by; `after_intent:3` the third
time. Refused in live mode.
"""

from __future__ import annotations

import os

from django.conf import settings

from .errors import ConfigurationError

POINTS = frozenset(
    {
        "after_claim",
        "after_intent",
        "after_wire",
        "after_record",
        "after_update",
        "after_freeze",
        "after_expand",
        "after_receipt",
    }
)
_passed = 0


def crash_point(name: str) -> None:
    """Die here if that was asked for."""
    if not settings.CRASH_AT:
        return
    _count(name)


def _count(name: str) -> None:
    global _passed  # noqa: PLW0603 - the count is the process's own
    wanted, _, nth = settings.CRASH_AT.partition(":")
    if wanted not in POINTS or name not in POINTS:
        raise ConfigurationError(f"URGENTACTION_CRASH_AT: choose from {', '.join(sorted(POINTS))}.")
    if name != wanted:
        return
    _passed += 1
    if _passed >= int(nth or 1):
        os._exit(137)
