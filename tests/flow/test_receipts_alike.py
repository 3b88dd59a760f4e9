"""Receipts applied in batches leave exactly what they leave one by one, whatever comes in whatever order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from tests.flow.reporting import GATEWAYS, NOON, delivery, running_alert, told, tried
from tests.flow.world import World
from urgentaction.alerts.models import Alert
from urgentaction.channels.contract import ReceiptKind as Kind
from urgentaction.channels.contract import RetryClass
from urgentaction.deliveries.gateways import close_gateways
from urgentaction.deliveries.models import Attempt, Delivery, GatewayState, HumanTask
from urgentaction.deliveries.references import reference_of
from urgentaction.deliveries.rules import State
from urgentaction.receipts import batches
from urgentaction.receipts.models import Receipt
from urgentaction.receipts.service import apply_receipt, pending
from urgentaction.supporters.models import Suppression

FIELDS = (
    *("state", "reason", "gateway", "gateway_ref", "attempts", "refusals", "questions", "repeats", "retry_class"),
    "lease_token",
)


@pytest.fixture(autouse=True)
def gateways(settings: Any) -> Iterator[None]:
    settings.GATEWAYS = GATEWAYS
    close_gateways()
    yield
    close_gateways()


@dataclass(frozen=True, slots=True)
class Row:
    """A delivery to begin with. `tries`: outcome and name of each."""

    state: State
    tries: tuple[tuple[str, str], ...]
    named: str
    is_official: bool


@dataclass(frozen=True, slots=True)
class News:
    """A receipt. `by`: the names it bears."""

    about: int
    kind: Kind
    ref: str
    by: str
    gateway: str
    retry_class: RetryClass
    is_timed: bool


REFS = ["A", "A", "A", "B", ""]
PLAIN = Row(state=State.ACCEPTED, tries=(("accepted", "A"),), named="A", is_official=False)
OUTCOMES = ["accepted", "unknown", "refused", "not-taken"]
ORDINARY = [Kind.PROGRESS, Kind.DELIVERED, Kind.FAILED]


def a_row(rnd: Random) -> Row:
    if rnd.random() < 0.5:
        return PLAIN
    return Row(
        state=rnd.choice([State.ACCEPTED, *State]),
        tries=tuple((rnd.choice(OUTCOMES), rnd.choice(REFS)) for _ in range(rnd.randrange(4))),
        named=rnd.choice(REFS),
        is_official=rnd.random() < 0.25,
    )


def a_piece_of_news(rnd: Random) -> News:
    return News(
        about=rnd.randrange(3),
        kind=rnd.choice(ORDINARY if rnd.random() < 0.9 else list(Kind)),
        ref=rnd.choice(REFS),
        by=rnd.choice(["reference"] * 4 + ["ref", "stray"]),
        gateway=rnd.choice(["twilio"] * 5 + ["smtp"]),
        retry_class=rnd.choice([RetryClass.NEVER, *RetryClass]),
        is_timed=rnd.random() < 0.5,
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rnd=st.randoms(use_true_random=True), size=st.sampled_from([2, 3, 100]))
def test_batches_leave_what_one_by_one_leaves(here: World, rnd: Random, size: int) -> None:
    rows = [a_row(rnd) for _ in range(3)]
    news = [a_piece_of_news(rnd) for _ in range(rnd.randint(2, 12))]
    note("\n".join(map(str, [*rows, *news])))
    with transaction.atomic():
        made = begin_with(here, rows)
        for at, one in enumerate(news):
            bring(made, one, at)
        ends = []
        for apply in (one_by_one, lambda: in_batches(size)):
            with transaction.atomic():
                apply()
                ends.append(what_stands())
                transaction.set_rollback(True)
        transaction.set_rollback(True)
    assert ends[0] == ends[1]


def one_by_one() -> None:
    for receipt_id in pending():
        apply_receipt(receipt_id)


def in_batches(size: int) -> None:
    """Until nothing is left, so many at a time."""
    while True:
        batch = batches.apply_batch(size)
        for receipt_id in batch.left:
            apply_receipt(receipt_id)
        if not batch.seen:
            return


def begin_with(world: World, rows: list[Row]) -> list[Delivery]:
    alert, made = running_alert(world), []
    for number, row in enumerate(rows):
        who = {"official": world.president} if row.is_official else {"supporter": world.supporters[number]}
        is_held = row.state in (State.LEASED, State.SENDING)
        made.append(
            delivery(
                alert,
                **who,
                role="to" if row.is_official else "supporter",
                step=number + 1,
                channel=["sms", "email", "fax"][number],
                state=row.state.value,
                gateway_ref=f"{row.named}{number}" if row.named else "",
                attempts=len(row.tries) + is_held,
            )
        )
        for outcome, ref in row.tries:
            code = outcome if outcome == "not-taken" else ""
            tried(made[-1], "refused" if code else outcome, f"{ref}{number}" if ref else "", code=code)
    return made


def bring(made: list[Delivery], one: News, at: int) -> None:
    row = made[one.about]
    reference = {"reference": reference_of(row.id), "stray": "d1-0123456789abcdef0123"}.get(one.by, "")
    told(
        row,
        one.kind,
        at=at,
        gateway=one.gateway,
        ref=f"{one.ref}{one.about}" if one.ref else "",
        reference=reference,
        address="+442079460900" if one.kind in (Kind.OPTED_IN, Kind.OPTED_OUT) else "",
        retry_class=one.retry_class.value if one.kind is Kind.FAILED else "",
        code="30005" if one.kind is Kind.FAILED else "",
        occurred_at=NOON + timedelta(minutes=at) if one.is_timed else None,
    )


def what_stands() -> dict[str, list[Any]]:
    """Everything that receipts may change, but for moments of their own and pauses, which are left to chance."""
    deliveries = Delivery.objects.order_by("id")
    return {
        "deliveries": list(deliveries.values_list(*FIELDS)),
        "moments": [(row.accepted_at is None, settled(row)) for row in deliveries],
        "tries": list(
            Attempt.objects.order_by("delivery_id", "number").values_list(
                "delivery_id", "number", "gateway", "gateway_ref", "outcome", "retry_class", "code", "text"
            )
        ),
        "receipts": [
            (row.id, row.delivery_id, row.effect, row.applied_at is None, row.failures)
            for row in Receipt.objects.order_by("id")
        ],
        "tasks": [
            (row.key, row.kind, row.title, row.done_at is None, row.result)
            for row in HumanTask.objects.order_by("key", "created_at")
        ],
        "suppressed": list(
            Suppression.objects.order_by("channel", "address_index", "created_at").values_list(
                "channel", "address_index", "reason", "source", "lifted_by"
            )
        ),
        "gateways": list(GatewayState.objects.order_by("name").values_list("name", "is_paused", "reason")),
        "alerts": list(Alert.objects.order_by("id").values_list("state", flat=True)),
    }


def settled(row: Delivery) -> datetime | bool:
    """When, where the gateway said so; else whether."""
    moment = row.settled_at
    return moment if moment is not None and moment < NOON + timedelta(hours=1) else moment is None
