"""Named places at which a drill can make a process die, as if by `kill -9`. They cost one comparison.

`URGENTACTION_CRASH_AT` says where, as `point[@channel][:n]`: `after_intent` ends the process there the first time it
comes by, `after_intent@fax:2` the second time it comes by with a fax. A worker whose children die is given new ones,
which would die there again; so `file:PATH` names a file that holds the same: whoever comes by takes it away and dies,
and everybody after that goes on. The death writes one line to standard error, so that a drill can see that it happened.

Refused in live mode. Must not be used for anything but dying: code that behaves differently in a drill proves nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from .errors import ConfigurationError

_EVERY = ("email", "fax", "sms")
_REPORTING = ("fax", "sms")  # mail servers don't call back

#: Every point, in the order of the pipeline, with the channels that it is told about; none: it belongs to no channel.
#: `in_…` lies inside a transaction, which is rolled back; `after_…` behind a commit, unless said otherwise.
POINTS: Mapping[str, tuple[str, ...]] = {
    "in_update": (),  # an update is written, its alerts are drafted and stopped, nothing is committed
    "after_update": (),  # committed, and nobody was given a hint
    "after_withdrawn": (),  # the unsent rows of a stopped alert are marked
    "after_start": (),
    "in_freeze": (),
    "after_freeze": (),
    "in_expand": (),
    "after_expand": (),
    "after_claim": _EVERY,
    "after_intent": _EVERY,
    "in_window": _EVERY,  # one more message of a window has its outcome, in memory alone
    "after_wire": _EVERY,  # the gateway has said everything, nothing of it is written
    "in_record": _EVERY,
    "after_record": _EVERY,
    # Notices by mail go window by window: one is settled in the transaction that takes and declares the next.
    "after_mailing_window": (),
    "after_mailing_wire": (),
    "in_mailing_record": (),
    "after_mailing": (),  # the last window of a turn is settled
    "before_release": (),  # of the claims that were not begun
    "after_release": (),
    "after_leases_returned": (),  # ended leases are put right, the rest of the sweep is not done
    "after_question": _EVERY,  # a gateway has answered about an unknown, nothing of it is written
    "in_settle": _EVERY,
    "after_settle": _EVERY,
    "in_escalation": ("email", "fax"),  # only officials are escalated
    "after_escalation": (),
    "after_receipt_stored": _REPORTING,  # in the web process, before the gateway has its answer
    "in_receipt": _REPORTING,
    "after_receipt": (),
    "in_receipt_batch": ("sms",),  # receipts that only say that a supporter's message goes on, or has arrived
    "after_receipt_batch": (),
}
_FROM_FILE = "file:"


@dataclass(frozen=True, slots=True)
class Place:
    """Where to die: at the `nth` passing of `point`, counting those of `channel` only where one is named."""

    point: str
    channel: str = ""
    nth: int = 1

    def __str__(self) -> str:
        return self.point + (f"@{self.channel}" if self.channel else "")

    @classmethod
    def parse(cls, text: str) -> Place:
        """Read `point[@channel][:n]`. Raises ConfigurationError, which names what there is."""
        named, _, nth = text.strip().partition(":")
        point, _, channel = named.partition("@")
        if point not in POINTS:
            raise ConfigurationError(f"URGENTACTION_CRASH_AT: {point!r} is no point; choose from {', '.join(POINTS)}.")
        if channel and channel not in POINTS[point]:
            known = ", ".join(POINTS[point]) or "no channel"
            raise ConfigurationError(f"URGENTACTION_CRASH_AT: {point} can be told about {known}, not {channel!r}.")
        if nth and not (nth.isascii() and nth.isdigit() and int(nth) > 0):
            raise ConfigurationError(f"URGENTACTION_CRASH_AT: write {named}:2 for the second time, not {text!r}.")
        return cls(point, channel, int(nth or 1))


class _Passings:
    """How often this process has come by the place that it is to die at."""

    def __init__(self) -> None:
        self._armed = ""
        self._count = 0

    def one_more(self, armed: str) -> int:
        """Count; another place begins at one again."""
        self._count = self._count + 1 if armed == self._armed else 1
        self._armed = armed
        return self._count


_passings = _Passings()


def crash_point(point: str, *, channel: str = "") -> None:
    """Die here if that was asked for.

    Args:
        point: one of `POINTS`.
        channel: of the delivery in hand, where the point is told about one.
    """
    if settings.CRASH_AT:
        _consider(settings.CRASH_AT, point, channel)


def _consider(wanted: str, point: str, channel: str) -> None:
    if point not in POINTS:
        raise AssertionError(f"{point} is not listed in POINTS")
    file = Path(wanted.removeprefix(_FROM_FILE)) if wanted.startswith(_FROM_FILE) else None
    armed = _read(file) if file else wanted
    if not armed:
        return
    place = Place.parse(armed)
    if point != place.point or place.channel not in ("", channel):
        return
    if _passings.one_more(armed) < place.nth:
        return
    if file and not _take(file):
        return  # somebody else came by first and has died for it
    # Not `print`: nothing may be flushed, closed or waited for on the way out.
    os.write(2, f"urgentaction: crash point {place} reached, process {os.getpid()} dies\n".encode())
    os._exit(137)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


def _take(file: Path) -> bool:
    try:
        file.unlink()
    except FileNotFoundError:
        return False
    return True
