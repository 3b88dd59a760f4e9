"""From what was seen to what is wrong and what to do about it. Pure: the same observations give the same troubles.

The cause is named, not its consequences: without a database nothing is said of rows, without a broker nothing of
workers, and while nobody sweeps, nothing of the work that waits for the sweeper.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from .observations import SIGHTS, BrokerState, Code, DatabaseState, Lane, Observations
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
    DatabaseState.DOWN: (
        Code.DATABASE_DOWN,
        "The database does not answer. Nothing can be reported, approved or sent.",
        (
            "Start it (`docker compose up --detach postgres`), read its log, then `urgentaction doctor`. "
            "Everything goes on by itself once it answers."
        ),
    ),
    DatabaseState.READ_ONLY: (
        Code.DATABASE_READ_ONLY,
        "The database can be read, but not written to. Nothing can be reported, approved or sent.",
        "Is DATABASE_URL pointing at a standby, or was it set read-only? Point it at the primary.",
    ),
    DatabaseState.FULL: (
        Code.DATABASE_FULL,
        "The database takes no writes: its disk is full.",
        (
            "Make room on the database's volume (`df -h`; old logs and backups first, never files of its own), then "
            "`urgentaction doctor`."
        ),
    ),
    DatabaseState.OUTDATED: (
        Code.DATABASE_OUTDATED,
        "The database lacks tables of this version.",
        "Run `urgentaction manage migrate`.",
    ),
}
_BROKER_WORDS: Mapping[BrokerState, tuple[Code, str, str]] = {
    BrokerState.DOWN: (
        Code.BROKER_DOWN,
        "The broker does not answer, so no worker hears of any work. Nothing is lost.",
        "Start it (`docker compose up --detach valkey`), or correct REDIS_URL. It may come back empty.",
    ),
    BrokerState.REFUSES: (
        Code.BROKER_REFUSES,
        "The broker answers, but takes no writes, so no worker hears of any work. Nothing is lost.",
        (
            "Its memory or its disk is full, or it is a replica: `valkey-cli info` says which. It holds hints and "
            "counters only: emptying it loses no delivery."
        ),
    ),
}


def _servers(seen: Observations) -> Iterator[Trouble]:
    if words := _DATABASE_WORDS.get(seen.database):
        yield _direct("database", *words)
    if words := _BROKER_WORDS.get(seen.broker):
        yield _direct("broker", *words)
    if seen.failure:
        what = f"The watchman can't read what there is to watch ({seen.failure})."
        yield _direct("watch", Code.LOOK_FAILED, what, "Read its log (`docker compose logs watch`).")


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
            f"Beat puts nothing into the queues: no sign through {_listed(unfed)} for {_longest(unfed)}. Retries and "
            "unfinished alerts stand still.",
            "Restart it (`docker compose restart beat`) and read its log.",
        )
        silent = [lane for lane in silent if lane not in unfed]
        quiet = [lane for lane in quiet if lane not in unfed]
    if silent and len(quiet) == len(seen.lanes):
        yield _lane_trouble(
            "workers",
            Code.WORKERS_SILENT,
            f"No worker takes any work, for {_longest(silent)}. Nothing is sent.",
            "Start them (`docker compose up --detach`), and read why they ended (`docker compose logs worker-urgent`).",
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
        f"The worker `{name}` has taken nothing from {_listed(lanes)} for {_longest(lanes)}: it is dead, or it hangs.",
        f"Restart it (`docker compose restart worker-{name}`) and read its log.",
    )


def _busy_worker(name: str, lanes: list[Lane]) -> Trouble:
    return _lane_trouble(
        f"worker {name}",
        Code.LANE_SILENT,
        f"The worker `{name}` works, but has taken nothing from {_listed(lanes)} for {_longest(lanes)}.",
        f"It is too busy: give `worker-{name}` more processes (`--concurrency`), or look in its log for a gateway "
        "that answers slowly.",
    )


def _lane_trouble(part: str, code: Code, what: str, advice: str) -> Trouble:
    return _trouble(
        code, key=part.replace(" ", ":"), part=part, what=what, advice=advice, severity=Severity.CRITICAL, is_old=True
    )


def _watch(seen: Observations) -> Iterator[Trouble]:
    """Seen by the doctor and by /healthz; the watchman can't see itself."""
    if seen.is_watchman or (seen.watch_silent_for is not None and seen.watch_silent_for <= seen.watch_patience):
        return
    since = f" for {words(seen.watch_silent_for)}" if seen.watch_silent_for is not None else " yet"
    yield _trouble(
        Code.WATCH_SILENT,
        part="watch",
        what=f"The watchman has given no sign{since}: nobody would be called.",
        advice="Start `urgentaction watch` (`docker compose up --detach watch`).",
    )


