"""The fields a template may read, as `letters.content` declares them: the one list behind lint, help and docs.

Nothing is listed by hand but the words about each, so the list can't promise a field that is not there.
Pure. Must not know Jinja2.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from urgentaction.letters.content import LetterContext, MarkdownText, NoticeContext, SmsContext
from urgentaction.letters.source import Family

CONTEXTS: Mapping[Family, type] = {
    Family.LETTERS: LetterContext,
    Family.NOTICES: NoticeContext,
    Family.SMS: SmsContext,
}


@dataclass(frozen=True, slots=True)
class Kind:
    """What sort of value stands in a place.

    Attributes:
        of: the Python class; for a list or a mapping, that of its entries.
        is_list, is_mapping: several of them, in order or by name.
        is_optional: may be None.
    """

    of: type
    is_list: bool = False
    is_mapping: bool = False
    is_optional: bool = False

    @property
    def is_plain(self) -> bool:
        """A single value, no list of them."""
        return not (self.is_list or self.is_mapping)

    @property
    def has_fields(self) -> bool:
        """Whether a template goes on with a dot."""
        return self.is_plain and dataclasses.is_dataclass(self.of)

    @property
    def is_text(self) -> bool:
        """Whether it can be printed as it is."""
        return self.is_plain and not self.is_optional and issubclass(self.of, (str, int)) and self.of is not bool

    def words(self) -> str:
        """For people: "text", "day or none", "list, each with …"."""
        name = next((word for known, word in _WORDS if issubclass(self.of, known)), "")
        if self.is_mapping:
            return "texts by section"
        if self.is_list:
            inner = ", ".join(f"`{key}`" for key in fields_of(self.of)) if dataclasses.is_dataclass(self.of) else ""
            return f"list, each with {inner}" if inner else f"list of {name}s"
        return f"{name} or none" if self.is_optional else name


_WORDS: tuple[tuple[type, str], ...] = (
    (MarkdownText, "text with Markdown"),
    (Enum, "word"),
    (str, "text"),
    (bool, "yes or no"),
    (int, "number"),
    (date, "day"),
)


@cache
def fields_of(owner: type) -> Mapping[str, Kind]:
    """The fields of a class of `letters.content`, in its order."""
    hints = get_type_hints(owner)
    return {field.name: _kind(hints[field.name]) for field in dataclasses.fields(owner)}


def _kind(hint: Any) -> Kind:
    if isinstance(hint, UnionType):
        (one,) = (part for part in get_args(hint) if part is not type(None))
        return dataclasses.replace(_kind(one), is_optional=True)
    origin, inner = get_origin(hint), get_args(hint)
    if origin is tuple:
        return Kind(inner[0], is_list=True)
    if origin is not None and issubclass(origin, Mapping):
        return Kind(inner[1], is_mapping=True)
    return Kind(hint)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the list: what to write, and what comes of it."""

    path: str
    kind: Kind


def readable(family: Family) -> Iterator[Line]:
    """Every place a template of this family may read, in order: `case.title`, `case.countries.origin`, …"""
    yield from _below("", CONTEXTS[family])


def _below(prefix: str, owner: type) -> Iterator[Line]:
    for name, kind in fields_of(owner).items():
        path = f"{prefix}{name}"
        if kind.has_fields:
            yield from _below(f"{path}.", kind.of)
        else:
            yield Line(f"{path}.SECTION" if kind.is_mapping else path, kind)


def as_markdown(family: Family) -> str:
    """The list as a table for docs/templates.md."""
    rows = [f"| `{line.path}` | {line.kind.words()} |" for line in readable(family)]
    return "\n".join(["| Write | What it is |", "|---|---|", *rows])
