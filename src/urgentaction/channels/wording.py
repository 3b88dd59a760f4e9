"""What gateways say, made fit to store and show: short, on one line, with nobody's address or number in it.

Owns the one rule for that; decides nothing.
"""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"[^\s<>@\"'(),;:]+@[^\s<>@\"'(),;:]+")
_NUMBER = re.compile(r"\+?\d[\d\s()\-]*\d")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
#: Neither kept as text nor accepted by the database: control characters (NUL above all) and halves of surrogate pairs.
UNSTORABLE = "\x00-\x1f\x7f-\x9f\ud800-\udfff"
_IN_A_LINE = re.compile(f"[{UNSTORABLE}]")

#: A telephone number has at least this many digits; `550 5.1.1` and prices have fewer.
_DIGITS_OF_A_NUMBER = 7


def harmless(text: str, *, limit: int = 200) -> str:
    """Shorten a gateway's words to `limit` characters and mask mail addresses and telephone numbers in them."""
    one_line = " ".join(_UNPRINTABLE.sub(" ", text).split())
    masked = _NUMBER.sub(_mask_number, _ADDRESS.sub("<address>", one_line))
    return masked if len(masked) <= limit else masked[: limit - 1] + "…"


def printable(text: str) -> str:
    """A line of text with U+FFFD for every character that a column can't hold or a terminal would obey."""
    return text if text.isprintable() else _IN_A_LINE.sub("\ufffd", text)


def _mask_number(found: re.Match[str]) -> str:
    digits = sum(character.isdigit() for character in found.group())
    return "<number>" if digits >= _DIGITS_OF_A_NUMBER else found.group()
