"""The statements that run every few seconds can use the indexes made for them, however long the queue is."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.flow.callers import staff
from tests.flow.planning import keep, plan_of
from tests.sandbox_program import SandboxProgram
from urgentaction.accounts.models import Role
from urgentaction.deliveries import sweep
from urgentaction.deliveries.claim import Lane, claim
from urgentaction.receipts import service as receipts


def test_officials_are_found_without_reading_past_supporters(planner: None, sandbox: SandboxProgram) -> None:
    keep("delivery_due_official")
    with CaptureQueriesContext(connection) as captured:
        claim(Lane.URGENT, limit=10)
    assert "delivery_due_official" in plan_of(captured, of="SKIP LOCKED")


def test_supporters_are_found_in_the_order_of_the_queue(planner: None, sandbox: SandboxProgram) -> None:
    keep("delivery_due")
    with CaptureQueriesContext(connection) as captured:
        claim(Lane.BULK, limit=10)
    assert "using delivery_due on" in plan_of(captured, of="SKIP LOCKED")


def test_overdue_deliveries_are_found_by_their_deadline(planner: None) -> None:
    keep("delivery_expiry")
    with CaptureQueriesContext(connection) as captured:
        sweep.expire_overdue()
    assert "delivery_expiry" in plan_of(captured, of="SKIP LOCKED")


def test_waiting_receipts_are_found_without_reading_the_applied_ones(planner: None) -> None:
    keep("receipt_pending")
    with CaptureQueriesContext(connection) as captured:
        receipts.pending()
    assert "receipt_pending" in plan_of(captured, of="receipts_receipt")


@pytest.mark.parametrize("query", ["", "language=ko&"])
def test_people_by_language_are_read_in_the_order_of_an_index(planner: None, query: str) -> None:
    client = staff(Role.EDITOR)
    keep("supporter_in_language")
    with CaptureQueriesContext(connection) as captured:
        client.get(f"/console/supporters/people/?{query}sort=language")
    plan = plan_of(captured, of='FROM "supporters_supporter"')
    assert "supporter_in_language" in plan
    assert "Sort" not in plan
