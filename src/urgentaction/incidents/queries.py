"""Reads on incidents."""

from __future__ import annotations

import uuid

from django.db.models import QuerySet

from urgentaction.core.errors import InvalidInput, NotFound

from .models import Incident

_SHORTEST = 4
PAGE = 100


def open_incidents() -> QuerySet[Incident]:
    """Those that are not over, the most urgent first."""
    return Incident.objects.filter(closed_at=None).order_by("severity", "opened_at")  # critical comes before warning


def latest_incidents(limit: int = PAGE) -> QuerySet[Incident]:
    """Open and over, the latest first."""
    return Incident.objects.order_by("-opened_at")[:limit]


def incident_called(name: str) -> Incident:
    """The latest incident with this key, else the one whose id is or ends so. Raises NotFound, InvalidInput."""
    wanted = name.strip()
    if found := Incident.objects.filter(key=wanted).order_by("-opened_at").first():
        return found
    tail = wanted.lower().replace("-", "")
    if len(tail) < _SHORTEST:
        raise InvalidInput.of("incident", f"“{name}” is too short; give the id as `urgentaction incidents` shows it")
    ids: list[uuid.UUID] = list(Incident.objects.order_by("-opened_at").values_list("id", flat=True)[: 10 * PAGE])
    matching = [one for one in ids if one.hex.endswith(tail)]
    if not matching:
        raise NotFound.of("incident", f"there is none called {name!r}; `urgentaction incidents --all` shows them")
    if len(matching) > 1:
        raise InvalidInput.of("incident", f"{len(matching)} incidents end in {name!r}; give more of the id")
    return Incident.objects.get(id=matching[0])
