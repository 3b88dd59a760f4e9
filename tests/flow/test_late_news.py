"""News that comes when all conclusions were drawn: it must stop a second letter, and tell who was reached."""

from __future__ import annotations

import itertools
import threading
import time
import uuid

import pytest
from django.db import connection, connections, transaction

from tests.flow.world import World
from urgentaction import pipeline
from urgentaction.alerts import service as alerts
from urgentaction.alerts.models import Alert, AlertState
from urgentaction.cases.vocabulary import Status
from urgentaction.channels.contract import Accepted, Channel, Outcome, ReceiptKind, Refused, RetryClass, Unknown
from urgentaction.core import clock
from urgentaction.deliveries.claim import Claim, Lane, claim, declare_intent, release
from urgentaction.deliveries.finishing import finish_if_done
from urgentaction.deliveries.models import Delivery, HumanTask, HumanTaskKind
from urgentaction.deliveries.people import open_task
from urgentaction.deliveries.queries import reached_by
from urgentaction.deliveries.recording import record
from urgentaction.deliveries.references import reference_of
from urgentaction.deliveries.unknowns import ask_a_person
from urgentaction.receipts.models import Receipt
from urgentaction.receipts.service import apply_pending
from urgentaction.supporters.models import Suppression
from urgentaction.supporters.service import address_index

_events = itertools.count()


@pytest.fixture
def fax(world: World) -> Delivery:
    """A fax that waits in the queue."""
    return Delivery.objects.get(alert=world.start(), channel="fax")


@pytest.fixture
def text_message(world: World) -> Delivery:
    """A text message to a supporter that waits in the queue."""
    return Delivery.objects.get(alert=world.start(), channel="sms")


def hold(row: Delivery) -> Claim:
    """A worker claims this delivery, and nothing else."""
    Delivery.objects.filter(id=row.id).update(due_at=clock.database_now())
    with transaction.atomic():
        claims = claim(Lane.BULK if row.supporter_id else Lane.URGENT, limit=50)
        release([one for one in claims if one.id != row.id])
    return next(one for one in claims if one.id == row.id)


def attempt(row: Delivery, outcome: Outcome, *, gateway: str = "telnyx") -> None:
    """One try of this delivery that ends like this."""
    held = hold(row)
    with transaction.atomic():
        assert declare_intent([held], gateway=gateway) == {row.id}
        record(held, outcome, gateway=gateway, started=clock.now())
    row.refresh_from_db()


def denied(row: Delivery) -> None:
    """The gateway, asked about the unknown, says that it never had it."""
    row.tries.filter(number=row.attempts).update(outcome="refused", code="not-taken")
    Delivery.objects.filter(id=row.id).update(state="queued")
    row.refresh_from_db()


def hear(
    row: Delivery,
    kind: ReceiptKind,
    *,
    ref: str,
    gateway: str = "telnyx",
    retry_class: RetryClass | None = None,
    code: str = "",
) -> str:
    """The gateway reports this. Returns the delivery's state after it."""
    Receipt.objects.create(
        gateway=gateway,
        event_id=f"late-{next(_events)}",
        kind=kind.value,
        ref=ref,
        reference=reference_of(row.id),
        retry_class=retry_class.value if retry_class else "",
        code=code,
        received_at=clock.now(),
    )
    assert apply_pending() == 1
    row.refresh_from_db()
    return row.state


