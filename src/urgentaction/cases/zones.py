"""Where the clock of a case hangs: the time zone of the country that holds the person. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from babel.core import get_global

from .vocabulary import CountryRole

#: Countries with a zone that their law or nearly all of their people go by, among others (CLDR, `primaryZones`).
_PRIMARY: Final = {
    "CL": "America/Santiago",
    "CN": "Asia/Shanghai",
    "DE": "Europe/Berlin",
    "EC": "America/Guayaquil",
    "ES": "Europe/Madrid",
    "MY": "Asia/Kuala_Lumpur",
    "NZ": "Pacific/Auckland",
    "PT": "Europe/Lisbon",
    "UA": "Europe/Kyiv",
    "UZ": "Asia/Tashkent",
}


def time_zone_in(country: str) -> str:
    """The IANA time zone of a country (ISO 3166-1 alpha-2); empty where it has several, or is not known."""
    if country in _PRIMARY:
        return _PRIMARY[country]
    zones = get_global("territory_zones").get(country, ())
    return str(zones[0]) if len(zones) == 1 else ""


def time_zone_of(countries: Iterable[tuple[str, str]]) -> str:
    """The time zone of a case: its custodian's; empty where there is none, or where it can't be told.

    Args:
        countries: pairs of country and role, as `CaseCountry` has them.
    """
    zones = {time_zone_in(country) for country, role in countries if role == CountryRole.CUSTODIAN}
    return zones.pop() if len(zones) == 1 else ""
