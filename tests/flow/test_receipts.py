"""What gateways report later: late, twice, in the wrong order, about the wrong attempt, forged."""

from __future__ import annotations

import itertools
import logging

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection, transaction

from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction.cases.vocabulary import Status
from urgentaction.channels.contract import (
    Accepted,
    Callback,
    Channel,
    ForgedCallback,
    Outcome,
    ReceiptKind,
    RetryClass,
    Unknown,
)
from urgentaction.core import clock
from urgentaction.deliveries.claim import Lane, claim, declare_intent
from urgentaction.deliveries.models import Attempt, Delivery, HumanTask
from urgentaction.deliveries.recording import record
from urgentaction.deliveries.references import reference_of
from urgentaction.receipts import service
from urgentaction.receipts.models import Receipt
from urgentaction.receipts.service import apply_pending
from urgentaction.receipts.storing import store_callback
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


def attempt(row: Delivery, outcome: Outcome) -> None:
    """One try of this delivery that ends like this; nothing is sent."""
    Delivery.objects.filter(id=row.id).update(state="queued", due_at=clock.database_now())
    lane = Lane.BULK if row.supporter else Lane.URGENT
    with transaction.atomic():
        (held,) = [one for one in claim(lane, limit=50) if one.id == row.id]
        declare_intent([held], gateway="telnyx")
        record(held, outcome, gateway="telnyx", started=clock.now())
    row.refresh_from_db()


def tries_of(row: Delivery) -> list[tuple[str, str]]:
    return list(row.tries.order_by("number").values_list("outcome", "gateway_ref"))


def effects() -> list[str]:
    return list(Receipt.objects.order_by("received_at").values_list("effect", flat=True))


@pytest.fixture
def unsent(world: World, sandbox: SandboxProgram) -> Delivery:
    """A fax that waits in the queue."""
    return Delivery.objects.get(alert=world.start(), channel="fax")


class TestEarlierAttempts:
    """Whatever comes about a try that is over must not make the present one go out twice."""

    def test_late_news_of_an_unknown_try_leaves_the_accepted_one_alone(self, unsent: Delivery) -> None:
        attempt(unsent, Unknown("timeout"))
        attempt(unsent, Accepted("F2"))
        receipt(unsent, ReceiptKind.PROGRESS, ref="F1")
        receipt(unsent, ReceiptKind.FAILED, ref="F1", retry_class=RetryClass.LATER)
        assert state_after(unsent) == "accepted"
        assert unsent.gateway_ref == "F2"
        assert effects() == ["about an earlier attempt; nothing changed"] * 2
        assert tries_of(unsent) == [("refused", "F1"), ("accepted", "F2")], "the try itself is known to have failed"

    def test_its_arrival_counts_all_the_same(self, unsent: Delivery, world: World) -> None:
        attempt(unsent, Unknown("timeout"))
        attempt(unsent, Accepted("F2"))
        receipt(unsent, ReceiptKind.DELIVERED, ref="F1")
        assert state_after(unsent) == "delivered"
        assert unsent.gateway_ref == "F2"
        receipt(unsent, ReceiptKind.FAILED, ref="F2", retry_class=RetryClass.LATER)
        assert state_after(unsent) == "delivered"

    def test_a_name_learnt_by_receipt_stays_with_its_attempt(self, unsent: Delivery) -> None:
        attempt(unsent, Unknown("timeout"))
        receipt(unsent, ReceiptKind.PROGRESS, ref="F1")
        assert state_after(unsent) == "accepted"
        assert Attempt.objects.get(delivery=unsent, number=1).gateway_ref == "F1"
        receipt(unsent, ReceiptKind.FAILED, ref="F1", retry_class=RetryClass.SOON)
        assert state_after(unsent) == "queued"
        attempt(unsent, Unknown("timeout"))
        for kind, retry_class in ((ReceiptKind.PROGRESS, None), (ReceiptKind.FAILED, RetryClass.SOON)):
            receipt(unsent, kind, ref="F1", retry_class=retry_class)
            assert state_after(unsent) == "unknown"
        receipt(unsent, ReceiptKind.PROGRESS, ref="F2")
        assert state_after(unsent) == "accepted"
        assert list(unsent.tries.order_by("number").values_list("gateway_ref", flat=True)) == ["F1", "F2"]

    def test_a_failure_that_is_the_first_news_of_a_try_names_it_too(self, unsent: Delivery) -> None:
        attempt(unsent, Unknown("timeout"))
        receipt(unsent, ReceiptKind.FAILED, ref="F1", retry_class=RetryClass.BUSY)
        assert state_after(unsent) == "queued"
        assert list(unsent.tries.values_list("outcome", "gateway_ref")) == [("refused", "F1")]

    def test_of_two_unknowns_nobody_can_say_which_one_failed(self, unsent: Delivery) -> None:
        attempt(unsent, Unknown("timeout"))
        attempt(unsent, Unknown("timeout"))
        receipt(unsent, ReceiptKind.FAILED, ref="F1", retry_class=RetryClass.LATER)
        assert state_after(unsent) == "unknown"
        receipt(unsent, ReceiptKind.DELIVERED, ref="F1")
        assert state_after(unsent) == "delivered"


