"""Several open tries to one number, and a gateway that knows its messages by number and time alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DataError, transaction

from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction import pipeline
from urgentaction.alerts.models import Alert
from urgentaction.channels.contract import Gateway
from urgentaction.core import clock
from urgentaction.core.errors import ConfigurationError, DecryptionError
from urgentaction.core.ids import uuid7
from urgentaction.deliveries import sweep, unknowns
from urgentaction.deliveries.claim import Claim, Lane, claim, declare_intent
from urgentaction.deliveries.gateways import entry_named, gateway_named
from urgentaction.deliveries.models import Delivery, HumanTask
from urgentaction.deliveries.outgoing import address_of, resolve


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


@pytest.mark.parametrize("fault", ["set-up", "address", "bug", "value"])
def test_one_that_cannot_be_asked_about_does_not_keep_the_others_waiting(
    world: World, sandbox: SandboxProgram, settings: Any, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """Before, the most urgent ones were tried first by every sweep, for ever, and nobody else's turn came."""
    settings.BACKOFF_SCALE = 1.0
    held = two_to_one_number(world)
    die(*held)
    rows = Delivery.objects.filter(id__in=[one.id for one in held])
    rows.filter(id=held[0].id).update(gateway="elsewhere", due_at=clock.database_now() - timedelta(hours=1))
    really_named, really_address = gateway_named, address_of

    def named(name: str) -> Gateway:
        if name == "elsewhere" and fault == "set-up":
            raise ConfigurationError("the token is missing")
        return really_named("twilio")

    def address(row: Delivery) -> str:
        if row.gateway == "elsewhere" and fault == "address":
            raise DecryptionError("the key is missing")
        return really_address(row)

    def belongs(candidate: object, row: Delivery) -> bool:
        del candidate
        raise RuntimeError(f"a bug about {row.id}") if fault == "bug" else DataError("a NUL from the gateway")

    monkeypatch.setattr(unknowns, "gateway_named", named)
    monkeypatch.setattr(unknowns, "address_of", address)
    if fault in ("bug", "value"):
        really_send(held[0])
        monkeypatch.setattr(unknowns, "_belongs_to_another", belongs)
    by_turns = unknowns.due_unknowns
    monkeypatch.setattr(unknowns, "due_unknowns", lambda: by_turns(limit=1))
    pipeline.sweep_all()
    assert by_turns() == [held[1].id], "the first one is put off"
    if fault not in ("bug", "value"):
        assert "missing" in rows.get(id=held[0].id).reason
        rows.filter(id=held[0].id).update(questions=unknowns.MOST_QUESTIONS, due_at=clock.database_now())
        unknowns.settle(held[0].id)
        assert HumanTask.objects.filter(kind="settle_unknown", delivery=held[0].id, done_at=None).exists()
