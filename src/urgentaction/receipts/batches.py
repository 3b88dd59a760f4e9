"""Applying many receipts at once: those that only say that a supporter's message goes on, or that it has arrived.

A batch is one transaction of six statements, however many receipts are in it. Everything that has consequences beyond
its own rows (a failure, an unknown that is settled, an official, STOP) is left to `service.apply_receipt`, one by one;
so are the later receipts of the same delivery, because the order in which they came counts. What a receipt means is
decided by the same code in both (`news`).

A batch waits for nobody: what another worker holds is left out or left over, so two of them can't block each other.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from urgentaction.channels.contract import ReceiptKind as Kind
from urgentaction.core import clock
from urgentaction.core.crashpoints import crash_point
from urgentaction.deliveries import rules
from urgentaction.deliveries.models import Attempt, Delivery
from urgentaction.deliveries.references import delivery_id_of

from . import news
from .effects import CHANGED
from .models import Receipt

_ORDINARY = frozenset({Kind.PROGRESS.value, Kind.DELIVERED.value})


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What became of a batch: so many were looked at and so many are done; `left`, in order, go one by one."""

    seen: int
    done: int
    left: list[uuid.UUID] = field(default_factory=list)


def waiting() -> QuerySet[Receipt]:
    """Receipts to apply now, oldest first.

    Left out are those that would only be looked at in vain: whose delivery is known to be on the wire, and whose last
    try broke a short while ago. Otherwise enough of them would keep all others waiting.
    """
    waits = {state.value for state, _ in rules.WAITS}
    in_flight = Delivery.objects.filter(id=OuterRef("delivery_id"), state__in=waits)
    may_be_tried = Q(retry_at=None) | Q(retry_at__lte=clock.database_now())
    return Receipt.objects.filter(~Exists(in_flight), may_be_tried, applied_at=None).order_by("received_at", "id")


@transaction.atomic
def apply_batch(size: int) -> Applied:
    """Apply what is ordinary among the oldest `size` receipts that wait and that no other worker has in hand."""
    held = waiting().select_for_update(of=("self",), skip_locked=True)
    receipts = list(held.defer("raw", "address", "address_index", "text")[:size])
    batch = _Batch(_deliveries_of(receipts))
    for receipt in receipts:
        batch.take(receipt)
    batch.write()
    if batch.applied:
        transaction.on_commit(lambda: crash_point("after_receipt_batch"))
    return Applied(seen=len(receipts), done=len(batch.applied), left=[one.id for one in batch.left])


@dataclass(frozen=True, slots=True)
class _About:
    """The delivery a receipt is about. `is_by_name`: the gateway's name for it told so, and names can change."""

    delivery_id: int
    is_by_name: bool


def _deliveries_of(receipts: Sequence[Receipt]) -> dict[uuid.UUID, _About]:
    """By each receipt's id, as far as its reference or the gateway's name for the message tells."""
    about = {}
    for one in receipts:
        if one.reference and (delivery_id := delivery_id_of(one.reference)) is not None:
            about[one.id] = _About(delivery_id, is_by_name=False)
    nameless = [one for one in receipts if one.id not in about and one.ref]
    names = _named(Delivery.objects.all(), "id", nameless)
    # A delivery that was tried again bears another name by now.
    names = _named(Attempt.objects.all(), "delivery_id", [one for one in nameless if _name(one) not in names]) | names
    about |= {one.id: _About(names[_name(one)], is_by_name=True) for one in nameless if _name(one) in names}
    return about


def _name(receipt: Receipt) -> tuple[str, str]:
    return receipt.gateway, receipt.ref


def _named(rows: QuerySet[Any], key: str, receipts: Sequence[Receipt]) -> dict[tuple[str, str], int]:
    if not receipts:
        return {}
    # Mail is named by our own reference wherever it is reported; the indexes leave it out.
    known = rows.filter(gateway_ref__in={one.ref for one in receipts}).exclude(gateway_ref="").exclude(channel="email")
    names = known.order_by("-id").values_list(key, "gateway", "gateway_ref")
    return {(gateway, ref): delivery_id for delivery_id, gateway, ref in names}


