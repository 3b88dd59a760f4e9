"""How fast: limits per gateway and per mail domain that all workers share, counted in the broker.

Counted by the `limits` package with its sliding-window counter. `limits` has no token bucket; of what it has, this one
behaves most like it: one atomic script on the server, two small counters a limit whatever the rate, measured by the
server's clock alone. (Its moving window would be exact, but takes the time from each worker's host, and keeps an entry
for every message.) What it promises, for a limit of L messages in W seconds: L in any W on the average, and after a
rest, as from a full bucket, never more than 2 L in any W.

**Without the broker** each process counts for itself, an eighth of the limit, so that neither the gateway is flooded
nor sending stops; the broker is asked again after PAUSE_SECONDS. What it forgets by a restart costs one window. Where
there is no limit, nobody is asked.

Keys in the broker begin with `urgentaction:pace:`. No address is in them: a mail domain is a keyed hash. Must not
decide what happens to a message that has to wait, nor be trusted with anything but pace.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import TypeVar

import redis
from django.conf import settings
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from urgentaction.channels.roster import Entry
from urgentaction.core.encryption import blind_index

log = logging.getLogger(__name__)

PREFIX = "urgentaction:pace"
#: How long the broker may take to answer before a process counts for itself.
ANSWER_SECONDS = 0.3
#: How long it then isn't asked.
PAUSE_SECONDS = 5.0
#: The part of a limit that a process takes when it counts for itself: as if there were so many of them.
PROCESSES = 8
#: The longest window of a gateway's limit with a rate of one in that time or more: short, because a window's messages
#: may all go at once.
LONGEST_WINDOW = 10
MINUTE = 60

_NOW = timedelta(0)
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Grant:
    """How many messages a gateway may take now, and about how long until it may take as many as were left over.

    `wait` is zero where all were granted, and one window at most.
    """

    count: int
    wait: timedelta


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `amount` messages in `seconds`."""

    amount: int
    seconds: int

    def share(self) -> Limit:
        """What one process takes of it when it counts for itself: an eighth, if need be one in a longer window."""
        if self.amount >= PROCESSES:
            return Limit(self.amount // PROCESSES, self.seconds)
        return Limit(1, math.ceil(self.seconds * PROCESSES / self.amount))

    def wait_for(self, count: int) -> timedelta:
        """How long `count` messages take at this pace, one window at most."""
        return timedelta(seconds=self.seconds * min(count, self.amount) / self.amount)


def limit_per_second(rate: float) -> Limit:
    """Messages a second as whole messages in whole seconds, never more, in the shortest window that fits."""
    exact = Fraction(rate).limit_denominator(10**6)
    if exact.denominator <= LONGEST_WINDOW:
        return Limit(exact.numerator, exact.denominator)
    if exact * LONGEST_WINDOW >= 1:
        return Limit(math.floor(exact * LONGEST_WINDOW), LONGEST_WINDOW)
    return Limit(1, math.ceil(1 / exact))


def limit_per_minute(rate: float) -> Limit:
    """Messages a minute, counted by the minute, as mail servers do; less than one is one in a longer window."""
    return Limit(math.floor(rate), MINUTE) if rate >= 1 else Limit(1, math.ceil(MINUTE / rate))


def take(entry: Entry, wanted: int) -> Grant:
    """Take up to `wanted` messages' worth of a gateway's limit. What was granted counts, used or not."""
    if wanted < 1 or entry.per_second is None:
        return Grant(max(wanted, 0), _NOW)
    return _pace().take(limit_per_second(entry.per_second), "gateway", entry.name, wanted=wanted)


def take_domain(entry: Entry, address: str) -> timedelta | None:
    """Take one message to a mail address of its domain's limit at a gateway. None: go; otherwise wait about so long."""
    if entry.domain_per_minute is None:
        return None
    limit = limit_per_minute(entry.domain_per_minute)
    grant = _pace().take(limit, "domain", entry.name, _hidden(_domain(address)), wanted=1)
    return None if grant.count else grant.wait


def pause_domain(gateway: str, address: str, wait: timedelta) -> None:
    """Hand a gateway nothing for the domain of a mail address for so long from now. Never shortens a pause."""
    if wait > _NOW:
        _pace().pause(_pause_key(gateway, _domain(address)), wait, sign=_sign(gateway))


def domain_wait(gateway: str, addresses: Iterable[str]) -> dict[str, timedelta]:
    """The addresses whose domain is paused at a gateway, and for how long yet.

    One question for all of them; where no domain is paused there, as usual, not even one about each.
    """
    if not _pace().pauses([_sign(gateway)]):
        return {}
    keys = {address: _pause_key(gateway, _domain(address)) for address in addresses}
    waits = _pace().pauses(sorted(set(keys.values())))
    return {address: waits[key] for address, key in keys.items() if key in waits}


def close() -> None:
    """Let go of the broker and of what this process counted by itself; the next call begins anew."""
    while _open:
        _open.popitem()[1].close()


class Pace:
    """The counters of one broker as one process sees them. Threads may share it."""

    def __init__(self, url: str) -> None:
        # Without the client's own retries: whoever asks has mail to send, and can count for himself.
        self._pool = redis.ConnectionPool.from_url(
            url,
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._client = redis.Redis(connection_pool=self._pool)
        self._shared = SlidingWindowCounterRateLimiter(RedisStorage(url, connection_pool=self._pool, key_prefix=PREFIX))
        self._own: SlidingWindowCounterRateLimiter | None = None  # made when needed: it comes with a thread
        self._own_pauses: dict[str, float] = {}
        self._lock = threading.Lock()
        self._ask_at = -math.inf
        self._is_shared = True

    @property
    def is_shared(self) -> bool:
        """False while this process counts for itself."""
        return self._is_shared

    def take(self, limit: Limit, *name: str, wanted: int) -> Grant:
        """Up to `wanted` of a limit, which `name` tells from others."""
        item = _item(limit)
        return self._asked(
            lambda: _take(self._shared, item, name, wanted), lambda: self._take_own(limit.share(), name, wanted)
        )

    def pause(self, key: str, wait: timedelta, *, sign: str) -> None:
        """Set a pause, or lengthen it. This process keeps it in mind too: the broker may be gone the next time.

        Args:
            sign: a second key, which is there as long as any of the pauses that it was named with.
        """
        keys = (key, sign)
        with self._lock:
            until = time.monotonic() + wait.total_seconds()
            self._own_pauses |= {one: max(self._own_pauses.get(one, until), until) for one in keys}
        milliseconds = max(math.ceil(wait.total_seconds() * 1000), 1)

        def share() -> None:
            with self._client.pipeline(transaction=True) as pipe:
                for one in keys:
                    pipe.set(one, 1, px=milliseconds, nx=True)
                    pipe.pexpire(one, milliseconds, gt=True)
                pipe.execute()

        self._asked(share, lambda: None)

    def pauses(self, keys: list[str]) -> dict[str, timedelta]:
        """Those of the keys that are paused, and for how long yet."""
        own = self._pauses_own(keys)
        if not keys:
            return own
        shared = self._asked(lambda: self._pauses_shared(keys), lambda: own)
        return {key: max(own.get(key, _NOW), shared.get(key, _NOW)) for key in own.keys() | shared.keys()}

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()
        self._pool.disconnect()

    def _asked(self, shared: Callable[[], _Answer], own: Callable[[], _Answer]) -> _Answer:
        """The broker's answer, or this process's own where the broker has none. One thread a pause finds that out."""
        with self._lock:
            now = time.monotonic()
            may_ask = self._is_shared or now >= self._ask_at
            if may_ask and not self._is_shared:
                self._ask_at = now + PAUSE_SECONDS
        if not may_ask:
            return own()
        try:
            answer = shared()
        except (RedisError, OSError) as error:
            self._lost(type(error).__name__)
            return own()
        self._found()
        return answer

    def _lost(self, why: str) -> None:
        with self._lock:
            is_news, self._is_shared = self._is_shared, False
            self._ask_at = time.monotonic() + PAUSE_SECONDS
        if is_news:
            log.warning("the broker does not count (%s); until it does, each process takes its share of a limit", why)

    def _found(self) -> None:
        with self._lock:
            was_lost, self._is_shared = not self._is_shared, True
        if was_lost:
            log.info("the broker counts again; limits are shared")

    def _take_own(self, limit: Limit, name: tuple[str, ...], wanted: int) -> Grant:
        with self._lock:  # its counters are not exact for several threads
            self._own = self._own or SlidingWindowCounterRateLimiter(MemoryStorage())
            return _take(self._own, _item(limit), name, wanted)

    def _pauses_shared(self, keys: list[str]) -> dict[str, timedelta]:
        with self._client.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.pttl(key)
            left = pipe.execute()
        # Below zero: there is no such key.
        return {key: timedelta(milliseconds=ttl) for key, ttl in zip(keys, left, strict=True) if ttl > 0}

    def _pauses_own(self, keys: list[str]) -> dict[str, timedelta]:
        now = time.monotonic()
        with self._lock:
            self._own_pauses = {key: until for key, until in self._own_pauses.items() if until > now}
            known = self._own_pauses
        return {key: timedelta(seconds=known[key] - now) for key in keys if key in known}


def _take(limiter: SlidingWindowCounterRateLimiter, item: RateLimitItem, name: tuple[str, ...], wanted: int) -> Grant:
    """All that is wanted, or else what is left of it. Another worker may be quicker: then the next smaller half."""
    limit = Limit(item.amount, item.get_expiry())
    count = min(wanted, limit.amount)
    next_at = 0.0
    if not limiter.hit(item, *name, cost=count):
        next_at, remaining = limiter.get_window_stats(item, *name)
        count = min(remaining, count)
        while count > 0 and not limiter.hit(item, *name, cost=count):
            count //= 2
    left = wanted - count
    if not left:
        return Grant(count, _NOW)
    wait = limit.wait_for(left) if count else max(timedelta(seconds=next_at - time.time()), limit.wait_for(left))
    return Grant(count, min(wait, timedelta(seconds=limit.seconds)))


def _item(limit: Limit) -> RateLimitItem:
    return RateLimitItemPerSecond(limit.amount, limit.seconds, namespace="limit")


def _domain(address: str) -> str:
    """A mail address's domain as DNS knows it, in small letters."""
    domain = address.rpartition("@")[2].strip().rstrip(".").lower()
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return domain  # no name that DNS could know: compared as it is written


def _hidden(domain: str) -> str:
    return blind_index("pace-domain", domain).hex()[:32]


def _pause_key(gateway: str, domain: str) -> str:
    return f"{PREFIX}:pause/{gateway}/{_hidden(domain)}"


def _sign(gateway: str) -> str:
    """There while any domain is paused at a gateway."""
    return f"{PREFIX}:pauses/{gateway}"


def _pace() -> Pace:
    url = settings.REDIS_URL
    if url not in _open:
        _open[url] = Pace(url)
    return _open[url]


_open: dict[str, Pace] = {}
