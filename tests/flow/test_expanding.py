"""Rows are made page by page, one alert after the other, and officials' before all."""

from __future__ import annotations

import threading
from datetime import time, timedelta
from typing import Any

import pytest
from django.db import connections, transaction

from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction import pipeline
from urgentaction.alerts.models import Alert
from urgentaction.cases.vocabulary import Status
from urgentaction.core import clock
from urgentaction.core.enqueue import Task
from urgentaction.deliveries import expand, expanding
from urgentaction.deliveries.models import Delivery
from urgentaction.deliveries.reasons import WAITS_FOR_MORNING
from urgentaction.directory.models import ContactPoint
from urgentaction.supporters.models import Supporter


def test_in_whatever_pages_everybody_gets_one_row_for_each_channel(
    world: World, sandbox: SandboxProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = world.start(Status.RETURN_IMMINENT)
    rows = sorted(Delivery.objects.filter(alert=whole, role="supporter").values_list("supporter", "channel"))
    assert len(rows) == len(set(rows)) > 2
    for page in (1, 2, len(world.supporters), len(world.supporters) + 1):
        monkeypatch.setattr(expand, "PAGE", page)
        again = world.start(Status.RETURN_IMMINENT)
        assert again.id != whole.id
        made = Delivery.objects.filter(alert=again, role="supporter").values_list("supporter", "channel")
        assert sorted(made) == rows


@pytest.mark.django_db(transaction=True)
def test_who_finds_somebody_at_it_leaves_the_supporters_and_serves_the_officials(
    world: World, sandbox: SandboxProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_held, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            assert expand.is_my_turn()
            is_held.set()
            may_end.wait(30)
        connections.close_all()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert is_held.wait(30)
        alert = Alert.objects.get(id=world.start(Status.RETURN_IMMINENT).id)
        assert alert.expanded_at is None
        assert set(Delivery.objects.filter(alert=alert).values_list("role", flat=True)) == {"to", "cc"}
    finally:
        may_end.set()
        holder.join()

    hints: list[tuple[Any, ...]] = []
    monkeypatch.setattr(expanding, "enqueue", lambda *told: hints.append(told))
    assert str(alert.id) in {str(one) for one in expanding.waiting_to_expand()}
    pipeline.sweep_all()
    assert Alert.objects.get(id=alert.id).expanded_at is not None
    assert Delivery.objects.filter(alert=alert, role="supporter").exists()
    assert (Task.ADVANCE_ALERT, str(alert.id)) not in hints


def test_made_again_the_rows_of_officials_stay_those_there_are(world: World, sandbox: SandboxProgram) -> None:
    """A better number on file by then is for the cascade: a second first step would write to the office twice."""
    alert = world.start(Status.RETURN_IMMINENT)
    made = sorted(Delivery.objects.filter(alert=alert).exclude(role="supporter").values_list("id", flat=True))
    assert made
    for point in world.president.office.contact_points.all():
        point.rank += 1
        point.save()
    ContactPoint.objects.create(
        office=world.president.office, channel="fax", printed_value="+82 2-770-4799", dial_value="+12025550199", rank=0
    )
    Alert.objects.filter(id=alert.id).update(expanded_at=None)
    pipeline.advance_alert(alert.id)
    assert Alert.objects.get(id=alert.id).expanded_at is not None
    assert sorted(Delivery.objects.filter(alert=alert).exclude(role="supporter").values_list("id", flat=True)) == made


def test_a_time_zone_that_the_database_does_not_know_stops_nobody_s_mailing(
    world: World, sandbox: SandboxProgram
) -> None:
    """Its list of zones is not ours. Before, one such person kept the rows of everybody from being made, for ever."""
    Supporter.objects.filter(wants_sms=True).update(
        time_zone="Europe/Nowhere", quiet_from=time(22), quiet_until=time(7), may_override_quiet_hours=False
    )
    alert = world.start(Status.RETURN_IMMINENT)
    assert alert.expanded_at is not None
    assert Delivery.objects.filter(alert=alert, role="supporter").count() == len(world.supporters) + 1


@pytest.mark.parametrize("may_override", [True, False])
def test_quiet_hours_hold_whenever_a_text_message_s_turn_comes(
    world: World, sandbox: SandboxProgram, *, may_override: bool
) -> None:
    """A gateway that was down until midnight, a try again, hours that were chosen meanwhile."""
    alert = world.start(Status.RETURN_IMMINENT)
    row = Delivery.objects.get(alert=alert, channel="sms")
    now = clock.read_database_now()
    ends = (now + timedelta(hours=1)).replace(microsecond=0)
    Supporter.objects.filter(wants_sms=True).update(
        time_zone="UTC",
        quiet_from=(now - timedelta(hours=1)).time(),
        quiet_until=ends.time(),
        may_override_quiet_hours=may_override,
    )
    world.send()
    row.refresh_from_db()
    if may_override:
        assert row.state == "accepted"
    else:
        assert (row.state, row.attempts, row.due_at, row.reason) == ("queued", 0, ends, WAITS_FOR_MORNING)