class _Batch:
    """The deliveries of a batch, and what its receipts make of them, taken in the order in which they came."""

    def __init__(self, about: Mapping[uuid.UUID, _About]) -> None:
        self.applied: list[Receipt] = []
        self.left: list[Receipt] = []
        self._about = about
        self._postponed: list[Receipt] = []
        self._left_deliveries: set[int] = set()
        self._left_names: set[tuple[str, str]] = set()  # of what no delivery is known for yet: the next may tell
        self._changed: dict[int, Delivery] = {}
        self._noted: dict[int, Attempt] = {}
        self._learnt: dict[tuple[str, str], int] = {}  # names that deliveries were given in this very batch
        rows = Delivery.objects.select_for_update(of=("self",), skip_locked=True).order_by("id")
        # Much depends on an office's delivery; and what names somebody who has been erased must be blanked.
        ordinary = rows.filter(supporter__isnull=False, supporter__erased_at=None)
        ordinary = ordinary.filter(id__in={one.delivery_id for one in about.values()})
        self._rows = {row.id: row for row in ordinary.only("channel", *news.DELIVERY_FIELDS)}
        self._tries: defaultdict[int, list[Attempt]] = defaultdict(list)
        tries = Attempt.objects.filter(delivery__in=list(self._rows)).order_by("delivery_id", "number")
        for one in tries.only("delivery_id", "number", "gateway", *news.TRY_FIELDS):
            self._tries[one.delivery_id].append(one)

    def take(self, receipt: Receipt) -> None:
        """The next receipt: applied in memory, or left for later together with all that follow about its delivery."""
        about = self._about.get(receipt.id)
        row = self._row(receipt, about) if about is not None else None
        if row is not None and self._is_applied(receipt, row):
            return
        self.left.append(receipt)
        delivery_id = about.delivery_id if about is not None else self._learnt.get(_name(receipt))
        if delivery_id is not None:
            self._left_deliveries.add(delivery_id)
        elif receipt.ref:
            self._left_names.add(_name(receipt))

    def _row(self, receipt: Receipt, about: _About) -> Delivery | None:
        row = self._rows.get(about.delivery_id)
        is_held_up = about.delivery_id in self._left_deliveries or _name(receipt) in self._left_names
        if row is None or is_held_up or receipt.kind not in _ORDINARY:
            return None
        return row if not about.is_by_name or (row.gateway, row.gateway_ref) == _name(receipt) else None

    def _is_applied(self, receipt: Receipt, row: Delivery) -> bool:
        state, told = rules.State(row.state), news.event_for(receipt)
        if (state, told) in rules.WAITS:
            receipt.delivery_id = row.id
            self._postponed.append(receipt)
            return True
        tries = self._tries[row.id]
        meant = news.meant_by(receipt, row, tries)
        event = rules.NEWS[told, meant.about]
        new = rules.after(state, event)
        if new is not None and state is not rules.State.ACCEPTED:
            return False
        if noted := news.note(receipt, told, meant, tries, is_arrived=state is rules.State.DELIVERED):
            self._noted[noted.pk] = noted
            self._learnt[noted.gateway, noted.gateway_ref] = row.id
        if new is None:
            receipt.effect = news.unchanged(state, meant, tries)
        else:
            before = _told(row)
            news.goes_on(row, receipt, event, new)
            if _told(row) != before:
                self._changed[row.id] = row
                self._learnt[row.gateway, row.gateway_ref] = row.id
            receipt.effect = CHANGED(before=state.value, after=row.state)
        receipt.delivery_id = row.id
        self.applied.append(receipt)
        return True

    def write(self) -> None:
        """All of it, by one statement a table."""
        moment = clock.now()
        for receipt in self.applied:
            receipt.applied_at = moment
        _write(Delivery, _DELIVERY_COLUMNS, self._changed.values())
        _write(Attempt, _TRY_COLUMNS, self._noted.values())
        _write(Receipt, _RECEIPT_COLUMNS, [*self.applied, *self._postponed])
        for row in self._changed.values():
            crash_point("in_receipt_batch", channel=row.channel)


def _told(row: Delivery) -> list[object]:
    return [getattr(row, name) for name in news.DELIVERY_FIELDS]


_MOMENT = "timestamptz"
_DELIVERY_COLUMNS = {"id": "bigint"} | dict.fromkeys(news.DELIVERY_FIELDS, "text")
_DELIVERY_COLUMNS |= {"accepted_at": _MOMENT, "settled_at": _MOMENT}
_TRY_COLUMNS = {"id": "bigint"} | dict.fromkeys(news.TRY_FIELDS, "text")
_RECEIPT_COLUMNS = {"id": "uuid", "delivery_id": "bigint", "applied_at": _MOMENT, "effect": "text"}


def _write(model: type[Model], columns: Mapping[str, str], rows: Iterable[Model]) -> None:
    """UPDATE each row's columns (by their PostgreSQL types, `id` among them) to what the instance holds."""
    values = [[getattr(row, name) for name in columns] for row in rows]
    if not values:
        return
    changes = ", ".join(f"{name} = new.{name}" for name in columns if name != "id")
    lists = ", ".join(f"%s::{kind}[]" for kind in columns.values())
    statement = (
        f"UPDATE {model._meta.db_table} AS old SET {changes} "  # noqa: S608 - names of our own tables and columns
        f"FROM unnest({lists}) AS new ({', '.join(columns)}) WHERE old.id = new.id"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [list(column) for column in zip(*values, strict=True)])
