"""Public holidays by country, as the `holidays` library knows them: religious and lunar ones included.

Owns which countries there are calendars for. What a holiday means for a letter is not decided here.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import cache

import holidays


def has_calendar(code: str) -> bool:
    """Whether the public holidays of a country (`KR`) or of a part of one (`US-NY`; ISO 3166-2) are known."""
    country, _, part = code.partition("-")
    known = _known()
    return country in known and (not part or part in known[country])


def is_public_holiday(day: date, codes: Iterable[str]) -> bool:
    """Whether the day is a public holiday in any of these. Where nothing is known there are none."""
    return any(day in _days(code, day.year) for code in codes)


@cache
def _known() -> dict[str, list[str]]:
    return dict(holidays.list_supported_countries(include_aliases=False))


@cache
def _days(code: str, year: int) -> frozenset[date]:
    if not has_calendar(code):
        return frozenset()
    country, _, part = code.partition("-")
    return frozenset(holidays.country_holidays(country, subdiv=part or None, years=year))
