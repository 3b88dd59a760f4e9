"""What readers get: plain values, with no name, address or number of a supporter anywhere in them. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from urgentaction.channels.contract import Channel
from urgentaction.deliveries.rules import REACHED, TERMINAL, State


@dataclass(frozen=True, slots=True)
class Count:
    """How many deliveries of one role and channel stand in one state."""

    role: str
    channel: str
    state: str
    deliveries: int

    @property
    def is_settled(self) -> bool:
        """Nothing more will happen to them. Mail has no receipt: once accepted it is as settled as it gets."""
        return self.state in TERMINAL or (self.state == State.ACCEPTED and self.channel == Channel.EMAIL)


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of deliveries, and sums of them."""

    counts: tuple[Count, ...] = ()

    @property
    def total(self) -> int:
        """All deliveries."""
        return _sum(self.counts)

    @property
    def settled(self) -> int:
        """Those to which nothing more will happen."""
        return _sum(count for count in self.counts if count.is_settled)

    @property
    def reached(self) -> int:
        """Those that the recipient may have read."""
        return _sum(count for count in self.counts if count.state in REACHED)

    def of(self, *, role: str | None = None, channel: str | None = None, state: str | None = None) -> Tally:
        """Only the counts that fit."""
        return Tally(
            tuple(
                count
                for count in self.counts
                if role in (None, count.role) and channel in (None, count.channel) and state in (None, count.state)
            )
        )

    def groups(self) -> list[tuple[str, str]]:
        """The pairs of role and channel that occur; officials first."""
        roles = ("to", "cc", "supporter")
        pairs = {(count.role, count.channel) for count in self.counts}
        return sorted(pairs, key=lambda pair: (roles.index(pair[0]), pair[1]))

    def by_state(self) -> Mapping[str, int]:
        """Deliveries per state, in the order of their life; only states that occur."""
        sums = {state.value: _sum(count for count in self.counts if count.state == state) for state in State}
        return {state: number for state, number in sums.items() if number}


@dataclass(frozen=True, slots=True)
class AlertProgress:
    """How far an alert is. `counted_at` (UTC): of a large one, which is not counted each time; None: just now."""

    alert: str
    case: str
    kind: str
    level: int | None
    state: str
    tally: Tally
    counted_at: datetime | None = field(default=None, compare=False)

    @property
    def is_over(self) -> bool:
        """Nothing of it moves any more."""
        return self.state in {"finished", "rejected", "withdrawn", "expired"} and self.tally.settled == self.tally.total


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptView:
    """One try at the gateway. `outcome` is accepted, refused or unknown; times are UTC."""

    n: int
    outcome: str
    retry_class: str
    code: str
    text: str
    started_at: datetime
    ended_at: datetime
    gateway_ref: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryView:
    """One delivery. `recipient` is an official's office and name, or a supporter's short id."""

    id: int
    alert: str
    recipient: str
    role: str
    channel: str
    step: int
    state: str
    reason: str
    attempts: tuple[AttemptView, ...]
    gateway: str
    gateway_ref: str
    due_at: datetime
    accepted_at: datetime | None
    settled_at: datetime | None


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Some deliveries. `next`: the id to go on after; None at the end."""

    items: tuple[DeliveryView, ...]
    next: int | None


class EntryKind(StrEnum):
    """What an entry of a timeline is about."""

    UPDATE = "update"
    DRAFTED = "drafted"
    APPROVED = "approved"
    REJECTED = "rejected"
    STARTED = "started"
    FROZEN = "frozen"
    FIRST_ACCEPTED = "first_accepted"
    LAST_ACCEPTED = "last_accepted"
    WITHDRAWN = "withdrawn"
    FINISHED = "finished"
    TASK_OPENED = "task_opened"
    TASK_CLOSED = "task_closed"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened to a case, at a moment (UTC). `alert` is its number, or empty."""

    at: datetime
    kind: EntryKind
    text: str
    alert: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskView:
    """Something left for a person."""

    id: uuid.UUID
    kind: str
    title: str
    advice: str
    alert: str
    delivery: int | None
    created_at: datetime
    done_at: datetime | None
    done_by: str
    result: str


@dataclass(frozen=True, slots=True)
class TaskPage:
    """Some tasks. `next`: the id to go on after; None at the end."""

    items: tuple[TaskView, ...]
    next: uuid.UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayView:
    """A configured gateway: whether it may be used now, why not, and what waits for its channel.

    `is_broken`: it did not work and is left alone until `broken_until`, then tried again by itself.
    """

    name: str
    channel: str
    is_paused: bool
    paused_until: datetime | None
    reason: str
    changed_at: datetime | None
    waiting: int
    weight: int = 10
    is_broken: bool = False
    broken_since: datetime | None = None
    broken_until: datetime | None = None
    broken_why: str = ""

    @property
    def is_usable(self) -> bool:
        """Neither paused nor broken."""
        return not (self.is_paused or self.is_broken)


def short_id(identifier: uuid.UUID) -> str:
    """Enough of an id for people: its random end, because ids made together begin alike."""
    return identifier.hex[-8:]


def _sum(counts: Iterable[Count]) -> int:
    return sum(count.deliveries for count in counts)
