"""The directory as a file, in the format that `importing` reads: importing it again changes nothing.

What was retired is left out. An import then leaves it as it is: not used any more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from .models import ContactPoint, Office, Official

#: A TOML file says nothing of what is empty: that is what its absence means.
_EMPTY: tuple[object, ...] = (None, "", {}, [])


def export_directory() -> str:
    """Every office with its officials and contact points, as TOML; four queries."""
    return toml_of(offices_as_told())


def offices_as_told() -> list[dict[str, Any]]:
    """Every office as a file tells of it: keys in the order of `records`, nothing that is empty."""
    rows = Office.objects.select_related("care_of").order_by("slug")
    return [_office(row) for row in rows.prefetch_related("officials", "contact_points")]


def toml_of(offices: list[dict[str, Any]]) -> str:
    """Offices, as `offices_as_told` has them, in TOML 1.0."""
    return "\n".join(line for office in offices for line in _table("office", office))


def _office(row: Office) -> dict[str, Any]:
    told = {
        "slug": row.slug,
        "country": row.country,
        "kind": row.kind,
        "time_zone": row.time_zone,
        "preferred_language": row.preferred_language,
        "opens": row.opens,
        "closes": row.closes,
        "workdays": row.workdays,
        "holidays": row.holidays,
        "care_of": row.care_of.slug if row.care_of else None,
        "names": row.names,
        "postal_address": row.postal_address,
        "official": [_official(one) for one in sorted(row.officials.all(), key=_since)],
        "contact_point": [_contact_point(one) for one in row.contact_points.all() if one.retired_at is None],
    }
    return _without_empty(told)


def _since(official: Official) -> tuple[date, str]:
    return official.holds_from or date.min, official.slug


def _official(row: Official) -> dict[str, Any]:
    told = {
        "slug": row.slug,
        "addressed_as": row.addressed_as,
        "holds_from": row.holds_from,
        "holds_until": row.holds_until,
        "names": row.names,
        "honorifics": row.honorifics,
        "salutations": row.salutations,
    }
    return _without_empty(told)


def _contact_point(row: ContactPoint) -> dict[str, Any]:
    told = {
        "channel": row.channel,
        "printed_value": row.printed_value,
        "dial_value": row.dial_value,
        "rank": row.rank,
        "health": row.health,
        "health_note": row.health_note,
        "verified_at": row.verified_at.astimezone(UTC) if row.verified_at else None,
        "verified_how": row.verified_how,
    }
    return _without_empty(told)


def _without_empty(told: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in told.items() if value not in _EMPTY}


# --- TOML -------------------------------------------------------------------------------------------------------------


def _table(name: str, told: Mapping[str, Any]) -> Iterator[str]:
    yield f"[[{name}]]"
    inner = {key: value for key, value in told.items() if _is_tables(value)}
    for key, value in told.items():
        if key not in inner:
            yield f"{key} = {_value(value)}"
    yield ""
    for key, tables in inner.items():
        for table in tables:
            yield from _table(f"{name}.{key}", table)


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _value(value: object) -> str:
    match value:
        case str():
            return _text(value)
        case int():
            return str(value)
        case datetime() | date() | time():
            return value.isoformat()
        case list():
            return f"[{', '.join(_value(one) for one in value)}]"
        case dict():
            return "{ " + ", ".join(f"{_text(key)} = {_value(one)}" for key, one in value.items()) + " }"
    raise AssertionError(f"a directory holds no {type(value).__name__}")


def _text(text: str) -> str:
    """JSON's strings are TOML's, but for one character that only JSON lets stand for itself."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
