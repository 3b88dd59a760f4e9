"""What an import would change, found out by doing it and taking it back; and an import that does what was shown.

Owns the comparison of the directory before and after. What an import does is `importing`'s business alone.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import transaction

from urgentaction.core.errors import Conflict
from urgentaction.core.phrases import say
from urgentaction.core.tables import ImportReport

from .exporting import offices_as_told
from .importing import import_directory


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the database that the import changes. `kind`: `office`, `official` or `contact_point`.

    `fields` are those that differ, for a row that was there; `is_gone`: a contact point that is not used any more.
    """

    office: str
    kind: str
    name: str
    is_new: bool = False
    is_gone: bool = False
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """What would change. `digest` stands for it, with the values before and after.

    An import that would change something else has another one, and so has one that would take back what somebody has
    corrected meanwhile.
    """

    report: ImportReport
    changes: tuple[Change, ...]
    digest: str


def preview_import(name: str, content: bytes, *, by: str) -> Preview:
    """What `import_directory` would do with this file; nothing stays of it.

    Args:
        name: of the file, for its messages. It is not opened.

    Raises:
        InvalidInput, Conflict: as `import_directory`.
    """
    with transaction.atomic():
        preview = _import(name, content, by=by)
        transaction.set_rollback(True)
    return preview


@transaction.atomic
def import_as_shown(name: str, content: bytes, *, digest: str, by: str) -> Preview:
    """Import a file that somebody has looked at the preview of.

    Raises:
        InvalidInput, Conflict: as `import_directory`; and Conflict where it would not change what was shown, because
            somebody has changed the directory meanwhile.
    """
    done = _import(name, content, by=by)
    if done.digest != digest:
        raise Conflict.of("import", say("the directory was changed since this was shown; look at it again"))
    return done


def _import(name: str, content: bytes, *, by: str) -> Preview:
    before = offices_as_told()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / Path(name).name
        path.write_bytes(content)
        report = import_directory(path, by=by)
    then, now = _rows(before), _rows(offices_as_told())
    return Preview(report, tuple(_changes(then, now)), _digest(then, now))


_Key = tuple[str, str, str]


def _digest(before: Mapping[_Key, Mapping[str, Any]], after: Mapping[_Key, Mapping[str, Any]]) -> str:
    keys = sorted(before.keys() | after.keys())
    told = [[key, before.get(key), after.get(key)] for key in keys if before.get(key) != after.get(key)]
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


def _rows(offices: list[dict[str, Any]]) -> dict[_Key, Mapping[str, Any]]:
    """Every row by office, kind and what names it there."""
    rows: dict[_Key, Mapping[str, Any]] = {}
    for office in offices:
        slug = office["slug"]
        own = {key: value for key, value in office.items() if key not in ("official", "contact_point")}
        rows[slug, "office", slug] = own
        for official in office.get("official", ()):
            rows[slug, "official", official["slug"]] = official
        for point in office.get("contact_point", ()):
            rows[slug, "contact_point", f"{point['channel']} {point['dial_value']}"] = point
    return rows


def _changes(before: Mapping[_Key, Mapping[str, Any]], after: Mapping[_Key, Mapping[str, Any]]) -> Iterator[Change]:
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        if old is None or new is None:
            yield Change(*key, is_new=old is None, is_gone=new is None)
        else:
            names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
            yield Change(*key, fields=tuple(names))
