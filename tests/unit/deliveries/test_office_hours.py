"""When a fax may be sent: hours, weekends, holidays and clocks that are changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urgentaction.deliveries.office_hours import LONGEST_SEARCH, OfficeHours, is_open, next_opening
from urgentaction.directory.calendars import has_calendar, is_public_holiday

# hypothesis wants plain bounds beside `timezones`
FIRST, LAST = (datetime(year, 1, 1, tzinfo=UTC).replace(tzinfo=None) for year in (2015, 2030))
SEOUL = OfficeHours(time_zone="Asia/Seoul", opens=time(9), closes=time(18))
BANGKOK = OfficeHours(time_zone="Asia/Bangkok", opens=time(8, 30), closes=time(16, 30))
ZONES = ["Asia/Seoul", "Europe/London", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Cairo"]


def holiday_in(*codes: str) -> Callable[[date], bool]:
    return lambda day: is_public_holiday(day, codes)


def local(zone: str, year: int, month: int, day: int, hour: int, minute: int) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=ZoneInfo(zone))


def test_an_open_office_gets_it_now() -> None:
    tuesday_ten_in_seoul = datetime(2015, 11, 24, 1, tzinfo=UTC)
    assert next_opening(tuesday_ten_in_seoul, SEOUL) == tuesday_ten_in_seoul


def test_at_night_it_waits_for_the_morning_by_the_office_s_own_clock() -> None:
    tuesday_evening = datetime(2015, 11, 24, 12, tzinfo=UTC)  # 21:00 in Seoul
    assert next_opening(tuesday_evening, SEOUL) == datetime(2015, 11, 25, 0, tzinfo=UTC)


def test_a_weekend_is_waited_out() -> None:
    saturday = datetime(2015, 11, 28, 3, tzinfo=UTC)
    assert next_opening(saturday, SEOUL) == datetime(2015, 11, 30, 0, tzinfo=UTC)


def test_where_the_weekend_is_friday_and_saturday_sunday_is_a_working_day() -> None:
    riyadh = OfficeHours(time_zone="Asia/Riyadh", opens=time(8), closes=time(15), workdays="12347")
    thursday_evening = local("Asia/Riyadh", 2026, 11, 19, 20, 0)
    assert next_opening(thursday_evening, riyadh) == local("Asia/Riyadh", 2026, 11, 22, 8, 0)


def test_an_office_without_hours_takes_faxes_day_and_night() -> None:
    night = datetime(2015, 11, 24, 18, tzinfo=UTC)
    assert next_opening(night, OfficeHours(time_zone="Asia/Seoul", opens=None, closes=None)) == night


@pytest.mark.parametrize(
    ("code", "days"),
    [
        ("KR", ["2026-02-16", "2026-02-17", "2026-02-18"]),  # Seollal
        ("KR", ["2026-09-24", "2026-09-25", "2026-09-26"]),  # Chuseok
        ("CN", ["2026-02-17"]),  # Chinese New Year
        ("TH", ["2026-04-13", "2026-04-14", "2026-04-15"]),  # Songkran
    ],
)
def test_holidays_that_follow_the_moon_are_known(code: str, days: list[str]) -> None:
    assert all(is_public_holiday(date.fromisoformat(day), [code]) for day in days)


def test_an_ordinary_day_is_no_holiday() -> None:
    assert not is_public_holiday(date(2026, 11, 24), ["KR", "CN", "TH"])


def test_a_mission_keeps_the_holidays_of_several_calendars() -> None:
    assert is_public_holiday(date(2026, 11, 26), ["US-DC", "TH"]), "Thanksgiving"
    assert is_public_holiday(date(2026, 4, 13), ["US-DC", "TH"]), "Songkran"


def test_a_country_that_nobody_has_a_calendar_of_has_no_holidays() -> None:
    assert has_calendar("KR")
    assert has_calendar("US-NY")
    assert not has_calendar("XX")
    assert not has_calendar("US-ZZ")
    assert not is_public_holiday(date(2026, 1, 1), ["XX"])


def test_seollal_is_waited_out() -> None:
    saturday = local("Asia/Seoul", 2026, 2, 14, 10, 0)  # then a Sunday, and three days of Seollal
    assert next_opening(saturday, SEOUL, is_holiday=holiday_in("KR")) == local("Asia/Seoul", 2026, 2, 19, 9, 0)


def test_songkran_is_waited_out_to_the_minute_of_the_opening() -> None:
    friday = local("Asia/Bangkok", 2026, 4, 10, 16, 30)
    assert next_opening(friday, BANGKOK, is_holiday=holiday_in("TH")) == local("Asia/Bangkok", 2026, 4, 16, 8, 30)


def test_golden_week_and_its_weekends_are_waited_out() -> None:
    tokyo = OfficeHours(time_zone="Asia/Tokyo", opens=time(9), closes=time(17))
    # 2019, the year of the Emperor's accession: ten days in a row.
    friday = local("Asia/Tokyo", 2019, 4, 26, 18, 0)
    assert next_opening(friday, tokyo, is_holiday=holiday_in("JP")) == local("Asia/Tokyo", 2019, 5, 7, 9, 0)


def test_a_chinese_new_year_with_weekends_on_both_sides_is_waited_out() -> None:
    beijing = OfficeHours(time_zone="Asia/Shanghai", opens=time(9), closes=time(17))
    friday = local("Asia/Shanghai", 2026, 2, 13, 18, 0)
    found = next_opening(friday, beijing, is_holiday=holiday_in("CN"))
    assert found == local("Asia/Shanghai", 2026, 2, 24, 9, 0)
    assert found - friday > timedelta(days=9), "further than a week and a weekend"


def test_an_office_that_never_opens_is_written_to_all_the_same() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    assert next_opening(moment, SEOUL, is_holiday=lambda _day: True) == moment


def test_an_opening_hour_that_the_clock_skips_begins_when_the_clock_goes_on() -> None:
    early = OfficeHours(time_zone="America/New_York", opens=time(2, 30), closes=time(9), workdays="7")
    saturday = datetime(2026, 3, 7, 12, tzinfo=UTC)
    # From 01:59 the clock goes on to 03:00, which is within the hours.
    assert next_opening(saturday, early) == datetime(2026, 3, 8, 7, tzinfo=UTC)


def test_an_opening_hour_that_comes_twice_begins_twice() -> None:
    early = OfficeHours(time_zone="America/New_York", opens=time(1, 30), closes=time(9), workdays="7")
    assert next_opening(datetime(2026, 10, 31, 12, tzinfo=UTC), early) == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    put_back = datetime(2026, 11, 1, 6, 10, tzinfo=UTC)  # 01:10 for the second time
    assert next_opening(put_back, early) == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)


def test_an_office_that_had_closed_may_open_again_when_the_clock_is_put_back() -> None:
    late = OfficeHours(time_zone="America/New_York", opens=time(0, 30), closes=time(1, 30), workdays="7")
    closed = datetime(2026, 11, 1, 5, 45, tzinfo=UTC)  # 01:45 for the first time
    assert next_opening(closed, late) == datetime(2026, 11, 1, 6, tzinfo=UTC), "01:00 for the second time"


#: Times at which clocks are changed, and those of offices.
TIMES = st.sampled_from([time(0), time(0, 30), time(1, 30), time(2), time(2, 30), time(3), time(9), time(12, 15)])
#: Days around changes of the clock in one of the zones, and others.
MOMENTS = st.datetimes(min_value=FIRST, max_value=LAST, timezones=st.just(UTC)) | st.builds(
    lambda day, minutes: datetime.combine(day, time(), UTC) + timedelta(minutes=minutes),
    st.sampled_from(
        [
            date(2026, 3, 7),
            date(2026, 10, 31),
            date(2026, 3, 28),
            date(2026, 10, 24),
            date(2026, 4, 4),
            date(2023, 4, 27),
        ]
    ),
    st.integers(0, 3 * 24 * 60),
)


@given(
    moment=MOMENTS,
    zone=st.sampled_from(ZONES),
    opens=TIMES,
    length=st.integers(min_value=15, max_value=10 * 60),
    days=st.sets(st.sampled_from("1234567"), min_size=1),
    shut=st.sets(st.integers(0, 12)),
)
def test_it_is_the_first_moment_at_which_the_office_is_open(
    moment: datetime, zone: str, opens: time, length: int, days: set[str], shut: set[int]
) -> None:
    closes = (datetime.combine(date(2020, 1, 1), opens) + timedelta(minutes=length)).time()
    hours = OfficeHours(time_zone=zone, opens=opens, closes=closes, workdays="".join(sorted(days)))
    shut_days = {moment.date() + timedelta(days=number) for number in shut}
    found = next_opening(moment, hours, is_holiday=shut_days.__contains__)
    wall = found.astimezone(ZoneInfo(zone))
    assert moment <= found <= moment + timedelta(days=LONGEST_SEARCH)
    assert opens <= wall.time() < closes
    assert str(wall.isoweekday()) in days
    assert wall.date() not in shut_days
    # Hours and changes of the clock fall on whole quarters: the office is closed at every one before.
    step = timedelta(minutes=15)
    quarter = datetime.fromtimestamp(moment.timestamp() // step.total_seconds() * step.total_seconds(), UTC) + step
    while quarter < found:
        assert not is_open(quarter, hours, is_holiday=shut_days.__contains__), quarter
        quarter += step
    assert found == moment or not is_open(moment, hours, is_holiday=shut_days.__contains__)
    assert next_opening(found, hours, is_holiday=shut_days.__contains__) == found
