"""What the trigger rules are told: the case before, and the update.

Owns the values that go into `rules.decide` and the checks on an update that need no database. Pure; builds nothing from
models itself (the caller does).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from urgentaction.cases.vocabulary import Confidence, Status
from urgentaction.core.errors import InvalidInput, Problem
from urgentaction.core.phrases import say

#: The earliest zone of the world is 14 hours ahead of UTC: a plain date has begun once it has begun there.
_EARLIEST_ZONE: Final = timedelta(hours=14)
#: Clocks of other machines are not ours.
_CLOCK_SKEW: Final = timedelta(minutes=5)
_NO_ZONE: Final = say("has no time zone; add an offset (2015-11-24T09:00+08:00)")


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonSnapshot:
    """A member of the case. `status` None: nothing of their own is known, they share the case's status."""

    key: str
    status: Status | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningAlert:
    """An alert that still has something to send. `number` is as people know it; `kind` its letter kind or `manual`."""

    number: str
    kind: str
    level: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSnapshot:
    """The case as it stands before the update, read in the update's transaction.

    Attributes:
        status, confidence: of the case; None for one that has no status yet.
        persons: everybody in the case; empty where nobody is listed singly.
        version: the case's fence.
        running_alerts: whatever would be withdrawn.
        previously_reached: some alert of this case, running ones included, reached somebody.
        latest_as_of: the latest `as_of` among the credible and confirmed updates. Leave rumours out: a rumour about
            tomorrow must not make today's facts look old.
        is_closed: staff closed the case.
    """

    status: Status | None = None
    confidence: Confidence | None = None
    persons: tuple[PersonSnapshot, ...] = ()
    version: int = 0
    running_alerts: tuple[RunningAlert, ...] = ()
    previously_reached: bool = False
    latest_as_of: date | datetime | None = None
    is_closed: bool = False

    @property
    def has_running_alerts(self) -> bool:
        """Something may still be unsent."""
        return bool(self.running_alerts)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateFacts:
    """What somebody tells us.

    Attributes:
        as_of: when it was so; a date where the hour is not known, else an aware datetime.
        reported_at: when we were told (aware).
        person_keys: whom it is about; empty for the whole case.
    """

    status: Status
    confidence: Confidence
    as_of: date | datetime
    reported_at: datetime
    place: str = ""
    person_keys: tuple[str, ...] = ()


def is_earlier(one: date | datetime, other: date | datetime) -> bool:
    """Whether `one` lies certainly before `other`; where either is a plain date, whole days (UTC) are compared.

    Raises:
        InvalidInput: a datetime without a time zone.
    """
    if isinstance(one, datetime) and isinstance(other, datetime):
        return _in_utc(one) < _in_utc(other)
    return _day(one) < _day(other)


def validate_update(facts: UpdateFacts, *, now: datetime) -> list[Problem]:
    """Everything wrong with an update that can be told without the database; an empty list if nothing is.

    A plain date counts as "not in the future" as soon as it has begun anywhere on earth; datetimes may be five
    minutes ahead of `now` (aware), because clocks differ.
    """
    problems = []
    if not _is_aware(facts.as_of):
        problems.append(Problem("as_of", say("%(no_zone)s or give the date alone", no_zone=_NO_ZONE)))
    elif _is_future(facts.as_of, now):
        problems.append(
            Problem(
                "as_of",
                say("%(moment)s lies in the future; give the day it was so", moment=facts.as_of.isoformat()),
            )
        )
    if not _is_aware(facts.reported_at):
        problems.append(Problem("reported_at", _NO_ZONE))
    elif facts.reported_at > now + _CLOCK_SKEW:
        problems.append(
            Problem(
                "reported_at",
                say(
                    "%(moment)s lies in the future; give the time we were told",
                    moment=facts.reported_at.isoformat(),
                ),
            )
        )
    if not problems and _is_reported_too_early(facts):
        problems.append(
            Problem("reported_at", say("lies before as_of: nobody can report what has not happened; check both dates"))
        )
    if not facts.place.isprintable():
        problems.append(Problem("place", say("contains a line break or control character; write it on one line")))
    if any(not key.strip() for key in facts.person_keys):
        problems.append(Problem("persons", say("one of the persons is blank; remove it, or name the person")))
    if len(set(facts.person_keys)) != len(facts.person_keys):
        problems.append(Problem("persons", say("names somebody twice; name everybody once")))
    return problems


def _is_aware(moment: date | datetime) -> bool:
    return not isinstance(moment, datetime) or moment.utcoffset() is not None


def _in_utc(moment: datetime) -> datetime:
    if moment.utcoffset() is None:
        raise InvalidInput.of(
            "as_of",
            say("%(moment)s has no time zone; add an offset or give the date alone", moment=moment.isoformat()),
        )
    return moment.astimezone(UTC)


def _day(moment: date | datetime) -> date:
    return _in_utc(moment).date() if isinstance(moment, datetime) else moment


def _is_future(moment: date | datetime, now: datetime) -> bool:
    if isinstance(moment, datetime):
        return moment > now + _CLOCK_SKEW
    return moment > (_in_utc(now) + _EARLIEST_ZONE).date()


def _is_reported_too_early(facts: UpdateFacts) -> bool:
    if isinstance(facts.as_of, datetime):
        return facts.reported_at + _CLOCK_SKEW < facts.as_of
    return (_in_utc(facts.reported_at) + _EARLIEST_ZONE).date() < facts.as_of
