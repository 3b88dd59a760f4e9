"""The faults, one function each: it makes one, makes sure that it happened, and says what it may have cut off.

Every function takes the harness and the run's own chance, and returns the fault for the oracle. A fault that could not
be confirmed says so; the run then fails, because a drill that broke nothing proves nothing.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

import httpx
import psycopg
import redis

from tests.chaos import reading
from tests.chaos.harness import (
    IN_HAND,
    POSTGRES,
    REACHED,
    VALKEY,
    Harness,
    children_of,
    is_gone,
    parent_of,
    state_of,
    until,
)
from tests.chaos.oracle import Fault
from tests.chaos.proxy import Fault as Wire
from tests.chaos.proxy import Way
from urgentaction.cli.programs import Part
from urgentaction.core.crashpoints import POINTS

Make = Callable[[Harness, random.Random], Fault]

OFFICIALS, SUPPORTERS = frozenset({"to", "cc"}), frozenset({"supporter"})
EVERYBODY = OFFICIALS | SUPPORTERS
LANE = {Part.URGENT: OFFICIALS, Part.BULK: SUPPORTERS}
#: Processes of a sending worker, each with at most one window under way.
CHILDREN = 2
_GONE_SECONDS = 15.0


def now() -> datetime:
    """UTC."""
    return datetime.now(UTC)


#: To come by here, somebody must have died there.
NEEDS = {"after_leases_returned": "after_claim@email"}


def told(
    kind: str,
    started: datetime,
    is_confirmed: bool,  # noqa: FBT001
    *,
    what: str,
    roles: frozenset[str] = frozenset(),
    most: int = 0,
    ended: datetime | None = None,
) -> Fault:
    """The fault for the oracle; over now, unless `ended` says when."""
    return Fault(
        kind=kind,
        at=started,
        until=ended or now(),
        roles=roles,
        most_unknown=most,
        is_confirmed=is_confirmed,
        what=what,
    )


def crash(harness: Harness, place: str, *, seconds: float = 90) -> Fault:
    """Arm a crash point and wait until somebody has died there."""
    if (before := NEEDS.get(place)) is not None:
        crash(harness, before, seconds=seconds)
    started, logs = now(), harness.logs()
    draft = harness.crash_file.with_suffix(".new")
    draft.write_text(place)
    draft.replace(harness.crash_file)
    words = REACHED.format(place=place.partition(":")[0])
    where = ""

    def is_reached() -> bool:
        nonlocal where
        where = harness.says(words, since=logs)
        return bool(where)

    is_confirmed = until(is_reached, seconds=seconds)
    harness.crash_file.unlink(missing_ok=True)
    what = f"crash point {place} {f'in {where}' if where else 'never reached'}"
    return told("crash point", started, is_confirmed, roles=EVERYBODY, most=IN_HAND, what=what)


def random_crash(harness: Harness, chance: random.Random) -> Fault:
    """Some crash point or other, at the first, second or third passing."""
    place = chance.choice([one for one in every_place() if one not in ONCE_A_CASE])
    is_frequent = place.startswith(("after_claim", "after_intent", "in_window", "after_mailing_wi"))
    return crash(harness, f"{place}:{chance.randint(1, 3)}" if is_frequent else place)


def kill_part(harness: Harness, part: Part) -> Fault:
    """SIGKILL for a whole process group, and a new start."""
    harness.whole(part)
    leader = harness.stack.pid(part)
    pids = [leader, *children_of(leader)]
    started = now()
    harness.stack.kill(part)
    is_confirmed = until(lambda: is_gone(pids) and not _answers(harness, part), seconds=_GONE_SECONDS)
    ended, what = now(), f"{part} killed, processes {pids}"
    harness.revive(part)
    most = CHILDREN * IN_HAND
    return told(
        f"{part} killed", started, is_confirmed, what=what, roles=LANE.get(part, frozenset()), most=most, ended=ended
    )


def _answers(harness: Harness, part: Part) -> bool:
    if part is not Part.WEB:
        return False
    try:
        httpx.get(f"{harness.stack.base_url}/healthz", trust_env=False, timeout=2)
    except httpx.HTTPError:
        return False
    return True


def kill_child(harness: Harness, chance: random.Random) -> Fault:
    """SIGKILL for one of a worker's processes; the worker starts another one by itself."""
    part = chance.choice([Part.URGENT, Part.BULK, Part.RECEIPTS])
    harness.whole(part)
    leader = harness.stack.pid(part)
    if not until(lambda: children_of(leader), seconds=_GONE_SECONDS):
        return told("worker's child killed", now(), is_confirmed=False, what=f"{part} has no processes")
    pid = chance.choice(children_of(leader))
    started = now()
    os.kill(pid, signal.SIGKILL)
    is_confirmed = until(lambda: is_gone([pid]), seconds=_GONE_SECONDS)
    what, roles = f"process {pid} of {part} killed", LANE.get(part, frozenset())
    return told("worker's child killed", started, is_confirmed, what=what, roles=roles, most=IN_HAND)


