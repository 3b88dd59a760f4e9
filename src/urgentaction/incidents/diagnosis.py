"""From what was seen to what is wrong and what to do about it. Pure: the same observations give the same troubles.

The cause is named, not its consequences: without a database nothing is said of rows, without a broker nothing of
workers, and while nobody sweeps, nothing of the work that waits for the sweeper.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from . import phrases
from .observations import SIGHTS, BrokerState, Code, DatabaseState, Lane, Observations, WaitingAlert, WaitingTask
from .rules import Severity, Sight, Trouble

UPKEEP = "upkeep"
#: How long a draft may wait for somebody's decision, by its level.
DECISION_PATIENCE: Mapping[int | None, timedelta] = {
    1: timedelta(minutes=15),
    2: timedelta(hours=2),
    3: timedelta(days=1),
    4: timedelta(days=2),
    5: timedelta(hours=4),
}
#: How long a task may stay open: by its kind where that says enough, else by the level of its alert.
TASK_PATIENCE: Mapping[str | int, timedelta] = {
    "fix_configuration": timedelta(hours=1),
    "read_reply": timedelta(days=1),
    1: timedelta(minutes=30),
    2: timedelta(hours=4),
    5: timedelta(hours=4),
}
OTHERWISE = timedelta(days=1)
#: A gateway that mends itself is given so long before somebody is called.
SELF_MENDING = timedelta(minutes=10)


def diagnose(seen: Observations) -> list[Trouble]:
    """Everything that is wrong, the most fundamental first; empty: all is well, as far as could be seen."""
    hidden = unseen(seen)
    found = [*_servers(seen)]
    if Sight.LANES not in hidden:
        found += _lanes(seen)
    if Sight.ROWS not in hidden:
        found += [*_watch(seen), *_ways(seen), *_decisions(seen), *_tasks(seen)]
    if Sight.WORK not in hidden:
        found += [*_stuck_alerts(seen), *_overdue(seen), *_piles(seen)]
    return found


def unseen(seen: Observations) -> frozenset[Sight]:
    """What this look can say nothing about."""
    hidden: set[Sight] = set()
    if not seen.is_readable:
        hidden |= {Sight.ROWS, Sight.WORK, Sight.LANES}
    if seen.database is not DatabaseState.OK or seen.broker is not BrokerState.OK or seen.is_settling:
        hidden |= {Sight.WORK, Sight.LANES}
    if any(lane.name == UPKEEP and _is_silent(lane, seen) for lane in seen.lanes):
        hidden.add(Sight.WORK)
    return frozenset(hidden)


def _trouble(
    code: Code,
    *,
    part: str,
    what: str,
    advice: str,
    key: str = "",
    severity: Severity = Severity.WARNING,
    is_old: bool = False,
) -> Trouble:
    return Trouble(
        key=key or code.value,
        part=part,
        code=code.value,
        severity=severity,
        sight=SIGHTS[code],
        what=what,
        advice=advice,
        is_old=is_old,
    )


def sight_of(code: str) -> Sight:
    """What has to be in sight for a trouble of this code; one that this version does not know needs everything."""
    return SIGHTS.get(code, Sight.WORK)


def _is_silent(lane: Lane, seen: Observations) -> bool:
    return lane.silent_for is None or lane.silent_for > seen.patience


_DATABASE_WORDS: Mapping[DatabaseState, tuple[Code, str, str]] = {
    DatabaseState.DOWN: (Code.DATABASE_DOWN, phrases.DATABASE_DOWN, phrases.START_DATABASE),
    DatabaseState.READ_ONLY: (Code.DATABASE_READ_ONLY, phrases.DATABASE_READ_ONLY, phrases.USE_PRIMARY),
    DatabaseState.FULL: (Code.DATABASE_FULL, phrases.DATABASE_FULL, phrases.MAKE_ROOM),
    DatabaseState.OUTDATED: (Code.DATABASE_OUTDATED, phrases.DATABASE_OUTDATED, phrases.MIGRATE),
}
_BROKER_WORDS: Mapping[BrokerState, tuple[Code, str, str]] = {
    BrokerState.DOWN: (Code.BROKER_DOWN, phrases.BROKER_DOWN, phrases.START_BROKER),
    BrokerState.REFUSES: (Code.BROKER_REFUSES, phrases.BROKER_REFUSES, phrases.EMPTY_BROKER),
}


def _servers(seen: Observations) -> Iterator[Trouble]:
    if words := _DATABASE_WORDS.get(seen.database):
        yield _direct("database", *words)
    if words := _BROKER_WORDS.get(seen.broker):
        yield _direct("broker", *words)
    if seen.failure:
        yield _direct("watch", Code.LOOK_FAILED, phrases.UNREADABLE(fault=seen.failure), phrases.READ_WATCH_LOG)


def _direct(part: str, code: Code, what: str, advice: str) -> Trouble:
    return _trouble(code, part=part, what=what, advice=advice, severity=Severity.CRITICAL)


def _lanes(seen: Observations) -> Iterator[Trouble]:
    """Who does not do its part: beat, which fills the queues, or a worker, which empties them.

    Parts that fell silent together pass the limit one after the other. So as soon as one has, whatever has been quiet
    for half as long counts as its company: the cause is named at once, and stays the same at the next look.
    """
    silent = [lane for lane in seen.lanes if _is_silent(lane, seen)]
    quiet = [lane for lane in seen.lanes if lane.silent_for is None or lane.silent_for > seen.patience / 2]
    unfed = [lane for lane in quiet if lane.waiting == 0]
    # Beat feeds this one every few seconds: silent and empty means that nothing is put in.
    if any(lane.name == UPKEEP for lane in unfed) and any(lane in silent for lane in unfed):
        yield _lane_trouble(
            "beat",
            Code.BEAT_SILENT,
            phrases.BEAT_SILENT(queues=_listed(unfed), time=_longest(unfed)),
            phrases.RESTART_BEAT,
        )
        silent = [lane for lane in silent if lane not in unfed]
        quiet = [lane for lane in quiet if lane not in unfed]
    if silent and len(quiet) == len(seen.lanes):
        yield _lane_trouble(
            "workers",
            Code.WORKERS_SILENT,
            phrases.WORKERS_SILENT(time=_longest(silent)),
            phrases.START_WORKERS,
        )
        return
    for name in dict.fromkeys(lane.worker for lane in silent):
        mine = [lane for lane in quiet if lane.worker == name]
        is_dead = len(mine) == sum(lane.worker == name for lane in seen.lanes)
        yield _dead_worker(name, mine) if is_dead else _busy_worker(name, mine)


def _dead_worker(name: str, lanes: list[Lane]) -> Trouble:
    return _lane_trouble(
        f"worker {name}",
        Code.WORKER_SILENT,
        phrases.WORKER_SILENT(worker=name, queues=_listed(lanes), time=_longest(lanes)),
        phrases.RESTART_WORKER(worker=name),
    )


def _busy_worker(name: str, lanes: list[Lane]) -> Trouble:
    return _lane_trouble(
        f"worker {name}",
        Code.LANE_SILENT,
        phrases.LANE_SILENT(worker=name, queues=_listed(lanes), time=_longest(lanes)),
        phrases.ADD_PROCESSES(worker=name),
    )


def _lane_trouble(part: str, code: Code, what: str, advice: str) -> Trouble:
    return _trouble(
        code, key=part.replace(" ", ":"), part=part, what=what, advice=advice, severity=Severity.CRITICAL, is_old=True
    )


def _watch(seen: Observations) -> Iterator[Trouble]:
    """Seen by the doctor and by /healthz; the watchman can't see itself."""
    if seen.is_watchman or (seen.watch_silent_for is not None and seen.watch_silent_for <= seen.watch_patience):
        return
    silent_for = seen.watch_silent_for
    yield _trouble(
        Code.WATCH_SILENT,
        part="watch",
        what=phrases.WATCH_NEVER if silent_for is None else phrases.WATCH_SILENT(time=words(silent_for)),
        advice=phrases.START_WATCH,
    )


