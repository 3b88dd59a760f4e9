"""Addresses as people print them, turned into addresses that can be dialled or mailed.

Pure: no network, no look-up. Telephone numbers are libphonenumber's business (`phonenumbers`), mail addresses
`email-validator`'s; what is added here is only the way ministries print several numbers on one line.
"""

from __future__ import annotations

import re

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from urgentaction.core.errors import InvalidInput
from urgentaction.core.phrases import say

#: `/` and friends stand between two numbers; a hyphen or a dot belongs to one.
_BETWEEN_NUMBERS = re.compile(r"\s*(?:[/;,|\n]|\bor\b|\band\b)\s*", re.IGNORECASE)
_ONLY_DIGITS = re.compile(r"[\d\s.\-]+")
_TRUNK_ZERO = re.compile(r"\(\s*0\s*\)")

#: RFC 2606 keeps `.invalid` for names that must never resolve: what the sandbox and the samples use.
_INVALID_TLD = ".invalid"


def normalise_number(printed: str, default_region: str | None = None, *, field_name: str = "number") -> str:
    """The first number printed, in E.164 (`+442076362981`).

    Args:
        printed: as found on a letterhead, `+44 (0)20 7636 2981 / 5578`.
        default_region: ISO 3166 country whose national format is understood, or None: then `+` is required.
        field_name: named in the error.

    Raises:
        InvalidInput: nothing in it can be dialled.
    """
    return parse_printed_numbers(printed, default_region, field_name=field_name)[0]


def parse_printed_numbers(printed: str, default_region: str | None = None, *, field_name: str = "number") -> list[str]:
    """Every number printed, in E.164, in the order printed, each once; never an empty list.

    A short piece after a separator replaces the last digits of the number before it, as printed on letterheads:
    `+44 20 7636 2981 / 5578` means +442076362981 and +442076365578.

    Raises:
        InvalidInput: a piece is not a number, or has an extension, which no gateway can dial.
    """
    found: list[str] = []
    for piece in (part for part in _BETWEEN_NUMBERS.split(printed.strip()) if part):
        number = _short_form(piece, found[-1]) if found else None
        number = number or _single_number(piece, default_region, field_name)
        if number not in found:
            found.append(number)
    if not found:
        raise InvalidInput.of(
            field_name, say("is empty; write it with its country code, for example +44 20 7946 0123.")
        )
    return found


def _short_form(piece: str, previous: str) -> str | None:
    """`5578` after `+442076362981`: the same number with its last digits exchanged; None if it is no short form."""
    digits = "".join(character for character in piece if character in "0123456789")
    is_short = _ONLY_DIGITS.fullmatch(piece) is not None and 1 <= len(digits) <= 4
    return previous[: -len(digits)] + digits if is_short else None


def _single_number(piece: str, default_region: str | None, field_name: str) -> str:
    for candidate in (piece, _TRUNK_ZERO.sub("", piece)):
        try:
            number = phonenumbers.parse(candidate, default_region)
        except phonenumbers.NumberParseException:
            continue
        if number.extension:
            raise InvalidInput.of(field_name, say("has an extension, which can't be dialled; give the direct number."))
        # "Possible", not "valid": numbering plans change faster than the library, and a letterhead outlives both.
        if phonenumbers.is_possible_number(number):
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if default_region:
        words = say("%(piece)s is not a telephone number that can be dialled; write it again", piece=f"{piece!r}")
    else:
        words = say(
            "%(piece)s is not a telephone number that can be dialled; write it with its country code, for example "
            "+44 20 7946 0123",
            piece=f"{piece!r}",
        )
    raise InvalidInput.of(field_name, words)


def normalise_email(address: str, *, field_name: str = "email") -> str:
    """The address in its one spelling: domain in lower case, Unicode normalised, local part kept as it is.

    No DNS look-up. Reserved names (`.invalid`, `.test`, `.example`) are accepted: which of them may be mailed is
    the live-dial guard's question, not one of spelling.

    Raises:
        InvalidInput: it is not an address (RFC 5321, RFC 6531).
    """
    text = address.strip()
    is_invalid_tld = text.lower().endswith(_INVALID_TLD)
    # The validator knows `.test` as a test name but refuses `.invalid`: it is shown the one for the other.
    shown = text[: -len(_INVALID_TLD)] + ".test" if is_invalid_tld else text
    try:
        normalised = validate_email(shown, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise InvalidInput.of(field_name, say("is not a mail address: %(error)s", error=error)) from error
    return normalised.removesuffix(".test") + _INVALID_TLD if is_invalid_tld else normalised
