"""Opening what a gateway sent, as it came: sealed at rest, shown to few, and every look is written down."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from urgentaction.accounts.service import record_audit
from urgentaction.core.errors import NotAllowed, NotFound
from urgentaction.core.phrases import say

from .models import Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedReceipt:
    """A receipt with its raw body, which may name an office's number or address."""

    id: uuid.UUID
    delivery_id: int
    gateway: str
    kind: str
    received_at: datetime
    raw: str = field(repr=False)


@transaction.atomic
def open_raw(receipt_id: uuid.UUID, *, by: str) -> OpenedReceipt:
    """The raw body of a receipt about an official's delivery.

    Raises:
        NotFound: there is none.
        NotAllowed: it is about a supporter, or about nobody we know: it would show a private address.
    """
    row = Receipt.objects.select_related("delivery").filter(id=receipt_id).first()
    if row is None:
        raise NotFound.of("receipt", f"there is no receipt {receipt_id}")
    if row.delivery is None or row.delivery.official_id is None:
        raise NotAllowed(say("this receipt may hold a private person's address; it stays sealed"))
    record_audit(by, "receipt.open", f"receipt:{row.id.hex}", delivery=row.delivery.id)
    return OpenedReceipt(
        id=row.id,
        delivery_id=row.delivery.id,
        gateway=row.gateway,
        kind=row.kind,
        received_at=row.received_at,
        raw=row.raw,
    )
