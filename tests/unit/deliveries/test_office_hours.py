from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from urgentaction.deliveries.office_hours import OfficeHours, next_opening

# hypothesis wants plain bounds beside `timezones`
FIRST, LAST = (datetime(year, 1, 1, tzinfo=UTC).replace(tzinfo=None) for year in (2015, 2030))
SEOUL = OfficeHours(time_zone="Asia/Seoul", opens=time(9), closes=time(18))


def test_an_open_office_gets_it_now() -> None:
    tuesday_ten_in_seoul = datetime(2015, 11, 24, 1, tzinfo=UTC)
    assert next_opening(tuesday_ten_in_seoul, SEOUL) == tuesday_ten_in_seoul


def test_at_night_it_waits_for_the_morning_by_the_office_s_own_clock() -> None:
    tuesday_evening = datetime(2015, 11, 24, 12, tzinfo=UTC)  # 21:00 in Seoul
    assert next_opening(tuesday_evening, SEOUL) == datetime(2015, 11, 25, 0, tzinfo=UTC)


def test_a_weekend_is_waited_out() -> None:
    saturday = datetime(2015, 11, 28, 3, tzinfo=UTC)
    assert next_opening(saturday, SEOUL) == datetime(2015, 11, 30, 0, tzinfo=UTC)


def test_an_office_without_hours_takes_faxes_day_and_night() -> None:
    night = datetime(2015, 11, 24, 18, tzinfo=UTC)
    assert next_opening(night, OfficeHours(time_zone="Asia/Seoul", opens=None, closes=None)) == night


@given(
    st.datetimes(min_value=FIRST, max_value=LAST, timezones=st.just(UTC)),
    st.sampled_from(["Asia/Seoul", "Europe/London", "America/New_York", "Asia/Kathmandu", "Pacific/Apia"]),
    st.sets(st.sampled_from("1234567"), min_size=1),
)
def test_the_moment_found_is_in_office_hours_and_at_most_a_week_away(
    moment: datetime, zone: str, days: set[str]
) -> None:
    hours = OfficeHours(time_zone=zone, opens=time(9), closes=time(17, 30), workdays="".join(sorted(days)))
    found = next_opening(moment, hours)
    assert moment <= found <= moment + timedelta(days=8)
    assert next_opening(found, hours) == found
