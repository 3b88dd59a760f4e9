"""The statements that run every few seconds can use the indexes made for them, however long the queue is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from tests.flow.callers import staff
from tests.sandbox_program import SandboxProgram
from urgentaction.accounts.models import Role
from urgentaction.deliveries import sweep
from urgentaction.deliveries.claim import Lane, claim
from urgentaction.receipts import service as receipts

#: Of an old alert, all sent: what every one of these statements has to pass by.
SENT = """
INSERT INTO deliveries_delivery (
    alert_id, role, supporter_id, channel, step, priority, state, reason, created_at, due_at, expires_at,
    attempts, refusals, questions, repeats, retry_class, gateway, gateway_ref
)
SELECT '00000000-0000-7000-8000-000000000001', 'supporter', gen_random_uuid(), 'email', 1, 1, 'accepted', '',
       now(), now(), now(), 1, 0, 0, 0, '', 'smtp', 'Q'
FROM generate_series(1, 5000)
"""


@pytest.fixture
def planner(db: None) -> Iterator[None]:
    """Has a table before it that is long enough, and knows it."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SENT)
        cursor.execute("ANALYZE deliveries_delivery")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        yield
        transaction.set_rollback(True)


def keep(kept: str) -> None:
    """Drop the table's other indexes until the rollback. What is left must fit the statement, or it is not used.

    Which of several the planner would take depends on how full the tables have been before.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_index k ON k.indrelid = i.indrelid
               WHERE k.indexrelid = %s::regclass AND i.indexrelid <> k.indexrelid
                 AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid)""",
            [kept],
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP INDEX {name}")


def plan_of(captured: CaptureQueriesContext, *, of: str) -> str:
    (statement,) = [query["sql"] for query in captured.captured_queries if of in query["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {statement}")
        return "\n".join(line for (line,) in cursor.fetchall())


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
    with CaptureQueriesContext(connection) as captured:
        client.get(f"/console/supporters/people/?{query}sort=language")
    plan = plan_of(captured, of='FROM "supporters_supporter"')
    assert "supporter_in_language" in plan
    assert "Sort" not in plan
