"""Counts of a large alert: kept for a while with their moment, true again soon, and final when it is over."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from tests.flow.world import World
from urgentaction.alerts.models import Alert
from urgentaction.core import clock
from urgentaction.deliveries import tallying
from urgentaction.deliveries.models import Delivery, Tally
from urgentaction.tracking.queries import gateway_states, progress, progress_of, totals


@pytest.fixture
def large(world: World, monkeypatch: pytest.MonkeyPatch) -> Alert:
    """An alert that counts as a large one. It is not counted again by itself while the test runs."""
    monkeypatch.setattr(tallying, "SMALL", 5)
    monkeypatch.setattr(tallying, "REST", 10**6)
    monkeypatch.setattr(tallying, "LONG_REST", 10**7)
    return world.start()


def settle_all(alert: Alert) -> None:
    Delivery.objects.filter(alert=alert).update(state="accepted")


def make_due() -> None:
    Tally.objects.update(due_at=clock.read_database_now())


def test_a_small_alert_is_counted_whenever_somebody_asks(world: World) -> None:
    alert = world.start()
    assert progress(alert).tally.by_state() == {"queued": 7}
    settle_all(alert)
    found = progress(alert)
    assert (found.tally.by_state(), found.counted_at) == ({"accepted": 7}, None)
    assert not Tally.objects.exists()


def test_a_large_one_shows_the_moment_of_its_counts(large: Alert) -> None:
    before = clock.read_database_now()
    progress(large)
    settle_all(large)
    found = progress(large)
    assert found.tally.by_state() == {"queued": 7}
    assert found.counted_at is not None
    assert before <= found.counted_at <= clock.read_database_now()


def test_it_is_counted_again_when_that_is_due(large: Alert) -> None:
    progress(large)
    settle_all(large)
    make_due()
    assert progress(large).tally.by_state() == {"accepted": 7}
    assert Tally.objects.get().due_at > clock.read_database_now()


def test_one_look_counts_a_few_and_the_next_the_others(
    large: Alert, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    alerts = [large, *(World.make(number=number).start() for number in (2, 3))]
    progress_of(alerts)
    for alert in alerts:
        settle_all(alert)
    make_due()
    with django_assert_num_queries(2 + 2 * tallying.AT_ONCE):
        first = progress_of(alerts)
    assert sum(set(one.tally.by_state()) == {"accepted"} for one in first) == tallying.AT_ONCE
    assert all(set(one.tally.by_state()) == {"accepted"} for one in progress_of(alerts))


def test_whatever_has_ended_is_counted_at_once(large: Alert) -> None:
    alerts = [large, *(World.make(number=number).start() for number in (2, 3))]
    progress_of(alerts)
    for alert in alerts:
        settle_all(alert)
        alert.finished_at = clock.read_database_now()
        alert.save()
    assert all(set(one.tally.by_state()) == {"accepted"} for one in progress_of(alerts))


def test_only_one_of_those_who_look_counts(large: Alert, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    progress(large)
    make_due()
    parameters: dict[str, Any] = {"alerts": [large.id], "overtaken": [], "rest": tallying.REST, "most": 1}
    assert take_on(parameters) == 1
    assert take_on(parameters) == 0
    with django_assert_num_queries(2):  # what is kept, and whether to count it
        assert progress(large).tally.total == 7


def take_on(parameters: dict[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(tallying._TAKE_ON, parameters)
        return len(cursor.fetchall())


def test_counts_from_before_its_end_are_not_shown_after_it(large: Alert) -> None:
    progress(large)
    settle_all(large)
    Alert.objects.filter(id=large.id).update(state="finished", finished_at=clock.read_database_now())
    large.refresh_from_db()
    found = progress(large)
    assert (found.tally.by_state(), found.state) == ({"accepted": 7}, "finished")
    assert progress(large).counted_at == found.counted_at, "over, and counted since: no need to count again"


def test_large_and_small_ones_are_told_apart_in_one_list(
    world: World, large: Alert, monkeypatch: pytest.MonkeyPatch
) -> None:
    progress(large)
    monkeypatch.setattr(tallying, "SMALL", 100)
    second = Alert.objects.create(
        number="UA-2026-0001/9", case=world.case, kind="manual", priority=3, state="draft", fence=1, rule="manual",
        plan={}, languages=["en"], drafted_by="cli:test", created_at=clock.now(),
    )  # fmt: skip
    Delivery.objects.filter(alert=large, role="cc").update(alert=second)
    one, two = progress_of([large, second])
    assert (one.tally.total, one.counted_at is None) == (7, False)
    assert (two.tally.total, two.counted_at) == (1, None)
    assert totals([large, second]).total == 8


def test_what_waits_for_a_gateway_is_read_from_the_counts(large: Alert) -> None:
    progress(large)
    Delivery.objects.filter(alert=large, channel="email").update(state="accepted")
    assert {one.channel: one.waiting for one in gateway_states()} == {"fax": 1, "email": 5, "sms": 1}
