"""Template files and case texts: how they are cut, and what is said about broken ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.letters.contexts import TEMPLATES
from urgentaction.core.errors import InvalidInput, TemplateError
from urgentaction.letters.sections import parse_sections, sections_for
from urgentaction.letters.source import Family, TemplateSource, load_shipped, split
from urgentaction.letters.wording import MissingTranslation


def parts_of(text: str) -> str:
    with pytest.raises(TemplateError) as caught:
        split(TemplateSource("letters/x/en.md", "en", text), required=("re",), optional=("closing",))
    return str(caught.value)


def test_front_matter_and_body_know_their_lines() -> None:
    source = TemplateSource("x", "en", '+++\nclosing = "a"\nre = "b"\n+++\nBody\n')
    parts = split(source, required=("re",), optional=("closing",))
    assert (parts.front["re"].text, parts.front["re"].first_line) == ("b", 3)
    assert (parts.body.text, parts.body.first_line) == ("Body\n", 5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Body", "begins without front matter"),
        ('+++\nre = "x"\nBody', "front matter never ends"),
        ("+++\nre = x\n+++\nBody", "front matter is no TOML"),
        ('+++\nclosing = "x"\n+++\nBody', "front matter lacks 're'; add re = "),
        ('+++\nre = "x"\nsubjct = "y"\n+++\nBody', "line 3: unknown key 'subjct'; allowed are: re, closing"),
        ("+++\nre = 5\n+++\nBody", "'re' must be a text"),
    ],
)
def test_broken_front_matter_is_explained(text: str, message: str) -> None:
    assert message in parts_of(text)


def test_a_missing_language_names_the_file_to_add() -> None:
    with pytest.raises(MissingTranslation) as caught:
        load_shipped(Family.LETTERS, "stop_action", "fr", root=TEMPLATES)
    assert str(caught.value) == (
        "no template letters/stop_action/fr.md: it exists in en, ko; add the file templates/letters/stop_action/fr.md"
    )


def test_an_unknown_kind_says_so() -> None:
    with pytest.raises(MissingTranslation, match="there is no letters kind 'last_appeal' at all"):
        load_shipped(Family.LETTERS, "last_appeal", "en", root=TEMPLATES)


@pytest.mark.parametrize("kind", ["../../etc", "a/b", "", "First"])
def test_a_kind_is_never_a_path(kind: str) -> None:
    with pytest.raises(TemplateError, match="no template kind or language"):
        load_shipped(Family.LETTERS, kind, "en", root=TEMPLATES)


def test_a_file_in_another_encoding_is_explained(tmp_path: Path) -> None:
    (tmp_path / "sms" / "appeal").mkdir(parents=True)
    (tmp_path / "sms" / "appeal" / "ko.txt").write_bytes("긴급".encode("euc_kr"))
    with pytest.raises(TemplateError, match="save it as UTF-8"):
        load_shipped(Family.SMS, "appeal", "ko", root=tmp_path)


TEXTS = """A note to editors.

## latest @detained
Held at Dongxing.

## latest @return_imminent @extradition_imminent
Held at Tumen.

- one

## law
The law.

## law @detained
The law, shorter.

## outcome @released
Free.
"""


def test_sections_are_chosen_by_status() -> None:
    sections = parse_sections(TEXTS)
    assert sections_for(sections, "detained") == {"latest": "Held at Dongxing.", "law": "The law, shorter."}
    assert sections_for(sections, "extradition_imminent") == {"latest": "Held at Tumen.\n\n- one", "law": "The law."}
    assert sections_for(sections, "charged") == {"law": "The law."}


def test_every_broken_section_is_reported_with_its_line() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_sections("## law\nx\n\n## Law\ny\n\n## law\nz\n\n## demands\n")
    assert [problem.field for problem in caught.value.problems] == ["line 4", "line 7", "line 10"]
    assert "is no section heading" in str(caught.value)
    assert "section law is there already" in str(caught.value)
    assert "section demands is empty" in str(caught.value)
