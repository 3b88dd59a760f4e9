"""Reads on cases: finding one, and what each audience may see of its persons."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from urgentaction.core.errors import NotFound

from .models import Case, Person
from .names import PersonNames
from .vocabulary import Confidence


class Shown(StrEnum):
    """The form in which an audience sees a person; consent decides which."""

    NAME = "name"
    PSEUDONYM = "pseudonym"
    DESCRIPTION = "description"


def case_called(reference: str) -> Case:
    """The case with this reference. Raises NotFound naming near ones."""
    asked = reference.strip().upper()
    case = None if "\0" in asked else Case.objects.filter(reference=asked).first()
    if case is None:
        known = ", ".join(Case.objects.order_by("reference").values_list("reference", flat=True)[:5])
        advice = f"known: {known}" if known else "import one first"
        raise NotFound.of("case", f"there is no case {reference!r}; {advice}")
    return case


def latest_as_of(case: Case) -> date | None:
    """The latest `as_of` among updates that were more than rumours, or None."""
    sure = case.updates.exclude(confidence=Confidence.RUMOURED).order_by("-as_of")
    return sure.values_list("as_of", flat=True).first()


@dataclass(frozen=True, slots=True)
class PersonAsShown:
    """A person as one audience may see them."""

    key: str
    name: str
    is_minor: bool
    pronoun: str


def person_as_shown(person: Person, shown: str, language: str, *, is_government: bool) -> PersonAsShown:
    """Apply consent. What was not given is not shown: each form falls back to the more careful one below it.

    Args:
        shown: the person's `shown_to_government`, `shown_to_public` or `shown_to_supporters`.
        is_government: only officials may ever read a confidential name, and only where `shown` is `name`.
    """
    description = person.descriptions.get(language) or person.descriptions.get("en") or ""
    name = description
    if shown == Shown.PSEUDONYM:
        name = person.pseudonym or description
    elif shown == Shown.NAME:
        real = person.public_name or (person.confidential_name if is_government else "")
        name = real or person.pseudonym or description
    return PersonAsShown(key=person.key, name=name, is_minor=person.is_minor, pronoun=person.pronoun)


@dataclass(frozen=True, slots=True)
class NamesOnRecord:
    """The names of a case, parted by what a text may show.

    Attributes:
        hidden: whom it must not name, with every spelling.
        shown: names it may show; a hidden name inside one of them is no fault.
    """

    hidden: tuple[PersonNames, ...] = ()
    shown: tuple[str, ...] = field(default=(), repr=False)


#: Everybody a text of a case may reach: the field with their consent, and whether they are officials.
READERS = (("shown_to_government", True), ("shown_to_public", False), ("shown_to_supporters", False))


def names_on_record(persons: Iterable[Person], readers: Iterable[tuple[str, bool]] = READERS) -> NamesOnRecord:
    """The names that a text may and may not show if all of these readers see it; no readers: it may show none.

    A public name is hidden too where consent says pseudonym or description, and a confidential one wherever
    `person_as_shown` would not use it.
    """
    readers = tuple(readers)
    hidden, shown = [], []
    for person in persons:
        confidential = [person.confidential_name, *person.confidential_spellings.split("\n")]
        every = [name for name in (*confidential, person.public_name) if name.strip()]
        allowed = set(every)
        for shown_field, is_government in readers:
            if getattr(person, shown_field) != Shown.NAME:
                allowed = set()
            elif person.public_name:
                allowed &= {person.public_name}
            elif not is_government:
                allowed = set()
        if not readers:
            allowed = set()
        shown += [name for name in every if name in allowed]
        if kept := tuple(name for name in every if name not in allowed):
            hidden.append(PersonNames(person.key, kept))
    return NamesOnRecord(tuple(hidden), tuple(shown))
