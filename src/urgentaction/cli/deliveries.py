"""`urgentaction deliveries`, `urgentaction delivery settle`: what became of every single one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from urgentaction.cli import reading
from urgentaction.cli.session import Session, actor, console, opened, write_json
from urgentaction.core.errors import InvalidInput

if TYPE_CHECKING:
    from urgentaction.tracking.views import AlertProgress

app = typer.Typer(help="Single deliveries.", no_args_is_help=True)


def show_deliveries(
    alert: Annotated[str, typer.Argument(metavar="[ALERT]", help="Only of this alert, such as UA-2015-0117/2.")] = "",
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Show the counts live, until nothing moves any more.")] = False,
    role: Annotated[str, typer.Option(help="to, cc or supporter.")] = "",
    state: Annotated[str, typer.Option(help="queued, accepted, delivered, failed, unknown …")] = "",
    channel: Annotated[str, typer.Option(help="email, fax or sms.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=5000, help="So many at most.")] = 100,
    after: Annotated[int, typer.Option(min=0, metavar="ID", help="Go on after this delivery.")] = 0,
) -> None:
    """Show deliveries: where each stands, how often it was tried, and why."""
    with opened() as session:
        from urgentaction.alerts.queries import alert_called
        from urgentaction.channels.contract import Channel
        from urgentaction.cli.tables import deliveries_table
        from urgentaction.deliveries.models import Role
        from urgentaction.deliveries.rules import State
        from urgentaction.tracking.queries import deliveries_of

        _, found_role, found_state, found_channel = reading.together(
            lambda: None,
            lambda: reading.one_of(role, Role, option="role") if role else None,
            lambda: reading.one_of(state, State, option="state") if state else None,
            lambda: reading.one_of(channel, Channel, option="channel") if channel else None,
        )
        chosen = alert_called(alert) if alert else None
        if watch:
            _watch(session, _progress_reader(alert))
            return
        page = deliveries_of(
            chosen, after_id=after, limit=limit, role=found_role, state=found_state, channel=found_channel
        )
        table = deliveries_table(page.items) if page.items else "No deliveries."
        session.answer(page.items, table, *reading.more(page.next))


def _progress_reader(number: str) -> Callable[[], list[AlertProgress]]:
    """Reads how far the alerts are: the one named, or all that were live when the watch began or since."""
    from django.utils import timezone

    from urgentaction.alerts.models import Alert
    from urgentaction.alerts.queries import LIVE
    from urgentaction.tracking.queries import progress_of

    alerts = Alert.objects.select_related("case").order_by("created_at")
    begun = timezone.now()
    seen = set(alerts.filter(state__in=LIVE).values_list("id", flat=True))

    def read() -> list[AlertProgress]:
        if number:
            return progress_of(alerts.filter(number=number))
        seen.update(alerts.filter(created_at__gte=begun).values_list("id", flat=True))
        return progress_of(alerts.filter(id__in=seen))

    return read


def _watch(session: Session, read: Callable[[], list[AlertProgress]], *, pause: float = 0.5) -> None:
    """Show the counts until nothing moves: a live table on a terminal, else a new state whenever it changes."""
    from rich.live import Live

    from urgentaction.cli.tables import progress_facts, progress_table

    if console().is_terminal and not session.is_json:
        with Live(console=console(), auto_refresh=False, transient=False) as live:
            found = read()
            live.update(progress_table(found), refresh=True)
            while found and not all(one.is_over for one in found):
                time.sleep(pause)
                found = read()
                live.update(progress_table(found), refresh=True)
        return
    shown: list[AlertProgress] | None = None
    while True:
        found = read()
        if found != shown:
            if session.is_json:
                write_json([progress_facts(one) for one in found], indent=None)
            else:
                console().print(progress_table(found))
            shown = found
        if all(one.is_over for one in found):
            return
        time.sleep(pause)


@app.command()
def settle(
    delivery: Annotated[int, typer.Argument(metavar="ID", help="The delivery's number.")],
    *,
    arrived: Annotated[bool, typer.Option("--arrived", help="It did arrive.")] = False,
    lost: Annotated[bool, typer.Option("--lost", help="It did not.")] = False,
    reason: Annotated[str, typer.Option(help="How you know; it stays with the delivery.")] = "",
) -> None:
    """Say what became of a delivery that is unknown, once you have found out."""
    if arrived == lost:
        raise InvalidInput.of("arrived", "say either --arrived or --lost")
    with opened() as session:
        from urgentaction.deliveries.service import settle_unknown

        row = settle_unknown(delivery, arrived=arrived, by=actor(), why=reason)
        session.answer({"id": row.id, "state": row.state, "reason": row.reason}, f"Delivery {row.id} is {row.state}.")
