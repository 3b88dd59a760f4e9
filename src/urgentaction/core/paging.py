"""Pages of lists that may grow for ever, by keyset: a page begins behind a row, never after a number of rows.

So each page costs the same, the thousandth like the first, and rows that come in meanwhile shift nothing. Must not
count: how many there are is nobody's business here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db.models import Model, Q, QuerySet

Row = TypeVar("Row", bound=Model)
#: Fits no row.
_NEVER = Q(pk__in=())
_COMPARED = {False: ("gt", "gte"), True: ("lt", "lte")}


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows in their order. `has_more`: others follow the last of them."""

    items: list[Row]
    has_more: bool

    @property
    def last(self) -> Row | None:
        """Where the next page begins; None at the end."""
        return self.items[-1] if self.has_more else None


def page_of(
    rows: QuerySet[Row], *keys: str, after: Row | None = None, limit: int, nulls: Collection[str] = ()
) -> Page[Row]:
    """The first rows by `keys`, or those behind `after`; one query.

    Args:
        keys: the order: names of the rows' own columns, `-` for descending. Together they must be unique; an index
            that begins like them makes the page cheap.
        after: a row of the list, as it stands now.
        limit: at least 1.
        nulls: see `beyond`.
    """
    if limit < 1:
        raise ValueError(f"a page of {limit} rows")
    if after is not None:
        rows = rows.filter(beyond(keys, [getattr(after, key.lstrip("-")) for key in keys], nulls=nulls))
    found = list(rows.order_by(*keys)[: limit + 1])
    return Page(found[:limit], has_more=len(found) > limit)


def beyond(keys: Sequence[str], place: Sequence[object], *, nulls: Collection[str] = ()) -> Q:
    """The condition for rows that come behind a place in the order of `keys`.

    NULL comes after every value, and first when descending: PostgreSQL's own order.

    Args:
        nulls: the columns that are NULL in some rows and not in others, all before it being equal. Named only where
            needed: the OR that it takes keeps an index from beginning right at the place.
    """
    key, value = keys[0], place[0]
    name, is_descending = key.lstrip("-"), key.startswith("-")
    if value is None:
        here = Q(**{f"{name}__isnull": True})
        further, from_here = (Q(**{f"{name}__isnull": False}), Q()) if is_descending else (_NEVER, here)
    else:
        here = Q(**{name: value})
        further, from_here = (Q(**{f"{name}__{which}": value}) for which in _COMPARED[is_descending])
        if name in nulls and not is_descending:
            further |= Q(**{f"{name}__isnull": True})
            from_here |= Q(**{f"{name}__isnull": True})
    if len(keys) == 1:
        return further
    # The bound says nothing new, but one on the first column alone is what an index can begin at.
    return from_here & (further | (here & beyond(keys[1:], place[1:], nulls=nulls)))