def kill_sandbox(harness: Harness, _: random.Random) -> Fault:
    """The gateways die, and come back with their ledger; meanwhile nobody listens on their ports."""
    harness.whole(Part.SANDBOX)
    pid, started = harness.stack.pid(Part.SANDBOX), now()
    harness.stack.kill(Part.SANDBOX)
    for proxy in (harness.mail_proxy, harness.http_proxy):
        proxy.arm(Wire.REFUSE)
    is_confirmed = until(lambda: is_gone([pid]), seconds=_GONE_SECONDS)
    harness.revive(Part.SANDBOX)
    harness.whole(Part.SANDBOX)
    what = f"gateways killed, process {pid}"
    return told("gateways killed", started, is_confirmed, what=what, roles=EVERYBODY, most=4 * CHILDREN)


def kill_postgres(harness: Harness, _: random.Random) -> Fault:
    """`kill -9` for the database that answers, and a restart with recovery."""
    with psycopg.connect(harness.database_url, connect_timeout=10) as connection:
        backend = connection.execute("SELECT pg_backend_pid()").fetchone()
        pid, started = parent_of(backend[0] if backend else 0), now()
    harness.stack.kill(POSTGRES)
    is_confirmed = until(lambda: is_gone([pid]), seconds=_GONE_SECONDS) and _is_refused(harness)
    harness.stack.restart(POSTGRES)
    what, most = f"PostgreSQL killed, process {pid}", 2 * CHILDREN * IN_HAND
    return told("database killed", started, is_confirmed, what=what, roles=EVERYBODY, most=most)


