"""What is seen, and which part is named for it with which words."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urgentaction.incidents.diagnosis import diagnose, sight_of, unseen, words
from urgentaction.incidents.looking import WORKER_OF
from urgentaction.incidents.observations import (
    SIGHTS,
    BrokerState,
    Code,
    DatabaseState,
    Lane,
    Observations,
    Overdue,
    WaitingAlert,
    WaitingTask,
    Way,
)
from urgentaction.incidents.rules import Severity, Sight

MINUTE = timedelta(minutes=1)
FRESH, LONG = timedelta(seconds=5), 10 * MINUTE
OPEN_WAYS = (Way(name="smtp", channel="email"), Way(name="telnyx", channel="fax"), Way(name="twilio", channel="sms"))


def lanes(**silent: int | None) -> tuple[Lane, ...]:
    """All lanes; those named give no sign, and so many messages wait in them."""
    return tuple(
        Lane(
            name=queue.value,
            worker=worker,
            silent_for=LONG if queue.value in silent else FRESH,
            waiting=silent.get(queue.value, 0),
        )
        for queue, worker in WORKER_OF.items()
    )


def seen(**more: Any) -> Observations:
    return replace(Observations(is_watchman=True, lanes=lanes(), ways=OPEN_WAYS), **more)


def told(**more: Any) -> list[tuple[str, str]]:
    return [(trouble.part, trouble.code) for trouble in diagnose(seen(**more))]


def test_all_is_well() -> None:
    assert told() == []


@pytest.mark.parametrize(
    ("silent", "expected"),
    [
        ({"bulk": 3}, [("worker bulk", Code.WORKER_SILENT)]),
        ({"receipts": 1}, [("worker receipts", Code.WORKER_SILENT)]),
        ({"urgent": 2, "upkeep": 9}, [("worker urgent", Code.WORKER_SILENT)]),
        ({"upkeep": 9}, [("worker urgent", Code.LANE_SILENT)]),
        ({"bulk": 3, "receipts": 3}, [("worker bulk", Code.WORKER_SILENT), ("worker receipts", Code.WORKER_SILENT)]),
        ({"urgent": 1, "bulk": 1, "receipts": 1, "upkeep": 1}, [("workers", Code.WORKERS_SILENT)]),
        ({"urgent": 0, "bulk": 0, "receipts": 0, "upkeep": 0}, [("beat", Code.BEAT_SILENT)]),
        # A mailing keeps its own worker busy without beat.
        ({"urgent": 0, "receipts": 0, "upkeep": 0}, [("beat", Code.BEAT_SILENT)]),
        # Beat is gone, and so is a worker: it has left something lying.
        (
            {"urgent": 0, "bulk": 4, "receipts": 0, "upkeep": 0},
            [("beat", Code.BEAT_SILENT), ("worker bulk", Code.WORKER_SILENT)],
        ),
        ({"urgent": None, "bulk": None, "receipts": None, "upkeep": None}, [("workers", Code.WORKERS_SILENT)]),
    ],
)
def test_the_part_that_is_stuck_is_named(silent: dict[str, int | None], expected: list[tuple[str, str]]) -> None:
    found = diagnose(seen(lanes=lanes(**silent)))
    assert [(trouble.part, trouble.code) for trouble in found] == expected
    assert all(trouble.is_old and trouble.severity is Severity.CRITICAL for trouble in found)
    for trouble in found:
        if trouble.part.startswith("worker "):
            assert f"worker-{trouble.part.removeprefix('worker ')}" in trouble.advice


def test_parts_that_fell_silent_together_are_named_together_although_one_passes_the_limit_first() -> None:
    ages = {"upkeep": seen().patience + FRESH}
    for waiting, expected in ((3, ("workers", Code.WORKERS_SILENT)), (0, ("beat", Code.BEAT_SILENT))):
        fading = tuple(
            replace(lane, silent_for=ages.get(lane.name, seen().patience - FRESH), waiting=waiting) for lane in lanes()
        )
        assert told(lanes=fading) == [expected]
    stopped = tuple(
        replace(lane, silent_for=ages.get(lane.name, seen().patience - FRESH), waiting=3)
        if lane.worker == "urgent"
        else lane
        for lane in lanes()
    )
    assert told(lanes=stopped) == [("worker urgent", Code.WORKER_SILENT)]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"database": DatabaseState.DOWN}, [("database", Code.DATABASE_DOWN)]),
        ({"database": DatabaseState.READ_ONLY}, [("database", Code.DATABASE_READ_ONLY)]),
        ({"database": DatabaseState.FULL}, [("database", Code.DATABASE_FULL)]),
        ({"database": DatabaseState.OUTDATED}, [("database", Code.DATABASE_OUTDATED)]),
        ({"broker": BrokerState.DOWN}, [("broker", Code.BROKER_DOWN)]),
        ({"broker": BrokerState.REFUSES}, [("broker", Code.BROKER_REFUSES)]),
        ({"failure": "ConfigurationError"}, [("watch", Code.LOOK_FAILED)]),
        (
            {"database": DatabaseState.DOWN, "broker": BrokerState.DOWN},
            [("database", Code.DATABASE_DOWN), ("broker", Code.BROKER_DOWN)],
        ),
    ],
)
def test_the_cause_is_named_and_not_what_follows_from_it(more: dict[str, Any], expected: list[Any]) -> None:
    stuck = {"lanes": lanes(urgent=1, bulk=1, receipts=1, upkeep=1), "receipts": 4, "leases": 2}
    assert told(**stuck, **more) == expected


def test_nothing_is_said_of_work_while_nobody_sweeps() -> None:
    assert told(lanes=lanes(upkeep=5), receipts=3, leases=1) == [("worker urgent", Code.LANE_SILENT)]
    assert [code for _, code in told(receipts=3, leases=1, unknowns=2)] == [
        Code.LEASES_HELD,
        Code.RECEIPTS_WAITING,
        Code.UNKNOWNS_UNASKED,
    ]


def test_the_others_get_time_to_come_up_with_the_watchman() -> None:
    silent = lanes(urgent=1, bulk=1, receipts=1, upkeep=1)
    assert told(lanes=silent, watched_for=FRESH) == []
    assert told(lanes=silent, watched_for=5 * MINUTE) == [("workers", Code.WORKERS_SILENT)]
    assert told(broker=BrokerState.DOWN, watched_for=FRESH) == [("broker", Code.BROKER_DOWN)]


def test_only_somebody_else_can_see_that_the_watchman_is_gone() -> None:
    assert told(is_watchman=False, watch_silent_for=None) == [("watch", Code.WATCH_SILENT)]
    assert told(is_watchman=False, watch_silent_for=LONG) == [("watch", Code.WATCH_SILENT)]
    assert told(is_watchman=False, watch_silent_for=FRESH) == []


WAITING: dict[str, Any] = {"name": "smtp", "channel": "email", "waiting": 7}


@pytest.mark.parametrize(
    ("ways", "expected"),
    [
        ([Way(**WAITING, is_paused=True, since=MINUTE)], (Code.CHANNEL_SHUT, Severity.CRITICAL)),
        ([Way(name="smtp", channel="email", is_paused=True)], (Code.GATEWAY_PAUSED, Severity.WARNING)),
        (
            [Way(**WAITING, is_paused=True), Way(name="backup", channel="email")],
            (Code.GATEWAY_PAUSED, Severity.WARNING),
        ),
        ([Way(**WAITING, is_paused=True, ends_by_itself=True, since=MINUTE)], None),
        ([Way(**WAITING, is_paused=True, ends_by_itself=True, since=LONG)], (Code.CHANNEL_SHUT, Severity.CRITICAL)),
        ([Way(**WAITING, is_broken=True, since=MINUTE)], None),
        ([Way(**WAITING, is_broken=True, since=LONG)], (Code.CHANNEL_SHUT, Severity.CRITICAL)),
        (
            [Way(**WAITING, is_broken=True, since=LONG), Way(name="backup", channel="email")],
            (Code.GATEWAY_BROKEN, Severity.WARNING),
        ),
    ],
)
def test_a_gateway_that_can_not_be_used(ways: list[Way], expected: tuple[Code, Severity] | None) -> None:
    found = diagnose(seen(ways=tuple(ways)))
    assert [(trouble.code, trouble.severity) for trouble in found] == ([expected] if expected else [])
    for trouble in found:
        assert trouble.key == "gateway:smtp"
        assert "`urgentaction gateway" in trouble.advice


@pytest.mark.parametrize(
    ("level", "minutes", "is_late"), [(1, 14, False), (1, 16, True), (2, 60, False), (2, 130, True), (4, 600, False)]
)
def test_a_draft_waits_no_longer_than_its_level_allows(level: int, minutes: int, *, is_late: bool) -> None:
    alert = WaitingAlert(number="UA-2026-0001/1", level=level, code=Code.DECISION_LATE, age=minutes * MINUTE)
    found = diagnose(seen(alerts=(alert,)))
    assert [trouble.key for trouble in found] == (["decision:UA-2026-0001/1"] if is_late else [])
    if is_late:
        assert "`urgentaction alert approve UA-2026-0001/1`" in found[0].advice


def test_alerts_that_stand_still() -> None:
    stuck = (
        WaitingAlert(number="UA-2026-0001/1", level=1, code=Code.ALERT_NOT_READY, age=6 * MINUTE),
        WaitingAlert(number="UA-2026-0002/1", level=2, code=Code.ALERT_NOT_STARTED, age=6 * MINUTE),
    )
    found = diagnose(seen(alerts=stuck))
    assert [trouble.what for trouble in found] == [
        "Alert UA-2026-0001/1 was started, but stands still, for 6 min.",
        "Alert UA-2026-0002/1 should have started, for 6 min.",
    ]


def test_a_long_mailing_is_no_trouble_while_it_moves_but_a_late_letter_is() -> None:
    mailing = Overdue(channel="email", is_official=False, count=90_000, age=40 * MINUTE, is_moving=True)
    assert told(overdue=(mailing,)) == []
    assert told(overdue=(replace(mailing, is_moving=False),)) == [("deliveries", Code.DELIVERIES_OVERDUE)]
    assert told(overdue=(replace(mailing, is_official=True),)) == [("deliveries", Code.DELIVERIES_OVERDUE)]
    shut = (Way(name="smtp", channel="email", is_paused=True, waiting=90_000),)
    assert told(overdue=(replace(mailing, is_moving=False),), ways=shut) == [("gateway smtp", Code.CHANNEL_SHUT)]


@pytest.mark.parametrize(
    ("kind", "level", "minutes", "is_late"),
    [
        ("reach_official", 1, 31, True),
        ("reach_official", 1, 29, False),
        ("settle_unknown", 2, 100, False),
        ("settle_unknown", 2, 250, True),
        ("fix_configuration", None, 61, True),
        ("read_reply", None, 61, False),
    ],
)
def test_a_task_that_nobody_does(kind: str, level: int | None, minutes: int, *, is_late: bool) -> None:
    task = WaitingTask(kind=kind, alert="UA-2026-0001/1" if level else "", level=level, count=2, age=minutes * MINUTE)
    assert [code for _, code in told(tasks=(task,))] == ([Code.TASK_LATE] if is_late else [])


def test_every_code_says_what_must_be_in_sight() -> None:
    assert set(SIGHTS) == set(Code)
    assert sight_of("of-another-version") is Sight.WORK


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (172_800, "2 days")]
)
def test_lengths_of_time_are_words(seconds: int, text: str) -> None:
    assert words(timedelta(seconds=seconds)) == text


AGES = st.one_of(st.none(), st.timedeltas(timedelta(0), timedelta(days=3)))
LANES = st.tuples(
    *(
        st.builds(
            Lane,
            name=st.just(queue.value),
            worker=st.just(worker),
            silent_for=AGES,
            waiting=st.one_of(st.none(), st.integers(0, 3)),
        )
        for queue, worker in WORKER_OF.items()
    )
)
SEEN = st.builds(
    Observations,
    database=st.sampled_from(DatabaseState),
    broker=st.sampled_from(BrokerState),
    is_watchman=st.booleans(),
    watched_for=AGES,
    lanes=LANES,
    ways=st.lists(
        st.builds(
            Way,
            name=st.sampled_from(["smtp", "backup", "telnyx"]),
            channel=st.sampled_from(["email", "fax"]),
            waiting=st.integers(0, 2),
            is_paused=st.booleans(),
            ends_by_itself=st.booleans(),
            is_broken=st.booleans(),
            since=AGES,
        ),
        max_size=3,
        unique_by=lambda way: way.name,
    ).map(tuple),
    leases=st.integers(0, 2),
    receipts=st.integers(0, 2),
    unknowns=st.integers(0, 2),
)


@given(SEEN)
def test_whatever_is_seen_each_trouble_has_one_key_advice_and_is_in_sight(one: Observations) -> None:
    found = diagnose(one)
    assert len({trouble.key for trouble in found}) == len(found)
    hidden = unseen(one)
    for trouble in found:
        assert trouble.what.endswith(".")
        assert trouble.advice
        assert trouble.sight not in hidden
        assert len(trouble.what) <= 400
        assert len(trouble.advice) <= 400
        assert len(trouble.key) <= 120
        assert len(trouble.part) <= 60


@given(SEEN)
def test_a_silent_lane_is_never_passed_over(one: Observations) -> None:
    codes = {trouble.code for trouble in diagnose(one)}
    is_silent = any(lane.silent_for is None or lane.silent_for > one.patience for lane in one.lanes)
    if is_silent and Sight.LANES not in unseen(one):
        assert codes & {Code.BEAT_SILENT, Code.WORKERS_SILENT, Code.WORKER_SILENT, Code.LANE_SILENT}
