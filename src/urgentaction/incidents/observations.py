"""What one look shows: plain values, filled in by `looking`, read by `diagnosis`. Ages are lengths of time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from .rules import Sight


class DatabaseState(StrEnum):
    """How the database is."""

    OK = "ok"
    DOWN = "down"
    READ_ONLY = "read_only"
    FULL = "full"
    OUTDATED = "outdated"  # tables of this version are missing


class BrokerState(StrEnum):
    """How the broker is."""

    OK = "ok"
    DOWN = "down"
    REFUSES = "refuses"  # answers, but takes no writes


class Code(StrEnum):
    """Every kind of trouble."""

    DATABASE_DOWN = "database-down"
    DATABASE_READ_ONLY = "database-read-only"
    DATABASE_FULL = "database-full"
    DATABASE_OUTDATED = "database-outdated"
    BROKER_DOWN = "broker-down"
    BROKER_REFUSES = "broker-refuses"
    LOOK_FAILED = "look-failed"
    BEAT_SILENT = "beat-silent"
    WORKERS_SILENT = "workers-silent"
    WORKER_SILENT = "worker-silent"
    LANE_SILENT = "lane-silent"
    WATCH_SILENT = "watch-silent"
    CHANNEL_SHUT = "channel-shut"
    GATEWAY_PAUSED = "gateway-paused"
    GATEWAY_BROKEN = "gateway-broken"
    ALERT_NOT_STARTED = "alert-not-started"
    ALERT_NOT_READY = "alert-not-ready"
    DECISION_LATE = "decision-late"
    DELIVERIES_OVERDUE = "deliveries-overdue"
    LEASES_HELD = "leases-held"
    RECEIPTS_WAITING = "receipts-waiting"
    UNKNOWNS_UNASKED = "unknowns-unasked"
    TASK_LATE = "task-late"


SIGHTS: Mapping[str, Sight] = {
    **dict.fromkeys(
        (
            Code.DATABASE_DOWN,
            Code.DATABASE_READ_ONLY,
            Code.DATABASE_FULL,
            Code.DATABASE_OUTDATED,
            Code.BROKER_DOWN,
            Code.BROKER_REFUSES,
            Code.LOOK_FAILED,
        ),
        Sight.DIRECT,
    ),
    **dict.fromkeys((Code.BEAT_SILENT, Code.WORKERS_SILENT, Code.WORKER_SILENT, Code.LANE_SILENT), Sight.LANES),
    **dict.fromkeys(
        (
            Code.WATCH_SILENT,
            Code.CHANNEL_SHUT,
            Code.GATEWAY_PAUSED,
            Code.GATEWAY_BROKEN,
            Code.DECISION_LATE,
            Code.TASK_LATE,
        ),
        Sight.ROWS,
    ),
    **dict.fromkeys(
        (
            Code.ALERT_NOT_STARTED,
            Code.ALERT_NOT_READY,
            Code.DELIVERIES_OVERDUE,
            Code.LEASES_HELD,
            Code.RECEIPTS_WAITING,
            Code.UNKNOWNS_UNASKED,
        ),
        Sight.WORK,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A queue: who takes from it, since when nobody did (None: never), how much waits in it (None: can't be seen)."""

    name: str
    worker: str
    silent_for: timedelta | None
    waiting: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A gateway. `since`: how long it has been so (None: always); `waiting`: what waits for its channel."""

    name: str
    channel: str
    waiting: int = 0
    is_paused: bool = False
    ends_by_itself: bool = False
    is_broken: bool = False
    since: timedelta | None = None

    @property
    def is_usable(self) -> bool:
        """Neither paused nor broken."""
        return not (self.is_paused or self.is_broken)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingAlert:
    """An alert that does not go on: its number, its level, and for how long. `code` says at which step."""

    number: str
    level: int | None
    code: Code
    age: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingTask:
    """Open tasks of one kind about one alert (empty: none)."""

    kind: str
    alert: str
    level: int | None
    count: int
    age: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """Deliveries that should have left. `is_moving`: others of their kind have been tried within minutes."""

    channel: str
    is_official: bool
    count: int
    age: timedelta
    is_moving: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Observations:
    """What one look showed.

    Attributes:
        patience: how long a lane may be silent.
        watched_for: how long the watchman has been looking; None: somebody else looks, who knows no more than the rows.
        watch_silent_for: since when the watchman gave no sign; None: never, or it looks itself (`is_watchman`).
        failure: what kept the rows from being looked at, besides the database's state; empty: nothing.
        leases, receipts, unknowns: how many stand longer than they may.
    """

    database: DatabaseState = DatabaseState.OK
    broker: BrokerState = BrokerState.OK
    patience: timedelta = timedelta(minutes=2)
    watched_for: timedelta | None = None
    is_watchman: bool = False
    watch_silent_for: timedelta | None = None
    watch_patience: timedelta = timedelta(minutes=2)
    failure: str = ""
    lanes: tuple[Lane, ...] = ()
    ways: tuple[Way, ...] = ()
    alerts: tuple[WaitingAlert, ...] = ()
    tasks: tuple[WaitingTask, ...] = ()
    overdue: tuple[Overdue, ...] = ()
    leases: int = 0
    receipts: int = 0
    unknowns: int = 0

    @property
    def is_readable(self) -> bool:
        """Rows can be believed."""
        return not self.failure and self.database not in {DatabaseState.DOWN, DatabaseState.OUTDATED}

    @property
    def is_settling(self) -> bool:
        """The watchman has only just begun: the others may have been down as well, and get time to come up."""
        return self.watched_for is not None and self.watched_for < self.patience