class TestOneDoesNotHoldUpTheOthers:
    def test_a_broken_one_is_put_off_and_the_others_are_applied(
        self, fax: Delivery, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        broken = receipt(fax, ReceiptKind.PROGRESS)
        receipt(fax, ReceiptKind.DELIVERED)
        Receipt.objects.filter(id=broken.id).update(gateway="of-last-year", kind=ReceiptKind.INBOUND)
        with caplog.at_level(logging.ERROR):
            assert apply_pending() == 1
        assert state_after(fax) == "delivered"
        broken.refresh_from_db()
        assert (broken.applied_at, broken.failures) == (None, 1)
        assert broken.effect == "could not be applied (NotFound); see the worker's log"
        assert [record.message for record in caplog.records if record.exc_info] == [
            f"receipt {broken.id} could not be applied; it is tried again later"
        ]

    def test_a_broken_one_is_tried_again_later_and_less_and_less_often(self, fax: Delivery) -> None:
        broken = receipt(fax, ReceiptKind.INBOUND)
        Receipt.objects.filter(id=broken.id).update(gateway="of-last-year")
        pauses = []
        for _ in range(9):
            before = clock.now()
            apply_pending()
            assert broken.id not in service.pending()
            broken.refresh_from_db()
            assert broken.retry_at is not None
            pauses.append(round((broken.retry_at - before).total_seconds() / 60))
            Receipt.objects.filter(id=broken.id).update(retry_at=clock.database_now())
        assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
        Receipt.objects.filter(id=broken.id).update(gateway="telnyx")
        assert apply_pending() == 1
        broken.refresh_from_db()
        assert broken.effect == "passed to a person"

    def test_a_key_that_was_dropped_breaks_only_what_needs_it(self, fax: Delivery) -> None:
        sealed = Receipt.objects.create(
            gateway="twilio",
            event_id="stop",
            kind=ReceiptKind.OPTED_OUT,
            address="+442079460900",
            received_at=clock.now(),
        )
        with connection.cursor() as cursor:
            cursor.execute("UPDATE receipts_receipt SET address = %(old)s, raw = %(old)s", {"old": b"\x01\x04goneabc"})
        receipt(fax, ReceiptKind.DELIVERED)
        assert state_after(fax) == "delivered"
        sealed.refresh_from_db(fields=["failures", "applied_at"])
        assert (sealed.failures, sealed.applied_at) == (1, None)

    def test_a_task_that_runs_out_of_time_is_told(self, fax: Delivery, monkeypatch: pytest.MonkeyPatch) -> None:
        def out_of_time(_receipt: Receipt) -> None:
            raise SoftTimeLimitExceeded

        waiting = receipt(fax, ReceiptKind.DELIVERED)
        monkeypatch.setattr(service, "_apply_to_delivery", out_of_time)
        with pytest.raises(SoftTimeLimitExceeded):
            apply_pending()
        waiting.refresh_from_db()
        assert waiting.failures == 0

    def test_those_that_wait_for_the_wire_do_not_fill_the_first_places(self, fax: Delivery, world: World) -> None:
        other = Delivery.objects.filter(alert=fax.alert, role="cc", state="accepted").get()
        Delivery.objects.filter(id=fax.id).update(state="sending")
        for _ in range(5):
            receipt(fax, ReceiptKind.PROGRESS)
        receipt(other, ReceiptKind.DELIVERED)
        for _ in range(3):
            apply_pending(limit=3)
        other.refresh_from_db()
        assert other.state == "delivered"
        assert Receipt.objects.filter(applied_at=None).count() == 5
        assert service.pending() == []
        Delivery.objects.filter(id=fax.id).update(state="accepted")
        assert apply_pending() == 5


@pytest.mark.parametrize(
    ("gateway", "title"),
    [("twilio", "Somebody answered a text message"), ("telnyx", "Somebody sent a fax")],
)
@pytest.mark.django_db
def test_a_person_is_told_what_came_in(gateway: str, title: str) -> None:
    Receipt.objects.create(gateway=gateway, event_id="e", kind=ReceiptKind.INBOUND, received_at=clock.now())
    assert apply_pending() == 1
    task = HumanTask.objects.get()
    assert task.title == title
    assert gateway in task.advice


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
    row = receipt(fax, ReceiptKind.PROGRESS)
    row.raw, row.address = "From=+442079460900", "+442079460900"
    row.save()
    with connection.cursor() as cursor:
        cursor.execute("SELECT raw, address FROM receipts_receipt WHERE id = %s", [row.id])
        stored = b"".join(bytes(value) for value in cursor.fetchone())
    assert b"442079460900" not in stored
    assert Receipt.objects.get(id=row.id).address == "+442079460900"
