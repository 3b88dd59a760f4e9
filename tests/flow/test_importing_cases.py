"""Import of cases against a real database: every kind of fault, what changes, and what an import must not undo."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tests.flow.importing import BY, another_import_running, change, faults
from urgentaction.cases.importing import import_case
from urgentaction.cases.models import Case, Person
from urgentaction.cases.service import UpdateText, record_update
from urgentaction.cases.vocabulary import Confidence, Status
from urgentaction.core import clock
from urgentaction.core.errors import Conflict
from urgentaction.core.tables import ImportReport
from urgentaction.directory.importing import import_directory
from urgentaction.letters.sections import parse_sections

pytestmark = pytest.mark.django_db

NAME = "UA-2015-0117"
CASE = "case.toml"


@pytest.fixture
def folder(project: Path, tmp_path: Path) -> Path:
    """A copy of the first sample case, to be spoilt; its offices are in the directory."""
    import_directory(project / "samples" / "directory.toml", by=BY)
    return Path(shutil.copytree(project / "samples" / "cases" / NAME, tmp_path / NAME))


def import_it(folder: Path) -> ImportReport:
    return import_case(folder, by=BY, check_text=parse_sections)


SPOILT = [
    ('"UA-2015-0117"', '"Nine"', "reference", "“Nine” is not a reference; write it like UA-2015-0117"),
    ("group_size = 9", "group_size = 0", "group_size", "greater than or equal to 1"),
    ("group_size = 9", "group_size = 8", "group_size", "is 8, but 9 persons are listed"),
    ("group_size = 9", 'group_size = "9"', "group_size", "must be a whole number, without quotation marks"),
    ("https://", "gopher://", "background_url", "is not a web address"),
    ('code = "CN"', 'code = "ZZ"', "country 1, code", "“ZZ” is not a country"),
    ('role = "custodian"', 'role = "jailer"', "country 1, role", "“jailer” is not a role; allowed: custodian"),
    ('code = "KP"\nrole = "origin"', 'code = "CN"\nrole = "custodian"', "country 2", "CN as custodian is there"),
    ('"kr-president"', '"kr-king"', "addressee 1, office", "kr-king is not in the directory; known: gb-home-secretary"),
    ('"kr-foreign-minister"', '"kr-president"', "addressee 2", "kr-president is there already"),
    ('role = "to"', 'role = "cc"', "addressee", "nobody has the role `to`"),
    ('role = "to"', 'role = "bcc"', "addressee 1, role", "“bcc” is not a role; write to or cc"),
    ('"person-2"', '"person-1"', "person 2", "person-1 is there already"),
    ("is_minor = true", "is_minor = 1", "person 9 (person-9), is_minor", "must be true or false"),
    ("is_minor = true", "age = 0", "person 9 (person-9), age", "is not known here"),
    ("is_minor = true", 'shown_to_public = "photo"', "person 9 (person-9), shown_to_public", "“photo” is not a form"),
    ("is_minor = true", 'shown_to_public = "name"', "person 9 (person-9), shown_to_public", "no consent is recorded"),
    ("is_minor = true", 'shown_to_public = "pseudonym"', "person 9 (person-9), pseudonym", "is missing, and"),
    ("is_minor = true", "consent_at = 2015-10-01T10:00:00", "person 9 (person-9), consent_at", "needs its time zone"),
    ('"return_imminent"', '"return imminentt"', "story 3, status", "did you mean return_imminent"),
    ('confidence = "confirmed"', 'confidence = "sure"', "story 1, confidence", "“sure” is not a confidence"),
    ("as_of = 2015-11-24", "as_of = 2999-11-24", "story 3, as_of", "2999-11-24 is in the future"),
    ("as_of = 2015-11-24", "as_of = 2015-10-01", "story 3, as_of", "is before the step above it"),
    ("as_of = 2015-11-24", "as_of = 2015-11-31", "", "is not valid TOML: "),
    ('ko = "중국에', 'de = "중국에', "titles, ko", "is missing; add it"),
    ('ko = "중국 당국에', '# "', "subjects, ko", "is missing; add it"),
    ('en = "Nine refugees from North Korea held in China"', "", "titles", "the English text is missing"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "place", "words"), SPOILT)
def test_a_fault_in_a_case_is_named(folder: Path, old: str, new: str, place: str, words: str) -> None:
    change(folder / CASE, old, new)
    found = faults(lambda: import_it(folder))
    assert words in found[f"{NAME}/{CASE}, {place}" if place else f"{NAME}/{CASE}"]


def test_a_title_without_texts(folder: Path) -> None:
    (folder / "texts" / "ko.md").unlink()
    assert faults(lambda: import_it(folder)) == {
        f"{NAME}/texts/ko.md": "is missing, and case.toml speaks ko; add the file, or take ko out of case.toml"
    }


def test_texts_without_a_title(folder: Path) -> None:
    shutil.copy(folder / "texts" / "en.md", folder / "texts" / "de.md")
    found = faults(lambda: import_it(folder))
    assert list(found) == [f"{NAME}/{CASE}, titles, de", f"{NAME}/{CASE}, subjects, de"]


@pytest.mark.parametrize(
    ("name", "content", "place", "words"),
    [
        ("ko.md", b"", "", "is empty; write the texts"),
        ("ko.md", "## law\n중국".encode("euc-kr"), ", line 2", "is not UTF-8"),
        ("ko.md", b"## Law\ntext", ", line 1", "is no section heading"),
        ("ko.md", b"## law\n", ", line 1", "section law is empty"),
        ("draft.md", b"## law\ntext", "", "“draft” is not a language"),
    ],
)
def test_a_fault_in_a_text_is_named(folder: Path, name: str, content: bytes, place: str, words: str) -> None:
    (folder / "texts" / name).write_bytes(content)
    found = faults(lambda: import_it(folder))
    assert list(found) == [f"{NAME}/texts/{name}{place}"]
    assert words in found[f"{NAME}/texts/{name}{place}"]


def test_faults_of_the_case_and_of_its_texts_are_told_at_once(folder: Path) -> None:
    change(folder / CASE, 'code = "CN"', 'code = "ZZ"')
    (folder / "texts" / "ko.md").write_text("## law\n")
    assert list(faults(lambda: import_it(folder))) == [f"{NAME}/{CASE}, country 1, code", f"{NAME}/texts/ko.md, line 1"]


def test_a_folder_without_a_case(tmp_path: Path) -> None:
    found = faults(lambda: import_it(tmp_path / "nothing"))
    assert "can't be read (No such file or directory)" in found["nothing/case.toml"]


def test_offices_come_first(project: Path) -> None:
    found = faults(lambda: import_it(project / "samples" / "cases" / NAME))
    assert len(found) == 5
    assert all("is not in the directory; known: none; import the directory first" in words for words in found.values())


def test_what_the_folder_no_longer_names_goes_except_persons(folder: Path) -> None:
    import_it(folder)
    change(folder / CASE, '[[country]]\ncode = "KP"\nrole = "origin"\n', "")
    change(folder / CASE, '[[addressee]]\noffice = "kr-foreign-minister"\nrole = "cc"\n', "")
    change(folder / CASE, 'key = "person-9"', 'key = "the-child"')
    change(folder / CASE, "group_size = 9", "group_size = 10")
    report = import_it(folder)
    case = Case.objects.get()
    assert set(case.countries.values_list("country", flat=True)) == {"CN", "KR"}
    assert [entry.office.slug for entry in case.addressees.all()][:2] == ["kr-president", "kr-unification-minister"]
    assert case.persons.count() == 10
    assert report.created == 1
    assert report.updated == 6  # the case, two that went, and three copies that moved up
    assert report.warnings == ("UA-2015-0117: person-9: not in case.toml any more; kept, because updates name them",)
    assert import_it(folder).updated == 0


def test_an_import_leaves_status_and_version_alone(folder: Path) -> None:
    import_it(folder)
    told = UpdateText(
        status=Status.DETAINED, confidence=Confidence.CONFIRMED, as_of=date(2015, 10, 24), reported_at=clock.now()
    )
    record_update(Case.objects.get(), told, by=BY, supersedes_case=True, prevailing=Status.DETAINED, decision={})
    change(folder / CASE, "Nine refugees from North Korea held in China", "Nine refugees")
    assert import_it(folder).updated == 1
    case = Case.objects.get()
    assert (case.titles["en"], case.status, case.version, case.updates.count()) == ("Nine refugees", "detained", 1, 1)


NAMED = 'key = "person-1"\nconfidential_name = "가온"\nconsent_at = 2015-10-01T00:00:00Z\nshown_to_government = "name"'


def test_a_confidential_name_is_sealed_and_compared(folder: Path) -> None:
    change(folder / CASE, 'key = "person-1"', NAMED)
    import_it(folder)
    assert Person.objects.get(key="person-1").confidential_name == "가온"
    assert import_it(folder).updated == 0


def test_a_consent_taken_back_is_not_given_again_by_an_old_file(folder: Path) -> None:
    change(folder / CASE, 'key = "person-1"', NAMED)
    import_it(folder)
    Person.objects.filter(key="person-1").update(shown_to_government="description")
    report = import_it(folder)
    assert "UA-2015-0117, person-1: shown_to_government stays “description”" in report.warnings[0]
    assert Person.objects.get(key="person-1").shown_to_government == "description"
    change(folder / CASE, "2015-10-01T00:00:00Z", "2015-11-01T00:00:00Z")
    assert import_it(folder).warnings == ()
    person = Person.objects.get(key="person-1")
    assert (person.shown_to_government, person.consent_at) == ("name", datetime(2015, 11, 1, tzinfo=UTC))


@pytest.mark.django_db(transaction=True)
def test_two_imports_at_once_are_refused(folder: Path) -> None:
    with another_import_running(), pytest.raises(Conflict, match="another import is running"):
        import_it(folder)
