"""Template files: TOML front matter between `+++` lines, then the body; one file per kind and language.

    +++
    re = "{{ case.re_line }}"
    +++
    {{ case.texts.request }}

Owns finding the shipped library and saying which file is missing. Must not render.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from uuid import UUID

from urgentaction.core.errors import TemplateError
from urgentaction.letters.sandbox import LIMITS, Piece
from urgentaction.letters.wording import MissingTranslation

_FENCE = "+++"


class Family(StrEnum):
    """The three libraries, each a folder under `templates/`."""

    LETTERS = "letters"
    NOTICES = "notices"
    SMS = "sms"


_SUFFIX = {Family.LETTERS: ".md", Family.NOTICES: ".md", Family.SMS: ".txt"}
_SAFE = re.compile(r"[a-z][a-z0-9_]*(-[A-Za-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class TemplateSource:
    """A template's text and what people call it.

    Attributes:
        name: shown in every error: `letters/first_appeal/ko.md`, with the version where it is no shipped file
            (`letters/first_appeal/ko.md version 3`).
        text: the whole file, front matter included.
        version: the row it comes from; None for a shipped file.
    """

    name: str
    language: str
    text: str
    version: UUID | None = None

    @property
    def sha256(self) -> str:
        """The text's SHA-256 in hexadecimal, as a letter records it."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Parts:
    """A template taken apart; every piece knows its line in the file."""

    front: dict[str, Piece] = field(default_factory=dict)
    body: Piece = field(default_factory=lambda: Piece("", ""))


def split(source: TemplateSource, *, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> Parts:
    """Take front matter and body apart.

    Raises:
        TemplateError: front matter that is missing, unreadable, or lacks a key or has an unknown one.
    """
    if len(source.text) > LIMITS.source:
        raise _broken(source, 1, f"is {len(source.text)} characters long; at most {LIMITS.source} are allowed")
    lines = source.text.replace("\r\n", "\n").split("\n")
    if lines[0].strip() != _FENCE:
        if required:
            raise _broken(
                source, 1, f"begins without front matter; write {_FENCE}, {_example(required)}, {_FENCE} first"
            )
        return Parts({}, Piece(source.name, source.text))
    try:
        end = next(number for number, line in enumerate(lines[1:], start=1) if line.strip() == _FENCE)
    except StopIteration:
        raise _broken(source, 1, f"front matter never ends; close it with a line {_FENCE}") from None
    front_matter = "\n".join(lines[1:end])
    if len(front_matter) > LIMITS.line:
        raise _broken(source, 1, f"front matter has more than {LIMITS.line} characters; the text belongs below it")
    try:
        values = tomllib.loads(front_matter)
    except RecursionError:
        raise _broken(source, 1, "front matter is nested too deeply; write texts only") from None
    except ValueError as error:  # TOMLDecodeError is one; a number of thousands of digits is another
        raise _broken(source, 1, f"front matter is no TOML: {error} (lines counted after the first {_FENCE})") from None
    front = {}
    for key, value in values.items():
        line = next(
            (n for n, text in enumerate(lines[:end], start=1) if re.match(rf'\s*"?{re.escape(key)}\b', text)), 1
        )
        if key not in required + optional:
            raise _broken(source, line, f"unknown key {key!r}; allowed are: {', '.join(required + optional)}")
        if not isinstance(value, str) or not value.strip():
            raise _broken(source, line, f"{key!r} must be a text that is not empty")
        front[key] = Piece(source.name, value, line)
    missing = [key for key in required if key not in front]
    if missing:
        raise _broken(source, 1, f"front matter lacks {missing[0]!r}; add {_example((missing[0],))}")
    return Parts(front, Piece(source.name, "\n".join(lines[end + 1 :]), end + 2))


def _example(keys: tuple[str, ...]) -> str:
    return ", ".join(f'{key} = "…"' for key in keys)


def _broken(source: TemplateSource, line: int, message: str) -> TemplateError:
    return TemplateError(f"template {source.name}, line {line}: {message}")


def load_shipped(family: Family, kind: str, language: str, *, root: Path) -> TemplateSource:
    """Read a template of the shipped library.

    Args:
        kind: the folder's name, `first_appeal`.
        language: the file's name, `ko`.
        root: the `templates/` folder.

    Raises:
        MissingTranslation: no such file; the message says which one to add.
        TemplateError: a name that can't be a file of the library.
    """
    for part in (kind, language):
        if not _SAFE.fullmatch(part):
            raise TemplateError(f"{part!r} is no template kind or language; use letters, digits and _")
    name = file_name(family, kind, language)
    path = root / name
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        there = shipped_languages(family, kind, root=root)
        known = f"it exists in {', '.join(there)}" if there else f"there is no {family} kind {kind!r} at all"
        raise MissingTranslation(f"no template {name}: {known}; add the file templates/{name}") from None
    except UnicodeDecodeError as error:
        raise TemplateError(f"template {name} is no UTF-8 text ({error.reason}); save it as UTF-8") from None
    return TemplateSource(name, language, text)


def file_name(family: Family, kind: str, language: str) -> str:
    """Where a template lies in the library: `letters/first_appeal/ko.md`."""
    return f"{family}/{kind}/{language}{_SUFFIX[family]}"


def shipped_kinds(family: Family, *, root: Path) -> tuple[str, ...]:
    """The kinds of a library, sorted."""
    return tuple(sorted(path.name for path in (root / family).iterdir() if path.is_dir()))


def shipped_languages(family: Family, kind: str, *, root: Path) -> tuple[str, ...]:
    """The languages a kind exists in, sorted; empty for an unknown kind."""
    return tuple(sorted(path.stem for path in (root / family / kind).glob(f"*{_SUFFIX[family]}")))
