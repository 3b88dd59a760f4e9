"""The order in which an official's contact points are tried, and what follows when one brings nothing. Pure.

    parallel   the best point of every channel at once; each one's alternates follow when it fails
    cascade    one point after the other
    both       then the points of the mission that takes letters for the office, one after the other; then a person

Nothing follows once the official is known to be reached. A step that is late goes on beside the one that follows it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from urgentaction.channels.contract import Channel
from urgentaction.triggers.decision import Order

from .rules import State

#: How a delivery ends that did not come to the official.
UNREACHED = frozenset({State.FAILED, State.EXPIRED, State.SUPPRESSED})
_OVER = UNREACHED | {State.WITHDRAWN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A contact point that can be used, in the plan's order. `is_care_of`: it is the mission's, not the office's."""

    id: uuid.UUID
    channel: Channel
    address: str
    is_care_of: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A delivery to the official. `is_followed`: it has ended without success, or is late, and that was acted upon."""

    point_id: uuid.UUID | None
    channel: Channel
    address: str
    state: State
    is_followed: bool = False

    @property
    def has_succeeded(self) -> bool:
        """Arrived; or taken by the mail server, because mail has no later receipt."""
        return is_success(self.state, self.channel)

    @property
    def is_live(self) -> bool:
        """It has succeeded, or may still do so within its time."""
        return self.has_succeeded or not (self.state in _OVER or self.is_followed)


@dataclass(frozen=True, slots=True)
class Next:
    """What follows: another contact point; or, without one, a person."""

    point: Point | None


def is_success(state: State, channel: Channel) -> bool:
    """Whether a delivery needs nothing more. A fax or SMS that was only accepted does: its receipt is missing."""
    return state is State.DELIVERED or (state is State.ACCEPTED and channel is Channel.EMAIL)


def first_points(points: Sequence[Point], order: Order) -> list[Point]:
    """Where to begin; empty where there is nothing to begin with.

    Args:
        points: in the plan's order, dead ones left out. The mission's are used only where the office has none.
    """
    own = [point for point in points if not point.is_care_of]
    if not own:
        return list(points[:1])
    best: dict[Channel, Point] = {}
    for point in own:
        best.setdefault(point.channel, point)
    return list(best.values()) if order is Order.PARALLEL else own[:1]


def next_step(points: Sequence[Point], steps: Sequence[Step], order: Order, *, is_over: bool = False) -> Next | None:
    """What follows now that one of `steps` has failed or is late. None: nothing has to.

    Args:
        points: in the plan's order, dead ones left out.
        steps: everything tried so far for this official in this alert.
        is_over: the alert's deadline has passed, so that another contact point would be too late as well.
    """
    if any(step.state is State.DELIVERED for step in steps):
        return None
    live = {step.channel for step in steps if step.is_live}
    for point in () if is_over else _untried(points, steps):
        is_free = not live if point.is_care_of or order is Order.CASCADE else point.channel not in live
        if is_free:
            return Next(point)
    return None if live else Next(None)


def _untried(points: Iterable[Point], steps: Sequence[Step]) -> list[Point]:
    """The office's own ones first. The same number under two names is one number."""
    ids = {step.point_id for step in steps}
    addresses = {(step.channel, step.address) for step in steps}
    fresh = [point for point in points if point.id not in ids and (point.channel, point.address) not in addresses]
    return sorted(fresh, key=lambda point: point.is_care_of)


def step_until(due_at: datetime, *, minutes: int | None, deadline: datetime | None) -> datetime | None:
    """When a step is late: so many minutes after it was due, the alert's deadline at the latest. None: never.

    Args:
        due_at: when it was due first, so after the office opened where it waits for that.
    """
    if minutes is None:
        return None
    late = due_at + timedelta(minutes=minutes)
    return min(late, deadline) if deadline is not None else late


def opening_or_now(moment: datetime, opening: datetime, *, deadline: datetime | None) -> datetime:
    """When to send: at the opening, or at once where that would be too late.

    A fax that lies in a closed office is worth more than one that was never sent.
    """
    return opening if deadline is None or opening < deadline else moment
