"""A mailing compiled: everything that is the same in all copies is bytes already, dots stuffed, with gaps between.

`compile_mailing` does once what `message.compose` does for every mail, and `fill` puts one person's values into the
gaps. A mail program reads the outcome as it reads `compose(written_out(mailing, copy))`. That stays the measure: a copy
with something out of the ordinary in it (a line break in a value, a header beyond ASCII, more than fits on a line) is
made by `compose`, and what that refuses is refused.

Must not know connections, and keeps nothing: who sends keeps skeletons, by `Mailing.key`.
"""

from __future__ import annotations

import dataclasses
import re
import secrets
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.headerregistry import HeaderRegistry, UnstructuredHeader
from itertools import zip_longest
from typing import NamedTuple

from urgentaction.channels.email.bodies import Body, Encode, Piece, Slot, Stuffing, cut, lay_out, room_in, stuffed
from urgentaction.channels.email.message import (
    ADDRESS,
    WirePolicy,
    begun,
    compose,
    dot_stuff,
    refuse_long_lines,
    with_ascii_domain,
)
from urgentaction.channels.mailing import Copy, Mailing, written_out
from urgentaction.core.errors import InvalidInput

# What the fields of an ordinary copy look like. They can be written as they are; an address with other characters, for
# instance, may have to be quoted.
_TO = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,200}+@[A-Za-z0-9.-]{1,255}+"
_RETURN_PATH = f"(?:{_TO}|{ADDRESS.pattern})?"
_ID_PART = r"[A-Za-z0-9_+=-]{1,80}+(?:\.[A-Za-z0-9_+=-]{1,80}+){0,4}+"
_MESSAGE_ID = f"<{_ID_PART}@{_ID_PART}>"
_VALUE = r"[^\r\n\0]*+"
_NEEDED_VALUE = r"[^\r\n\0]++"
#: One word, in which no encoded word (RFC 2047) begins or ends.
_HEADER_VALUE = r"(?!\?)(?:[!-<>-~]++|=(?![?\n]))++"
_NEVER = r"(?!)"

_CRLF = b"\r\n"
_TEXT, _HTML = 'text/plain; charset="utf-8"', 'text/html; charset="utf-8"'


class _Gap(NamedTuple):
    """Where one value, written one way, goes among the pieces; and how many bytes it may have there."""

    number: int
    encode: Encode
    room: int
    places: tuple[int, ...]


class _LineStart(NamedTuple):
    """The place of a dot to be stuffed if what stands between it and `stop` begins with one."""

    place: int
    stop: int


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class Skeleton:
    """A compiled mailing. Made by `compile_mailing`; never changes, so that threads may share it.

    Attributes:
        mailing: what it was compiled from, the sender's domain as DNS knows it.
        is_8bit: it is for a server that takes 8BITMIME.
        ordinary: what the fields of a copy, an LF between them, must match to be filled in.
        pieces: of a message in their order; those of gaps and line starts are empty.
    """

    mailing: Mailing
    is_8bit: bool
    ordinary: re.Pattern[str]
    pieces: tuple[bytes, ...]
    gaps: tuple[_Gap, ...]
    line_starts: tuple[_LineStart, ...]

    def fill(self, copy: Copy) -> bytes:
        """One person's message: CRLF line ends, dots stuffed, without the final dot.

        Its length will do for SIZE (RFC 1870), which counts no stuffed dots: it is never too small.

        Raises:
            InvalidInput: what `compose` refuses; also a recipient whose local part is not ASCII, because such a message
                goes by a transaction of another kind (SMTPUTF8).
        """
        to = copy.to if copy.to.isascii() else with_ascii_domain(copy.to)
        values = copy.values
        fields = (*values, to, copy.message_id, copy.return_path)
        if len(values) != len(self.mailing.marks) or self.ordinary.fullmatch("\n".join(fields)) is None:
            return self._composed(copy, to)
        pieces = [*self.pieces]
        for number, encode, room, places in self.gaps:
            value = encode(fields[number])
            if len(value) > room:
                return self._composed(copy, to)
            for place in places:
                pieces[place] = value
        for place, stop in self.line_starts:
            if next(filter(None, pieces[place + 1 : stop])).startswith(b"."):
                pieces[place] = b"."
        return b"".join(pieces)

    def _composed(self, copy: Copy, to: str) -> bytes:
        if not to.isascii():
            raise InvalidInput.of("to", "has a local part beyond ASCII, and such mail goes one by one.")
        outgoing = written_out(self.mailing, dataclasses.replace(copy, to=to))
        return dot_stuff(compose(outgoing, is_8bit=self.is_8bit, is_utf8=False))