def _ways(seen: Observations) -> Iterator[Trouble]:
    usable = {way.channel for way in seen.ways if way.is_usable}
    for way in seen.ways:
        mends_itself = way.ends_by_itself if way.is_paused else way.is_broken
        if way.is_usable or (mends_itself and (way.since is None or way.since < SELF_MENDING)):
            continue
        is_shut = way.channel not in usable and way.waiting > 0
        does = "is paused" if way.is_paused else "does not work and is left alone for a while"
        others = f"others carry {way.channel}" if way.channel in usable else f"no other carries {way.channel}"
        waits = f"{way.waiting} deliveries wait" if way.waiting else "nothing waits"
        resume = f"Put it right, then `urgentaction gateway resume {way.name}`."
        mends = "It is tried again by itself; if it stays so, ask its provider."
        code = Code.GATEWAY_PAUSED if way.is_paused else Code.GATEWAY_BROKEN
        yield _trouble(
            Code.CHANNEL_SHUT if is_shut else code,
            key=f"gateway:{way.name}",  # one incident, also where it goes from broken to paused
            part=f"gateway {way.name}",
            severity=Severity.CRITICAL if is_shut else Severity.WARNING,
            what=f"The gateway {way.name} {does}; {others}; {waits}.",
            advice=f"`urgentaction gateway list` says why. {resume if way.is_paused else mends}",
        )


def _decisions(seen: Observations) -> Iterator[Trouble]:
    for alert in seen.alerts:
        if alert.code is not Code.DECISION_LATE or alert.age <= decision_patience(alert.level):
            continue
        level = f" of level {alert.level}" if alert.level else ""
        yield _trouble(
            alert.code,
            key=f"decision:{alert.number}",
            part="alerts",
            severity=Severity.CRITICAL if alert.level == 1 else Severity.WARNING,
            what=f"Alert {alert.number}{level} has waited for a decision for {words(alert.age)}.",
            advice=f"Read it (`urgentaction alert show {alert.number}`), then `urgentaction alert approve "
            f"{alert.number}` or `urgentaction alert reject {alert.number}`.",
            is_old=True,
        )


def _stuck_alerts(seen: Observations) -> Iterator[Trouble]:
    for alert in seen.alerts:
        if alert.code is Code.DECISION_LATE:
            continue
        does = "should have started" if alert.code is Code.ALERT_NOT_STARTED else "was started, but stands still"
        yield _trouble(
            alert.code,
            key=f"alert:{alert.number}",
            part="alerts",
            severity=Severity.CRITICAL,
            what=f"Alert {alert.number} {does}, for {words(alert.age)}.",
            advice="The log of `worker-urgent` says why (a template, an office, a letter that can't be set): "
            "`docker compose logs worker-urgent`. It goes on by itself once that is mended.",
            is_old=True,
        )


def _overdue(seen: Observations) -> Iterator[Trouble]:
    usable = {way.channel for way in seen.ways if way.is_usable}
    for one in seen.overdue:
        # A long mailing is no trouble while it moves; an official's letter that is late always is.
        if one.channel not in usable or (one.is_moving and not one.is_official):
            continue
        whom, worker = ("officials", "urgent") if one.is_official else ("supporters", "bulk")
        yield _trouble(
            Code.DELIVERIES_OVERDUE,
            key=f"overdue:{one.channel}:{whom}",
            part="deliveries",
            severity=Severity.CRITICAL if one.is_official else Severity.WARNING,
            what=f"{one.count} deliveries to {whom} by {one.channel} should have left {words(one.age)} ago, and the "
            "gateway is open.",
            advice=f"The log of `worker-{worker}` says why; `urgentaction deliveries --state queued --channel "
            f"{one.channel}` lists them.",
        )


def _piles(seen: Observations) -> Iterator[Trouble]:
    counted = (
        (
            Code.LEASES_HELD,
            seen.leases,
            "deliveries",
            "deliveries are held by a worker long past their lease: nobody sweeps",
            "Read the log of `worker-urgent`: a line that begins with `sweep:` names what breaks.",
        ),
        (
            Code.RECEIPTS_WAITING,
            seen.receipts,
            "receipts",
            "receipts are not applied",
            "Read the log of `worker-receipts`: it names the one that breaks.",
        ),
        (
            Code.UNKNOWNS_UNASKED,
            seen.unknowns,
            "deliveries",
            "deliveries are unknown, and neither a gateway nor a person is being asked",
            "`urgentaction deliveries --state unknown` lists them; the log of `worker-urgent` says why not.",
        ),
    )
    for code, count, part, what, advice in counted:
        if count:
            yield _trouble(code, part=part, what=f"{count} {what}.", advice=advice)


def _tasks(seen: Observations) -> Iterator[Trouble]:
    for task in seen.tasks:
        if task.age <= task_patience(task.kind, task.level):
            continue
        about = f" of alert {task.alert}" if task.alert else ""
        many, have = (f"{task.count} tasks", "have") if task.count > 1 else ("A task", "has")
        yield _trouble(
            Code.TASK_LATE,
            key=f"task:{task.kind}:{task.alert}",
            part="tasks",
            severity=Severity.CRITICAL if task.level == 1 else Severity.WARNING,
            what=f"{many} ({task.kind.replace('_', ' ')}){about} {have} waited for a person for {words(task.age)}.",
            advice="`urgentaction tasks` says what to do; `urgentaction task close ID --result …` when done.",
            is_old=True,
        )


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
