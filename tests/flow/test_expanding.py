"""Rows are made page by page, one alert after the other, and officials' before all."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connections, transaction

from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction import pipeline
from urgentaction.alerts.models import Alert
from urgentaction.cases.vocabulary import Status
from urgentaction.core.enqueue import Task
from urgentaction.deliveries import expand, expanding
from urgentaction.deliveries.models import Delivery
from urgentaction.directory.models import ContactPoint


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
