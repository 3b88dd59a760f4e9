"""The reads of the cases' pages. Writes nothing, decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Prefetch, QuerySet

from urgentaction.alerts.models import Alert
from urgentaction.alerts.queries import LIVE
from urgentaction.cases.models import Case, CaseCountry, Person
from urgentaction.cases.queries import person_as_shown
from urgentaction.cases.zones import time_zone_of
from urgentaction.console.reading import names_of
from urgentaction.tracking.story import Event, Part, story

#: Never read unless somebody asked for them by name (`names_of_persons`).
SEALED = ("confidential_name", "confidential_spellings", "consent_note")


def listed_cases() -> QuerySet[Case]:
    """Cases with what a list shows of each: countries and live alerts, two queries for a whole page."""
    live = Alert.objects.filter(state__in=LIVE).order_by("priority", "created_at")
    countries = CaseCountry.objects.order_by("role", "country")
    return Case.objects.prefetch_related(
        Prefetch("alerts", live, to_attr="live_alerts"), Prefetch("countries", countries, to_attr="its_countries")
    )


def zone_of(case: Case) -> str:
    """The time zone where the case is; empty where it can't be told."""
    return time_zone_of(case.countries.values_list("country", "role"))


def persons_of(case: Case) -> list[Person]:
    """Everybody in a case, names sealed."""
    return list(case.persons.defer(*SEALED).order_by("key"))


@dataclass(frozen=True, slots=True)
class PersonLine:
    """A person as staff see them. `label` never holds a confidential name."""

    person: Person
    label: str
    has_confidential_name: bool


def lines_of(persons: Iterable[Person], language: str, *, as_public: bool) -> list[PersonLine]:
    """Persons with what to call them; `as_public`: as the public may know them today (docs/permissions.md)."""
    called = public_label_of if as_public else label_of
    return [PersonLine(one, called(one, language), one.name_index is not None) for one in persons]


def public_label_of(person: Person, language: str) -> str:
    """What a viewer may call a person: the form that the public sees by the consent on record, else the key."""
    return person_as_shown(person, person.shown_to_public, language, is_government=False).name or person.key


def label_of(person: Person, language: str) -> str:
    """What editors call a person: the public name, else the pseudonym, else the description, else the key.

    They have to tell people apart, so it goes by what is on record and not by what was agreed to.
    """
    described = person.descriptions.get(language) or person.descriptions.get("en") or ""
    return person.public_name or person.pseudonym or described or person.key


def events_of(case: Case, part: str) -> tuple[list[Event], Mapping[str, str]]:
    """The line of time, and the names of those in it. `part`: only this kind; what is none counts as not given."""
    parts = (Part(part),) if part in set(Part) else tuple(Part)
    events = story(case, parts=parts)
    return events, names_of(event.by for event in events)
