"""What gateways report later: late, twice, in the wrong order, about the wrong attempt, forged."""

from __future__ import annotations

import itertools

import pytest

from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction.cases.vocabulary import Status
from urgentaction.channels.contract import Callback, ForgedCallback, ReceiptKind, RetryClass
from urgentaction.core import clock
from urgentaction.deliveries.models import Delivery
from urgentaction.deliveries.references import reference_of
from urgentaction.receipts.models import Receipt
from urgentaction.receipts.service import apply_pending, store_callback
from urgentaction.supporters.models import Suppression
from urgentaction.supporters.service import address_index

_events = itertools.count()


def receipt(
    row: Delivery, kind: ReceiptKind, *, ref: str | None = None, retry_class: RetryClass | None = None
) -> Receipt:
    return Receipt.objects.create(
        gateway="telnyx",
        event_id=f"event-{next(_events)}",
        kind=kind.value,
        ref=row.gateway_ref if ref is None else ref,
        reference=reference_of(row.id),
        retry_class=retry_class.value if retry_class else "",
        code=retry_class.value if retry_class else "",
        received_at=clock.now(),
    )


@pytest.fixture
def fax(world: World, sandbox: SandboxProgram) -> Delivery:
    """A fax that the gateway has taken."""
    alert = world.start()
    world.send()
    row = Delivery.objects.get(alert=alert, channel="fax")
    assert row.state == "accepted"
    return row


def state_after(row: Delivery) -> str:
    apply_pending()
    row.refresh_from_db()
    return row.state


def test_progress_then_delivered(fax: Delivery) -> None:
    receipt(fax, ReceiptKind.PROGRESS)
    assert state_after(fax) == "accepted"
    receipt(fax, ReceiptKind.DELIVERED)
    assert state_after(fax) == "delivered"


def test_out_of_order_and_repeated_receipts_change_nothing_more(fax: Delivery) -> None:
    receipt(fax, ReceiptKind.DELIVERED)
    assert state_after(fax) == "delivered"
    for kind in (ReceiptKind.PROGRESS, ReceiptKind.DELIVERED):
        receipt(fax, kind)
    receipt(fax, ReceiptKind.FAILED, retry_class=RetryClass.BUSY)
    assert state_after(fax) == "delivered"
    assert set(Receipt.objects.exclude(effect__startswith="accepted").values_list("effect", flat=True)) == {
        "nothing changed: delivered stands"
    }


def test_a_busy_line_puts_it_back_and_late_news_of_that_call_does_not_touch_the_next(
    fax: Delivery, world: World
) -> None:
    first = fax.gateway_ref
    receipt(fax, ReceiptKind.FAILED, retry_class=RetryClass.BUSY)
    assert state_after(fax) == "queued"
    assert fax.refusals == 1
    Delivery.objects.filter(id=fax.id).update(due_at=clock.database_now())
    world.send()
    fax.refresh_from_db()
    assert (fax.state, fax.attempts) == ("accepted", 2)
    assert fax.gateway_ref != first
    receipt(fax, ReceiptKind.FAILED, ref=first, retry_class=RetryClass.BUSY)
    assert state_after(fax) == "accepted"
    assert Receipt.objects.order_by("-received_at")[0].effect == "about an earlier attempt; nothing changed"


def test_an_earlier_attempt_that_arrived_after_all_stops_the_next_one(fax: Delivery, world: World) -> None:
    first = fax.gateway_ref
    receipt(fax, ReceiptKind.FAILED, retry_class=RetryClass.SOON)
    assert state_after(fax) == "queued"
    receipt(fax, ReceiptKind.DELIVERED, ref=first)
    assert state_after(fax) == "delivered"
    assert world.send() == 0


def test_a_receipt_that_overtakes_its_own_answer_waits_for_it(fax: Delivery) -> None:
    Delivery.objects.filter(id=fax.id).update(state="sending")
    waiting = receipt(fax, ReceiptKind.DELIVERED)
    assert state_after(fax) == "sending"
    waiting.refresh_from_db()
    assert waiting.applied_at is None
    Delivery.objects.filter(id=fax.id).update(state="accepted")
    assert state_after(fax) == "delivered"


def test_a_reference_that_is_not_ours_is_kept_and_said_so(fax: Delivery) -> None:
    stray = receipt(fax, ReceiptKind.DELIVERED, ref="somebody-else")
    Receipt.objects.filter(id=stray.id).update(reference="d1-0123456789abcdef0123")
    assert state_after(fax) == "accepted"
    stray.refresh_from_db()
    assert stray.effect == "no delivery of ours has this reference"


def test_stop_suppresses_the_number_for_every_later_alert_and_start_lifts_it(
    world: World, sandbox: SandboxProgram
) -> None:
    phone = world.supporters[0].phone
    for number, kind in enumerate((ReceiptKind.OPTED_OUT, ReceiptKind.OPTED_IN)):
        Receipt.objects.create(
            gateway="twilio", event_id=f"in-{number}", kind=kind.value, address=phone, received_at=clock.now()
        )
        apply_pending()
        live = Suppression.objects.filter(address_index=address_index_of(phone), lifted_at=None)
        assert live.exists() is (kind is ReceiptKind.OPTED_OUT)
        if kind is ReceiptKind.OPTED_OUT:
            alert = world.start(Status.RETURN_IMMINENT)
            assert world.states(alert)["supporter sms"] == ["suppressed"]
    assert world.states(world.start(Status.EXECUTION_IMMINENT))["supporter sms"] == ["queued"]


def address_index_of(phone: str) -> bytes:
    from urgentaction.channels.contract import Channel

    return address_index(Channel.SMS, phone)


@pytest.mark.parametrize("gateway", ["twilio", "telnyx"])
def test_a_forged_callback_is_refused_and_nothing_is_written(
    world: World, sandbox: SandboxProgram, gateway: str
) -> None:
    forged = Callback(
        url=f"http://127.0.0.1:8000/hooks/{gateway}/",
        headers={"x-twilio-signature": "AAAA", "telnyx-signature-ed25519": "AAAA", "telnyx-timestamp": "1"},
        body=b"MessageSid=SM1&MessageStatus=delivered",
        received_at=clock.now(),
    )
    with pytest.raises(ForgedCallback):
        store_callback(gateway, forged)
    assert not Receipt.objects.exists()


def test_raw_bodies_and_numbers_are_not_readable_in_the_database(fax: Delivery) -> None:
    from django.db import connection

    row = receipt(fax, ReceiptKind.PROGRESS)
    row.raw, row.address = "From=+442079460900", "+442079460900"
    row.save()
    with connection.cursor() as cursor:
        cursor.execute("SELECT raw, address FROM receipts_receipt WHERE id = %s", [row.id])
        stored = b"".join(bytes(value) for value in cursor.fetchone())
    assert b"442079460900" not in stored
    assert Receipt.objects.get(id=row.id).address == "+442079460900"
