"""The directory as a file: what is exported can be imported again, and an import shows first what it would do."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.flow.importing import BY, rows_everywhere
from urgentaction.channels.contract import Channel
from urgentaction.core.errors import Conflict, InvalidInput
from urgentaction.core.tables import ImportReport
from urgentaction.directory.contact_points import (
    Check,
    add_contact_point,
    record_check,
    replace_contact_point,
    retire_contact_point,
)
from urgentaction.directory.exporting import export_directory, offices_as_told, toml_of
from urgentaction.directory.importing import import_directory
from urgentaction.directory.kinds import CheckMethod, CheckResult, Health
from urgentaction.directory.models import ContactPoint, Office, Official
from urgentaction.directory.previewing import import_as_shown, preview_import

_WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
_PLAIN = st.one_of(_WORDS, st.integers(0, 99), st.dates(), st.times(), st.datetimes(timezones=st.just(UTC)))
_TOLD = st.one_of(_PLAIN, st.lists(_WORDS, max_size=3), st.dictionaries(_WORDS, _WORDS, max_size=3))


@given(st.lists(st.dictionaries(st.sampled_from(["slug", "names", "opens", "rank"]), _TOLD), min_size=1, max_size=3))
def test_what_is_written_is_what_is_read(offices: list[dict[str, object]]) -> None:
    assert tomllib.loads(toml_of(offices)) == {"office": offices}


pytestmark = pytest.mark.django_db


@pytest.fixture
def book(project: Path) -> bytes:
    import_directory(project / "samples" / "directory.toml", by=BY)
    return (project / "samples" / "directory.toml").read_bytes()


def test_an_export_imported_again_changes_nothing(book: bytes, tmp_path: Path) -> None:
    office = Office.objects.get(slug="kr-president")
    Office.objects.filter(id=office.id).update(opens=time(9), closes=time(17, 30), holidays=["KR", "US-DC"])
    Official.objects.filter(office=office).update(holds_from=date(2013, 2, 25), names={"en": 'A "B" \\ C ü 박'})
    fax = ContactPoint.objects.get(office=office, channel="fax")
    record_check(fax.id, Check(method=CheckMethod.PHONE_CALL, note="the registry answered"), by=BY)
    add_contact_point(office.id, channel=Channel.FAX, printed="+44 (0)20 7946 0981 / 0982", rank=2, check=None, by=BY)
    mail = ContactPoint.objects.get(office=office, channel="email")
    retire_contact_point(mail.id, why="nobody reads it", is_sure=False, by=BY)
    ContactPoint.objects.filter(office__slug="sa-king").update(health=Health.DEAD, health_note="unallocated number")
    before, points = offices_as_told(), list(ContactPoint.objects.order_by("id").values())
    path = tmp_path / "directory.toml"
    path.write_text(export_directory(), encoding="utf-8")
    report = import_directory(path, by=BY)
    assert (report.created, report.updated, report.warnings) == (0, 0, ())
    assert offices_as_told() == before
    assert list(ContactPoint.objects.order_by("id").values()) == points


def test_an_export_of_the_samples_makes_the_same_directory_elsewhere(book: bytes, tmp_path: Path) -> None:
    path = tmp_path / "directory.toml"
    path.write_text(export_directory(), encoding="utf-8")
    before = offices_as_told()
    ContactPoint.objects.all().delete()
    Official.objects.all().delete()
    Office.objects.exclude(care_of=None).delete()
    Office.objects.all().delete()
    import_directory(path, by=BY)
    assert offices_as_told() == before


def test_a_preview_tells_row_by_row_and_leaves_nothing(book: bytes) -> None:
    changed = book.replace(b"+44 20 7946 0201", b"+44 20 7946 0299").replace(b'"Park Geun-hye"', b'"Park Geun Hye"')
    changed = changed.replace(b'kind = "minister"', b'kind = "judge"', 1)
    before = rows_everywhere(), offices_as_told()
    preview = preview_import("new.toml", changed, by=BY)
    assert (rows_everywhere(), offices_as_told()) == before
    told = {(one.kind, one.name): one for one in preview.changes}
    assert told["contact_point", "fax +442079460299"].is_new
    assert told["contact_point", "fax +442079460201"].is_gone
    assert told["official", "park-geun-hye"].fields == ("names",)
    assert told["office", "kr-foreign-minister"].fields == ("kind",)
    assert len(told) == 4
    assert "is marked dead and not used any more" in preview.report.warnings[0]


def test_an_import_does_what_was_shown_or_nothing(book: bytes) -> None:
    changed = book.replace(b"+44 20 7946 0201", b"+44 20 7946 0299")
    shown = preview_import("new.toml", changed, by=BY)
    office = Office.objects.get(slug="kr-president")
    added = add_contact_point(office.id, channel=Channel.FAX, printed="+44 20 7946 0777", rank=2, check=None, by=BY)
    with pytest.raises(Conflict, match="was changed since this was shown"):
        import_as_shown("new.toml", changed, digest=shown.digest, by=BY)
    assert ContactPoint.objects.get(id=added.id).retired_at is None
    again = preview_import("new.toml", changed, by=BY)
    assert import_as_shown("new.toml", changed, digest=again.digest, by=BY).report.created == 1
    assert preview_import("new.toml", changed, by=BY).changes == ()


def test_a_file_with_faults_shows_all_of_them(book: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        preview_import("new.toml", book.replace(b'country = "KR"', b'country = "XX"'), by=BY)
    assert len(caught.value.problems) > 1
    assert all(problem.field.startswith("new.toml, office ") for problem in caught.value.problems)


def test_what_a_person_retired_no_file_brings_back(book: bytes, project: Path) -> None:
    fax = ContactPoint.objects.get(office__slug="kr-president", channel="fax")
    replace_contact_point(
        fax.id, printed="+44 20 7946 0299", check=Check(method=CheckMethod.PARTNER, note="told by phone"), by=BY
    )
    report = import_directory(project / "samples" / "directory.toml", by=BY)
    fax.refresh_from_db()
    assert fax.retired_at is not None
    assert any("was retired by a person and stays so" in warning for warning in report.warnings)


def test_a_dead_number_that_the_file_drops_asks_for_nothing_any_more(book: bytes) -> None:
    fax = ContactPoint.objects.get(office__slug="kr-president", channel="fax")
    record_check(fax.id, Check(method=CheckMethod.PHONE_CALL, result=CheckResult.WRONG), by=BY)
    changed = book.replace(b"+44 20 7946 0201", b"+44 20 7946 0299")
    import_as_shown("new.toml", changed, digest=preview_import("new.toml", changed, by=BY).digest, by=BY)
    fax.refresh_from_db()
    assert fax.retired_at is not None
    assert fax.health_note.startswith("found wrong (phone call)")
    assert preview_import("new.toml", changed, by=BY).report == ImportReport(
        unchanged=Office.objects.count() + Official.objects.count() + ContactPoint.objects.count()
    )


def test_moments_and_days_are_exported_as_toml_has_them() -> None:
    told = [{"a": datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC), "b": date(2026, 1, 2), "c": time(9)}]
    assert tomllib.loads(toml_of(told)) == {"office": told}
