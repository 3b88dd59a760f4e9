"""Which gateway carries the next window: one that is neither paused nor broken nor at its limit, by weight.

Asked before every window. What no gateway may carry now goes back to the queue, its attempt uncounted.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from urgentaction.channels.contract import Channel, Refused, RetryClass
from urgentaction.channels.roster import Entry
from urgentaction.core.errors import ConfigurationError

from . import breaker, pace
from .gateways import entries_for, gateway_named
from .models import GatewayState
from .pausing import pause_for
from .queries import still_paused

log = logging.getLogger(__name__)

#: Gateways at their limit, and when (on `time.monotonic`'s clock) they may take more. The process's own.
_full_until: dict[str, float] = {}


@dataclass(frozen=True, slots=True)
class Way:
    """A gateway that may carry up to `room` messages now. A trial is the first message after it was broken."""

    entry: Entry
    room: int
    is_trial: bool = False


def open_entries(channel: Channel) -> list[Entry]:
    """The channel's gateways that may be used now, as far as the database knows; those due for a trial included."""
    entries = entries_for(channel)
    shut = set(
        GatewayState.objects.filter(
            still_paused() | breaker.is_shut(), name__in=[entry.name for entry in entries]
        ).values_list("name", flat=True)
    )
    return [entry for entry in entries if entry.name not in shut]


def open_channels() -> list[Channel]:
    """The channels that some gateway may carry now."""
    return [channel for channel in Channel if any(not _is_full(entry) for entry in open_entries(channel))]


def next_room() -> timedelta | None:
    """How long until a gateway that is at its limit may take more; None where none is."""
    now = time.monotonic()
    waits = [until - now for until in _full_until.values() if until > now]
    return timedelta(seconds=min(waits)) if waits else None


def find_way(channel: Channel, *, wanted: int, avoid: str = "") -> Way | None:
    """A gateway for up to `wanted` messages of a channel, or None: they must wait.

    One that is due for a trial is tried first: its `check` sends nothing, and then a single message goes.

    Args:
        avoid: a gateway that has just refused them; taken only where there is no other.
    """
    candidates = [entry for entry in open_entries(channel) if not _is_full(entry)]
    broken = set(
        GatewayState.objects.filter(
            name__in=[entry.name for entry in candidates], broken_since__isnull=False
        ).values_list("name", flat=True)
    )
    for entry in candidates:
        if entry.name in broken and _may_try(entry):
            return Way(entry, 1, is_trial=True)
    candidates = [entry for entry in candidates if entry.name not in broken]
    while candidates:
        entry = choose(candidates, avoid=avoid, draw=random.random())  # noqa: S311 - spreads load, guards nothing
        if (way := _with_room(entry, wanted)) is not None:
            return way
        candidates.remove(entry)
    return None


def choose(entries: Sequence[Entry], *, avoid: str, draw: float) -> Entry:
    """One of `entries`, by weight. Pure.

    Those of weight 0 serve only where no other is left, and `avoid` likewise.

    Args:
        draw: 0 ≤ draw < 1, evenly spread.
    """
    left = [entry for entry in entries if entry.name != avoid] or list(entries)
    weighted = [entry for entry in left if entry.weight > 0]
    if not weighted:
        return left[int(draw * len(left))]
    point = draw * sum(entry.weight for entry in weighted)
    for entry in weighted:
        point -= entry.weight
        if point < 0:
            return entry
    return weighted[-1]


def held_back(entry: Entry, addresses: Mapping[int, str]) -> dict[int, timedelta]:
    """Which mails must wait because their recipient's domain takes no more just now, and how long.

    The waits are spread over twice the time, so that a thousand to one domain don't return at one moment.

    Args:
        addresses: mail addresses by any key; the answer has the same keys.
    """
    paused = pace.domain_wait(entry.name, addresses.values())
    held = {}
    for key, address in addresses.items():
        if wait := paused.get(address) or pace.take_domain(entry, address):
            held[key] = wait * (1 + random.random())  # noqa: S311 - spreads load, guards nothing
    return held


def _with_room(entry: Entry, wanted: int) -> Way | None:
    if not _is_configured(entry):
        return None
    grant = pace.take(entry, wanted)
    if grant.count < 1:
        _full_until[entry.name] = time.monotonic() + grant.wait.total_seconds()
        return None
    return Way(entry, grant.count)


def _may_try(entry: Entry) -> bool:
    """Take the trial, if it is ours to take and the gateway answers a check."""
    if not breaker.begin_trial(entry.name) or not _is_configured(entry):
        return False
    health = gateway_named(entry.name).check()
    if not health.is_ok:
        breaker.broke(entry.name, health.detail, is_trial=True)
    return health.is_ok


def _is_configured(entry: Entry) -> bool:
    """One that can't even be built is paused for a person to look at; the others go on."""
    try:
        gateway_named(entry.name)
    except ConfigurationError as error:
        pause_for(entry.name, Refused(RetryClass.FIX_FIRST, "configuration", str(error), is_about_us=True))
        return False
    return True


def _is_full(entry: Entry) -> bool:
    return _full_until.get(entry.name, 0.0) > time.monotonic()
