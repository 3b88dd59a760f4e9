"""A text or HTML body with marks in it, laid out as bytes with gaps that any value fits.

Owns the choice of a transfer encoding (RFC 2045 §6), how a value is written in it, and the stuffing (RFC 5321 §4.5.2)
of every dot that is known beforehand. Pure. Knows neither headers nor whole messages.
"""

from __future__ import annotations

import binascii
import html
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from urgentaction.channels.email.message import MAX_LINE

Encode = Callable[[str], bytes]

#: What a gap in eight bits must hold, in bytes: a long name in a script of three bytes a character, a link with a long
#: token. Where a line leaves less, its body is quoted-printable, which has room for anything.
ROOM = 256

_GAP = "\0"
_CRLF = b"\r\n"
_SOFT_BREAK = b"=\r\n"
_SPECIAL = re.compile("[&<>\"']")  # what `html.escape` replaces


@dataclass(frozen=True, slots=True)
class Slot:
    """A gap: which of the values goes there, and how it is written."""

    number: int
    encode: Encode


@dataclass(frozen=True, slots=True)
class Stuffing:
    """A gap where a line begins with what is filled in: a dot belongs there if that begins with one."""


#: What is constant has its dots stuffed. A `Stuffing` is followed by one or more slots, and they by a constant.
Piece = bytes | Slot | Stuffing


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A body, ready to be filled.

    Attributes:
        encoding: its Content-Transfer-Encoding.
        room: how many bytes a value may have once it is written, so that no line gets longer than 998.
        needed: slots whose values may not be empty, because then lines would end elsewhere.
    """

    encoding: str
    pieces: tuple[Piece, ...]
    room: int
    needed: frozenset[int]


def lay_out(template: str, marks: Sequence[str], *, is_html: bool, is_8bit: bool) -> Body:
    """A body that decodes to the template with its marks replaced.

    Every line ends in CRLF, the last one too. Values must be free of CR, LF and NUL.
    """
    raw, numbers = cut(template, marks)
    texts = [re.sub(r"\r\n?", "\n", text) for text in raw]
    if not texts[-1].endswith("\n"):
        texts[-1] += "\n"
    room = -1 if _GAP in template else room_in(texts)
    is_ascii = template.isascii() and not numbers
    if room >= ROOM and (is_8bit or is_ascii):
        encoding, pieces = ("7bit" if is_ascii else "8bit"), _plain(texts, numbers, is_html=is_html)
    else:
        encoding, pieces, room = "quoted-printable", _quoted(texts, numbers, is_html=is_html), sys.maxsize
    return Body(encoding=encoding, pieces=tuple(pieces), room=room, needed=_needed(raw, numbers))


def cut(template: str, marks: Sequence[str]) -> tuple[list[str], list[int]]:
    """What stands around the marks, one piece more than there are marks; and whose each of the marks is."""
    if not marks:
        return [template], []
    number_of = {mark: number for number, mark in enumerate(marks)}
    found = re.split(f"({'|'.join(map(re.escape, marks))})", template)
    return found[::2], [number_of[mark] for mark in found[1::2]]


def room_in(texts: Sequence[str]) -> int:
    """How many bytes the fullest line leaves for each of its gaps: these are between the texts, LF ends a line.

    Less than none where a line is too long already.
    """
    least = sys.maxsize
    for line in _GAP.join(texts).split("\n"):
        gaps = line.count(_GAP)
        left = MAX_LINE - len(line.encode()) + gaps
        if gaps or left < 0:
            least = min(least, left // max(gaps, 1))
    return least


def stuffed(content: bytes, *, is_start: bool) -> bytes:
    """With a second dot before each that begins a line; `is_start`: the content begins at the start of one."""
    doubled = content.replace(b"\n.", b"\n..")
    return b"." + doubled if is_start and content.startswith(b".") else doubled


def _needed(texts: Sequence[str], numbers: Sequence[int]) -> frozenset[int]:
    """Marks between a CR and an LF, which would become one line end, and marks that alone make the last line."""
    whole = _GAP.join(text.replace(_GAP, " ") for text in texts)
    spans = [match.span() for match in re.finditer(rf"(?<=\r){_GAP}+(?=\n)|(?:(?<=[\r\n])|^){_GAP}+\Z", whole)]
    places = [place for place, character in enumerate(whole) if character == _GAP]
    inside = zip(places, numbers, strict=True)
    return frozenset(number for place, number in inside if any(start <= place < stop for start, stop in spans))


def _plain(texts: Sequence[str], numbers: Sequence[int], *, is_html: bool) -> Iterator[Piece]:
    """As it is, in UTF-8."""
    encode, is_start = _plain_html if is_html else _plain_text, True
    for text, number in zip_longest(texts, numbers):
        if text:
            yield stuffed(text.replace("\n", "\r\n").encode(), is_start=is_start)
            is_start = text.endswith("\n")
        if number is not None:
            if is_start:
                yield Stuffing()
            yield Slot(number, encode)
            is_start = False


def _quoted(texts: Sequence[str], numbers: Sequence[int], *, is_html: bool) -> Iterator[Piece]:
    """In quoted-printable, each value on lines of its own, so that it can be broken without looking around it."""
    encode = _quoted_html if is_html else _quoted_text
    for text, number in zip_longest(texts, numbers):
        if text:
            yield _quote_lines(text)
        if number is not None:
            if text and not text.endswith("\n"):
                yield _SOFT_BREAK
            yield Slot(number, encode)
            yield _SOFT_BREAK


def _plain_text(value: str) -> bytes:
    return value.encode()


def _plain_html(value: str) -> bytes:
    # Most values have nothing to escape; to find that out costs a third of `escape`.
    return (html.escape(value) if _SPECIAL.search(value) else value).encode()


def _quoted_text(value: str) -> bytes:
    return _quote(value)


def _quoted_html(value: str) -> bytes:
    return _quote(html.escape(value))


def _quote_lines(text: str) -> bytes:
    """A soft break keeps a space at the end of a line from standing there (RFC 2045 §6.7 (3))."""
    *lines, last = text.split("\n")
    ended = [_quote(line) + (_SOFT_BREAK if line.endswith((" ", "\t")) else b"") + _CRLF for line in lines]
    return b"".join([*ended, _quote(last)])


def _quote(line: str) -> bytes:
    """In pieces of at most 75 characters, so that a soft break fits behind the last; stuffed, from the start of a line.

    Without the `x`, `b2a_qp` would take the end for the end of a line, where it allows 76 characters and writes a space
    or a dot another way.
    """
    quoted = binascii.b2a_qp(line.encode() + b"x")[:-1]
    if b"\n" in quoted:
        quoted = quoted.replace(b"\n", _CRLF)
    return stuffed(quoted, is_start=True) if b"." in quoted else quoted
