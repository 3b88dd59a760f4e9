"""Pages of a list: each row once, in order, whatever the order is made of and whatever comes in meanwhile."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.db.models import QuerySet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from urgentaction.cases.models import Case
from urgentaction.core import clock
from urgentaction.core.paging import beyond, page_of

ORDERS = [
    ("reference",),
    ("-id",),
    ("-status_as_of", "reference"),
    ("status_as_of", "-group_size", "reference"),
    ("group_size", "-status_as_of", "-reference"),
    ("-group_size", "status_as_of", "id"),
]
NULLS = ("status_as_of",)


def make_cases(count: int, *, seed: int) -> None:
    chance = random.Random(seed)
    days = [None, *(date(2026, 1, 1) + timedelta(days=n) for n in range(3))]
    Case.objects.bulk_create(
        Case(
            reference=f"UA-{seed % 1000:03}-{number:04}",
            titles={},
            subjects={},
            group_size=chance.randint(1, 3),
            status_as_of=chance.choice(days),
            created_at=clock.now(),
        )
        for number in range(count)
    )


def read(keys: tuple[str, ...], *, limit: int, between: Callable[[int], None] = lambda _: None) -> list[str]:
    """The whole list, page by page."""
    found: list[str] = []
    after: Case | None = None
    while True:
        page = page_of(Case.objects.all(), *keys, after=after, limit=limit, nulls=NULLS)
        found += [case.reference for case in page.items]
        after = page.last
        if after is None:
            return found
        assert len(page.items) == limit
        between(len(found))


def in_order(keys: tuple[str, ...]) -> list[str]:
    rows: QuerySet[Case] = Case.objects.order_by(*keys)
    return list(rows.values_list("reference", flat=True))


@pytest.mark.parametrize("keys", ORDERS)
@given(seed=st.integers(0, 10**6), count=st.integers(0, 25), limit=st.integers(1, 9))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pages_are_the_list(db: None, keys: tuple[str, ...], seed: int, count: int, limit: int) -> None:
    Case.objects.all().delete()
    make_cases(count, seed=seed)
    assert read(keys, limit=limit) == in_order(keys)


def test_what_comes_in_meanwhile_shifts_nothing(db: None) -> None:
    make_cases(20, seed=1)
    before = in_order(("reference",))

    def add_in_front(sofar: int) -> None:
        Case.objects.create(
            reference=f"UA-000-{sofar:04}", titles={}, subjects={}, group_size=1, created_at=clock.now()
        )

    assert read(("reference",), limit=3, between=add_in_front) == before


def test_the_last_page_says_so(db: None) -> None:
    make_cases(4, seed=2)
    page = page_of(Case.objects.all(), "reference", limit=4)
    assert (len(page.items), page.has_more, page.last) == (4, False, None)


def test_a_page_of_nothing_is_a_mistake(db: None) -> None:
    with pytest.raises(ValueError, match="0 rows"):
        page_of(Case.objects.all(), "reference", limit=0)


def test_a_page_begins_in_the_index_at_its_row(db: None) -> None:
    make_cases(10, seed=3)
    middle = Case.objects.order_by("reference")[5]
    behind = Case.objects.filter(beyond(("group_size", "reference"), (middle.group_size, middle.reference)))
    assert f'"cases_case"."group_size" >= {middle.group_size} AND' in str(behind.query)
