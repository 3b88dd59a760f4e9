"""What a template may read, for whoever writes one: the field, how to write it, what sort it is, and an example.

The list comes from `letters.fields`, the examples from the invented contexts that drafts are tried on. Pure.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from urgentaction.letters import specimens
from urgentaction.letters.fields import Kind, Line, fields_of, readable
from urgentaction.letters.source import Family
from urgentaction.letters.specimens import Scene, Stage
from urgentaction.letters.wording import long_date

#: What the invented contexts leave empty, or open until a notice is sent to one person.
_EXAMPLES = {
    "addressee.closing": "Yours respectfully",
    "supporter_name": "Kim Min-ji",
    "unsubscribe_url": "https://safepassage.example/unsubscribe/…",
    "preferences_url": "https://safepassage.example/preferences/…",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One field. `write` can be copied into a template as it stands."""

    path: str
    write: str
    words: str
    example: str


@cache
def reference(family: Family) -> tuple[Entry, ...]:
    """Every field of a family, in the order of docs/templates.md."""
    stage = Stage(language="en", kind="first_appeal", sections=("latest",), optional=())
    made = {Family.LETTERS: specimens.letter, Family.NOTICES: specimens.notice, Family.SMS: specimens.sms}
    context = made[family](stage, Scene())
    return tuple(
        Entry(line.path, _written(line), line.kind.words().replace("`", ""), _example(line, context))
        for line in readable(family)
    )


def _written(line: Line) -> str:
    path, kind = line.path.replace("SECTION", "latest"), line.kind
    if kind.is_list:
        entry = f"one.{next(iter(fields_of(kind.of)))}" if dataclasses.is_dataclass(kind.of) else "one"
        return f"{{% for one in {path} %}}{{{{ {entry} }}}}{{% endfor %}}"
    shown = f"{{{{ {path}{_filter(line)} }}}}"
    return f"{{% if {path} is not none %}}{shown}{{% endif %}}" if kind.is_optional else shown


def _filter(line: Line) -> str:
    if issubclass(line.kind.of, date):
        return " | day"
    return " | link" if line.path.endswith("_url") else ""


def _example(line: Line, context: object) -> str:
    if line.path in _EXAMPLES:
        return _EXAMPLES[line.path]
    found: Any = context
    for name in line.path.replace("SECTION", "latest").split("."):
        found = found[name] if isinstance(found, Mapping) else getattr(found, name)
    return "; ".join(_shown(line.kind, found))


def _shown(kind: Kind, value: Any) -> Iterator[str]:
    if kind.is_list:
        for entry in value:
            yield str(next(iter(dataclasses.asdict(entry).values())) if dataclasses.is_dataclass(kind.of) else entry)
    elif isinstance(value, date):
        yield long_date(value, "en")
    else:
        yield str(value)
