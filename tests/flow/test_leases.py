"""Workers that die, sleep, or race: the fence and the sweeper."""

from __future__ import annotations

import threading

from django.db import connection, connections, transaction

from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction import pipeline
from urgentaction.alerts.models import Alert
from urgentaction.cases.vocabulary import Status
from urgentaction.channels.contract import Accepted, Refused, RetryClass
from urgentaction.core import clock
from urgentaction.deliveries import sweep
from urgentaction.deliveries.claim import Claim, Lane, claim, declare_intent, release
from urgentaction.deliveries.gateways import close_gateways
from urgentaction.deliveries.models import Attempt, Delivery, GatewayState, HumanTask
from urgentaction.deliveries.pausing import resume_gateway
from urgentaction.deliveries.recording import record
from urgentaction.deliveries.send import send_claims


def end_leases() -> None:
    """As if the lease's time had passed."""
    Delivery.objects.filter(lease_until__isnull=False).update(lease_until=clock.database_now())


def test_two_workers_claiming_at_once_never_hold_the_same_row(world: World, sandbox: SandboxProgram) -> None:
    world.start()
    found: list[list[Claim]] = []
    barrier = threading.Barrier(4)

    def work() -> None:
        barrier.wait()
        with transaction.atomic():
            found.append(claim(Lane.BULK, limit=1))
        connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = [one.id for claims in found for one in claims]
    assert len(ids) == len(set(ids)) == 4


def test_a_worker_that_died_before_the_wire_costs_nothing_but_time(world: World, sandbox: SandboxProgram) -> None:
    alert = world.start()
    held = claim(Lane.URGENT, limit=10)
    assert len(held) == 3
    assert claim(Lane.URGENT, limit=10) == []
    end_leases()
    pipeline.sweep_all()
    assert {row.attempts for row in Delivery.objects.filter(alert=alert, role__in=["to", "cc"])} == {0}
    assert world.send() == 7


def test_a_worker_that_died_on_the_wire_leaves_an_unknown_with_its_try_written_down(
    world: World, sandbox: SandboxProgram
) -> None:
    world.start()
    held = [one for one in claim(Lane.URGENT, limit=10) if one.channel == "fax"]
    assert declare_intent(held, gateway="telnyx") == {held[0].id}
    end_leases()
    with transaction.atomic():
        sweep.give_up_expired_sends()
    row = Delivery.objects.get(id=held[0].id)
    assert (row.state, row.reason) == ("unknown", "the worker died while it was on the wire")
    assert list(Attempt.objects.values_list("delivery_id", "number", "outcome")) == [(row.id, 1, "unknown")]
    pipeline.sweep_all()
    row.refresh_from_db()
    assert row.state == "queued", "the gateway never took it, so it is known not to have left"
    world.send()
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("accepted", 2)


def test_a_worker_that_slept_past_its_lease_is_refused(world: World, sandbox: SandboxProgram) -> None:
    world.start()
    held = [one for one in claim(Lane.URGENT, limit=10) if one.channel == "fax"]
    declare_intent(held, gateway="telnyx")
    end_leases()
    pipeline.sweep_all()
    before = Delivery.objects.get(id=held[0].id)
    with transaction.atomic():
        assert record(held[0], Accepted("late"), gateway="telnyx", started=clock.now()) is False
    row = Delivery.objects.get(id=held[0].id)
    assert (row.state, row.gateway_ref) == (before.state, before.gateway_ref)
    assert not Attempt.objects.filter(gateway_ref="late").exists()
    assert declare_intent(held, gateway="telnyx") == set()
    assert release(held) == 0


def test_an_alert_stopped_between_claim_and_wire_is_not_sent(world: World, sandbox: SandboxProgram) -> None:
    alert = world.start()
    held = claim(Lane.BULK, limit=10)
    seen = len(sandbox.ledger())
    pipeline.withdraw(alert.id, reason="wrong person", by="user:duty")
    send_claims(held[:1], until=float("inf"))
    assert len(sandbox.ledger()) == seen
    pipeline.advance_alert(alert.id)
    assert set(Delivery.objects.filter(alert=alert).values_list("state", flat=True)) == {"withdrawn"}
    reasons = set(Delivery.objects.filter(alert=alert).values_list("reason", flat=True))
    assert reasons == {"alert stopped: wrong person"}


