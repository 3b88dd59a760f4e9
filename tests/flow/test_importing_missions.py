"""Missions and public holidays in the directory: how they come in, and what is refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.flow.importing import BY, faults
from urgentaction.channels.contract import Channel
from urgentaction.core.tables import ImportReport
from urgentaction.directory.importing import import_directory
from urgentaction.directory.models import Office
from urgentaction.directory.queries import contact_points_in_order, holidays_of

pytestmark = pytest.mark.django_db

MINISTRY = """
[[office]]
slug = "ministry"
country = "GB"
names = { en = "Ministry" }
time_zone = "Europe/London"
opens = 09:00:00
closes = 17:00:00
care_of = "mission"

[[office.contact_point]]
channel = "fax"
dial_value = "+44 20 7946 0101"
"""
MISSION = """
[[office]]
slug = "mission"
country = "GB"
names = { en = "Mission" }
time_zone = "Europe/Zurich"
holidays = ["CH-GE", "GB"]

[[office.contact_point]]
channel = "email"
dial_value = "mission@office.invalid"

[[office.contact_point]]
channel = "fax"
dial_value = "+44 20 7946 0102"
"""


def book(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "book.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("text", [MINISTRY + MISSION, MISSION + MINISTRY])
def test_a_mission_is_found_wherever_it_stands_in_the_file_and_tried_last(tmp_path: Path, text: str) -> None:
    assert import_directory(book(tmp_path, text), by=BY) == ImportReport(created=5)
    assert import_directory(book(tmp_path, text), by=BY) == ImportReport(unchanged=5)
    ministry = Office.objects.get(slug="ministry")
    points = contact_points_in_order(ministry, [Channel.FAX, Channel.EMAIL])
    assert [(one.office.slug, one.channel) for one in points] == [
        ("ministry", "fax"),
        ("mission", "fax"),
        ("mission", "email"),
    ]


def test_a_mission_that_is_named_no_more_is_taken_off(tmp_path: Path) -> None:
    import_directory(book(tmp_path, MINISTRY + MISSION), by=BY)
    report = import_directory(book(tmp_path, MINISTRY.replace('care_of = "mission"\n', "")), by=BY)
    assert report.updated == 1
    assert Office.objects.get(slug="ministry").care_of is None
    assert Office.objects.filter(slug="mission").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (MINISTRY, "there is no office mission; add it, or correct the slug"),
        (MINISTRY.replace('"mission"', '"ministry"'), "ministry must be a mission that is reached directly"),
        (
            MINISTRY + MISSION.replace("holidays", 'care_of = "ministry"\nholidays'),
            "mission must be a mission that is reached directly; name another",
        ),
    ],
)
def test_a_mission_that_takes_no_letters_itself_is_refused(tmp_path: Path, text: str, words: str) -> None:
    found = faults(lambda: import_directory(book(tmp_path, text), by=BY))
    assert words in found["book.toml, office 1 (ministry), care_of"]


def test_an_unknown_calendar_is_refused(tmp_path: Path) -> None:
    path = book(tmp_path, MISSION.replace("CH-GE", "CH-XX"))
    found = faults(lambda: import_directory(path, by=BY))
    assert "of “CH-XX” no public holidays are known" in found["book.toml, office 1 (mission), holidays 1"]


def test_a_country_whose_holidays_nobody_knows_is_told(tmp_path: Path) -> None:
    text = MINISTRY.replace('country = "GB"', 'country = "IC"').replace('care_of = "mission"\n', "")
    (warning,) = import_directory(book(tmp_path, text), by=BY).warnings
    assert "no public holidays of IC are known; the office counts as open on every working day" in warning
    path = book(tmp_path, text.replace("opens =", 'holidays = ["ES-CN"]\nopens ='))
    assert import_directory(path, by=BY).warnings == ()


def test_an_office_keeps_its_country_s_holidays_unless_others_are_named(tmp_path: Path) -> None:
    import_directory(book(tmp_path, MINISTRY + MISSION), by=BY)
    christmas, fast_of_geneva = date(2026, 12, 25), date(2026, 9, 10)
    is_shut_in_london = holidays_of(Office.objects.get(slug="ministry"))
    is_shut_in_geneva = holidays_of(Office.objects.get(slug="mission"))
    assert is_shut_in_london(christmas)
    assert not is_shut_in_london(fast_of_geneva)
    assert is_shut_in_geneva(christmas)
    assert is_shut_in_geneva(fast_of_geneva)
