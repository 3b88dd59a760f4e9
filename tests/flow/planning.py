"""What the planner could do with one index alone: whether a statement fits the index that was made for it.

Which of several indexes the planner would take depends on how full the tables of this database have been before, so a
test that lets it choose passes today and fails tomorrow.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

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

TO_ALERT = """
SELECT quote_ident(conname) FROM pg_constraint
WHERE conrelid = 'deliveries_delivery'::regclass AND confrelid = 'alerts_alert'::regclass
"""


@contextmanager
def long_table() -> Iterator[None]:
    """Has the planner know of a queue that is long enough, and read by indexes where it can. Ends with a rollback."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(TO_ALERT)  # there is no such alert
        for (name,) in cursor.fetchall():
            cursor.execute(f"ALTER TABLE deliveries_delivery DROP CONSTRAINT {name}")
        cursor.execute(SENT)
        cursor.execute("ANALYZE deliveries_delivery")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        yield
        transaction.set_rollback(True)


def keep(kept: str) -> None:
    """Drop the table's other indexes until the rollback, primary key and all. What is left fits, or is not used."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table that has checks to come can't be changed
        cursor.execute(
            """SELECT i.indexrelid::regclass::text, k.indrelid::regclass::text, quote_ident(c.conname)
               FROM pg_index i JOIN pg_index k ON k.indrelid = i.indrelid
               LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.conrelid = i.indrelid
               WHERE k.indexrelid = %s::regclass AND i.indexrelid <> k.indexrelid""",
            [kept],
        )
        for index, table, constraint in cursor.fetchall():
            if constraint:
                cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {constraint} CASCADE")
            else:
                cursor.execute(f"DROP INDEX {index}")


def plan_of(captured: CaptureQueriesContext, *, of: str) -> str:
    (statement,) = [query["sql"] for query in captured.captured_queries if of in query["sql"]]
    return plan(statement)


def plan(statement: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {statement}")
        return "\n".join(line for (line,) in cursor.fetchall())
