"""Importers against a real database: the samples, files with every kind of fault, and the same file twice."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.flow.importing import BY, another_import_running, change, faults
from urgentaction.accounts.models import AuditEntry
from urgentaction.accounts.service import verify_audit
from urgentaction.cases.folder import read_story
from urgentaction.cases.importing import import_case
from urgentaction.cases.models import Case
from urgentaction.cases.vocabulary import Status
from urgentaction.channels.contract import Channel, Mode
from urgentaction.channels.guard import is_reserved
from urgentaction.core.errors import Conflict
from urgentaction.core.languages import LETTER_LANGUAGES
from urgentaction.core.tables import ImportReport
from urgentaction.directory.importing import import_directory
from urgentaction.directory.kinds import Health
from urgentaction.directory.models import ContactPoint, Office, Official
from urgentaction.directory.queries import official_in, usable_contact_points
from urgentaction.letters.sections import parse_sections
from urgentaction.supporters.importing import import_supporters
from urgentaction.supporters.models import Supporter

pytestmark = pytest.mark.django_db

REFERENCES = ("UA-2015-0117", "UA-2018-0052", "UA-2017-0091", "UA-2010-0131", "UA-2022-0074")


@pytest.fixture
def samples(project: Path, tmp_path: Path) -> Path:
    """A copy of the samples, to be spoilt."""
    return Path(shutil.copytree(project / "samples", tmp_path / "samples"))


# --- The samples ------------------------------------------------------------------------------------------------------


def test_the_samples_import_cleanly_and_twice_changes_nothing(samples: Path) -> None:
    calls: list[Callable[[], ImportReport]] = [
        lambda: import_directory(samples / "directory.toml", by=BY),
        *(
            lambda reference=reference: import_case(samples / "cases" / reference, by=BY, check_text=parse_sections)
            for reference in REFERENCES
        ),
        lambda: import_supporters(samples / "supporters.csv", by=BY),
    ]
    first = [call() for call in calls]
    assert all(report.created and not report.updated and not report.unchanged for report in first)
    assert all(report.warnings == () for report in first)
    again = [call() for call in calls]
    assert again == [ImportReport(unchanged=report.created) for report in first]


def test_every_sample_address_is_reserved(samples: Path) -> None:
    import_directory(samples / "directory.toml", by=BY)
    import_supporters(samples / "supporters.csv", by=BY)
    points = list(ContactPoint.objects.all())
    people = list(Supporter.objects.all())
    assert len(points) == 15
    assert all(is_reserved(Channel(point.channel), point.dial_value) for point in points)
    assert all(is_reserved(Channel.EMAIL, person.email) for person in people if person.email)
    assert all(is_reserved(Channel.SMS, person.phone) for person in people if person.phone)


def test_what_was_published_is_kept_letter_by_letter(samples: Path) -> None:
    import_directory(samples / "directory.toml", by=BY)
    printed = set(ContactPoint.objects.exclude(printed_value="").values_list("office__slug", "printed_value"))
    assert printed == {
        ("kr-president", "+82 2-770-4721"),
        ("kr-president", "President@president.go.kr"),
        ("th-prime-minister", "+66 2282 5131"),
        ("th-ambassador-washington", "202 944 3611"),
        ("ir-judiciary-head", "212 867 7086"),
        ("sa-king", "+966 11 403 3125"),
    }


def test_the_first_sample_case(samples: Path) -> None:
    import_directory(samples / "directory.toml", by=BY)
    import_case(samples / "cases" / "UA-2015-0117", by=BY)
    case = Case.objects.get(reference="UA-2015-0117")
    assert (case.group_size, case.status, case.version) == (9, "", 0)
    assert [entry.office.slug for entry in case.addressees.filter(role="to")] == ["kr-president"]
    holders = [official_in(entry.office) for entry in case.addressees.filter(role="cc")]
    copies = [holder.names["ko"] for holder in holders if holder is not None]
    assert copies == ["윤병세", "홍용표", "김장수", "이성호"]
    assert set(case.countries.values_list("country", "role")) == {
        ("CN", "custodian"),
        ("KP", "origin"),
        ("KR", "intercessor"),
    }
    assert case.persons.count() == 9
    child = case.persons.get(is_minor=True)
    assert child.descriptions["en"] == "an eleven-month-old child"
    assert set(case.texts.values_list("language", flat=True)) == set(LETTER_LANGUAGES)
    languages = {entry.office.preferred_language for entry in case.addressees.all()}
    assert languages == {"en", "ko"}


def test_the_story_of_the_first_sample_case(samples: Path) -> None:
    story = read_story(samples / "cases" / "UA-2015-0117")
    played = [(step.status, step.place, step.as_of.isoformat()) for step in story if step.is_in_demo]
    assert played == [
        (Status.DETAINED, "Dongxing", "2015-10-24"),
        (Status.RETURN_IMMINENT, "Tumen", "2015-11-24"),
        (Status.FATE_UNKNOWN, "", "2015-12-02"),
    ]


def test_the_sample_supporters_keep_their_order(samples: Path) -> None:
    import_supporters(samples / "supporters.csv", by=BY)
    people = list(Supporter.objects.order_by("id"))
    assert len(people) == 200
    # The rows that the demo has trouble with; docs/importing.md names them.
    assert (people[16].email, people[16].wants_email) == ("bounce.017@supporters.invalid", True)
    assert (people[22].email, people[22].wants_sms) == ("stop.023@supporters.invalid", True)
    assert (people[41].email, people[41].wants_sms) == ("timeout.042@supporters.invalid", True)
    assert sum(person.wants_sms for person in people) == 60
    assert sum(person.language == "ko" for person in people) == 80
    # Nobody who wants text messages has quiet hours: the demo has to end by day and by night.
    assert not [person for person in people if person.wants_sms and person.quiet_from]


def test_names_and_addresses_are_sealed_in_the_table(samples: Path) -> None:
    import_supporters(samples / "supporters.csv", by=BY)
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(supporters_supporter::text, '') FROM supporters_supporter")
        stored = cursor.fetchone()[0]
    assert b"supporters.invalid".hex() not in stored
    assert "supporters.invalid" not in stored


def test_each_import_leaves_a_line_in_the_audit_log(samples: Path) -> None:
    import_directory(samples / "directory.toml", by=BY)
    import_case(samples / "cases" / "UA-2015-0117", by=BY)
    import_supporters(samples / "supporters.csv", by=BY)
    entries = list(AuditEntry.objects.order_by("id"))
    assert [(entry.actor, entry.action, entry.subject) for entry in entries] == [
        (BY, "directory.import", "file:directory.toml"),
        (BY, "case.import", "case:UA-2015-0117"),
        (BY, "supporters.import", "file:supporters.csv"),
    ]
    assert entries[2].detail["created"] == "200"
    assert verify_audit() == (3, None)


# --- The directory ----------------------------------------------------------------------------------------------------

OFFICE = """
[[office]]
slug = "uk-ministry"
country = "GB"
names = { en = "Ministry" }
time_zone = "Europe/London"

