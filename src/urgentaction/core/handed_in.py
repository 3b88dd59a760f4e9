"""What people hand in as a file, from a folder or through a form: its bytes as text, or what is wrong with them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from .errors import InvalidInput
from .phrases import say

_BOMS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


@dataclass(frozen=True, slots=True)
class HandedIn:
    """A file that stands in no folder: its name, for messages, and its text. What is in it may be personal."""

    name: str
    text: str = field(repr=False)

    @property
    def sha256(self) -> str:
        """Its fingerprint, for the audit log."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def decoded(content: bytes, name: str) -> str:
    """UTF-8 as text; a byte order mark in front is dropped, line ends stay as they are.

    Args:
        name: of the file, for messages.

    Raises:
        InvalidInput: not UTF-8, or binary.
    """
    if encoding := _BOMS.get(content[:2]):
        raise InvalidInput.of(
            name, say("is %(encoding)s; save it as UTF-8 (in a spreadsheet: “CSV UTF-8”)", encoding=encoding)
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidInput.of(
            f"{name}, line {line}", say("is not UTF-8; save the file as UTF-8 (in a spreadsheet: “CSV UTF-8”)")
        ) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise InvalidInput.of(f"{name}, line {line}", say("has a NUL character; this is no text file"))
    return text
