"""The first sample case in every language of letters, read from the files of `samples/` that the importers read."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from functools import cache
from typing import Any

from tests.unit.letters.contexts import ROOT, TEMPLATES, letter_context
from urgentaction.directory.kinds import AddressedAs, OfficeKind
from urgentaction.letters.content import Addressee, CcEntry, LetterContext, NoticeContext, SmsContext
from urgentaction.letters.forms_of_address import form_of_address
from urgentaction.letters.organisation import read_organisation
from urgentaction.letters.sections import parse_sections, sections_for

SAMPLES = ROOT / "samples"
CASE = SAMPLES / "cases" / "UA-2015-0117"
#: As long as the service's own: an address, and a token in it.
LINK = "https://urgentaction.example/a/Qk7ZtT2mW9xL"


@cache
def _case_file() -> dict[str, Any]:
    return tomllib.loads((CASE / "case.toml").read_text(encoding="utf-8"))


@cache
def _offices() -> dict[str, dict[str, Any]]:
    book = tomllib.loads((SAMPLES / "directory.toml").read_text(encoding="utf-8"))
    return {office["slug"]: office for office in book["office"]}


def _in(texts: dict[str, Any], language: str) -> Any:
    return texts.get(language) or texts["en"]


def addressee(language: str, slug: str = "kr-president") -> Addressee:
    """An office of the sample directory and who holds it, greeted as the directory or the forms of address say."""
    office = _offices()[slug]
    [official] = office["official"]
    form = form_of_address(language, OfficeKind(office["kind"]), AddressedAs(official["addressed_as"]), root=TEMPLATES)
    name = _in(official["names"], language)
    salutation = official.get("salutations", {}).get(language) or form.greeting(name)
    printed = {point["channel"]: point.get("printed_value", "") for point in office["contact_point"]}
    return Addressee(
        name=name,
        office=_in(office["names"], language),
        honorific=official.get("honorifics", {}).get(language) or form.honorific,
        salutation=salutation,
        closing=form.farewell(salutation),
        postal_address=tuple(_in(office.get("postal_address", {"en": []}), language)),
        printed_fax=printed.get("fax", ""),
        printed_email=printed.get("email", ""),
    )


def sample_letter(language: str, status: str = "return_imminent") -> LetterContext:
    """The letter to the President."""
    context = letter_context("en", status)
    told = _case_file()
    organisation = read_organisation(SAMPLES / "organisation.toml")
    texts = sections_for(parse_sections((CASE / "texts" / f"{language}.md").read_text(encoding="utf-8")), status)
    copies = [entry["office"] for entry in told["addressee"] if entry["role"] == "cc"]
    return replace(
        context,
        language=language,
        organisation=organisation.view(language),
        signatory=organisation.signatory(language),
        addressee=addressee(language),
        case=replace(
            context.case,
            title=texts["title"],
            public_title=texts["public_title"],
            re_line=texts["re_line"],
            texts=texts,
            background_url=told["background_url"],
        ),
        cc=tuple(CcEntry(name=one.name, office=one.office) for one in (addressee(language, slug) for slug in copies)),
    )


def sample_notice(language: str, status: str = "return_imminent") -> NoticeContext:
    """The notice that goes with it."""
    letter = sample_letter(language, status)
    return NoticeContext(
        language=language,
        organisation=letter.organisation,
        case=letter.case,
        update=letter.update,
        alert=letter.alert,
        action_url=letter.case.background_url,
    )


def sample_sms(language: str) -> SmsContext:
    """The text message that goes with it, with a number as the service gives them."""
    letter = sample_letter(language)
    return SmsContext(
        language=language,
        organisation_name=letter.organisation.name,
        alert=replace(letter.alert, number="UA-2015-0117/2"),
        link=LINK,
    )