def _is_refused(harness: Harness) -> bool:
    try:
        psycopg.connect(harness.database_url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return True
    return False


def kill_broker(harness: Harness, *, is_emptied: bool, meanwhile: Callable[[], object] = lambda: None) -> Fault:
    """The broker dies, and comes back with what it had written, or with nothing."""
    with harness.broker() as broker:
        pid = int(broker.info("server")["process_id"])
        broker.set("was-here", "before the crash")
    started = now()
    harness.stack.kill(VALKEY)
    is_confirmed = until(lambda: is_gone([pid]), seconds=_GONE_SECONDS) and not _pings(harness)
    meanwhile()
    harness.stack.restart(VALKEY, is_emptied=is_emptied)
    with harness.broker() as broker:
        is_confirmed &= not is_emptied or broker.get("was-here") is None
        broker.delete("was-here")
    kind = "broker killed, emptied" if is_emptied else "broker killed"
    return told(kind, started, is_confirmed, what=f"{kind}, process {pid}")


def kill_valkey(harness: Harness, _: random.Random) -> Fault:
    """The broker dies and comes back with what it had written."""
    return kill_broker(harness, is_emptied=False)


def kill_and_empty_valkey(harness: Harness, _: random.Random) -> Fault:
    """The broker dies and comes back with nothing."""
    return kill_broker(harness, is_emptied=True)


def _pings(harness: Harness) -> bool:
    try:
        with harness.broker() as broker:
            return bool(broker.ping())
    except redis.RedisError:
        return False


def flush_valkey(harness: Harness, _: random.Random) -> Fault:
    """Every message in the broker is gone, unacknowledged ones included."""
    started = now()
    with harness.broker() as broker:
        broker.set("was-here", "before")
        broker.flushall()
        is_confirmed = broker.get("was-here") is None
    return told("broker flushed", started, is_confirmed, what="broker flushed")


def fill_valkey(harness: Harness, chance: random.Random) -> Fault:
    """The broker has no room for anything new, for some seconds."""
    started, is_confirmed = now(), False
    with harness.broker() as broker:
        broker.config_set("maxmemory", "1")
        try:
            broker.set("one-more", "x")
        except redis.ResponseError:
            is_confirmed = True
        time.sleep(chance.uniform(1.5, 4))
        broker.config_set("maxmemory", "0")
        is_confirmed &= bool(broker.set("one-more", "x"))
    return told("broker full", started, is_confirmed, what="broker refused writes")


#: What a worker says when the fence refuses what it would write.
FENCED = "lease lost, "


def stop_worker(harness: Harness, part: Part, *, is_leader_late: bool = False) -> Fault:
    """SIGSTOP past the lease, then SIGCONT: it wakes up with deliveries that are not its own any more.

    Args:
        is_leader_late: the processes that send wake first and write what became of them, which the fence has to
            refuse. Woken with them, their leader cuts them off by the time limit, mostly before they can.
    """
    harness.whole(part)
    leader = harness.stack.pid(part)
    started, held = _stop_at_work(harness, part)
    # The sweeper takes them over when their lease is over; nobody does where its own worker stands still.
    patience = 3 if part is Part.URGENT else 25

    def is_over() -> bool:
        # What was on the wire had begun before the stop, so its lease ends, and is taken over, a little sooner.
        has_slept = (now() - started).total_seconds() > harness.lease
        return has_slept and not reading.still_sending(harness.database_url, held)

    until(is_over, seconds=harness.lease + patience)
    is_confirmed = bool(held) and (now() - started).total_seconds() > harness.lease and state_of(leader) == "T"
    if is_leader_late:
        refused = harness.count(FENCED)
        for pid in children_of(leader):
            os.kill(pid, signal.SIGCONT)
        until(lambda: harness.count(FENCED) > refused, seconds=5)
    harness.thaw(part)
    is_confirmed &= until(lambda: state_of(leader) in ("S", "R", "D"), seconds=_GONE_SECONDS)
    kind, most = f"{part} stopped past its lease", CHILDREN * IN_HAND
    what = f"{kind}, with {len(held)} deliveries on the wire"
    return told(kind, started, is_confirmed, what=what, roles=LANE[part], most=most)


def _stop_at_work(harness: Harness, part: Part, *, seconds: float = 40) -> tuple[datetime, set[tuple[int, int]]]:
    """Stop a worker while it has something on the wire: when, and what (nothing, if it had nothing for so long)."""
    leader, end = harness.stack.pid(part), time.monotonic() + seconds
    # What one of its processes had in hand that has just died is in nobody's.
    before = reading.in_the_hands_of(harness.database_url, LANE[part])

    def in_hand() -> set[tuple[int, int]]:
        return reading.in_the_hands_of(harness.database_url, LANE[part]) - before

    while True:
        until(in_hand, seconds=5, pause=0.01)
        started = now()
        harness.freeze(part)
        until(partial(_all_stand, [leader, *children_of(leader)]), seconds=_GONE_SECONDS)
        held = in_hand()
        if held or time.monotonic() > end:
            return started, held
        harness.thaw(part)


def _all_stand(pids: Sequence[int]) -> bool:
    return all(state_of(pid) in ("T", "Z", "") for pid in pids)


#: What can happen on the way to the gateways: mail, then HTTP. Half of them strike after the point of no return.
_MAIL_WIRE = (Wire.CUT_BEFORE_DOT, Wire.CUT_AFTER_DOT, Wire.RESET, Wire.CUT, Wire.HALF_CLOSE)
_HTTP_WIRE = (Wire.CUT_ANSWER, Wire.RESET, Wire.CUT, Wire.DROP)


def break_wire(harness: Harness, chance: random.Random) -> Fault:
    """A connection between a worker and a gateway breaks."""
    is_mail = chance.random() < 0.6
    proxy = harness.mail_proxy if is_mail else harness.http_proxy
    wire, times = chance.choice(_MAIL_WIRE if is_mail else _HTTP_WIRE), chance.randint(1, 2)
    before, started = proxy.played[wire], now()
    if wire in (Wire.RESET, Wire.CUT, Wire.HALF_CLOSE):
        proxy.arm(wire, times=times, after=chance.choice([0, 1, 40, 400]))
    elif wire is Wire.DROP:  # the request never arrives, or its answer never comes back
        proxy.arm(wire, times=times, way=chance.choice(list(Way)))
    else:
        proxy.arm(wire, times=times)
    is_confirmed = until(lambda: proxy.played[wire] - before >= times, seconds=90)
    proxy.clear()
    what = f"{times} × {wire} on the way to the {'mail' if is_mail else 'HTTP'} gateway"
    return told(f"wire: {wire}", started, is_confirmed, what=what, roles=EVERYBODY, most=2 * times)


#: A mailbox that is closed for good is met once: the directory remembers.
ONCE_A_CASE = frozenset({"in_escalation@email"})
#: Deaths, by weight. The cheap ones are the more frequent.
KILLS: Mapping[str, tuple[int, Make]] = {
    "crash point": (30, random_crash),
    "child": (26, kill_child),
    "urgent": (6, lambda harness, _: kill_part(harness, Part.URGENT)),
    "bulk": (9, lambda harness, _: kill_part(harness, Part.BULK)),
    "receipts": (4, lambda harness, _: kill_part(harness, Part.RECEIPTS)),
    "web": (5, lambda harness, _: kill_part(harness, Part.WEB)),
    "beat": (3, lambda harness, _: kill_part(harness, Part.BEAT)),
    "watch": (2, lambda harness, _: kill_part(harness, Part.WATCH)),
    "sandbox": (5, kill_sandbox),
    "postgres": (5, kill_postgres),
    "valkey": (4, kill_valkey),
    "valkey emptied": (4, kill_and_empty_valkey),
}
#: Faults that kill nothing, by weight.
OTHERS: Mapping[str, tuple[int, Make]] = {
    "flush": (2, flush_valkey),
    "full": (3, fill_valkey),
    "stop urgent": (1, lambda harness, _: stop_worker(harness, Part.URGENT, is_leader_late=True)),
    "stop bulk": (2, lambda harness, chance: stop_worker(harness, Part.BULK, is_leader_late=chance.random() < 0.5)),
    "wire": (10, break_wire),
}


def draw(table: Mapping[str, tuple[int, Make]], chance: random.Random) -> Make:
    """One of them, by weight."""
    makes = [make for _, make in table.values()]
    return chance.choices(makes, weights=[weight for weight, _ in table.values()])[0]


def every_place() -> list[str]:
    """Every crash point, with every channel that it is told about; what comes by seldom first."""
    places = [
        f"{point}@{channel}" if channel else point
        for point, channels in POINTS.items()
        for channel in channels or ("",)
    ]
    return sorted(places, key=lambda place: place not in ONCE_A_CASE)
