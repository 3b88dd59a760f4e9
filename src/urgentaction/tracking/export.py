"""An alert's deliveries as rows of a table, read page by page: no address, no name of a supporter, any size."""

from __future__ import annotations

from collections.abc import Iterator

from urgentaction.alerts.models import Alert

from .queries import deliveries_of
from .views import DeliveryView

PAGE = 1000
HEADER = (
    "delivery",
    "alert",
    "recipient",
    "part",
    "channel",
    "step",
    "state",
    "why",
    "attempts",
    "last_outcome",
    "last_code",
    "gateway",
    "next_try",
    "accepted_at",
    "settled_at",
)
Row = tuple[object, ...]


def delivery_rows(alert: Alert, *, role: str = "", state: str = "", channel: str = "") -> Iterator[Row]:
    """A row for each delivery that fits, officials first; times are UTC. A page is read when the last is used up."""
    after: int | None = 0
    while after is not None:
        page = deliveries_of(
            alert, after_id=after, limit=PAGE, role=role or None, state=state or None, channel=channel or None
        )
        yield from (row_of(view) for view in page.items)
        after = page.next


def row_of(view: DeliveryView) -> Row:
    """The cells of one delivery, in the order of HEADER."""
    last = view.attempts[-1] if view.attempts else None
    return (
        view.id,
        view.alert,
        view.recipient,
        view.role,
        view.channel,
        view.step,
        view.state,
        view.reason,
        len(view.attempts),
        last.outcome if last else "",
        last.code if last else "",
        view.gateway,
        view.due_at if view.state == "queued" else None,
        view.accepted_at,
        view.settled_at,
    )
