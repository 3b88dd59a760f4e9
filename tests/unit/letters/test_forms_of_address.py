"""Forms of address: complete, sourced, and chosen by what is known of somebody."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.letters.contexts import TEMPLATES, letter_context
from urgentaction.core.errors import TemplateError
from urgentaction.core.languages import LETTER_LANGUAGES
from urgentaction.directory.kinds import AddressedAs, OfficeKind
from urgentaction.letters.forms_of_address import form_of_address, load_forms
from urgentaction.letters.render import render_letter
from urgentaction.letters.source import Family, TemplateSource, load_shipped
from urgentaction.letters.wording import MissingTranslation, ended, labels

#: Languages in which a woman and a man are addressed in different words, whatever the office.
GENDERED = ("fr", "es", "ru", "ar")
#: Offices in which even these have one form of words.
SAME_WORDS = {("fr", "monarch"), ("es", "monarch"), ("ru", "monarch")}


@pytest.mark.parametrize("kind", OfficeKind)
@pytest.mark.parametrize("language", LETTER_LANGUAGES)
def test_every_office_has_a_form_with_a_source_in_every_language(language: str, kind: OfficeKind) -> None:
    words = labels(language)
    for addressed_as in (None, *AddressedAs):
        form = form_of_address(language, kind, addressed_as, root=TEMPLATES)
        assert len(form.source) > 10
        assert "TODO" not in form.source
        greeting = form.greeting("Name")
        farewell = form.farewell(greeting)
        assert not re.search(r"[{}]", greeting + farewell)
        # The mark at the end is the language's, put there once when the letter is set.
        assert not greeting.endswith((",", ":", "：", "،", "!"))
        assert ended(greeting, words.after_salutation).startswith(greeting)
        assert not farewell.endswith((",", "،"))


@pytest.mark.parametrize("kind", OfficeKind)
@pytest.mark.parametrize("language", GENDERED)
def test_a_woman_and_a_man_are_each_addressed_as_such(language: str, kind: OfficeKind) -> None:
    woman, man = (form_of_address(language, kind, one, root=TEMPLATES) for one in AddressedAs)
    if (language, kind) in SAME_WORDS:
        assert woman.salutation == man.salutation
    else:
        assert woman.salutation != man.salutation


@pytest.mark.parametrize("language", ["fr", "es", "ru", "en"])
def test_nobody_is_taken_for_a_man_unasked(language: str) -> None:
    """Arabic alone falls back to the masculine, as its own usage has it."""
    for kind in OfficeKind:
        anybody, man = (form_of_address(language, kind, one, root=TEMPLATES) for one in (None, AddressedAs.MAN))
        for masculine in ("Monsieur le", "señor ", "господин", "Mr", "His "):
            assert masculine not in f"{anybody.honorific} {anybody.salutation}" or "señora" in anybody.salutation
        assert anybody.closing == man.closing


def test_a_japanese_letter_opens_and_closes_in_pairs() -> None:
    pairs = {(form.salutation, form.closing) for form in load_forms("ja", root=TEMPLATES).values()}
    assert pairs == {("謹啓", "謹言"), ("拝啓", "敬具")}


def test_a_french_closing_repeats_the_salutation() -> None:
    form = form_of_address("fr", OfficeKind.AMBASSADOR, AddressedAs.WOMAN, root=TEMPLATES)
    assert form.farewell(form.greeting("N. N.")) == (
        "Veuillez agréer, Madame l’Ambassadrice, les assurances de ma très haute considération."
    )


def made(folder: Path, text: str) -> Path:
    place = folder / "forms_of_address"
    place.mkdir()
    (place / "de.toml").write_text(text, encoding="utf-8")
    return folder


GOOD = '[minister]\nsource = "s"\nclosing = "c"\nanybody = { salutation = "Sehr geehrte Damen und Herren" }\n'


def test_a_missing_file_or_office_names_what_to_add(tmp_path: Path) -> None:
    with pytest.raises(MissingTranslation, match=r"add the file templates/forms_of_address/de\.toml, or a salutation"):
        form_of_address("de", OfficeKind.JUDGE, None, root=tmp_path)
    root = made(tmp_path, GOOD)
    with pytest.raises(MissingTranslation, match=r"de\.toml has no form for judge; add the table \[judge\]"):
        form_of_address("de", OfficeKind.JUDGE, None, root=root)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (GOOD.replace('source = "s"\n', ""), r"de\.toml, minister, source: Field required"),
        (GOOD.replace('source = "s"', 'source = " "'), r"de\.toml, minister, source: String should have at least 1"),
        (GOOD.replace("anybody", "nobody"), r"de\.toml, minister, anybody: Field required"),
        (GOOD.replace("[minister]", "[magistrate]"), r"'magistrate' is no kind of office; there are head_of_state"),
        ("[minister", r"de\.toml can't be read"),
    ],
)
def test_a_faulty_file_says_where(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=told):
        load_forms("de", root=made(tmp_path, text))


def test_the_addressees_form_closes_the_letter_unless_the_letter_says_more() -> None:
    context = letter_context("en", "released", with_invented=True)
    context = replace(context, addressee=replace(context.addressee, closing="Yours respectfully"))
    appeal, thanks = (
        render_letter(load_shipped(Family.LETTERS, kind, "en", root=TEMPLATES), context)
        for kind in ("further_information", "stop_action")
    )
    assert appeal.closing == "Yours respectfully,"
    assert thanks.closing == "With our gratitude,"


def test_closing_for_takes_one_word() -> None:
    source = TemplateSource("mine.md", "en", '+++\nre = "x"\nclosing = "y"\nclosing_for = "some"\n+++\nBody')
    with pytest.raises(TemplateError, match=r"mine\.md, line 4: 'closing_for' can only be \"everybody\""):
        render_letter(source, letter_context("en"))
