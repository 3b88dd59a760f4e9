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

from django.conf import settings
from django.db.models import BooleanField, Case, When

from urgentaction.channels.contract import Channel, Refused, RetryClass
from urgentaction.channels.roster import Entry
from urgentaction.core.errors import ConfigurationError

from . import breaker, pace
from .gateways import entries, gateway_named
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


@dataclass(frozen=True, slots=True)
class Gates:
    """Which gateways may be used now, as far as the database knows; one look at it.

    Attributes:
        open: whole ones and, among them, those that are due for a trial.
        on_trial: the names of these.
    """

    open: tuple[Entry, ...]
    on_trial: frozenset[str]

    def of(self, channel: Channel) -> list[Entry]:
        """Those that carry a channel."""
        return [entry for entry in self.open if entry.channel is channel]


def look_at_gates() -> Gates:
    """One query for all gateways."""
    is_shut = Case(When(still_paused() | breaker.is_shut(), then=True), default=False, output_field=BooleanField())
    rows = GatewayState.objects.values_list("name", "broken_since", is_shut)
    shut = {name for name, _, is_shut in rows if is_shut}
    broken = {name for name, since, _ in rows if since is not None}
    may_be_used = tuple(entry for name, entry in entries().items() if name not in shut)
    return Gates(may_be_used, frozenset(entry.name for entry in may_be_used if entry.name in broken))


def open_entries(channel: Channel) -> list[Entry]:
    """The channel's gateways that may be used now, as far as the database knows; those due for a trial included."""
    return look_at_gates().of(channel)


def open_channels() -> list[Channel]:
    """The channels that some gateway may carry now."""
    gates = look_at_gates()
    return [channel for channel in Channel if any(not _is_full(entry) for entry in gates.of(channel))]


def next_room() -> timedelta | None:
    """How long until a gateway that is at its limit may take more; None where none is."""
    now = time.monotonic()
    waits = [until - now for until in _full_until.values() if until > now]
    return timedelta(seconds=min(waits)) if waits else None


def window_size(entry: Entry) -> int:
    """How many messages may be in a gateway's hands together: a kill leaves so many unknown.

    A window of mail is set (`URGENTACTION_MAIL_WINDOW`); of fax and SMS it is what the gateway works on at once.
    """
    if entry.channel is Channel.EMAIL:
        return settings.MAIL_WINDOW
    return gateway_named(entry.name).capabilities.at_once


def find_way(channel: Channel, *, wanted: int, avoid: str = "") -> Way | None:
    """A gateway for up to `wanted` messages of a channel, or None: they must wait.

    Its room is a window at most (`window_size`), and what its limit grants. One that is due for a trial is tried first:
    its `check` sends nothing, and then a single message goes.

    Args:
        avoid: a gateway that has just refused them; taken only where there is no other.
    """
    gates = look_at_gates()
    candidates = [entry for entry in gates.of(channel) if not _is_full(entry)]
    for entry in candidates:
        if entry.name in gates.on_trial and _may_try(entry):
            return Way(entry, 1, is_trial=True)
    candidates = [entry for entry in candidates if entry.name not in gates.on_trial]
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


def more_room(entry: Entry, wanted: int) -> int:
    """How many more messages an open gateway may take now, a window at most; 0: it is at its limit, or can't be built.

    Asks nobody where it has no limit.
    """
    if not is_configured(entry):
        return 0
    grant = pace.take(entry, min(wanted, window_size(entry)))
    if grant.count < 1:
        _full_until[entry.name] = time.monotonic() + grant.wait.total_seconds()
    return grant.count


def _with_room(entry: Entry, wanted: int) -> Way | None:
    room = more_room(entry, wanted)
    return Way(entry, room) if room else None


def _may_try(entry: Entry) -> bool:
    """Take the trial, if it is ours to take and the gateway answers a check."""
    if not breaker.begin_trial(entry.name) or not is_configured(entry):
        return False
    health = gateway_named(entry.name).check()
    if not health.is_ok:
        breaker.broke(entry.name, health.detail, is_trial=True)
    return health.is_ok


def is_configured(entry: Entry) -> bool:
    """One that can't even be built is paused for a person to look at; the others go on."""
    try:
        gateway_named(entry.name)
    except ConfigurationError as error:
        pause_for(entry.name, Refused(RetryClass.FIX_FIRST, "configuration", str(error), is_about_us=True))
        return False
    return True


def _is_full(entry: Entry) -> bool:
    return _full_until.get(entry.name, 0.0) > time.monotonic()
