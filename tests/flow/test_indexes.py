"""The statements that run every few seconds can use the indexes made for them, however long the queue is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from tests.sandbox_program import SandboxProgram
from urgentaction.deliveries import sweep
from urgentaction.deliveries.claim import Lane, claim
from urgentaction.receipts import service as receipts


@pytest.fixture
def planner(db: None) -> Iterator[None]:
    """Prefers any index to reading the table: here the tables are all but empty."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        yield
        transaction.set_rollback(True)


def drop(*others: str) -> None:
    """Until the rollback. What is left must fit the statement, or it is not used."""
    with connection.cursor() as cursor:
        for name in others:
            cursor.execute(f"DROP INDEX {name}")


def plan_of(captured: CaptureQueriesContext, *, of: str) -> str:
    (statement,) = [query["sql"] for query in captured.captured_queries if of in query["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {statement}")
        return "\n".join(line for (line,) in cursor.fetchall())


def test_officials_are_found_without_reading_past_supporters(planner: None, sandbox: SandboxProgram) -> None:
    drop("delivery_due")
    with CaptureQueriesContext(connection) as captured:
        claim(Lane.URGENT, limit=10)
    assert "delivery_due_official" in plan_of(captured, of="SKIP LOCKED")


def test_supporters_are_found_in_the_order_of_the_queue(planner: None, sandbox: SandboxProgram) -> None:
    with CaptureQueriesContext(connection) as captured:
        claim(Lane.BULK, limit=10)
    assert "using delivery_due on" in plan_of(captured, of="SKIP LOCKED")


def test_overdue_deliveries_are_found_by_their_deadline(planner: None) -> None:
    drop("delivery_due", "delivery_due_official")
    with CaptureQueriesContext(connection) as captured:
        sweep.expire_overdue()
    assert "delivery_expiry" in plan_of(captured, of="SKIP LOCKED")


def test_waiting_receipts_are_found_without_reading_the_applied_ones(planner: None) -> None:
    with CaptureQueriesContext(connection) as captured:
        receipts.pending()
    assert "receipt_pending" in plan_of(captured, of="receipts_receipt")