class TestAGatewayThatDeniedHavingIt:
    def test_progress_stops_the_next_try(self, fax: Delivery, world: World) -> None:
        attempt(fax, Unknown("timeout"))
        denied(fax)
        assert hear(fax, ReceiptKind.PROGRESS, ref="F1") == "accepted"
        assert (fax.gateway_ref, fax.attempts) == ("F1", 1)
        assert list(fax.tries.values_list("outcome", "gateway_ref")) == [("unknown", "F1")]
        assert hear(fax, ReceiptKind.FAILED, ref="F1", retry_class=RetryClass.BUSY) == "queued", "it is not lost either"

    def test_progress_takes_it_out_of_a_worker_s_hands(self, fax: Delivery) -> None:
        attempt(fax, Unknown("timeout"))
        denied(fax)
        held = hold(fax)
        assert hear(fax, ReceiptKind.PROGRESS, ref="F1") == "accepted"
        assert (fax.attempts, fax.lease_token) == (1, None)
        assert declare_intent([held], gateway="telnyx") == set(), "the fence refuses the worker"
        assert release([held]) == 0

    def test_a_final_refusal_of_it_ends_it_without_another_try(self, fax: Delivery) -> None:
        attempt(fax, Unknown("timeout"))
        denied(fax)
        assert hear(fax, ReceiptKind.FAILED, ref="F1", retry_class=RetryClass.NEVER) == "failed"

    def test_what_was_withdrawn_meanwhile_counts_as_reached(self, fax: Delivery) -> None:
        attempt(fax, Unknown("timeout"))
        denied(fax)
        pipeline.withdraw(fax.alert_id, reason="wrong person", by="user:duty")
        pipeline.advance_alert(fax.alert_id)
        assert not reached_by([fax.alert_id]).exists()
        assert hear(fax, ReceiptKind.PROGRESS, ref="F1") == "withdrawn"
        assert list(reached_by([fax.alert_id])) == [fax]
        assert hear(fax, ReceiptKind.DELIVERED, ref="F1") == "delivered"
        assert fax.reason == "arrived after all; before: withdrawn (alert stopped: wrong person)"

    def test_a_second_copy_that_fails_leaves_the_first_one_standing(self, fax: Delivery) -> None:
        attempt(fax, Unknown("timeout"))
        denied(fax)
        attempt(fax, Accepted("F2"))
        assert hear(fax, ReceiptKind.PROGRESS, ref="F1") == "accepted"
        assert hear(fax, ReceiptKind.FAILED, ref="F2", retry_class=RetryClass.BUSY) == "accepted"
        assert fax.gateway_ref == "F1", "the gateway still has the first copy: sending a third would double it"
        assert hear(fax, ReceiptKind.FAILED, ref="F1", retry_class=RetryClass.BUSY) == "queued"


class TestArrivedAfterAll:
    def test_a_failed_fax_that_arrived_tells_whoever_was_to_deliver_it_by_hand(self, fax: Delivery) -> None:
        attempt(fax, Refused(RetryClass.NEVER, "unallocated", "no such number"))
        assert fax.state == "failed"
        task = open_task(
            HumanTaskKind.REACH_OFFICIAL, key=f"reach:{fax.alert_id}:{fax.official_id}", title="", advice=""
        )
        assert hear(fax, ReceiptKind.DELIVERED, ref="F1") == "delivered"
        assert fax.reason == "arrived after all; before: failed (unallocated no such number)"
        task.refresh_from_db()
        assert task.done_at is not None
        assert task.result == f"delivery {fax.id} arrived after all"

    def test_a_receipt_that_settles_an_unknown_closes_the_question_put_to_a_person(self, fax: Delivery) -> None:
        attempt(fax, Unknown("timeout"))
        ask_a_person(fax)
        assert hear(fax, ReceiptKind.DELIVERED, ref="F1") == "delivered"
        assert not HumanTask.objects.filter(done_at=None).exists()


