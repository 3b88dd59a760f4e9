"""Every list of the console: filtered, sorted and paged by its address alone, so that any view of it can be linked.

    ?status=detained&sort=-as_of&after=0197…

Filters are a django-filter `FilterSet`; sorting is by names that the list offers; pages go by keyset
(`core.paging`), so that page one thousand costs what page one does, and nothing is ever counted.
What an address asks for and the list does not know counts as not asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import django_filters
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from urgentaction.core.paging import page_of

PAGE = 50
Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Sort:
    """One way to sort, for the head of its column."""

    name: str
    address: str
    #: `ascending`, `descending` or "" for a column that is not the sorting one (aria-sort).
    direction: str


@dataclass(frozen=True, slots=True)
class Listed(Generic[Row]):
    """One page of a list, with the addresses of its neighbours.

    `form` holds the filters as given; `is_filtered`: an empty page then means "nothing fits", not "nothing there".
    """

    items: list[Row]
    form: Any
    sorts: Mapping[str, Sort]
    is_filtered: bool
    #: Query strings with their `?`; "" where there is no such page.
    first_address: str
    next_address: str
    #: The query without its page: what an export or a live part of the same list takes.
    query: str


def listed(
    request: HttpRequest,
    rows: QuerySet[Row],
    *,
    filters: type[django_filters.FilterSet] | None = None,
    sorts: Mapping[str, Sequence[str]],
    default: str,
    nulls: Collection[str] = (),
    size: int = PAGE,
) -> Listed[Row]:
    """The page of `rows` that a request asks for: at most two queries, whatever the length of the list.

    Args:
        filters: the list's FilterSet, bound to the query.
        sorts: name → the order's columns, ascending, the last of them unique (see `page_of`); an index that begins
            like them makes the page cheap. Descending turns all of them round.
        default: the name to sort by where none is asked for; `-name` for descending.
        nulls: columns that may be NULL in some rows only (see `core.paging.beyond`).
        size: rows on a page.
    """
    form, is_filtered, whole = None, False, rows
    if filters is not None:
        bound = filters(request.GET, queryset=rows, request=request)
        form = bound.form
        if form.is_valid():
            rows = bound.qs
        is_filtered = any(request.GET.get(name) for name in bound.filters)
    asked = request.GET.get("sort", "")
    sort = asked if asked.lstrip("-") in sorts and asked.count("-") <= 1 else default
    keys = [_turned(key, is_turned=sort.startswith("-")) for key in sorts[sort.lstrip("-")]]
    after = _row_at(whole, request.GET.get("after", ""))
    found = page_of(rows, *keys, after=after, limit=size, nulls=nulls)
    last = found.last
    return Listed(
        items=found.items,
        form=form,
        sorts={name: _sort(request, name, sort) for name in sorts},
        is_filtered=is_filtered,
        first_address=address(request, after=None) if after is not None else "",
        next_address=address(request, after=str(last.pk)) if last is not None else "",
        query=address(request, after=None).removeprefix("?"),
    )


def address(request: HttpRequest, **changes: str | None) -> str:
    """The request's query string with some parameters changed (None takes one away): `?…`, "?" where none is left."""
    query = request.GET.copy()
    for name, value in changes.items():
        if value is None:
            query.pop(name, None)
        else:
            query[name] = value
    for name in [name for name, value in query.items() if value == ""]:
        del query[name]
    return f"?{query.urlencode()}"


def _sort(request: HttpRequest, name: str, current: str) -> Sort:
    is_current = current.lstrip("-") == name
    is_descending = is_current and current.startswith("-")
    following = name if not is_current or is_descending else f"-{name}"
    direction = ("descending" if is_descending else "ascending") if is_current else ""
    return Sort(name, address(request, sort=following, after=None), direction)


def _turned(key: str, *, is_turned: bool) -> str:
    if not is_turned:
        return key
    return key[1:] if key.startswith("-") else f"-{key}"


def _row_at(rows: QuerySet[Row], key: str) -> Row | None:
    """The row behind which the page begins; None for a key that is none, or of a row no longer in the list."""
    if not key:
        return None
    try:
        return rows.filter(pk=key).first()
    except (ValueError, ValidationError):
        return None
