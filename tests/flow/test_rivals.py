"""Several open tries to one number, and a gateway that knows its messages by number and time alone."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction.alerts.models import Alert
from urgentaction.core import clock
from urgentaction.core.ids import uuid7
from urgentaction.deliveries import sweep, unknowns
from urgentaction.deliveries.claim import Claim, Lane, claim, declare_intent
from urgentaction.deliveries.gateways import entry_named, gateway_named
from urgentaction.deliveries.models import Delivery, HumanTask
from urgentaction.deliveries.outgoing import resolve


def two_to_one_number(world: World) -> list[Claim]:
    """Two alerts, one text message each to the same person, both claimed and on the wire."""
    first = world.start()
    row = Delivery.objects.get(channel="sms")
    second = Alert.objects.get(id=first.id)
    second.pk, second.number = uuid7(), f"{first.number}b"
    second.save(force_insert=True)
    row.pk, row.alert = None, second
    row.save(force_insert=True)
    held = sorted((one for one in claim(Lane.BULK, limit=50) if one.channel == "sms"), key=lambda one: one.id)
    assert len(held) == 2
    assert len(declare_intent(held, gateway="twilio")) == 2
    return held


def really_send(held: Claim) -> None:
    """The gateway takes it, and nobody writes that down."""
    ((_, outgoing),) = resolve([held], entry_named("twilio")).ready
    gateway_named("twilio").submit(outgoing)


def die(*held: Claim) -> None:
    Delivery.objects.filter(id__in=[one.id for one in held]).update(lease_until=clock.database_now())
    with transaction.atomic():
        sweep.give_up_expired_sends()


def states(held: list[Claim]) -> list[str]:
    rows = Delivery.objects.in_bulk([one.id for one in held])
    return [rows[one.id].state for one in held]


def test_a_message_that_may_be_another_delivery_on_the_wire_is_not_taken_for_ones_own(
    world: World, sandbox: SandboxProgram
) -> None:
    held = two_to_one_number(world)
    really_send(held[1])
    die(held[0])
    unknowns.settle(held[0].id)
    assert states(held) == ["unknown", "sending"], "it waits until the other one is known"


def test_one_message_for_two_open_tries_is_for_a_person_to_tell_apart(world: World, sandbox: SandboxProgram) -> None:
    held = two_to_one_number(world)
    really_send(held[1])
    die(*held)
    for one in held:
        unknowns.settle(one.id)
    assert states(held) == ["unknown", "unknown"]
    tasks = HumanTask.objects.filter(kind="settle_unknown", done_at=None)
    assert set(tasks.values_list("delivery_id", flat=True)) == {one.id for one in held}


def test_as_many_messages_as_open_tries_were_all_taken(world: World, sandbox: SandboxProgram, settings: Any) -> None:
    held = two_to_one_number(world)
    for one in held:
        really_send(one)
    die(*held)
    for one in held:
        unknowns.settle(one.id)
    assert set(states(held)) <= {"accepted", "delivered"}
    refs = Delivery.objects.filter(channel="sms").values_list("gateway_ref", flat=True)
    assert len(set(refs)) == 2, "each has one of its own"
