"""Reads on the directory: who holds an office now, and where it can be reached."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import Protocol, TypeVar

from django.db.models import DateField, DateTimeField, Exists, Func, OuterRef, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast

from urgentaction.channels.contract import Channel
from urgentaction.core.clock import now, today

from .calendars import is_public_holiday
from .kinds import Health
from .models import ContactPoint, Office, Official


class _HasOffice(Protocol):
    @property
    def office(self) -> Office: ...


Addressed = TypeVar("Addressed", bound=_HasOffice)


def offices_with(text: str) -> QuerySet[Office]:
    """Offices whose name, short name, holder or printed number has this text in it."""
    officials = Official.objects.filter(office=OuterRef("pk"), names__icontains=text)
    points = ContactPoint.objects.filter(office=OuterRef("pk"), printed_value__icontains=text)
    return Office.objects.filter(
        Q(names__icontains=text) | Q(slug__icontains=text) | Exists(officials) | Exists(points)
    )


def official_in(office: Office) -> Official | None:
    """Who holds the office today, by its own calendar; None where nobody is recorded."""
    day = today(office.time_zone)
    return (
        office.officials.filter(Q(holds_from=None) | Q(holds_from__lte=day))
        .filter(Q(holds_until=None) | Q(holds_until__gte=day))
        .order_by("-holds_from")
        .first()
    )


def holder_among(office: Office) -> Official | None:
    """As `official_in`, out of officials fetched already."""
    day = today(office.time_zone)
    holders = [one for one in office.officials.all() if _holds(one, day)]
    return max(holders, key=lambda one: one.holds_from or date.max) if holders else None


def _holds(official: Official, day: date) -> bool:
    has_begun = official.holds_from is None or official.holds_from <= day
    return has_begun and (official.holds_until is None or official.holds_until >= day)


def officials_in_office(addressed: Iterable[Addressed]) -> Iterator[tuple[Addressed, Official | None]]:
    """Each addressee with the person who holds the office today, or None for a vacant one."""
    for entry in addressed:
        yield entry, official_in(entry.office)


def usable_contact_points(office_id: uuid.UUID, channels: Iterable[Channel]) -> list[ContactPoint]:
    """Contact points that are not known to be dead, in the order of `channels`, then by rank."""
    order = {channel.value: place for place, channel in enumerate(channels)}
    points = ContactPoint.objects.filter(office_id=office_id, channel__in=order).exclude(health=Health.DEAD)
    points = points.select_related("office")
    return sorted(points, key=lambda point: (order[point.channel], point.rank, point.dial_value))


def contact_points_in_order(office: Office, channels: Iterable[Channel]) -> list[ContactPoint]:
    """Everything that may be tried for an office: its own usable contact points, then those of its mission."""
    channels = tuple(channels)
    offices = [office.id] if office.care_of_id is None else [office.id, office.care_of_id]
    return [point for one in offices for point in usable_contact_points(one, channels)]


def holidays_of(office: Office) -> Callable[[date], bool]:
    """Whether a day is a public holiday at an office: its country's, unless the directory names other calendars."""
    codes = tuple(office.holidays or [office.country])
    return lambda day: is_public_holiday(day, codes)


def stranded_without(point: ContactPoint) -> list[Office]:
    """The offices for which nothing at all would be left to try without this contact point.

    Its own office; and those that are reached through it as a mission.
    """
    left = ContactPoint.objects.exclude(health=Health.DEAD).exclude(id=point.id)
    if point.health == Health.DEAD or left.filter(office_id=point.office_id).exists():
        return []
    its_own = Exists(left.filter(office_id=OuterRef("pk")))
    through = Exists(left.filter(office_id=OuterRef("care_of_id")))
    here = Q(id=point.office_id) | Q(care_of_id=point.office_id)
    return list(Office.objects.filter(here).exclude(its_own).exclude(through).order_by("slug"))


def is_held() -> Exists:
    """For a query of offices: whether somebody holds the office today, by its own calendar."""
    moment = Value(now(), output_field=DateTimeField())
    zone = Func(OuterRef("time_zone"), function="ua_zone", output_field=TextField())
    day = Cast(Func(zone, moment, function="timezone", output_field=DateTimeField()), DateField())
    has_begun = Q(holds_from=None) | Q(holds_from__lte=day)
    return Exists(
        Official.objects.filter(has_begun, Q(holds_until=None) | Q(holds_until__gte=day), office=OuterRef("pk"))
    )
