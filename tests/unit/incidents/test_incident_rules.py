"""When a trouble becomes an incident, when somebody is told, and when it is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from urgentaction.core.ids import uuid7
from urgentaction.incidents.rules import (
    LOOKS_TO_CLOSE,
    LOOKS_TO_OPEN,
    Severity,
    Sight,
    Standing,
    TellingKind,
    Trouble,
    after_look,
    after_telling,
    due_telling,
    merged,
)

START = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
LOOK = timedelta(seconds=15)


def trouble(key: str = "broker-down", *, is_old: bool = False, sight: Sight = Sight.DIRECT) -> Trouble:
    return Trouble(
        key=key,
        part="broker",
        code="broker-down",
        severity=Severity.CRITICAL,
        sight=sight,
        what="It does not answer.",
        advice="Start it.",
        is_old=is_old,
    )


def watched(looks: list[bool], *, is_old: bool = False) -> tuple[list[TellingKind], dict[str, Standing]]:
    """What is told over a series of looks (True: the trouble is there), when every call arrives."""
    told: list[TellingKind] = []
    standings: dict[str, Standing] = {}
    for number, is_there in enumerate(looks):
        now = START + number * LOOK
        standings = after_look(standings, [trouble(is_old=is_old)] if is_there else [], now=now)
        for key, standing in standings.items():
            if kind := due_telling(standing, now=now):
                told.append(kind)
                standings[key] = after_telling(standing, kind, how="webhook", now=now)
        standings = {key: one for key, one in standings.items() if not one.is_done}
    return told, standings


def test_it_is_told_once_and_once_that_it_is_over() -> None:
    told, left = watched([True] * 10 + [False] * 5)
    assert told == [TellingKind.OPEN, TellingKind.OVER]
    assert left == {}


def test_one_look_is_not_enough_unless_it_is_old_already() -> None:
    assert watched([True, False, True, False, True])[0] == []
    assert watched([True], is_old=True)[0] == [TellingKind.OPEN]


def test_one_clean_look_does_not_end_it() -> None:
    told, left = watched([True, True, False, True, False, True])
    assert told == [TellingKind.OPEN]
    assert left["broker-down"].is_open


@given(st.lists(st.booleans(), max_size=60))
def test_calls_and_ends_take_turns_whatever_is_seen(looks: list[bool]) -> None:
    told, left = watched(looks)
    without_reminders = [kind for kind in told if kind is not TellingKind.REMINDER]
    assert without_reminders == [TellingKind.OPEN, TellingKind.OVER] * (len(without_reminders) // 2) + (
        [TellingKind.OPEN] if len(without_reminders) % 2 else []
    )
    assert any(one.is_open for one in left.values()) == (len(without_reminders) % 2 == 1)
    # Never on one look alone.
    runs = "".join("x" if is_there else "." for is_there in looks)
    assert (TellingKind.OPEN in told) == ("x" * LOOKS_TO_OPEN in runs)
    if runs.endswith("." * LOOKS_TO_CLOSE):
        assert left == {}


def test_reminders_come_at_growing_pauses_until_somebody_takes_care() -> None:
    now, told = START, list[timedelta]()
    standings = after_look({}, [trouble(is_old=True)], now=now)
    while now < START + timedelta(hours=15):
        standings = after_look(standings, [trouble()], now=now)
        one = standings["broker-down"]
        if kind := due_telling(one, now=now):
            told.append(now - START)
            standings = {"broker-down": after_telling(one, kind, how="mail", now=now)}
        now += timedelta(minutes=5)
    hours = [age / timedelta(hours=1) for age in told]
    assert hours == [0, 0.25, 1.25, 5.25, 9.25, 13.25]
    taken = replace(standings["broker-down"], is_acknowledged=True)
    assert due_telling(taken, now=now + timedelta(days=1)) is None
    over = replace(taken, closed_at=now)
    assert due_telling(over, now=now) is TellingKind.OVER


def test_what_could_not_be_told_stays_due_and_what_nobody_heard_of_has_no_end_to_tell() -> None:
    standings = after_look({}, [trouble(is_old=True)], now=START)
    assert due_telling(standings["broker-down"], now=START + LOOK) is TellingKind.OPEN
    for _ in range(LOOKS_TO_CLOSE):
        standings = after_look(standings, [], now=START + LOOK)
    assert due_telling(standings["broker-down"], now=START + LOOK) is None
    assert standings["broker-down"].is_done


def test_what_was_out_of_sight_neither_ends_nor_begins() -> None:
    row = trouble("task:x", is_old=True, sight=Sight.ROWS)
    standings = after_look({}, [row], now=START)
    for number in range(1, 9):
        now = START + number * LOOK
        standings = after_look(standings, [trouble()], now=now, unseen=frozenset({Sight.ROWS}))
    assert standings["task:x"].is_open
    assert standings["task:x"].missed == 0
    for number in range(9, 11):
        standings = after_look(standings, [], now=START + number * LOOK)
    assert not standings["task:x"].is_open


def test_one_that_comes_back_before_its_end_was_told_goes_on_as_the_same() -> None:
    standings = after_look({}, [trouble(is_old=True)], now=START)
    standings = {key: after_telling(one, TellingKind.OPEN, how="mail", now=START) for key, one in standings.items()}
    for _ in range(LOOKS_TO_CLOSE):
        standings = after_look(standings, [], now=START + LOOK)
    standings = after_look(standings, [trouble()], now=START + 3 * LOOK)
    assert standings["broker-down"].is_open
    assert standings["broker-down"].opened_at == START
    assert due_telling(standings["broker-down"], now=START + 3 * LOOK) is None


class TestMemoryAndDatabase:
    def standing(self, **more: Any) -> Standing:
        return replace(Standing(trouble=trouble(), first_seen_at=START, last_seen_at=START, opened_at=START), **more)

    def test_what_was_opened_while_the_database_was_gone_is_kept(self) -> None:
        mine = {"broker-down": self.standing()}
        assert merged(mine, {}) == mine

    def test_what_another_watchman_has_finished_is_dropped(self) -> None:
        assert merged({"broker-down": self.standing(id=uuid7())}, {}) == {}

    def test_a_restarted_one_goes_on_with_what_is_written(self) -> None:
        row = self.standing(id=uuid7(), tellings=2, told_at=START)
        assert merged({}, {"broker-down": row}) == {"broker-down": row}

    def test_two_watchmen_make_one_incident(self) -> None:
        row = self.standing(id=uuid7(), tellings=1, told_at=START)
        found = merged({"broker-down": self.standing(seen=5)}, {"broker-down": row})
        assert found["broker-down"].id == row.id
        assert due_telling(found["broker-down"], now=START + LOOK) is None

    def test_an_acknowledgement_is_learnt_and_a_telling_not_forgotten(self) -> None:
        mine = self.standing(id=uuid7(), tellings=1, told_at=START)
        row = replace(mine, tellings=0, told_at=None, is_acknowledged=True)
        found = merged({"broker-down": mine}, {"broker-down": row})["broker-down"]
        assert found.is_acknowledged
        assert found.tellings == 1
