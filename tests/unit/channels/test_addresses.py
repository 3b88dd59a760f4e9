"""Addresses as printed on letterheads become addresses that can be dialled or mailed, or an error that says why not."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from urgentaction.channels.addresses import normalise_email, normalise_number, parse_printed_numbers
from urgentaction.core.errors import InvalidInput


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("+44 (0)20 7636 2981 / 5578", ["+442076362981", "+442076365578"]),
        ("+ 8443 804 4130", ["+84438044130"]),
        ("+82-2-3703-2114; +82-2-2100-7999", ["+82237032114", "+82221007999"]),
        ("(+1) 202-555-0123 or +1 202 555 0124", ["+12025550123", "+12025550124"]),
        ("+442079460123, +442079460123", ["+442079460123"]),
        ("+39 06 6998", ["+39066998"]),
        ("  +1 202 555 0123 /", ["+12025550123"]),
    ],
)
def test_printed_numbers(printed: str, expected: list[str]) -> None:
    assert parse_printed_numbers(printed) == expected
    assert normalise_number(printed) == expected[0]


def test_a_national_number_needs_its_country() -> None:
    assert normalise_number("02-3703-2114", "KR") == "+82237032114"
    with pytest.raises(InvalidInput, match=r"fax_number: .*country code"):
        normalise_number("02-3703-2114", field_name="fax_number")


@pytest.mark.parametrize("printed", ["", "   ", "/", "unknown", "+1", "+999 1234 5678", "call the office"])
def test_what_is_no_number_is_refused_and_the_field_named(printed: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        normalise_number(printed, field_name="row 7, fax")
    assert caught.value.problems[0].field == "row 7, fax"


def test_an_extension_is_not_dropped_in_silence() -> None:
    with pytest.raises(InvalidInput, match="extension"):
        normalise_number("+1 202 555 0123 ext. 45")


NUMBERS = st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)).map(phonenumbers.example_number).filter(bool)
FORMATS = st.sampled_from(
    [
        phonenumbers.PhoneNumberFormat.E164,
        phonenumbers.PhoneNumberFormat.INTERNATIONAL,
        phonenumbers.PhoneNumberFormat.RFC3966,
    ]
)


@given(number=NUMBERS, form=FORMATS)
def test_every_countrys_numbers_survive_their_usual_spellings(number: phonenumbers.PhoneNumber, form: int) -> None:
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    printed = phonenumbers.format_number(number, form).removeprefix("tel:")
    assert normalise_number(printed) == e164


@given(printed=st.text(alphabet=st.sampled_from("+0123456789 ()-./;,orx\n٣한#"), max_size=40))
def test_any_text_gives_e164_or_an_input_error(printed: str) -> None:
    try:
        numbers = parse_printed_numbers(printed, "KR")
    except InvalidInput:
        return
    assert numbers
    assert len(set(numbers)) == len(numbers)
    for number in numbers:
        assert number[0] == "+"
        assert number[1:].isascii()
        assert number[1:].isdigit()


@pytest.mark.parametrize(
    ("given_address", "expected"),
    [
        ("Minister@Office.INVALID", "Minister@office.invalid"),
        (" a.b@x.test ", "a.b@x.test"),
        ("info@example.org", "info@example.org"),
        ("x@mail.gov.kr", "x@mail.gov.kr"),
        ("사람@예시.example", "사람@예시.example"),
    ],
)
def test_mail_addresses(given_address: str, expected: str) -> None:
    assert normalise_email(given_address) == expected


@pytest.mark.parametrize(
    "bad",
    ["", "nobody", "a@b@c.test", "a b@x.test", "a@x.test\r\nBcc: y@x.test", "a@localhost", "a@.invalid", "a@-.test"],
)
def test_what_is_no_mail_address_is_refused_and_the_field_named(bad: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        normalise_email(bad, field_name="row 3, email")
    assert caught.value.problems[0].field == "row 3, email"


@given(address=st.emails(), tld=st.sampled_from(["invalid", "test", "example"]))
def test_normalising_twice_changes_nothing(address: str, tld: str) -> None:
    local = address.partition("@")[0]
    try:
        once = normalise_email(f"{local}@office.{tld}")
    except InvalidInput:
        return
    assert normalise_email(once) == once
    assert once.endswith(f"@office.{tld}")
