"""The clock of a case is its custodian's, where that has one."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from urgentaction.cases.zones import _PRIMARY, time_zone_in, time_zone_of


@pytest.mark.parametrize(
    ("country", "zone"),
    [("KR", "Asia/Seoul"), ("CN", "Asia/Shanghai"), ("TH", "Asia/Bangkok"), ("US", ""), ("RU", ""), ("XX", "")],
)
def test_a_country_has_one_clock_or_none_that_can_be_told(country: str, zone: str) -> None:
    assert time_zone_in(country) == zone


def test_every_primary_zone_exists() -> None:
    assert all(ZoneInfo(zone) for zone in _PRIMARY.values())


def test_only_the_custodian_counts() -> None:
    assert time_zone_of([("CN", "custodian"), ("KP", "origin"), ("KR", "intercessor")]) == "Asia/Shanghai"
    assert time_zone_of([("KP", "origin")]) == ""
    assert time_zone_of([("CN", "custodian"), ("TH", "custodian")]) == ""
