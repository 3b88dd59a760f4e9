"""The reads of an alert's page. Writes nothing, decides nothing."""

from __future__ import annotations

import uuid

from django.db.models import QuerySet

from urgentaction.alerts.models import Alert
from urgentaction.core.errors import NotFound
from urgentaction.letters.models import Letter
from urgentaction.receipts.models import Receipt
from urgentaction.tracking.queries import deliveries_of
from urgentaction.tracking.views import DeliveryPage

PAGE = 100
RECEIPTS = 50


def deliveries(alert: Alert, *, after: int = 0, state: str = "", role: str = "") -> DeliveryPage:
    """One page of an alert's deliveries. An `after` that is none of its deliveries counts as not given."""
    is_ours = bool(after) and alert.deliveries.filter(id=after).exists()
    return deliveries_of(alert, after_id=after if is_ours else 0, limit=PAGE, role=role or None, state=state or None)


def receipts_of(alert: Alert) -> QuerySet[Receipt]:
    """The latest receipts of an alert's deliveries; the raw body and the address stay sealed."""
    rows = Receipt.objects.filter(delivery__alert=alert).defer("raw", "address")
    return rows.order_by("-received_at")[:RECEIPTS]


def letters_of(alert: Alert) -> QuerySet[Letter]:
    """An alert's letters without their pages."""
    rows = Letter.objects.filter(alert=alert).defer("pdf", "fax_pdf", "fax_repeat_pdf", "text", "html")
    return rows.select_related("official").order_by("-role", "frozen_at")


def letter_numbered(letter_id: uuid.UUID) -> Letter:
    """One letter with its PDF. Raises NotFound."""
    letter = Letter.objects.select_related("alert__case").filter(id=letter_id).first()
    if letter is None:
        raise NotFound.of("letter", f"there is no letter {letter_id}")
    return letter
