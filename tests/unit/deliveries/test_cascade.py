"""What follows when a step failed or is late, as a rule: played to its end over many plans and fates."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urgentaction.channels.contract import Channel
from urgentaction.deliveries.cascade import (
    UNREACHED,
    Next,
    Point,
    Step,
    first_points,
    is_success,
    next_step,
    opening_or_now,
    step_until,
)
from urgentaction.deliveries.rules import State
from urgentaction.triggers.decision import Order

FAX, EMAIL = Channel.FAX, Channel.EMAIL
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def point(channel: Channel, address: str, *, is_care_of: bool = False) -> Point:
    return Point(id=uuid.uuid4(), channel=channel, address=address, is_care_of=is_care_of)


def step(one: Point, state: State, *, is_followed: bool = False) -> Step:
    return Step(point_id=one.id, channel=one.channel, address=one.address, state=state, is_followed=is_followed)


FAX_1, FAX_2, MAIL = point(FAX, "1"), point(FAX, "2"), point(EMAIL, "a@x")
MISSION_FAX, MISSION_MAIL = point(FAX, "9", is_care_of=True), point(EMAIL, "m@x", is_care_of=True)
POINTS = [FAX_1, FAX_2, MAIL, MISSION_FAX, MISSION_MAIL]
PERSON = Next(None)


def test_where_to_begin() -> None:
    assert first_points(POINTS, Order.PARALLEL) == [FAX_1, MAIL]
    assert first_points(POINTS, Order.CASCADE) == [FAX_1]
    assert first_points([MISSION_FAX, MISSION_MAIL], Order.PARALLEL) == [MISSION_FAX], "missions one after the other"
    assert first_points([], Order.PARALLEL) == []


def test_in_a_cascade_one_follows_the_other_then_the_mission_then_a_person() -> None:
    steps: list[Step] = [step(FAX_1, State.FAILED, is_followed=True)]
    seen = []
    while (following := next_step(POINTS, steps, Order.CASCADE)) is not None and following.point is not None:
        seen.append(following.point)
        steps.append(step(following.point, State.FAILED, is_followed=True))
    assert seen == [FAX_2, MAIL, MISSION_FAX, MISSION_MAIL]
    assert following == PERSON


def test_in_a_parallel_plan_a_fax_is_followed_by_the_other_fax_although_mail_was_taken() -> None:
    steps = [step(FAX_1, State.FAILED, is_followed=True), step(MAIL, State.ACCEPTED)]
    assert next_step(POINTS, steps, Order.PARALLEL) == Next(FAX_2)
    steps.append(step(FAX_2, State.FAILED, is_followed=True))
    assert next_step(POINTS, steps, Order.PARALLEL) is None, "the mission is not troubled once a letter was taken"


def test_the_mission_waits_until_all_points_of_the_office_have_failed() -> None:
    steps = [step(FAX_1, State.FAILED, is_followed=True), step(FAX_2, State.FAILED, is_followed=True)]
    assert next_step(POINTS, [*steps, step(MAIL, State.QUEUED)], Order.PARALLEL) is None
    assert next_step(POINTS, [*steps, step(MAIL, State.FAILED)], Order.PARALLEL) == Next(MISSION_FAX)


def test_nothing_follows_once_the_official_was_reached() -> None:
    steps = [step(FAX_1, State.DELIVERED), step(FAX_2, State.FAILED, is_followed=True)]
    assert next_step(POINTS, steps, Order.CASCADE) is None
    assert next_step(POINTS, steps, Order.PARALLEL) is None


def test_the_same_number_is_not_tried_again_under_another_name() -> None:
    twin = point(FAX, FAX_1.address, is_care_of=True)
    steps = [step(FAX_1, State.FAILED, is_followed=True)]
    assert next_step([FAX_1, twin], steps, Order.CASCADE) == PERSON


def test_after_the_deadline_there_is_only_a_person() -> None:
    assert next_step(POINTS, [step(FAX_1, State.EXPIRED, is_followed=True)], Order.CASCADE, is_over=True) == PERSON
    steps = [step(FAX_1, State.EXPIRED, is_followed=True), step(MAIL, State.ACCEPTED)]
    assert next_step(POINTS, steps, Order.PARALLEL, is_over=True) is None


@pytest.mark.parametrize(
    ("state", "channel", "counts"),
    [
        (State.DELIVERED, FAX, "yes"),
        (State.ACCEPTED, EMAIL, "yes"),
        (State.ACCEPTED, FAX, "no"),
        (State.ACCEPTED, Channel.SMS, "no"),
        (State.UNKNOWN, EMAIL, "no"),
        (State.FAILED, EMAIL, "no"),
    ],
)
def test_what_counts_as_success(state: State, channel: Channel, counts: str) -> None:
    assert is_success(state, channel) is (counts == "yes")


def test_a_step_s_time_begins_when_it_is_due_and_ends_with_the_alert_s() -> None:
    assert step_until(NOON, minutes=30, deadline=None) == NOON + timedelta(minutes=30)
    assert step_until(NOON, minutes=30, deadline=NOON + timedelta(minutes=10)) == NOON + timedelta(minutes=10)
    assert step_until(NOON, minutes=None, deadline=NOON) is None


def test_nobody_waits_for_an_opening_that_comes_too_late() -> None:
    monday = NOON + timedelta(days=3)
    assert opening_or_now(NOON, monday, deadline=None) == monday
    assert opening_or_now(NOON, monday, deadline=monday + timedelta(hours=1)) == monday
    assert opening_or_now(NOON, monday, deadline=monday) == NOON


FATES = st.sampled_from([State.FAILED, State.SUPPRESSED, State.UNKNOWN, State.QUEUED, State.ACCEPTED, State.DELIVERED])


@given(
    order=st.sampled_from(Order),
    kinds=st.lists(st.tuples(st.sampled_from([FAX, EMAIL]), st.integers(0, 3), st.booleans()), max_size=7),
    fates=st.lists(FATES, min_size=8, max_size=8),
    turns=st.lists(st.integers(0, 7), min_size=30, max_size=30),
)
def test_every_way_through_a_plan_ends_and_nothing_is_tried_twice_or_left_out(
    order: Order, kinds: list[tuple[Channel, int, bool]], fates: list[State], turns: list[int]
) -> None:
    """Each step meets its fate, is late or failed in any order, and is followed up, until nothing is left to follow."""
    points = [point(channel, f"{channel}{number}", is_care_of=flag) for channel, number, flag in kinds]
    started = first_points(points, order)
    steps = [step(one, State.QUEUED) for one in started]
    persons = 0
    for turn in turns:
        waiting = [
            n for n, one in enumerate(steps) if not one.is_followed and not _met(one, fates[n % 8]).has_succeeded
        ]
        if not waiting:
            break
        at = waiting[turn % len(waiting)]
        steps[at] = replace(_met(steps[at], fates[at % 8]), is_followed=True)
        steps = [_met(one, fates[n % 8]) if turn % 2 and not one.is_followed else one for n, one in enumerate(steps)]
        was_reached = any(one.state is State.DELIVERED for one in steps)
        following = next_step(points, steps, order)
        if following is None:
            continue
        assert not was_reached
        if following.point is None:
            persons += 1
            continue
        started.append(following.point)
        steps.append(step(following.point, State.QUEUED))
    addresses = [(one.channel, one.address) for one in started]
    assert len(addresses) == len(set(addresses))
    if started and all(one.is_followed and one.state in UNREACHED for one in steps):
        assert persons, "where nothing has worked a person is asked"
        assert {(one.channel, one.address) for one in points} == set(addresses), "and everything was tried before"
    own = {one.id for one in points if not one.is_care_of}
    if own and any(one.is_care_of for one in started):
        first_mission = next(n for n, one in enumerate(started) if one.is_care_of)
        assert {one.id for one in started[:first_mission]} <= own, "the office itself comes first"


def _met(one: Step, fate: State) -> Step:
    return one if one.is_followed else replace(one, state=fate)
