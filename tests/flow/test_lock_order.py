"""Two people at the same thing at the same moment: one of them waits for the other, never each for the other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction

from tests.flow.following import failed, fax
from tests.flow.world import World
from urgentaction import pipeline
from urgentaction.accounts.service import record_audit
from urgentaction.alerts.drafting import Composition
from urgentaction.alerts.models import Alert
from urgentaction.alerts.plan import Audience, compose_plan
from urgentaction.channels.contract import Channel
from urgentaction.core import clock
from urgentaction.deliveries import composing
from urgentaction.deliveries.contact_points import ask_for_replacement, record_check, retire_contact_point
from urgentaction.deliveries.escalate import hand_over
from urgentaction.deliveries.models import Delivery, HumanTask
from urgentaction.deliveries.service import send_again
from urgentaction.directory.contact_points import Check
from urgentaction.directory.kinds import CheckMethod
from urgentaction.directory.models import ContactPoint

pytestmark = pytest.mark.django_db(transaction=True)

PLAN = compose_plan(Audience.OFFICIALS, channels=[Channel.EMAIL], level=2)


def meets(deed: Callable[[], object], *, then: Callable[[], object]) -> None:
    """Do a deed elsewhere while this transaction holds a row it needs; `then` goes on here once the deed waits."""
    errors: list[Exception] = []

    def run() -> None:
        try:
            deed()
        except Exception as error:  # noqa: BLE001 - whatever it met is what the test is about
            errors.append(error)
        finally:
            connections.close_all()

    other = threading.Thread(target=run)
    other.start()
    ends = time.monotonic() + 10
    while time.monotonic() < ends and not _is_anybody_waiting():
        time.sleep(0.02)
    then()
    transaction.on_commit(lambda: other.join(20))
    transaction.on_commit(lambda: _are_none(errors))


def _are_none(errors: list[Exception]) -> None:
    assert errors == []


def _is_anybody_waiting() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


def take(task: HumanTask) -> Callable[[], object]:
    """The second half of taking a task, its row locked already."""
    return lambda: record_audit("user:eve", "task.take", f"task:{task.id}")


def draft(world: World) -> Alert:
    return pipeline.send_manual_alert(world.case.reference, PLAN, level=2, deadline=timedelta(days=2), by="user:ada")


@pytest.mark.parametrize("decision", ["approve", "reject", "withdraw", "change", "expire"])
def test_taking_a_task_to_decide_while_somebody_decides(world: World, decision: str) -> None:
    alert = draft(world)
    deeds: dict[str, Callable[[], object]] = {
        "approve": lambda: pipeline.approve(alert.id, by="user:bob"),
        "reject": lambda: pipeline.reject(alert.id, by="user:bob", comment="no"),
        "withdraw": lambda: pipeline.withdraw(alert.id, reason="no", by="user:bob"),
        "change": lambda: composing.change_draft(
            alert.id, Composition(plan=PLAN, level=2, targets=None), by="user:ada"
        ),
        "expire": pipeline.sweep_all,
    }
    if decision == "expire":
        Alert.objects.update(deadline_at=clock.now() - timedelta(minutes=1))
    with transaction.atomic():
        task = HumanTask.objects.select_for_update().get(alert=alert)
        meets(deeds[decision], then=take(task))
    task.refresh_from_db()
    assert task.done_at is not None


@pytest.mark.parametrize("deed", ["retire", "check"])
def test_taking_a_task_to_replace_a_contact_point_while_somebody_does(world: World, deed: str) -> None:
    point = ContactPoint.objects.get(channel="fax")
    task = ask_for_replacement(point, why="no such number")
    check = Check(method=CheckMethod.PHONE_CALL)
    deeds: dict[str, Callable[[], object]] = {
        "retire": lambda: retire_contact_point(point.id, why="gone", is_sure=True, by="user:bob"),
        "check": lambda: record_check(point.id, check, by="user:bob"),
    }
    with transaction.atomic():
        HumanTask.objects.select_for_update().get(id=task.id)
        meets(deeds[deed], then=take(task))
    task.refresh_from_db()
    assert task.done_at is not None


def test_sending_again_what_is_being_followed_up(world: World) -> None:
    alert = world.start()
    row = failed(fax(alert))
    target = alert.targets.get(role="to")
    with transaction.atomic():
        Delivery.objects.select_for_update().get(id=row.id)
        meets(
            lambda: send_again(row.id, by="user:bob", why="they say it works"),
            then=lambda: hand_over(target, why="no such number"),
        )
    assert Delivery.objects.filter(alert=alert, channel="fax").count() == 2
