"""What an import says of names in a case's texts: who may be written out, and who must be a mark."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.flow.importing import BY, change, faults
from urgentaction.cases.importing import import_case
from urgentaction.cases.models import Person
from urgentaction.core.tables import ImportReport
from urgentaction.directory.importing import import_directory
from urgentaction.letters.sections import parse_sections

pytestmark = pytest.mark.django_db

NAME = "UA-2015-0117"
SEALED = 'key = "person-1"\nconfidential_name = "Qazul Tibvex"\nconfidential_spellings = ["홍쾅뷁", "Kazul Tibveks"]\n'
CONSENT = 'consent_at = 2015-10-01T00:00:00Z\nshown_to_government = "name"\n'
EVERYBODY = f'{CONSENT}shown_to_public = "name"\nshown_to_supporters = "name"\n'


@pytest.fixture
def folder(project: Path, tmp_path: Path) -> Path:
    """A copy of the first sample case, whose first person has a name in three spellings."""
    import_directory(project / "samples" / "directory.toml", by=BY)
    copy = Path(shutil.copytree(project / "samples" / "cases" / NAME, tmp_path / NAME))
    change(copy / "case.toml", 'key = "person-1"', SEALED)
    return copy


def import_it(folder: Path) -> ImportReport:
    return import_case(folder, by=BY, check_text=parse_sections)


def add(folder: Path, text: str, *, language: str = "en") -> int:
    """Append a section; returns the line of `text`."""
    file = folder / "texts" / f"{language}.md"
    before = file.read_text(encoding="utf-8").rstrip("\n")
    file.write_text(f"{before}\n\n## extra\n{text}\n", encoding="utf-8")
    return before.count("\n") + 4


def test_spellings_are_sealed_and_compared(folder: Path) -> None:
    import_it(folder)
    assert Person.objects.get(key="person-1").confidential_spellings == "홍쾅뷁\nKazul Tibveks"
    assert import_it(folder).updated == 0
    change(folder / "case.toml", '"홍쾅뷁", ', "")
    assert import_it(folder).updated == 1


def test_a_folder_without_its_secrets_says_what_is_no_longer_looked_for(folder: Path) -> None:
    """Somebody changes a text in a copy that never had the names, and the guard is blind from then on."""
    assert not import_it(folder).warnings
    change(folder / "case.toml", SEALED, 'key = "person-1"\n')
    (warning,) = import_it(folder).warnings
    assert "person-1: 3 of the names on record are not in case.toml any more" in warning
    assert "Tibvex" not in warning
    assert not import_it(folder).warnings


@pytest.mark.parametrize(
    ("language", "text"),
    [("en", "TIBVEX, Qa-zul"), ("ko", "홍쾅뷁은 잡혔다."), ("en", "Kazul\u200b Tibveks"), ("en", "**Qazul** Tibvex")],
)
def test_a_name_in_a_text_is_refused_with_its_place(folder: Path, language: str, text: str) -> None:
    line = add(folder, text, language=language)
    assert faults(lambda: import_it(folder)) == {
        f"{NAME}/texts/{language}.md, line {line}": "writes out the name of person-1, which not everybody who reads "
        "this may see; write [[person-1]] instead"
    }


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('en = "Nine refugees from North Korea held in China"', 'en = "Qazul Tibvex"', "titles, en"),
        ('en = "Nine refugees from North Korea in Chinese custody"', 'en = "Qazul Tibvex"', "subjects, en"),
        ("cases/ua-2015-0117", "cases/qazul-tibvex", "background_url"),
        ('ko = "태어난 지 11개월 된 아기"', 'ko = "홍쾅뷁의 아기"', "person 9 (person-9), descriptions, ko"),
        ('place = "Tumen"', 'place = "house of Qazul Tibvex"', "story 3, place"),
    ],
)
def test_a_name_elsewhere_in_the_case_is_refused(folder: Path, old: str, new: str, place: str) -> None:
    change(folder / "case.toml", old, new)
    found = faults(lambda: import_it(folder))
    assert list(found) == [f"{NAME}/case.toml, {place}"]
    assert "writes out the name of person-1" in found[f"{NAME}/case.toml, {place}"]


def test_a_name_for_officials_alone_may_not_be_written_out(folder: Path) -> None:
    change(folder / "case.toml", SEALED, SEALED + CONSENT)
    line = add(folder, "Qazul Tibvex")
    assert list(faults(lambda: import_it(folder))) == [f"{NAME}/texts/en.md, line {line}"]


def test_a_name_that_everybody_may_see_can_be_written_out(folder: Path) -> None:
    change(folder / "case.toml", SEALED, f'key = "person-1"\npublic_name = "Qazul Tibvex"\n{EVERYBODY}')
    add(folder, "Qazul Tibvex and [[person-9]]")
    assert import_it(folder).created


def test_a_consent_taken_back_counts_and_not_the_one_in_the_file(folder: Path) -> None:
    change(folder / "case.toml", SEALED, f'key = "person-1"\npublic_name = "Qazul Tibvex"\n{EVERYBODY}')
    import_it(folder)
    Person.objects.filter(key="person-1").update(shown_to_public="description")
    line = add(folder, "Qazul Tibvex")
    assert list(faults(lambda: import_it(folder))) == [f"{NAME}/texts/en.md, line {line}"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[person-12]] left", "[[person-12]] is nobody in this case; there are: person-1, person-2"),
        ("[[Person 1]] left", "“[[Person 1]] left” is no mark of a person"),
        ("[[person-1|은]] left", "is no mark of a person; write [[person-1]], or [[person-1|은/는]]"),
    ],
)
def test_a_mark_that_leads_nowhere_is_told(folder: Path, text: str, words: str) -> None:
    line = add(folder, text)
    assert words in faults(lambda: import_it(folder))[f"{NAME}/texts/en.md, line {line}"]


def test_a_mark_of_somebody_without_a_description(folder: Path) -> None:
    told_in = folder / "case.toml"
    first, of_the_first, rest = told_in.read_text(encoding="utf-8").partition("[person.descriptions]\n")
    assert of_the_first
    told_in.write_text(first + rest[rest.index("[[person]]") :], encoding="utf-8")
    line = add(folder, "[[person-1]] left")
    told = faults(lambda: import_it(folder))[f"{NAME}/texts/en.md, line {line}"]
    assert told == "some readers see nothing for [[person-1]]; give the person a description in case.toml"


def test_nobody_is_named_in_a_subject_line_in_whatever_form(folder: Path) -> None:
    change(folder / "texts" / "en.md", "## re_line\n", "## re_line\n[[person-1]]: ")
    change(folder / "case.toml", "[subjects]\nen = ", '[subjects]\nfr = "[[person-1]]"\nen = ')
    found = faults(lambda: import_it(folder))
    assert any("section re_line may hold no [[mark]]" in words for words in found.values())


def test_spellings_need_a_name(folder: Path) -> None:
    change(folder / "case.toml", 'confidential_name = "Qazul Tibvex"\n', "")
    found = faults(lambda: import_it(folder))
    assert found[f"{NAME}/case.toml, person 1 (person-1), confidential_name"].startswith("is missing, and there are")
