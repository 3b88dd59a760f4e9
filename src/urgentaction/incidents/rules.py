"""When a trouble becomes an incident, when somebody is told, and when it is over. Pure.

    seen once ─seen again, or old already─> open ─two clean looks─> over
        └─ not seen again ─> forgotten       └─ told once, then reminders, until somebody acknowledges it

A look that could not see a part (the database is gone, so no row can be read) says nothing about that part's
troubles: they neither end nor begin.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

#: A trouble has to be seen so often in a row to become an incident, and to be missing so often for its end.
LOOKS_TO_OPEN = 2
LOOKS_TO_CLOSE = 2
#: Pauses before the first reminder, the second, and each one after.
REMINDERS = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=4))


class Severity(StrEnum):
    """How much it hurries."""

    CRITICAL = "critical"  # letters don't go out, or nobody would notice
    WARNING = "warning"  # somebody has to look at it today


class Sight(StrEnum):
    """What has to be in sight for a trouble to be noticed, and for its end."""

    DIRECT = "direct"  # nothing but the watchman itself
    ROWS = "rows"  # a database that can be read
    WORK = "work"  # and somebody who works: beat, broker and the sweeper
    LANES = "lanes"  # a database that can be written to, and a broker


class TellingKind(StrEnum):
    """Why somebody is told."""

    OPEN = "open"
    REMINDER = "reminder"
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that is wrong at this moment.

    Attributes:
        key: names it; the same trouble has the same key at every look.
        part: which part is stuck, without names of people and cases.
        code: what kind of trouble, for programs.
        what: what is seen, in words; numbers of alerts and counts, never a name or an address.
        advice: what to do, with the command to type.
        is_old: it has stood longer than its own threshold already, so that one look is enough.
    """

    key: str
    part: str
    code: str
    severity: Severity
    sight: Sight
    what: str
    advice: str
    is_old: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is remembered of one trouble between two looks. All times are the database's.

    Attributes:
        id: of its row; None while it is in memory only.
        seen, missed: looks in a row with it, and without it.
        tellings: how often somebody was told that it is there; `told_at` is the latest time, `told_how` by what.
        end_told_at: when somebody was told that it is over.
    """

    trouble: Trouble
    first_seen_at: datetime
    last_seen_at: datetime
    id: uuid.UUID | None = None
    seen: int = 1
    missed: int = 0
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    tellings: int = 0
    told_at: datetime | None = None
    told_how: str = ""
    end_told_at: datetime | None = None
    is_acknowledged: bool = False

    @property
    def is_open(self) -> bool:
        """An incident that is not over."""
        return self.opened_at is not None and self.closed_at is None

    @property
    def is_done(self) -> bool:
        """Over, and whoever heard of it has heard that it is."""
        return self.closed_at is not None and (self.tellings == 0 or self.end_told_at is not None)


def after_look(
    before: Mapping[str, Standing],
    troubles: Iterable[Trouble],
    *,
    now: datetime,
    unseen: frozenset[Sight] = frozenset(),
) -> dict[str, Standing]:
    """What is remembered after a look.

    Args:
        troubles: what the look showed.
        unseen: what the look could not see; troubles that need it stay as they are.
    """
    shown = {trouble.key: trouble for trouble in troubles}
    after: dict[str, Standing] = {}
    for key in [*before, *(key for key in shown if key not in before)]:
        known, trouble = before.get(key), shown.get(key)
        if trouble is not None:
            after[key] = _seen(known, trouble, now=now)
        elif known is not None and (missed := _missed(known, now=now, unseen=unseen)) is not None:
            after[key] = missed
    return after


def _seen(known: Standing | None, trouble: Trouble, *, now: datetime) -> Standing:
    if known is None or known.is_done:
        standing = Standing(trouble=trouble, first_seen_at=now, last_seen_at=now)
    else:
        # One whose end nobody has heard of yet goes on as the same one.
        standing = replace(known, trouble=trouble, last_seen_at=now, seen=known.seen + 1, missed=0, closed_at=None)
    if standing.opened_at is None and (trouble.is_old or standing.seen >= LOOKS_TO_OPEN):
        standing = replace(standing, opened_at=now)
    return standing


def _missed(known: Standing, *, now: datetime, unseen: frozenset[Sight]) -> Standing | None:
    if known.closed_at is not None or known.trouble.sight in unseen:
        return known
    if known.opened_at is None:
        return None
    missed = known.missed + 1
    return replace(known, seen=0, missed=missed, closed_at=now if missed >= LOOKS_TO_CLOSE else None)


def due_telling(standing: Standing, *, now: datetime) -> TellingKind | None:
    """What somebody has to be told of it now, if anything. What could not be told stays due."""
    if standing.opened_at is None or standing.is_done:
        return None
    if standing.closed_at is not None:
        return TellingKind.OVER
    if standing.told_at is None:
        return TellingKind.OPEN
    if standing.is_acknowledged:
        return None
    pause = REMINDERS[min(max(standing.tellings, 1), len(REMINDERS)) - 1]
    return TellingKind.REMINDER if now - standing.told_at >= pause else None


def after_telling(standing: Standing, kind: TellingKind, *, how: str, now: datetime) -> Standing:
    """What is remembered once somebody has been told."""
    if kind is TellingKind.OVER:
        return replace(standing, end_told_at=now)
    return replace(standing, tellings=standing.tellings + 1, told_at=now, told_how=how)


def merged(memory: Mapping[str, Standing], stored: Mapping[str, Standing]) -> dict[str, Standing]:
    """The watchman's memory, brought together with what the database holds.

    Args:
        memory: also has what could not be written down yet.
        stored: incidents that are open, or whose end has to be told; acknowledgements are known only here.
    """
    # One that has a row and is no longer among them was finished by another watchman.
    found = {key: one for key, one in memory.items() if one.id is None or key in stored}
    for key, row in stored.items():
        mine = memory.get(key)
        if mine is None:
            found[key] = row
        elif mine.id != row.id:
            found[key] = replace(row, seen=mine.seen, missed=mine.missed)
        else:
            has_later = row.tellings > mine.tellings
            later = row if has_later else mine
            found[key] = replace(
                mine,
                is_acknowledged=row.is_acknowledged,
                tellings=later.tellings,
                told_at=later.told_at,
                told_how=later.told_how,
                end_told_at=mine.end_told_at or row.end_told_at,
            )
    return found