class TestSuppressedAllTheSame:
    @pytest.mark.parametrize(
        ("retry_class", "code"), [(RetryClass.OPT_OUT, "21610"), (RetryClass.NEVER, "30005")], ids=["stop", "dead"]
    )
    def test_by_news_of_an_earlier_try_and_of_what_is_over(
        self, text_message: Delivery, retry_class: RetryClass, code: str
    ) -> None:
        attempt(text_message, Refused(RetryClass.SOON, "30001"), gateway="twilio")
        attempt(text_message, Accepted("SM2"), gateway="twilio")
        assert hear(text_message, ReceiptKind.DELIVERED, ref="SM2", gateway="twilio") == "delivered"
        late = {"gateway": "twilio", "retry_class": retry_class, "code": code}
        assert hear(text_message, ReceiptKind.FAILED, ref="SM1", **late) == "delivered"  # type: ignore[arg-type]
        supporter = text_message.supporter
        assert supporter is not None
        assert Suppression.objects.get().address_index == address_index(Channel.SMS, supporter.phone)

    def test_a_full_mailbox_and_our_own_reputation_never_do(self, text_message: Delivery) -> None:
        attempt(text_message, Accepted("SM1"), gateway="twilio")
        assert hear(text_message, ReceiptKind.DELIVERED, ref="SM1", gateway="twilio") == "delivered"
        hear(
            text_message,
            ReceiptKind.FAILED,
            ref="SM1",
            gateway="twilio",
            retry_class=RetryClass.FIX_FIRST,
            code="30007",
        )
        assert not Suppression.objects.exists()


class TestAnotherGateway:
    def test_news_from_the_one_that_refused_it_does_not_touch_the_one_that_carries_it(self, fax: Delivery) -> None:
        attempt(fax, Refused(RetryClass.SOON, "503", is_gateway_fault=True), gateway="fax-a")
        attempt(fax, Accepted("7"), gateway="fax-b")
        for ref in ("", "7"):
            failed = hear(fax, ReceiptKind.FAILED, ref=ref, gateway="fax-a", retry_class=RetryClass.NEVER)
            assert failed == "accepted"
        assert hear(fax, ReceiptKind.DELIVERED, ref="7", gateway="fax-b") == "delivered"

    def test_a_name_is_a_gateway_s_own(self, fax: Delivery) -> None:
        attempt(fax, Accepted("7"), gateway="fax-b")
        Receipt.objects.create(
            gateway="fax-a", event_id="x", kind=ReceiptKind.DELIVERED.value, ref="7", received_at=clock.now()
        )
        apply_pending()
        fax.refresh_from_db()
        assert fax.state == "accepted"
        assert Receipt.objects.get().effect == "no delivery of ours has this reference"


