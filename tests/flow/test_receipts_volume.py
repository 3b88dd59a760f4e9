"""Receipts by the hundred thousand: one statement a callback, few a batch, and nothing comes out differently for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection, connections, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from tests.flow.planning import keep, plan, plan_of
from tests.flow.reporting import GATEWAYS, TWILIO_TOKEN, delivery, mailing, running_alert, told
from tests.flow.world import World
from urgentaction import pipeline
from urgentaction.api import webhooks
from urgentaction.channels.contract import ReceiptKind as Kind
from urgentaction.channels.contract import RetryClass
from urgentaction.core.enqueue import Task
from urgentaction.deliveries.gateways import close_gateways
from urgentaction.deliveries.models import Delivery, HumanTaskKind
from urgentaction.deliveries.people import open_task
from urgentaction.receipts import batches, news, service
from urgentaction.receipts.erasing import erase_supporter
from urgentaction.receipts.models import Receipt
from urgentaction.receipts.service import apply_pending


@pytest.fixture(autouse=True)
def gateways(settings: Any) -> Iterator[None]:
    settings.GATEWAYS = GATEWAYS
    close_gateways()
    yield
    close_gateways()


class TestOneStatementForACallback:
    def post(self, sid: str, client: Client | None = None) -> int:
        path, form = "/hooks/twilio/?ref=d1-abc", {"MessageSid": sid, "MessageStatus": "delivered"}
        signature = RequestValidator(TWILIO_TOKEN).compute_signature(f"http://127.0.0.1:8000{path}", form)
        kind, headers = "application/x-www-form-urlencoded", {"X-Twilio-Signature": signature}
        status: int = (client or Client()).post(path, urlencode(form), content_type=kind, headers=headers).status_code
        return status

    @pytest.fixture(autouse=True)
    def _public(self, settings: Any) -> None:
        settings.PUBLIC_URL = "http://127.0.0.1:8000"

    @pytest.mark.parametrize("is_repeated", [False, True], ids=["new", "repeated"])
    def test_whatever_else_comes_with_it(self, transactional_db: None, *, is_repeated: bool) -> None:
        if is_repeated:
            self.post("SM1")
        client = Client()
        client.cookies["sessionid"] = "somebody-is-logged-in-here"
        with CaptureQueriesContext(connection) as captured:
            assert self.post("SM1", client) == 200
        (statement,) = [query["sql"] for query in captured.captured_queries]
        assert statement.startswith("INSERT INTO receipts_receipt")
        assert Receipt.objects.count() == 1

    def test_thousands_of_callbacks_send_few_hints(self, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
        hints: list[Task] = []
        monkeypatch.setattr(webhooks, "enqueue", hints.append)
        monkeypatch.setattr(webhooks, "_hints", webhooks.Sparing(at_once=3, per_second=1, clock=lambda: 7.0))
        for number in range(20):
            assert self.post(f"SM{number}") == 200
        assert hints == [Task.APPLY_RECEIPTS] * 3
        assert self.post("SM0") == 200
        assert Receipt.objects.count() == 20


@given(
    pauses=st.lists(st.floats(0, 5), min_size=1, max_size=60),
    at_once=st.integers(1, 10),
    per_second=st.floats(0.1, 5),
)
def test_hints_are_spared_but_never_for_long(pauses: list[float], at_once: int, per_second: float) -> None:
    now = [100.0]
    sparing = webhooks.Sparing(at_once=at_once, per_second=per_second, clock=lambda: now[0])
    yes = 0
    for pause in pauses:
        now[0] += pause
        yes += sparing.may()
    assert yes <= at_once + (now[0] - 100) * per_second + 1e-6
    now[0] += 1.001 / per_second
    assert sparing.may()


class TestABatch:
    def statements(self, world: World, count: int) -> int:
        rows = mailing(world, count)
        for row in rows:
            told(row, Kind.PROGRESS)
            told(row, Kind.DELIVERED, at=1000)
        with CaptureQueriesContext(connection) as captured:
            assert apply_pending() == 2 * count
        states = Delivery.objects.filter(id__in=[row.id for row in rows]).values_list("state", flat=True)
        assert set(states) == {"delivered"}
        return len(captured.captured_queries)

    def test_takes_as_many_statements_as_one_receipt(self, world: World) -> None:
        few = self.statements(world, 2)
        Receipt.objects.all().delete()
        world.case.refresh_from_db()
        assert self.statements(world, 40) == few <= 8

    def test_several_about_one_delivery_are_taken_in_their_order(self, world: World) -> None:
        (row,) = mailing(world, 1)
        for at, kind in enumerate([Kind.PROGRESS, Kind.DELIVERED, Kind.PROGRESS, Kind.DELIVERED]):
            told(row, kind, at=at)
        assert apply_pending() == 4
        assert list(Receipt.objects.order_by("received_at").values_list("effect", flat=True)) == [
            "accepted → accepted",
            "accepted → delivered",
            "nothing changed: delivered stands",
            "nothing changed: delivered stands",
        ]

    def test_a_failure_in_between_is_not_overtaken(self, world: World) -> None:
        (row,) = mailing(world, 1)
        told(row, Kind.PROGRESS, at=0)
        told(row, Kind.FAILED, at=1, retry_class=RetryClass.NEVER.value, code="30005")
        told(row, Kind.DELIVERED, at=2)
        assert apply_pending() == 3
        assert list(Receipt.objects.order_by("received_at").values_list("effect", flat=True)) == [
            "accepted → accepted",
            "accepted → failed",
            "failed → delivered",
        ]

    def test_more_than_one_batch_is_applied_at_once(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(service, "BATCH", 10)
        for row in mailing(world, 35):
            told(row, Kind.DELIVERED)
        assert apply_pending(limit=25) == 25
        assert apply_pending() == 10

    def test_out_of_time_it_begins_no_other(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(service, "BATCH", 10)
        for row in mailing(world, 15):
            told(row, Kind.DELIVERED)
        assert apply_pending(seconds=0) == 10

    def test_one_that_breaks_does_not_spoil_the_others(
        self, world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        rows = mailing(world, 12)
        for row in rows:
            told(row, Kind.DELIVERED)
        broken = Receipt.objects.filter(ref=rows[5].gateway_ref).get()
        for module in (news, service):
            monkeypatch.setattr(module, "meant_by", broken_for(broken, news.meant_by))
        with caplog.at_level(logging.ERROR):
            assert apply_pending() == 11
        assert [record.message for record in caplog.records if record.exc_info] == [
            "a batch of receipts could not be applied; each is tried alone",
            f"receipt {broken.id} could not be applied; it is tried again later",
        ]
        broken.refresh_from_db()
        assert (broken.failures, broken.applied_at) == (1, None)
        assert Delivery.objects.filter(state="delivered").count() == 11

    def test_two_workers_share_the_work_and_wait_for_nobody(self, world: World) -> None:
        rows = mailing(world, 10)
        for row in rows:
            told(row, Kind.DELIVERED)
        others = Receipt.objects.filter(ref__in=["SM0", "SM1"])
        done: list[int] = []

        def other_worker() -> None:
            done.append(batches.apply_batch(100).done)
            connections.close_all()

        with transaction.atomic():
            assert len(others.select_for_update()) == 2  # another worker applies these
            Delivery.objects.select_for_update().get(id=rows[2].id)  # and somebody looks at this delivery
            meanwhile = threading.Thread(target=other_worker)
            meanwhile.start()
            meanwhile.join(30)
        assert done == [7]
        assert apply_pending() == 3
        assert Delivery.objects.filter(state="delivered").count() == 10

    def test_who_has_been_erased_is_blanked_here_too(self, world: World) -> None:
        row, other = mailing(world, 2)
        assert row.supporter_id is not None
        late = [told(one, Kind.DELIVERED, raw="To=+442079460999") for one in (row, other)]
        erase_supporter(row.supporter_id)
        assert apply_pending() == 2
        assert [Receipt.objects.get(id=one.id).raw for one in late] == ["", "To=+442079460999"]

    def test_a_letter_that_arrives_closes_the_task_to_reach_the_office(self, world: World) -> None:
        alert = running_alert(world)
        row = delivery(alert, official=world.president, role="to", channel="fax", gateway_ref="F1")
        key = f"reach:{alert.id}:{world.president.id}"
        task = open_task(HumanTaskKind.REACH_OFFICIAL, key=key, title="", advice="", alert=alert)
        told(row, Kind.DELIVERED)
        assert apply_pending() == 1
        task.refresh_from_db()
        assert task.result == f"delivery {row.id} arrived after all"

    def test_finds_what_waits_without_reading_what_is_applied(self, planner: None) -> None:
        keep("receipt_pending")
        with CaptureQueriesContext(connection) as captured:
            batches.apply_batch(10)
        assert "receipt_pending" in plan_of(captured, of="SKIP LOCKED")

    def test_finds_by_the_gateway_s_name_for_it_what_bears_no_reference(self, planner: None, world: World) -> None:
        (row,) = mailing(world, 1)
        told(row, Kind.DELIVERED, reference="")
        told(row, Kind.DELIVERED, reference="", ref="SM-of-somebody-else", at=1)
        with CaptureQueriesContext(connection) as captured:
            assert apply_pending() == 2
        effects = list(Receipt.objects.order_by("received_at").values_list("effect", flat=True))
        assert effects == ["accepted → delivered", "no delivery of ours has this reference"]
        by_name = [query["sql"] for query in captured.captured_queries if '"gateway_ref" IN' in query["sql"]]
        for statement, index in zip(by_name, ("delivery_ref", "attempt_ref"), strict=True):
            keep(index)
            assert index in plan(statement)


def broken_for(broken: Receipt, meant_by: Any) -> Any:
    """`meant_by` with a bug that shows at one receipt."""

    def buggy(receipt: Receipt, *rest: Any) -> Any:
        if receipt.id == broken.id:
            raise ZeroDivisionError
        return meant_by(receipt, *rest)

    return buggy


def test_who_finds_all_waiting_receipts_in_other_hands_wakes_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers would wake each other until the one that holds them is done."""
    told: list[Task] = []
    monkeypatch.setattr(pipeline.working, "enqueue", lambda task, *_: told.append(task))
    monkeypatch.setattr(service, "pending", lambda *_: ["one that another worker has"])
    monkeypatch.setattr(service, "apply_pending", lambda **_: 0)
    assert (pipeline.apply_receipts(), told) == (0, [])
    monkeypatch.setattr(service, "apply_pending", lambda **_: 500)
    assert (pipeline.apply_receipts(), set(told)) == (500, {Task.APPLY_RECEIPTS, Task.SEND_URGENT})
