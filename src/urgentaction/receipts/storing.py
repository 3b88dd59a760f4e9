"""Writing down what gateways report: verified, stored once, in one statement. Applying it is left to a worker.

Must not look at deliveries: a callback is answered before anybody knows what it changes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from django.db import connection

from urgentaction.channels.contract import Callback
from urgentaction.channels.contract import Receipt as Event
from urgentaction.channels.contract import ReceiptKind as Kind
from urgentaction.channels.wording import UNSTORABLE, printable
from urgentaction.core.crashpoints import crash_point
from urgentaction.deliveries.gateways import gateway_named

from .models import Receipt

RAW_LIMIT = 64 * 1024
_IN_A_BODY = re.compile(rf"(?![\t\n\r])[{UNSTORABLE}]")

_FIELDS = Receipt._meta.concrete_fields
_ROW = f"({', '.join(['%s'] * len(_FIELDS))})"
_INSERT = (
    f"INSERT INTO {Receipt._meta.db_table} ({', '.join(str(field.column) for field in _FIELDS)}) VALUES %s "  # noqa: S608 - names of our own columns
    "ON CONFLICT (gateway, event_id) DO NOTHING RETURNING id"
)


def store_callback(gateway_name: str, callback: Callback) -> int:
    """Verify a callback and write its events down, by one statement. Returns how many are new.

    Raises:
        ForgedCallback: before anything of the body was believed.
        NotFound: no such gateway.
    """
    gateway = gateway_named(gateway_name)
    events = list(gateway.parse(callback))
    raw = printable_body(callback.body[:RAW_LIMIT].decode("utf-8", "replace"))
    new = _insert([_row(gateway_name, event, raw, callback) for event in events])
    crash_point("after_receipt_stored", channel=gateway.channel)
    return new


def _insert(rows: Sequence[Receipt]) -> int:
    if not rows:
        return 0
    values = [field.get_db_prep_save(field.pre_save(row, add=True), connection) for row in rows for field in _FIELDS]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT.replace("%s", ", ".join([_ROW] * len(rows)), 1), values)
        return len(cursor.fetchall())


def _row(gateway: str, event: Event, raw: str, callback: Callback) -> Receipt:
    return Receipt(
        gateway=gateway,
        event_id=printable(event.event_id)[:200],
        kind=event.kind.value,
        ref=printable(event.ref)[:200],
        reference=printable(event.reference)[:60],
        retry_class=event.retry_class.value if event.retry_class else "",
        code=printable(event.code)[:60],
        # What a person wrote is in the raw body alone, which is sealed.
        text="" if event.kind is Kind.INBOUND else printable(event.text)[:300],
        address=printable(event.address),
        raw=raw,
        occurred_at=event.occurred_at,
        received_at=callback.received_at,
    )


def printable_body(text: str) -> str:
    """As `printable`, for text of several lines: line breaks and tabs stay."""
    return _IN_A_BODY.sub("\ufffd", text)