def test_the_sweeper_alone_finishes_an_alert(world: World, sandbox: SandboxProgram) -> None:
    """No hint ever arrives: the alert is found, frozen, expanded, sent and finished by looking at the rows."""
    reported = world.update(Status.RETURN_IMMINENT)
    for _ in range(3):
        pipeline.sweep_all()
        world.send()
    Delivery.objects.filter(channel__in=["fax", "sms"]).update(state="delivered")
    pipeline.sweep_all()
    assert Alert.objects.get(id=reported.alerts[0].id).state == "finished"


def test_what_is_overdue_expires_instead_of_being_sent_late(world: World, sandbox: SandboxProgram) -> None:
    world.start()
    Delivery.objects.update(expires_at=clock.database_now())
    assert world.send() == 0
    pipeline.sweep_all()
    assert set(Delivery.objects.values_list("state", flat=True)) == {"expired"}


def test_refused_credentials_pause_the_gateway_burn_nobody_and_wait_for_a_person(
    world: World, sandbox: SandboxProgram, settings: object
) -> None:
    options = {name: dict(values) for name, values in settings.GATEWAYS.items()}  # type: ignore[attr-defined]
    good = options["twilio"]["auth_token"]
    options["twilio"]["auth_token"] = "wrong"
    settings.GATEWAYS = options  # type: ignore[attr-defined]
    alert = world.start()
    world.send()
    row = Delivery.objects.get(alert=alert, channel="sms")
    assert (row.state, row.refusals) == ("queued", 0)
    assert GatewayState.objects.get(name="twilio").is_paused
    assert "gateway resume twilio" in HumanTask.objects.get(kind="fix_configuration").advice
    assert world.send() == 0

    options["twilio"]["auth_token"] = good
    close_gateways()
    assert resume_gateway("twilio") is True
    assert world.send() == 1
    row.refresh_from_db()
    assert row.state == "accepted"


def test_throttling_pauses_by_itself_and_counts_against_nobody(world: World, sandbox: SandboxProgram) -> None:
    sandbox.script(
        {
            "channel": "sms",
            "address": world.supporters[0].phone,
            "steps": [{"http": 429, "code": 20429, "retry_after": 1}],
        }
    )
    alert = world.start()
    world.send()
    row = Delivery.objects.get(alert=alert, channel="sms")
    assert (row.state, row.refusals, row.retry_class) == ("queued", 0, "throttle")
    state = GatewayState.objects.get(name="twilio")
    assert state.is_paused
    assert state.paused_until is not None
    GatewayState.objects.update(paused_until=clock.database_now())
    Delivery.objects.filter(id=row.id).update(due_at=clock.database_now())
    world.send()
    row.refresh_from_db()
    assert row.state == "accepted"


def test_the_database_refuses_a_second_row_for_the_same_recipient(world: World, sandbox: SandboxProgram) -> None:
    alert = world.start()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM deliveries_delivery")
        before = cursor.fetchone()
    Alert.objects.filter(id=alert.id).update(expanded_at=None)
    pipeline.advance_alert(alert.id)
    assert Delivery.objects.count() == before[0]


def test_a_refusal_for_good_is_never_tried_again(world: World, sandbox: SandboxProgram) -> None:
    world.start()
    held = [one for one in claim(Lane.URGENT, limit=10) if one.channel == "fax"]
    declare_intent(held, gateway="telnyx")
    refusal = Refused(RetryClass.NEVER, "receiver_unallocated_number", "no such number")
    with transaction.atomic():
        assert record(held[0], refusal, gateway="telnyx", started=clock.now())
    row = Delivery.objects.get(id=held[0].id)
    assert row.state == "failed"
    pipeline.sweep_all()
    row.refresh_from_db()
    assert row.escalated_at is not None
    assert row.contact_point is not None
    assert row.contact_point.health == "dead"
    assert not HumanTask.objects.filter(kind="reach_official").exists(), "the mail of the same plan is still under way"