def _ways(seen: Observations) -> Iterator[Trouble]:
    usable = {way.channel for way in seen.ways if way.is_usable}
    for way in seen.ways:
        mends_itself = way.ends_by_itself if way.is_paused else way.is_broken
        if way.is_usable or (mends_itself and (way.since is None or way.since < SELF_MENDING)):
            continue
        is_shut = way.channel not in usable and way.waiting > 0
        others = phrases.OTHERS_CARRY if way.channel in usable else phrases.NO_OTHER_CARRIES
        told = phrases.GATEWAY_PAUSED if way.is_paused else phrases.GATEWAY_BROKEN
        code = Code.GATEWAY_PAUSED if way.is_paused else Code.GATEWAY_BROKEN
        yield _trouble(
            Code.CHANNEL_SHUT if is_shut else code,
            key=f"gateway:{way.name}",  # one incident, also where it goes from broken to paused
            part=f"gateway {way.name}",
            severity=Severity.CRITICAL if is_shut else Severity.WARNING,
            what=told(
                gateway=way.name,
                others=others(channel=way.channel),
                waits=phrases.SO_MANY_WAIT(count=way.waiting) if way.waiting else phrases.NOTHING_WAITS,
            ),
            advice=phrases.RESUME(gateway=way.name) if way.is_paused else phrases.MENDS_ITSELF(),
        )


