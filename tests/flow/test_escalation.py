"""What follows when an official is not reached: the next contact point, the mission, a person; each of them once."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from tests.flow.cascading import (
    FAX_1,
    FAX_2,
    MAIL,
    MISSION_FAX,
    MISSION_MAIL,
    add_ways,
    busy_forever,
    end_step,
    last,
    reach_task,
    refuse,
    start,
    to_president,
    told,
    tried,
)
from tests.flow.planning import keep, plan
from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction import pipeline
from urgentaction.alerts.models import Alert
from urgentaction.channels.contract import ReceiptKind, RetryClass
from urgentaction.core import clock
from urgentaction.deliveries import escalate as escalation
from urgentaction.deliveries.contact_points import replace_contact_point
from urgentaction.deliveries.models import Delivery, HumanTask
from urgentaction.deliveries.queries import unreached
from urgentaction.deliveries.reasons import POINT_RETIRED
from urgentaction.deliveries.service import settle_unknown
from urgentaction.deliveries.unknowns import ask_a_person
from urgentaction.directory.contact_points import Check
from urgentaction.directory.kinds import CheckMethod
from urgentaction.directory.models import ContactPoint


@pytest.fixture
def reachable(world: World) -> World:
    """The president has a second fax, and a mission abroad that takes letters."""
    return add_ways(world)


def test_a_number_that_was_replaced_while_a_letter_waited_is_not_dialled(world: World, sandbox: SandboxProgram) -> None:
    alert = start(world, order="parallel")
    old = ContactPoint.objects.get(dial_value=FAX_1)
    replace_contact_point(
        old.id, printed="+82 2-770-0000", dial=FAX_2, check=Check(method=CheckMethod.PHONE_CALL), by="user:editor"
    )
    before = len(sandbox.ledger())
    pipeline.send_to_officials()
    pipeline.sweep_all()
    pipeline.send_to_officials()
    faxes = [row for row in to_president(alert) if row.channel == "fax"]
    assert [(row.state, row.reason) for row in faxes] == [("failed", POINT_RETIRED), ("accepted", "")]
    dialled = [one["to"] for one in sandbox.ledger(before) if one["channel"] == "fax"]
    assert dialled == [FAX_2]


def test_the_whole_way_in_order_each_step_once_and_in_the_end_a_person(
    reachable: World, sandbox: SandboxProgram
) -> None:
    refuse(sandbox, MAIL, MISSION_MAIL)
    alert = start(reachable, order="cascade")
    assert tried(alert) == [FAX_1]
    busy_forever(last(alert))
    pipeline.sweep_all()
    assert tried(alert) == [FAX_1, FAX_2]
    pipeline.send_to_officials()
    told(last(alert), ReceiptKind.FAILED, RetryClass.NEVER)
    for _ in range(3):
        pipeline.sweep_all()
        pipeline.send_to_officials()
    assert tried(alert) == [FAX_1, FAX_2, MAIL, MISSION_FAX]
    assert reach_task(alert) is None
    told(last(alert), ReceiptKind.FAILED, RetryClass.NEVER)
    for _ in range(3):
        pipeline.sweep_all()
        pipeline.send_to_officials()
    assert tried(alert) == [FAX_1, FAX_2, MAIL, MISSION_FAX, MISSION_MAIL]
    assert [row.step for row in to_president(alert)] == [1, 2, 3, 4, 5]
    assert {row.state for row in to_president(alert)} == {"failed"}
    task = reach_task(alert)
    assert task is not None
    assert "fax: busy" in task.advice
    assert "fax c/o mission" in task.advice
    assert HumanTask.objects.filter(kind="reach_official", alert=alert).count() == 1
    dead = set(ContactPoint.objects.filter(health="dead").values_list("dial_value", flat=True))
    assert dead == {FAX_2, MAIL, MISSION_FAX, MISSION_MAIL}, "a busy line is not a dead one"


def test_a_fax_without_a_receipt_by_its_step_s_deadline_brings_in_the_next_and_goes_on(
    reachable: World, sandbox: SandboxProgram
) -> None:
    alert = start(reachable, order="cascade")
    pipeline.send_to_officials()
    first = last(alert)
    assert first.step_until == first.due_at + timedelta(minutes=30)
    pipeline.sweep_all()
    assert tried(alert) == [FAX_1], "it still has time"
    end_step(first)
    pipeline.sweep_all()
    pipeline.sweep_all()
    assert tried(alert) == [FAX_1, FAX_2]
    first.refresh_from_db()
    assert (first.state, first.reason) == ("accepted", "no receipt in time; the plan's next step was begun")
    told(first, ReceiptKind.DELIVERED)
    first.refresh_from_db()
    assert (first.state, first.reason) == ("delivered", "")
    end_step(last(alert))
    pipeline.sweep_all()
    assert tried(alert) == [FAX_1, FAX_2], "he was reached: nothing more is begun"
    assert reach_task(alert) is None


def test_a_late_step_that_fails_in_the_end_starts_no_second_next_one(reachable: World, sandbox: SandboxProgram) -> None:
    alert = start(reachable, order="cascade")
    pipeline.send_to_officials()
    first = last(alert)
    end_step(first)
    pipeline.sweep_all()
    told(first, ReceiptKind.FAILED, RetryClass.NEVER)
    pipeline.sweep_all()
    pipeline.sweep_all()
    assert tried(alert) == [FAX_1, FAX_2]
    assert ContactPoint.objects.get(dial_value=FAX_1).health == "dead"
    assert not Delivery.objects.filter(unreached(), id=first.id).exists()


def test_a_mail_that_a_server_has_taken_is_never_late(reachable: World, sandbox: SandboxProgram) -> None:
    alert = start(reachable, order="parallel")
    pipeline.send_to_officials()
    mail = next(row for row in to_president(alert) if row.channel == "email")
    end_step(mail)
    pipeline.sweep_all()
    mail.refresh_from_db()
    assert mail.escalated_at is None
    assert tried(alert) == [FAX_1, MAIL]


def test_what_is_still_unsent_at_its_step_s_deadline_brings_in_the_next(
    reachable: World, sandbox: SandboxProgram
) -> None:
    """A gateway that is paused must not keep a letter from going another way."""
    alert = start(reachable, order="cascade")
    end_step(last(alert))
    pipeline.sweep_all()
    assert tried(alert) == [FAX_1, FAX_2]
    assert {row.state for row in to_president(alert)} == {"queued"}


def test_an_unknown_fax_brings_in_the_next_and_a_person_is_still_asked_about_it(
    reachable: World, sandbox: SandboxProgram
) -> None:
    alert = start(reachable, order="cascade")
    fax = last(alert)
    later = clock.read_database_now() + timedelta(days=1)
    Delivery.objects.filter(id=fax.id).update(state="unknown", gateway="telnyx", attempts=1, due_at=later)
    pipeline.sweep_all()
    assert tried(alert) == [FAX_1], "the gateway may still know"
    fax.refresh_from_db()
    ask_a_person(fax)
    pipeline.sweep_all()
    pipeline.sweep_all()
    assert tried(alert) == [FAX_1, FAX_2]
    question = HumanTask.objects.get(kind="settle_unknown", delivery=fax)
    assert question.done_at is None


def test_an_unknown_that_is_older_than_its_step_brings_in_the_next(reachable: World, sandbox: SandboxProgram) -> None:
    alert = start(reachable, order="cascade")
    fax = last(alert)
    later = clock.read_database_now() + timedelta(days=1)
    Delivery.objects.filter(id=fax.id).update(state="unknown", gateway="telnyx", attempts=1, due_at=later)
    end_step(fax)
    pipeline.sweep_all()
    assert tried(alert) == [FAX_1, FAX_2]


def test_a_late_arrival_closes_the_task_to_reach_the_official(world: World, sandbox: SandboxProgram) -> None:
    refuse(sandbox, MAIL)
    alert = start(world, order="parallel")
    pipeline.send_to_officials()
    fax = next(row for row in to_president(alert) if row.channel == "fax")
    end_step(fax)
    pipeline.sweep_all()
    assert HumanTask.objects.filter(alert=alert, kind="reach_official", done_at=None).count() == 1
    told(fax, ReceiptKind.DELIVERED)
    pipeline.sweep_all()
    task = reach_task(alert)
    assert task is not None
    assert task.done_at is not None
    assert task.done_by == "system:deliveries"
    assert task.result == f"delivery {fax.id} arrived after all"


def test_a_person_who_finds_that_an_unknown_arrived_closes_both_tasks(world: World, sandbox: SandboxProgram) -> None:
    refuse(sandbox, MAIL)
    alert = start(world, order="cascade")
    fax = last(alert)
    Delivery.objects.filter(id=fax.id).update(state="unknown", gateway="telnyx", attempts=1)
    fax.refresh_from_db()
    ask_a_person(fax)
    for _ in range(3):
        pipeline.sweep_all()
        pipeline.send_to_officials()
    assert tried(alert) == [FAX_1, MAIL]
    assert reach_task(alert) is not None
    with transaction.atomic():
        settle_unknown(fax.id, arrived=True, by="user:duty", why="they phoned")
    pipeline.sweep_all()
    assert not HumanTask.objects.filter(alert=alert, done_at=None).exists()


def test_in_a_parallel_plan_the_other_fax_follows_the_first_although_the_mail_was_taken(
    reachable: World, sandbox: SandboxProgram
) -> None:
    alert = start(reachable, order="parallel")
    assert tried(alert) == [FAX_1, MAIL]
    pipeline.send_to_officials()
    told(to_president(alert)[0], ReceiptKind.FAILED, RetryClass.NEVER)
    pipeline.sweep_all()
    pipeline.send_to_officials()
    assert tried(alert) == [FAX_1, MAIL, FAX_2]
    told(last(alert), ReceiptKind.FAILED, RetryClass.NEVER)
    pipeline.sweep_all()
    assert tried(alert) == [FAX_1, MAIL, FAX_2], "the mission is not troubled: a letter was taken"
    assert reach_task(alert) is None


def test_in_a_parallel_plan_the_mission_comes_when_everything_of_the_office_has_failed(
    reachable: World, sandbox: SandboxProgram
) -> None:
    refuse(sandbox, MAIL)
    alert = start(reachable, order="parallel")
    pipeline.send_to_officials()
    pipeline.sweep_all()
    assert tried(alert) == [FAX_1, MAIL], "the fax is still under way"
    told(to_president(alert)[0], ReceiptKind.FAILED, RetryClass.NEVER)
    pipeline.sweep_all()
    end_step(last(alert))
    pipeline.sweep_all()
    assert tried(alert) == [FAX_1, MAIL, FAX_2, MISSION_FAX]


def test_dead_contact_points_are_passed_over(reachable: World, sandbox: SandboxProgram) -> None:
    ContactPoint.objects.filter(dial_value=FAX_2).update(health="dead")
    alert = start(reachable, order="cascade")
    end_step(last(alert))
    pipeline.sweep_all()
    assert tried(alert) == [FAX_1, MAIL]


def test_an_office_without_contact_points_of_its_own_is_written_to_through_its_mission(
    reachable: World, sandbox: SandboxProgram
) -> None:
    ContactPoint.objects.filter(office=reachable.president.office).update(health="dead")
    alert = start(reachable, order="parallel")
    assert tried(alert) == [MISSION_FAX]
    assert reach_task(alert) is None


@pytest.mark.parametrize("order", ["parallel", "cascade"])
def test_two_sweeps_at_once_begin_one_step(reachable: World, sandbox: SandboxProgram, order: str) -> None:
    refuse(sandbox, MAIL)
    alert = start(reachable, order=order)
    pipeline.send_to_officials()
    for row in to_president(alert):
        if row.channel == "fax":
            told(row, ReceiptKind.FAILED, RetryClass.NEVER)
    due = [one for one in escalation.due_escalations() if one in {row.id for row in to_president(alert)}]
    assert len(due) == (2 if order == "parallel" else 1)
    barrier = threading.Barrier(4)

    def work(delivery_id: int) -> None:
        barrier.wait()
        with transaction.atomic():
            escalation.escalate(delivery_id)
        connections.close_all()

    threads = [threading.Thread(target=work, args=(due[number % len(due)],)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tried(alert).count(FAX_2) == 1
    assert len(tried(alert)) == (3 if order == "parallel" else 2)
    assert escalation.due_escalations() == []


def test_nothing_follows_in_an_alert_that_was_stopped(reachable: World, sandbox: SandboxProgram) -> None:
    alert = start(reachable, order="cascade")
    pipeline.send_to_officials()
    fax = last(alert)
    end_step(fax)
    pipeline.withdraw(alert.id, reason="wrong person", by="user:duty")
    pipeline.sweep_all()
    told(fax, ReceiptKind.FAILED, RetryClass.NEVER)
    pipeline.sweep_all()
    assert tried(alert) == [FAX_1]
    assert reach_task(alert) is None


def test_at_the_alert_s_deadline_a_person_takes_over(reachable: World, sandbox: SandboxProgram) -> None:
    alert = start(reachable, order="cascade")
    Alert.objects.filter(id=alert.id).update(deadline_at=clock.database_now())
    Delivery.objects.filter(alert=alert).update(expires_at=clock.database_now())
    pipeline.sweep_all()
    assert tried(alert) == [FAX_1]
    assert last(alert).state == "expired"
    assert reach_task(alert) is not None


def test_a_mail_that_bounces_after_the_alert_has_finished_is_for_a_person(
    world: World, sandbox: SandboxProgram
) -> None:
    alert = start(world, order="parallel")
    Delivery.objects.filter(alert=alert).update(state="accepted", accepted_at=clock.now())
    Delivery.objects.filter(alert=alert, channel="fax").update(state="failed", settled_at=clock.database_now())
    Delivery.objects.filter(alert=alert, channel="sms").update(state="delivered")
    pipeline.sweep_all()
    pipeline.sweep_all()
    assert Alert.objects.get(id=alert.id).state == "finished"
    assert reach_task(alert) is None
    mail = next(row for row in to_president(alert) if row.channel == "email")
    told(mail, ReceiptKind.FAILED, RetryClass.NEVER)
    pipeline.sweep_all()
    assert reach_task(alert) is not None
    assert tried(alert) == [FAX_1, MAIL]


def test_due_steps_are_found_without_reading_past_supporters(planner: None) -> None:
    keep("delivery_step")
    with CaptureQueriesContext(connection) as captured:
        escalation.due_escalations()
    statements = [query["sql"] for query in captured.captured_queries if "priority" in query["sql"]]
    assert len(statements) == 3
    for statement in statements:
        assert "delivery_step" in plan(statement)