[[office.official]]
slug = "minister"
names = { en = "A. Minister" }
salutations = { en = "Dear Minister" }
"""


def directory(tmp_path: Path, points: str, office: str = OFFICE) -> Path:
    path = tmp_path / "book.toml"
    path.write_text(office + points, encoding="utf-8")
    return path


def point(channel: str, **values: str) -> str:
    return f'\n[[office.contact_point]]\nchannel = "{channel}"\n' + "".join(
        f'{key} = "{value}"\n' for key, value in values.items()
    )


@pytest.mark.parametrize(
    ("printed", "dialled"),
    [("+44 (0)20 7636 2981 / 5578", "+442076362981"), ("+ 8443 804 4130", "+84438044130")],
)
def test_awkward_printed_numbers_survive(tmp_path: Path, printed: str, dialled: str) -> None:
    report = import_directory(directory(tmp_path, point("fax", printed_value=printed)), by=BY)
    stored = ContactPoint.objects.get()
    assert (stored.printed_value, stored.dial_value) == (printed, dialled)
    assert any("in sandbox mode nothing is sent there" in warning for warning in report.warnings)
    if "/" in printed:
        assert any("only +442076362981 is dialled" in warning for warning in report.warnings)


def test_real_addresses_are_no_matter_in_live_mode(tmp_path: Path, settings: Any) -> None:
    settings.MODE = Mode.LIVE
    report = import_directory(directory(tmp_path, point("fax", dial_value="+44 20 7636 2981")), by=BY)
    assert report.warnings == ()


def test_the_kind_of_an_office_and_how_its_holder_is_addressed_are_kept(tmp_path: Path) -> None:
    path = change(
        directory(tmp_path, point("fax", dial_value="+44 20 7946 0123")), "time_zone", 'kind = "minister"\ntime_zone'
    )
    change(path, "salutations", 'addressed_as = "woman"\nsalutations')
    import_directory(path, by=BY)
    office = Office.objects.get(slug="uk-ministry")
    assert (office.kind, office.officials.get().addressed_as) == ("minister", "woman")
    # What the file no longer says is no longer so: a wrong form of address can be taken back.
    change(path, 'addressed_as = "woman"\n', "")
    assert import_directory(path, by=BY).updated == 1
    assert Official.objects.get(slug="minister").addressed_as == ""


SPOILT = [
    ('slug = "uk-ministry"', 'slug = "UK Ministry"', "office 1 (UK Ministry), slug", "must be lower-case letters"),
    ('"GB"', '"UK"', "office 1 (uk-ministry), country", "“UK” is not a country"),
    ('"GB"', "44", "office 1 (uk-ministry), country", "must be text in quotation marks"),
    ('{ en = "Ministry" }', '{ ko = "부" }', "office 1 (uk-ministry), names", "the English text is missing"),
    ('{ en = "Ministry" }', '{ en = "M", qq = "x" }', "office 1 (uk-ministry), names, qq", "“qq” is not a language"),
    ('{ en = "Ministry" }', '{ en = "" }', "office 1 (uk-ministry), names, en", "is empty; write it"),
    ('{ en = "Ministry" }', '{ en = "a\\nb" }', "office 1 (uk-ministry), names, en", "has a line break"),
    ("Europe/London", "London", "office 1 (uk-ministry), time_zone", "“London” is not a time zone"),
    ("time_zone", "timezone", "office 1 (uk-ministry), timezone", "is not known here"),
    ("time_zone", "timezone", "office 1 (uk-ministry), time_zone", "is missing; add it"),
    ("time_zone", 'preferred_language = "th"\ntime_zone', "office 1 (uk-ministry), preferred_language", "letters are"),
    ("time_zone", "opens = 09:00:00\ntime_zone", "office 1 (uk-ministry), opens", "opens and closes belong together"),
    ("time_zone", 'kind = "emperor"\ntime_zone', "office 1 (uk-ministry), kind", "choose from head_of_state, monarch"),
    (
        "salutations",
        'addressed_as = "lady"\nsalutations',
        "office 1 (uk-ministry), official 1 (minister), addressed_as",
        "“lady” is not a form; choose from woman, man, or leave it out",
    ),
    ("time_zone", 'workdays = "18"\ntime_zone', "office 1 (uk-ministry), workdays", "must be weekdays in order"),
    (
        '[[office.official]]\nslug = "minister"',
        "[[office.official]]",
        "office 1 (uk-ministry), official 1, slug",
        "missing",
    ),
    (
        "salutations",
        "holds_from = 2020-01-01\nholds_until = 2019-01-01\nsalutations",
        "office 1 (uk-ministry), official 1 (minister), holds_until",
        "is before holds_from",
    ),
    (
        "salutations",
        'holds_from = "2020-01-01"\nsalutations',
        "office 1 (uk-ministry), official 1 (minister), holds_from",
        "must be a day such as 2015-11-24, without quotation marks",
    ),
]


@pytest.mark.parametrize(("old", "new", "place", "words"), SPOILT)
def test_a_fault_in_the_directory_is_named(tmp_path: Path, old: str, new: str, place: str, words: str) -> None:
    path = change(directory(tmp_path, point("fax", dial_value="+44 20 7946 0123")), old, new)
    found = faults(lambda: import_directory(path, by=BY))
    assert words in found[f"book.toml, {place}"]


@pytest.mark.parametrize(
    ("spoilt", "key", "words"),
    [
        (point("fax", dial_value="12 34"), ", dial_value", "is not a telephone number that can be dialled"),
        (point("fax", printed_value="202 944 3611"), ", printed_value", "with its country code"),
        (point("fax"), ", printed_value", "is empty; write a number with its country code"),
        (point("email", dial_value="minister at office"), ", dial_value", "is not a mail address"),
        (point("telex", dial_value="12"), ", channel", "“telex” is not a channel; choose from email, fax, sms"),
        (point("fax", dial_value="+44 20 7946 0123"), "", "the office has this fax already"),
    ],
)
def test_a_fault_in_a_contact_point_is_named(tmp_path: Path, spoilt: str, key: str, words: str) -> None:
    path = directory(tmp_path, point("fax", dial_value="+44 20 79460123") + spoilt)
    found = faults(lambda: import_directory(path, by=BY))
    assert list(found) == [f"book.toml, office 1 (uk-ministry), contact_point 2{key}"]
    assert words in next(iter(found.values()))


def test_all_faults_of_a_directory_are_told_at_once(tmp_path: Path) -> None:
    twice = OFFICE + point("fax", dial_value="1") + OFFICE + point("email", dial_value="nobody")
    found = faults(lambda: import_directory(directory(tmp_path, "", office=twice), by=BY))
    assert list(found) == [
        "book.toml, office 1 (uk-ministry), contact_point 1, dial_value",
        "book.toml, office 2 (uk-ministry), contact_point 1, dial_value",
        "book.toml, office 2 (uk-ministry), slug",
        "book.toml, office 2 (uk-ministry), official 1 (minister), slug",
    ]


def test_two_holders_of_an_office_are_refused_also_with_one_known_before(tmp_path: Path) -> None:
    import_directory(directory(tmp_path, ""), by=BY)
    successor = OFFICE.replace('slug = "minister"', 'slug = "successor"\nholds_from = 2026-01-01')
    found = faults(lambda: import_directory(directory(tmp_path, "", office=successor), by=BY))
    assert found == {
        "book.toml, office 1 (uk-ministry), official": (
            "minister and successor hold the office at the same time; write when each of them does"
        )
    }
    ended = OFFICE.replace("salutations", "holds_until = 2025-12-31\nsalutations")
    both = ended + '\n[[office.official]]\nslug = "successor"\nnames = { en = "B." }\nholds_from = 2026-01-01\n'
    import_directory(directory(tmp_path, "", office=both), by=BY)
    assert str(official_in(Office.objects.get())) == str(Official.objects.get(slug="successor"))


def test_an_official_of_another_office_is_refused(tmp_path: Path) -> None:
    import_directory(directory(tmp_path, ""), by=BY)
    moved = OFFICE.replace("uk-ministry", "uk-treasury")
    found = faults(lambda: import_directory(directory(tmp_path, "", office=moved), by=BY))
    assert (
        "minister is the holder of uk-ministry"
        in found["book.toml, office 1 (uk-treasury), official 1 (minister), slug"]
    )


def test_an_old_number_is_not_dialled_any_more(tmp_path: Path) -> None:
    old, new = point("fax", dial_value="+44 20 7946 0123"), point("fax", dial_value="+44 20 7946 0124")
    import_directory(directory(tmp_path, old), by=BY)
    report = import_directory(directory(tmp_path, new), by=BY)
    assert (report.created, report.updated) == (1, 1)
    assert "marked dead and not used any more" in report.warnings[0]
    office = Office.objects.get()
    assert [one.dial_value for one in usable_contact_points(office.id, [Channel.FAX])] == ["+442079460124"]
    assert import_directory(directory(tmp_path, new), by=BY) == ImportReport(unchanged=4)
    import_directory(directory(tmp_path, old), by=BY)
    assert [one.dial_value for one in usable_contact_points(office.id, [Channel.FAX])] == ["+442079460123"]


def test_what_deliveries_learned_of_a_number_is_not_undone(tmp_path: Path) -> None:
    path = directory(tmp_path, point("fax", dial_value="+44 20 7946 0123"))
    import_directory(path, by=BY)
    ContactPoint.objects.update(health=Health.DEAD, health_note="unallocated number")
    assert import_directory(path, by=BY).updated == 0
    assert ContactPoint.objects.get().health == Health.DEAD


@pytest.mark.parametrize(
    ("content", "field", "words"),
    [
        (b"[[office]\n", "book.toml", "is not valid TOML: "),
        (b"", "book.toml, office", "is missing; add it"),
        (b"office = 1", "book.toml, office", "must be a list"),
        (b"office = [1]", "book.toml, office 1", "must be a table with keys"),
        (b"# caf\xe9", "book.toml, line 1", "is not UTF-8"),
    ],
)
def test_a_file_that_is_no_directory(tmp_path: Path, content: bytes, field: str, words: str) -> None:
    path = tmp_path / "book.toml"
    path.write_bytes(content)
    assert words in faults(lambda: import_directory(path, by=BY))[field]


def test_two_imports_at_once_are_refused(tmp_path: Path) -> None:
    path = directory(tmp_path, "")
    with another_import_running(), pytest.raises(Conflict, match="another import is running"):
        import_directory(path, by=BY)
    import_directory(path, by=BY)
