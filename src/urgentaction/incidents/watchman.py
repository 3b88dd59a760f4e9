"""The watchman: looks every few seconds, remembers, calls somebody, writes it down. Needs neither broker nor workers.

What it works on may be broken in any way, so: the database is spoken to in a thread that may hang without it; what was
found is kept in memory until it can be written down; a look that fails is logged, and the next one comes.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar, cast

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connections

from urgentaction.core import clock

from . import looking, oncall, rules, service
from .diagnosis import diagnose, unseen
from .looking import Rows
from .observations import DatabaseState, Observations
from .rules import Standing, TellingKind

log = logging.getLogger(__name__)

T = TypeVar("T")
#: A database that has not answered by then counts as down; its own time limits are shorter.
DATABASE_SECONDS = 20.0
_HEADS = {TellingKind.OPEN: "", TellingKind.REMINDER: "still: ", TellingKind.OVER: "over: "}


class Hangs(Exception):
    """Something did not come to an end in time; it goes on by itself."""


class _Box(Generic[T]):
    """What a thread leaves behind."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self.result: T | None = None
        self.error: Exception | None = None

    def fill(self) -> None:
        try:
            self.result = self._work()
        except Exception as error:  # noqa: BLE001 - raised again by whoever waits for it
            self.error = error
        finally:
            connections.close_all()  # this thread's own


@dataclass(slots=True)
class Aside:
    """Does one piece of work at a time in a thread of its own, and waits for it only so long."""

    _thread: threading.Thread | None = None

    def run(self, work: Callable[[], T], *, seconds: float) -> T:
        """What `work` returns or raises.

        Raises:
            Hangs: it is not done in time, or an earlier one still hangs: then nothing is begun.
        """
        if self._thread is not None and self._thread.is_alive():
            raise Hangs
        box = _Box(work)
        self._thread = threading.Thread(target=box.fill, name="database", daemon=True)
        self._thread.start()
        self._thread.join(seconds)
        if self._thread.is_alive():
            raise Hangs
        if box.error is not None:
            raise box.error
        return cast("T", box.result)


@dataclass(slots=True)
class _Clock:
    """The database's time; while it can't be asked, as much later as has passed here."""

    _moment: datetime = field(default_factory=clock.now)
    _read_at: float = field(default_factory=time.monotonic)

    def set(self, moment: datetime) -> None:
        self._moment, self._read_at = moment, time.monotonic()

    def now(self) -> datetime:
        return self._moment + timedelta(seconds=time.monotonic() - self._read_at)


@dataclass(slots=True)
class Watchman:
    """One watchman. `standings` is what it remembers; what has become an incident is also in the database."""

    contacts: oncall.Contacts
    standings: dict[str, Standing] = field(default_factory=dict)
    _begun: float = field(default_factory=time.monotonic)
    _clock: _Clock = field(default_factory=_Clock)
    _aside: Aside = field(default_factory=Aside)

    def stay(self, stop: threading.Event, *, seconds: float, after_look: Callable[[], None] = lambda: None) -> None:
        """Look again and again until `stop` is set.

        Args:
            seconds: pause between two looks.
            after_look: called after each, whatever became of it.
        """
        while not stop.is_set():
            try:
                self.look()
            except Exception:
                # Whatever it is: a watchman who dies of it watches nothing any more.
                log.exception("this look failed; the next one comes in %.0f s", seconds)
            after_look()
            stop.wait(seconds)

    def look(self) -> Observations:
        """Look once: see, remember, tell, write down. Returns what was seen."""
        seen, stored = self._see()
        before = self.standings if stored is None else rules.merged(self.standings, stored)
        now = self._clock.now()
        self.standings = rules.after_look(before, diagnose(seen), now=now, unseen=unseen(seen))
        self._log_changes(before)
        self._tell()
        self._write_down(seen)
        return seen

    def _see(self) -> tuple[Observations, dict[str, Standing] | None]:
        broker, waiting = looking.look_at_broker()
        rows, stored = self._ask_database()
        if rows.now is not None:
            self._clock.set(rows.now)
        about: dict[str, Any] = {
            "is_watchman": True,
            "watched_for": timedelta(seconds=time.monotonic() - self._begun),
        }
        return looking.observations(rows, broker, waiting, **about), stored

    def _ask_database(self) -> tuple[Rows, dict[str, Standing] | None]:
        def ask() -> tuple[Rows, dict[str, Standing] | None]:
            rows = looking.look_at_rows(leaves_heartbeat=True)
            is_there = rows.state not in {DatabaseState.DOWN, DatabaseState.OUTDATED}
            return rows, service.recall() if is_there else None

        try:
            return self._aside.run(ask, seconds=DATABASE_SECONDS)
        except Hangs:
            log.warning("the database hangs")
            return Rows(DatabaseState.DOWN), None
        except (DatabaseError, InterfaceError) as error:
            log.warning("the database went away (%s)", type(error).__name__)
            return Rows(looking.state_of(error)), None
        except Exception as error:
            log.exception("the rows can't be looked at")
            return Rows(DatabaseState.OK, failure=type(error).__name__), None

    def _log_changes(self, before: dict[str, Standing]) -> None:
        for key, standing in self.standings.items():
            was_open = key in before and before[key].is_open
            if standing.is_open and not was_open:
                log.warning("incident %s opened: %s", key, standing.trouble.what)
            elif was_open and not standing.is_open:
                log.warning("incident %s is over", key)

    def _tell(self) -> None:
        """Tell what is due. One failure ends it for this look: the rest would fail as well, and looking must go on."""
        if not self.contacts.ways:
            return
        for key, standing in self.standings.items():
            kind = rules.due_telling(standing, now=self._clock.now())
            if kind is None:
                continue
            try:
                how = oncall.tell(call_for(standing, kind), self.contacts)
            except oncall.NotTold as error:
                # Without the trace: it would show the address called.
                log.error("nobody could be told of %s (%s); tried again at the next look", key, error)  # noqa: TRY400
                return
            log.warning("told of %s by %s (%s)", key, how, kind)
            self.standings[key] = rules.after_telling(standing, kind, how=how, now=self._clock.now())

    def _write_down(self, seen: Observations) -> None:
        if seen.database is DatabaseState.OK:
            try:
                written = self._aside.run(lambda: service.record(self.standings), seconds=DATABASE_SECONDS)
            except (Hangs, DatabaseError, InterfaceError) as error:
                log.warning("incidents are kept in memory: the database takes nothing (%s)", type(error).__name__)
            else:
                self.standings |= written
                self.standings = {
                    key: one for key, one in self.standings.items() if not (one.is_done and key in written)
                }


def call_for(standing: Standing, kind: TellingKind) -> oncall.Call:
    """What is said to the people on call."""
    trouble = standing.trouble
    lines = [trouble.what]
    if kind is TellingKind.OVER:
        lines = [f"This is over: {trouble.what}"]
    else:
        lines += [trouble.advice, f"`urgentaction incident ack {trouble.key}` stops the reminders."]
    lines.append(f"{settings.PUBLIC_URL} ({settings.MODE}), since {standing.first_seen_at:%Y-%m-%d %H:%M} UTC")
    return oncall.Call(
        title=f"urgentaction: {_HEADS[kind]}{trouble.part}, {trouble.code.replace('-', ' ')}",
        text="\n".join(lines),
        severity=trouble.severity.value,
        key=trouble.key,
        status=kind.value,
    )
