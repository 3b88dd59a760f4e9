"""Reads on cases: finding one, and what each audience may see of its persons."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from urgentaction.core.errors import NotFound

from .models import Case, Person
from .vocabulary import Confidence


class Shown(StrEnum):
    """The form in which an audience sees a person; consent decides which."""

    NAME = "name"
    PSEUDONYM = "pseudonym"
    DESCRIPTION = "description"


def case_called(reference: str) -> Case:
    """The case with this reference. Raises NotFound naming near ones."""
    case = Case.objects.filter(reference=reference.strip().upper()).first()
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
