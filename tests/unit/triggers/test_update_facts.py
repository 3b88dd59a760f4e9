"""What is wrong with an update, said by field."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from tests.unit.triggers.situations import TOLD, update
from urgentaction.core.errors import InvalidInput
from urgentaction.triggers.facts import UpdateFacts, is_earlier, validate_update

NOW = datetime(2015, 12, 3, 9, 0, tzinfo=UTC)
KST = timezone(timedelta(hours=9))
GOOD = update("return_imminent")


def problems(facts: UpdateFacts, now: datetime = NOW) -> list[str]:
    return [str(problem) for problem in validate_update(facts, now=now)]


def test_a_good_update_has_no_problems() -> None:
    assert problems(GOOD) == []
    assert problems(replace(GOOD, as_of=datetime(2015, 12, 3, 17, 59, tzinfo=KST))) == []


def test_a_date_in_the_future() -> None:
    assert problems(replace(GOOD, as_of=date(2016, 11, 24))) == [
        "as_of: 2016-11-24 lies in the future; give the day it was so"
    ]
    late = datetime(2015, 12, 3, 18, 6, tzinfo=KST)
    assert problems(replace(GOOD, as_of=late)) == [
        "as_of: 2015-12-03T18:06:00+09:00 lies in the future; give the day it was so"
    ]


def test_a_day_that_has_begun_in_korea_is_not_the_future() -> None:
    evening = datetime(2015, 12, 3, 16, 0, tzinfo=UTC)  # 01:00 on the fourth in Seoul

    assert problems(replace(GOOD, as_of=date(2015, 12, 4), reported_at=evening), evening) == []
    assert problems(replace(GOOD, as_of=date(2015, 12, 5), reported_at=evening), evening) != []


def test_reported_before_it_happened() -> None:
    early = replace(GOOD, reported_at=datetime(2015, 11, 20, tzinfo=UTC))

    assert problems(early) == [
        "reported_at: lies before as_of: nobody can report what has not happened; check both dates"
    ]
    assert problems(replace(GOOD, as_of=TOLD, reported_at=TOLD - timedelta(minutes=10))) != []


def test_reported_in_the_future() -> None:
    assert problems(replace(GOOD, reported_at=NOW + timedelta(hours=1))) == [
        "reported_at: 2015-12-03T10:00:00+00:00 lies in the future; give the time we were told"
    ]
    assert problems(replace(GOOD, reported_at=NOW + timedelta(minutes=4))) == []


def test_times_without_a_zone_are_refused_together() -> None:
    naive = datetime(2015, 11, 24, 9, 0)  # noqa: DTZ001

    assert problems(replace(GOOD, as_of=naive, reported_at=naive)) == [
        "as_of: has no time zone; add an offset (2015-11-24T09:00+08:00) or give the date alone",
        "reported_at: has no time zone; add an offset (2015-11-24T09:00+08:00)",
    ]
    with pytest.raises(InvalidInput, match="has no time zone"):
        is_earlier(naive, NOW)


def test_places_and_persons() -> None:
    facts = replace(GOOD, place="Tumen\r\nBcc: x", person_keys=("person-1", "person-1", " "))

    assert problems(facts) == [
        "place: contains a line break or control character; write it on one line",
        "persons: one of the persons is blank; remove it, or name the person",
        "persons: names somebody twice; name everybody once",
    ]
