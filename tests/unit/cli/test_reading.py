"""What people type, read strictly and answered kindly."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urgentaction.cli import reading
from urgentaction.core.errors import InvalidInput


@given(st.dates())
def test_days_are_read_back(found: date) -> None:
    assert reading.day(f" {found.isoformat()} ", option="as_of") == found


@given(st.datetimes(timezones=st.timezones()).filter(lambda moment: moment.utcoffset() is not None))
def test_moments_keep_their_instant(found: datetime) -> None:
    fixed = found.astimezone(timezone(found.utcoffset() or timedelta(0)))
    assert reading.moment(fixed.isoformat(), option="until") == fixed


def test_a_day_alone_ends_with_it() -> None:
    assert reading.moment("2015-11-24", option="until") == datetime(2015, 11, 24, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "24.11.2015", "2015-13-01", "tomorrow"])
def test_other_words_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"as_of: .* write it like 2015-11-24"):
        reading.day(text, option="as_of")
    with pytest.raises(InvalidInput, match="reported_at: "):
        reading.moment(text, option="reported_at")


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(InvalidInput, match="has no time zone"):
        reading.moment("2015-11-24T09:00", option="reported_at")


def test_words_come_once_and_in_order() -> None:
    assert reading.words(" Fax,email,, fax ") == ["fax", "email"]


def test_a_closed_list_is_shown_to_who_misses_it() -> None:
    assert reading.one_of(" SMS ", ["email", "sms"], option="channel") == "sms"
    with pytest.raises(InvalidInput, match="channel: “pigeon” is not one of email, sms"):
        reading.one_of("pigeon", ["email", "sms"], option="channel")


def test_all_faults_are_told_at_once() -> None:
    def fails(name: str) -> int:
        raise InvalidInput.of(name, "no")

    with pytest.raises(InvalidInput) as caught:
        reading.together(lambda: 1, lambda: fails("b"), lambda: "c", lambda: fails("d"))
    assert [problem.field for problem in caught.value.problems] == ["b", "d"]
    assert reading.together(lambda: 1, lambda: 2, lambda: "c", lambda: None) == (1, 2, "c", None)