def compile_mailing(mailing: Mailing, *, is_8bit: bool) -> Skeleton:
    """Everything that is the same in all copies, done once. Takes a few milliseconds.

    Args:
        mailing: the notice in one language.
        is_8bit: the server takes 8BITMIME (RFC 6152); otherwise bodies are encoded to seven bits.

    Raises:
        InvalidInput: `compose` would refuse every copy; or sender or reply address have a local part beyond ASCII.
    """
    sender, reply_to = with_ascii_domain(mailing.sender), with_ascii_domain(mailing.reply_to)
    if not (sender.isascii() and reply_to.isascii()):
        raise InvalidInput.of("sender", "has a local part beyond ASCII, and such mail goes one by one.")
    mailing = dataclasses.replace(mailing, sender=sender, reply_to=reply_to)
    text = lay_out(mailing.text, mailing.marks, is_html=False, is_8bit=is_8bit)
    html = lay_out(mailing.html, mailing.marks, is_html=True, is_8bit=is_8bit) if mailing.html else None
    # Nobody can have written 128 bits into the mailing that are drawn only now. The values of a copy come from outside
    # too, but who knew the boundary from one mail could spoil with it nothing but the next one to themselves.
    boundary = f"=_{secrets.token_hex(16)}"
    head, room = _head(mailing, text, boundary if html else "")
    rooms = {piece.encode: room for piece in head if isinstance(piece, Slot)}
    for body in (text, html) if html else (text,):
        rooms |= {piece.encode: body.room for piece in body.pieces if isinstance(piece, Slot)}
    pieces = _merged([*head, *_bodies(text, html, boundary.encode())])
    return Skeleton(
        mailing=mailing,
        is_8bit=is_8bit,
        ordinary=_ordinary(mailing, needed=text.needed | (html.needed if html else frozenset())),
        pieces=tuple(piece if isinstance(piece, bytes) else b"" for piece in pieces),
        gaps=tuple(_gaps(pieces, rooms)),
        line_starts=tuple(_line_starts(pieces)),
    )


def _head(mailing: Mailing, text: Body, boundary: str) -> tuple[list[Piece], int]:
    """The header, cut out of one to nobody in particular, with the empty line; and the room in its gaps."""
    values = tuple(secrets.token_hex(32) for _ in mailing.marks)
    to, message_id = (f"{secrets.token_hex(32)}@nobody.invalid" for _ in range(2))
    nobody = Copy(reference="", attempt=1, to=to, return_path="", message_id=f"<{message_id}>", values=values)
    policy = WirePolicy.of(is_8bit=False, is_utf8=False)
    message = begun(written_out(mailing, nobody), policy)
    message["MIME-Version"] = "1.0"
    message["Content-Type"] = f'multipart/alternative; boundary="{boundary}"' if boundary else _TEXT
    if not boundary:
        message["Content-Transfer-Encoding"] = text.encoding
    message["Content-Language"] = mailing.language
    head = b"".join(policy.fold_binary(name, value) for name, value in message.raw_items()) + _CRLF
    texts, numbers = cut(head.decode("ascii"), (*values, to, f"<{message_id}>"))
    refuse_long_lines("".join(texts).encode().split(_CRLF))
    pieces: list[Piece] = []
    for constant, number in zip_longest(texts, numbers):
        pieces.append(stuffed(constant.encode(), is_start=False))
        if number is not None:
            pieces.append(Slot(number, _ascii))
    return pieces, room_in([constant.replace("\r\n", "\n") for constant in texts])


def _bodies(text: Body, html: Body | None, boundary: bytes) -> Iterator[Piece]:
    """What comes after the header: the text, or text and HTML as alternatives (RFC 2046 §5.1.4)."""
    if html is None:
        yield from text.pieces
        return
    for kind, body in ((_TEXT, text), (_HTML, html)):
        yield b"--%b\r\n" % boundary
        yield f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {body.encoding}\r\n\r\n".encode()
        yield from body.pieces
        yield _CRLF
    yield b"--%b--\r\n" % boundary


def _ordinary(mailing: Mailing, *, needed: frozenset[int]) -> re.Pattern[str]:
    """What a copy's values, recipient, Message-ID and return path must look like, an LF between them."""
    values = [_NEEDED_VALUE if number in needed else _VALUE for number in range(len(mailing.marks))]
    registry = HeaderRegistry()
    for name, template in mailing.headers:
        texts, numbers = cut(template, mailing.marks)
        common = "".join(texts)
        # A header with a grammar of its own, or with encoded words, comes out otherwise with every value.
        is_plain = issubclass(registry[name], UnstructuredHeader) and common.isascii() and "=?" not in common
        for number in numbers:
            values[number] = _HEADER_VALUE if is_plain and values[number] != _NEVER else _NEVER
    return re.compile("\n".join((*values, _TO, _MESSAGE_ID, _RETURN_PATH)))


def _merged(pieces: Iterable[Piece]) -> list[Piece]:
    """With constants that stand side by side made one, and empty ones left out."""
    merged: list[Piece] = []
    for piece in pieces:
        before = merged[-1] if merged else None
        if isinstance(piece, bytes) and isinstance(before, bytes):
            merged[-1] = before + piece
        elif piece != b"":
            merged.append(piece)
    return merged


def _gaps(pieces: list[Piece], rooms: dict[Encode, int]) -> Iterator[_Gap]:
    places: dict[Slot, list[int]] = {}
    for place, piece in enumerate(pieces):
        if isinstance(piece, Slot):
            places.setdefault(piece, []).append(place)
    for slot, found in places.items():
        yield _Gap(slot.number, slot.encode, rooms[slot.encode], tuple(found))


def _line_starts(pieces: list[Piece]) -> Iterator[_LineStart]:
    for place, piece in enumerate(pieces):
        if isinstance(piece, Stuffing):
            tail = next(later for later in range(place, sys.maxsize) if isinstance(pieces[later], bytes))
            yield _LineStart(place, tail + 1)


def _ascii(value: str) -> bytes:
    return value.encode("ascii")
