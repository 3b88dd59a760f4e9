"""`urgentaction watch`, `incidents`, `incident …`: the watchman as a program, and what it found."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from urgentaction.cli import bootstrap
from urgentaction.cli.session import Session, actor, current, opened

if TYPE_CHECKING:
    from urgentaction.incidents.models import Incident
    from urgentaction.incidents.watchman import Watchman

app = typer.Typer(help="What stands still, and who takes care of it.", no_args_is_help=True)
#: Between the looks of `--once`: a trouble has to be seen twice.
_ONCE_PAUSE = 1.0
_SHOWN = (
    *("id", "key", "part", "code", "severity", "what", "advice", "first_seen_at", "opened_at", "last_seen_at"),
    *("closed_at", "told_at", "told_how", "acknowledged_by", "acknowledged_at"),
)


@app.callback()
def _incident() -> None:
    """What stands still, and who takes care of it."""


def watch(
    *,
    once: Annotated[bool, typer.Option("--once", help="Look twice, say what was found, and end.")] = False,
    beat_file: Annotated[
        Path | None, typer.Option(help="Touched after every look, so that others see that this program lives.")
    ] = None,
) -> None:
    """Watch over all other parts, and call the people on call when one stands still. Stays until it is ended."""
    session = current()
    stop = threading.Event()
    if not once:
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        signal.signal(signal.SIGINT, lambda *_: stop.set())
    # Not `session.django()`: that asks the database to be there.
    with bootstrap.environment(session.served()):
        bootstrap.start_django()
        from django.conf import settings

        from urgentaction.incidents.looking import in_a_hurry
        from urgentaction.incidents.watchman import Watchman

        watchman = Watchman(settings.ONCALL)
        with in_a_hurry():
            if once:
                _look_twice(session, watchman)
                return
            logging.getLogger("urgentaction").setLevel(logging.INFO)
            log = logging.getLogger("urgentaction.watch")
            ways = " and ".join(settings.ONCALL.ways) or "nobody: no on-call contact is configured"
            log.info("watching every %d s, calling by %s", settings.WATCH_SECONDS, ways)
            watchman.stay(stop, seconds=settings.WATCH_SECONDS, after_look=_toucher(beat_file))
            log.info("no longer watching")


def _toucher(file: Path | None) -> Callable[[], None]:
    def touch() -> None:
        if file is not None:
            file.touch()

    return touch


def _look_twice(session: Session, watchman: Watchman) -> None:
    watchman.look()
    time.sleep(_ONCE_PAUSE)
    watchman.look()
    found = [one for one in watchman.standings.values() if one.is_open]
    lines = [f"{one.trouble.part}: {one.trouble.what} {one.trouble.advice}" for one in found]
    session.answer([one.trouble for one in found], *(lines or ["Nothing stands still."]))


def show_incidents(*, all_: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False) -> None:
    """Show what stands still, since when, who was told, and what to do."""
    with opened() as session:
        from urgentaction.incidents.queries import latest_incidents, open_incidents

        found = list(latest_incidents() if all_ else open_incidents())
        _show(session, found)


def _show(session: Session, found: list[Incident]) -> None:
    from rich.text import Text

    from urgentaction.cli.tables import add, table, when

    made = table("Id", "Since (UTC)", "What, and what to do", fixed=["Id", "Since (UTC)"])
    for one in found:
        words = Text(one.what, style="bold" if one.closed_at is None else "dim")
        words.append(f"\n{_fate(one)}" if one.closed_at else f"\n{one.advice}", style="not bold")
        if one.closed_at is None:
            words.append(f"\n{one.key}; {_fate(one)}", style="not bold dim")
        add(made, one.id.hex[-8:], when(one.first_seen_at), words)
    session.answer([_facts(one) for one in found], made if found else "Nothing stands still.")


def _fate(one: Incident) -> str:
    if one.closed_at is not None:
        return f"over since {one.closed_at:%Y-%m-%d %H:%M:%S}"
    if one.acknowledged_by:
        return f"{one.acknowledged_by} takes care of it"
    if one.told_at is not None:
        return f"told by {one.told_how} at {one.told_at:%H:%M:%S}, {one.tellings} in all"
    return "nobody was told yet"


def _facts(one: Incident) -> dict[str, object]:
    return {name: getattr(one, name) for name in _SHOWN}


@app.command("ack")
def acknowledge(
    incident: Annotated[str, typer.Argument(metavar="ID", help="Its key, its id, or the id's end.")],
) -> None:
    """Take care of an incident: no reminders any more."""
    with opened() as session:
        from urgentaction.incidents.service import acknowledge_incident

        found = acknowledge_incident(incident, by=actor())
        session.answer(_facts(found), f"{found.acknowledged_by} takes care of it: {found.what}")


@app.command("drill")
def drill() -> None:
    """Call the people on call with a test message, to see that it reaches them."""
    session = current()
    with bootstrap.environment(session.served()):
        bootstrap.start_django()
        from django.conf import settings

        from urgentaction.incidents.oncall import tell, trial_call

        how = tell(trial_call(f"{settings.PUBLIC_URL} ({settings.MODE})"), settings.ONCALL)
        session.answer({"told_by": how}, f"Told by {how}. Did it arrive?")
