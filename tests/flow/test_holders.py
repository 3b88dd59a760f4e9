"""Letters go to whoever holds an office, and show the same number of it however often they are made."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection, transaction

from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction import pipeline
from urgentaction.alerts.models import Alert, AlertState, StandingApproval
from urgentaction.cases.vocabulary import Status
from urgentaction.core import clock
from urgentaction.directory.models import ContactPoint
from urgentaction.directory.service import install_official
from urgentaction.letters import views
from urgentaction.letters.models import Letter
from urgentaction.tracking import forthcoming

pytestmark = pytest.mark.django_db(transaction=True)


def advanced(alert: Alert) -> Alert:
    pipeline.advance_alert(alert.id)
    alert.refresh_from_db()
    return alert


def succeeded(world: World) -> None:
    office = world.president.office
    new = {"names": {"en": "The successor"}, "salutations": {"en": "Dear successor"}}
    install_official(office.id, {**new, "holds_from": clock.today(office.time_zone)}, by="user:edith")


def test_whoever_took_the_office_over_before_anybody_approved_is_written_to(
    world: World, sandbox: SandboxProgram
) -> None:
    StandingApproval.objects.all().delete()
    alert = world.update(Status.RETURN_IMMINENT).alerts[0]
    succeeded(world)
    shown = forthcoming.contents_of(alert)
    assert "Dear successor" in shown.letters[0].text
    pipeline.approve(alert.id, by="user:duty", seen=shown.digest)
    assert advanced(alert).state == AlertState.RUNNING
    assert "Dear successor" in Letter.objects.get(alert=alert, role="to").text


def test_so_is_whoever_took_it_over_while_an_alert_was_held_that_no_person_approves(
    world: World, sandbox: SandboxProgram
) -> None:
    alert = world.update(Status.DETAINED).alerts[0]
    assert alert.state == AlertState.HELD
    succeeded(world)
    Alert.objects.update(hold_until=clock.now() - timedelta(seconds=1))
    assert advanced(alert).state == AlertState.RUNNING
    assert "Dear successor" in Letter.objects.get(alert=alert, role="to").text


def test_of_two_numbers_of_the_same_rank_the_same_one_is_printed_wherever_the_rows_lie(world: World) -> None:
    office = world.president.office
    second = {"channel": "fax", "printed_value": "+82 2-770-0000", "dial_value": "+12025550199"}
    ContactPoint.objects.create(office=office, **second)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off")
        before = views.addressee(world.president, "en").printed_fax
        office.contact_points.filter(channel="fax", printed_value=before).update(health_note="checked")
        assert views.addressee(world.president, "en").printed_fax == before