def _decisions(seen: Observations) -> Iterator[Trouble]:
    for alert in seen.alerts:
        if alert.code is not Code.DECISION_LATE or alert.age <= decision_patience(alert.level):
            continue
        yield _trouble(
            alert.code,
            key=f"decision:{alert.number}",
            part="alerts",
            severity=Severity.CRITICAL if alert.level == 1 else Severity.WARNING,
            what=_undecided(alert),
            advice=phrases.DECIDE(number=alert.number),
            is_old=True,
        )


def _stuck_alerts(seen: Observations) -> Iterator[Trouble]:
    for alert in seen.alerts:
        if alert.code is Code.DECISION_LATE:
            continue
        told = phrases.NOT_STARTED if alert.code is Code.ALERT_NOT_STARTED else phrases.STANDS_STILL
        yield _trouble(
            alert.code,
            key=f"alert:{alert.number}",
            part="alerts",
            severity=Severity.CRITICAL,
            what=told(number=alert.number, time=words(alert.age)),
            advice=phrases.READ_WORKER_LOG,
            is_old=True,
        )


def _overdue(seen: Observations) -> Iterator[Trouble]:
    usable = {way.channel for way in seen.ways if way.is_usable}
    for one in seen.overdue:
        # A long mailing is no trouble while it moves; an official's letter that is late always is.
        if one.channel not in usable or (one.is_moving and not one.is_official):
            continue
        whom, worker = ("officials", "urgent") if one.is_official else ("supporters", "bulk")
        told = phrases.OFFICIALS_OVERDUE if one.is_official else phrases.SUPPORTERS_OVERDUE
        yield _trouble(
            Code.DELIVERIES_OVERDUE,
            key=f"overdue:{one.channel}:{whom}",
            part="deliveries",
            severity=Severity.CRITICAL if one.is_official else Severity.WARNING,
            what=told(count=one.count, channel=one.channel, time=words(one.age)),
            advice=phrases.LIST_QUEUED(worker=worker, channel=one.channel),
        )


def _piles(seen: Observations) -> Iterator[Trouble]:
    counted = (
        (Code.LEASES_HELD, seen.leases, "deliveries", phrases.LEASES_HELD, phrases.READ_SWEEP),
        (Code.RECEIPTS_WAITING, seen.receipts, "receipts", phrases.RECEIPTS_WAIT, phrases.READ_RECEIPTS_LOG),
        (Code.UNKNOWNS_UNASKED, seen.unknowns, "deliveries", phrases.UNASKED, phrases.LIST_UNKNOWN()),
    )
    for code, count, part, what, advice in counted:
        if count:
            yield _trouble(code, part=part, what=what(count=count), advice=advice)


def _tasks(seen: Observations) -> Iterator[Trouble]:
    for task in seen.tasks:
        if task.age <= task_patience(task.kind, task.level):
            continue
        yield _trouble(
            Code.TASK_LATE,
            key=f"task:{task.kind}:{task.alert}",
            part="tasks",
            severity=Severity.CRITICAL if task.level == 1 else Severity.WARNING,
            what=_late(task),
            advice=phrases.SEE_TO_TASKS(),
            is_old=True,
        )


def _undecided(alert: WaitingAlert) -> str:
    time = words(alert.age)
    if alert.level is None:
        return phrases.DECISION_LATE(number=alert.number, time=time)
    return phrases.DECISION_LATE_OF_LEVEL(number=alert.number, level=alert.level, time=time)


def _late(task: WaitingTask) -> str:
    values = {"kind": task.kind.replace("_", " "), "time": words(task.age)}
    if task.count == 1:
        return phrases.TASK_OF_ALERT_LATE(alert=task.alert, **values) if task.alert else phrases.TASK_LATE(**values)
    values["count"] = str(task.count)
    return phrases.TASKS_OF_ALERT_LATE(alert=task.alert, **values) if task.alert else phrases.TASKS_LATE(**values)


def decision_patience(level: int | None) -> timedelta:
    """How long a draft of this level may wait for somebody's yes or no."""
    return DECISION_PATIENCE.get(level, OTHERWISE)


def task_patience(kind: str, level: int | None) -> timedelta:
    """How long a task of this kind, about an alert of this level (None: about none), may stay open."""
    return TASK_PATIENCE.get(kind) or TASK_PATIENCE.get(level or 0, OTHERWISE)


def words(age: timedelta | None) -> str:
    """A length of time for people: `40 s`, `12 min`, `3 h`, `2 days`."""
    if age is None:
        return "as long as can be seen"
    seconds = max(int(age.total_seconds()), 0)
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 2 * 3600:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h" if seconds < 48 * 3600 else f"{seconds // 86400} days"


def _listed(lanes: list[Lane]) -> str:
    return ", ".join(f"`{lane.name}`" for lane in lanes)


def _longest(lanes: list[Lane]) -> str:
    ages = [lane.silent_for for lane in lanes if lane.silent_for is not None]
    return words(max(ages) if len(ages) == len(lanes) else None)
