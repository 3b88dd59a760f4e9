"""One window on the wire: what was begun, and what the gateway said of it.

Knows no rows: whoever sends a window writes down afterwards what this collected, whatever broke in on the way.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import replace

from django.conf import settings

from urgentaction.channels.contract import Accepted, Channel, Outcome, Refused, Unknown
from urgentaction.channels.wording import printable
from urgentaction.core.crashpoints import crash_point
from urgentaction.core.interruptions import INTERRUPTIONS

from . import breaker

log = logging.getLogger(__name__)

#: Nothing new is begun after this share of a lease, so that what is in hand ends, and is written down, within it.
SHARE_OF_LEASE = 0.75
#: What a window broken off by ourselves leaves of a message in hand. Not the gateway's fault.
BROKEN_OFF = Unknown("broken off while it was on the wire; see the worker's log")
_SAYS_TOO_LITTLE = Unknown("the gateway gave no outcome")
LONGEST_REF, LONGEST_CODE, LONGEST_TEXT = 200, 60, 300


def wire_clock() -> float:
    """Seconds; goes on while this process is stopped or its machine sleeps, because its lease does too."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def lease_end() -> float:
    """Until when something may be begun (on `wire_clock`) under a lease that starts now."""
    return wire_clock() + settings.LEASE_SECONDS * SHARE_OF_LEASE


def storable(outcome: Outcome) -> Outcome:
    """What a gateway said, so that the columns can hold it: one that answers garbage must not spoil its window."""
    match outcome:
        case Accepted(ref):
            is_fit = ref.isprintable() and len(ref) <= LONGEST_REF
            return outcome if is_fit else Accepted(printable(ref)[:LONGEST_REF])
        case Refused(_, code, text):
            return replace(outcome, code=printable(code)[:LONGEST_CODE], text=printable(text)[:LONGEST_TEXT])
        case Unknown(why):
            return Unknown(printable(why)[:LONGEST_TEXT])


class Wire:
    """Collects the outcomes of one window, and says how long more of it may be begun.

    Attributes:
        begun: the places of the messages that the gateway has begun.
        is_stuck: its adapter broke before it had begun anything, and would again.
    """

    def __init__(self, gateway: str, channel: Channel, *, lease_ends: float) -> None:
        """Args: lease_ends: on `wire_clock`; nothing is begun after it."""
        self.begun: set[int] = set()
        self.is_stuck = False
        self._gateway = gateway
        self._channel = channel
        self._lease_ends = lease_ends
        self._told: dict[int, Outcome] = {}
        self._faults = 0
        self._in_doubt = BROKEN_OFF
        self._is_drill = bool(settings.CRASH_AT)  # looked up once: for each message it would cost as much as the rest

    def begin(self, place: int) -> bool:
        """As `contract.Begin`: no more when the lease is nearly over, or when the gateway evidently does not work."""
        if self._faults >= breaker.IN_A_ROW or wire_clock() > self._lease_ends:
            log.warning("gateway %s: window broken off after %d messages", self._gateway, len(self.begun))
            return False
        self.begun.add(place)
        return True

    def take(self, outcomes: Iterator[tuple[int, Outcome]]) -> None:
        """Collect what a gateway says, to the end.

        Its bugs are logged and leave what it had in hand in doubt; interruptions go on their way.
        """
        try:
            for place, outcome in outcomes:
                self._told[place] = storable(outcome)
                if self._is_drill:
                    crash_point("in_window", channel=self._channel)
                if isinstance(outcome, Accepted):
                    self._faults = 0
                else:
                    self._faults = self._faults + 1 if breaker.is_fault(outcome) else 0
            self._in_doubt = _SAYS_TOO_LITTLE
        except INTERRUPTIONS:
            raise
        except Exception:
            # A bug in an adapter. The worker must go on for everybody else.
            self.is_stuck = not self.begun
            log.exception("gateway %s broke while sending; what it had in hand is unknown", self._gateway)

    def outcomes(self) -> Iterator[tuple[int, Outcome]]:
        """Each place that was begun, and what became of it."""
        for place in sorted(self.begun):
            yield place, self._told.get(place, self._in_doubt)