class TestAnAlertThatWasTakenForDone:
    def finish(self, row: Delivery) -> Alert:
        Delivery.objects.filter(alert=row.alert_id).exclude(id=row.id).update(state="delivered")
        pipeline.sweep_all()
        alert = Alert.objects.get(id=row.alert_id)
        assert alert.state == AlertState.FINISHED
        return alert

    def test_a_late_bounce_takes_it_up_again(self, world: World) -> None:
        row = Delivery.objects.get(alert=world.start(), role="cc")
        attempt(row, Accepted("Q1"), gateway="smtp")
        alert = self.finish(row)
        assert hear(row, ReceiptKind.FAILED, ref="", gateway="smtp", retry_class=RetryClass.LATER) == "queued"
        alert.refresh_from_db()
        assert (alert.state, alert.finished_at) == (AlertState.RUNNING, None)
        attempt(row, Accepted("Q2"), gateway="smtp")
        pipeline.sweep_all()
        alert.refresh_from_db()
        assert alert.state == AlertState.FINISHED

    def test_an_official_who_was_not_reached_after_all_is_left_to_a_person(self, world: World) -> None:
        row = Delivery.objects.get(alert=world.start(), role="cc")
        attempt(row, Accepted("Q1"), gateway="smtp")
        self.finish(row)
        late = {"gateway": "smtp", "retry_class": RetryClass.NEVER, "code": "5.1.1"}
        assert hear(row, ReceiptKind.FAILED, ref="", **late) == "failed"  # type: ignore[arg-type]
        pipeline.sweep_all()
        assert HumanTask.objects.filter(kind=HumanTaskKind.REACH_OFFICIAL, done_at=None).exists()

    def test_what_is_stale_by_then_is_not_sent_again(self, world: World) -> None:
        row = Delivery.objects.get(alert=world.start(), role="cc")
        attempt(row, Accepted("Q1"), gateway="smtp")
        self.finish(row)
        world.case.refresh_from_db()
        world.case.version += 1
        world.case.save()
        assert hear(row, ReceiptKind.FAILED, ref="", gateway="smtp", retry_class=RetryClass.LATER) == "withdrawn"

    def test_what_comes_back_while_it_is_being_finished_keeps_it_running(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        row = Delivery.objects.get(alert=world.start(), role="cc")
        attempt(row, Accepted("Q1"), gateway="smtp")
        Delivery.objects.filter(alert=row.alert_id).exclude(id=row.id).update(state="delivered")
        finish, heard = alerts.finish_alert, []

        def hear_meanwhile() -> None:
            heard.append(hear(row, ReceiptKind.FAILED, ref="", gateway="smtp", retry_class=RetryClass.LATER))
            connections.close_all()

        def late_to_finish(alert_id: uuid.UUID) -> bool:
            in_between = threading.Thread(target=hear_meanwhile)
            in_between.start()
            in_between.join()
            return finish(alert_id)

        monkeypatch.setattr(alerts, "finish_alert", late_to_finish)
        pipeline.sweep_all()
        assert heard == ["queued"]
        assert Alert.objects.get(id=row.alert_id).state == AlertState.RUNNING

    def test_it_is_not_finished_while_something_is_being_put_back(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        row = Delivery.objects.get(alert=world.start(), role="cc")
        attempt(row, Accepted("Q1"), gateway="smtp")
        Delivery.objects.filter(alert=row.alert_id).exclude(id=row.id).update(state="delivered")
        alert, finished = Alert.objects.get(id=row.alert_id), []

        def finish() -> None:
            finished.append(finish_if_done(alert))
            connections.close_all()

        finishing = threading.Thread(target=finish)

        def before_the_commit(place: str, **_: object) -> None:
            if place == "in_receipt":
                finishing.start()
                wait_for_a_lock()

        monkeypatch.setattr("urgentaction.receipts.service.crash_point", before_the_commit)
        assert hear(row, ReceiptKind.FAILED, ref="", gateway="smtp", retry_class=RetryClass.LATER) == "queued"
        finishing.join()
        assert finished == [False]
        alert.refresh_from_db()
        assert alert.state == AlertState.RUNNING

    def test_it_is_not_taken_up_again_while_an_update_overtakes_it(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Before, the update saw a finished alert and left it; it then ran for ever under a fence that was over."""
        row = Delivery.objects.get(alert=world.start(), role="cc")
        attempt(row, Accepted("Q1"), gateway="smtp")
        alert, heard = self.finish(row), []

        def hear_meanwhile() -> None:
            heard.append(hear(row, ReceiptKind.FAILED, ref="", gateway="smtp", retry_class=RetryClass.LATER))
            connections.close_all()

        hearing = threading.Thread(target=hear_meanwhile)

        def before_the_commit(place: str, **_: object) -> None:
            if place == "in_update":
                hearing.start()
                wait_for_a_lock()

        monkeypatch.setattr("urgentaction.pipeline.deciding.crash_point", before_the_commit)
        world.update(Status.RETURN_IMMINENT)
        hearing.join()
        assert heard == ["withdrawn"]
        alert.refresh_from_db()
        assert alert.state == AlertState.FINISHED


def wait_for_a_lock() -> None:
    """Until some other connection waits for one that this one holds."""
    deadline = time.monotonic() + 20
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            # Unlike pg_stat_activity, this is not kept for the length of a transaction.
            cursor.execute("SELECT count(*) FROM pg_locks WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))")
            if cursor.fetchone()[0]:
                return
            time.sleep(0.02)
    raise AssertionError("nobody waits")
