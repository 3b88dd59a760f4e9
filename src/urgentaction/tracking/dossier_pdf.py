"""A dossier on paper: values in, one PDF out, through Typst (`templates/typst/dossier.typ`).

The letters' own files are attached to it, so the output is PDF/A-3 (ISO 19005-3), made for archives, and PDF/UA-1. The
same values give the same bytes. Must not ask the database.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

import typst

from urgentaction.core.errors import ConfigurationError, TemplateError
from urgentaction.letters.typeset import load_fonts

from .dossier_views import Dossier, Enclosure

_LAYOUT = "dossier.typ"
#: In the order they are tried for each character. A face that is not installed is passed over.
_FACES = ("Noto Sans", "Noto Sans KR", "Noto Sans SC", "Noto Sans JP", "Noto Sans Arabic", "Amiri", "Noto Serif")
_CHANNELS = {"fax": "Fax", "email": "Email", "sms": "SMS"}
_ROLES = {"to": "addressee", "cc": "copy"}
_INTERNAL = "For internal use only"
_CONFIDENTIAL = "CONFIDENTIAL: with names of people at risk"
_NOTICE = (
    "This file is for people who work on the case, and for courts that ask for it. It shows persons as officials may "
    "see them. Supporters are in it as numbers only. Don’t send it on."
)
_NOTICE_CONFIDENTIAL = (
    "This file holds names that can cost lives. Keep it encrypted, print it only where you must, and destroy each copy "
    "that is not needed any more. Supporters are in it as numbers only."
)


def typeset_dossier(made: Dossier, enclosures: Sequence[Enclosure], *, typst_root: Path) -> bytes:
    """The PDF of a dossier, its enclosures attached.

    Args:
        typst_root: the folder `templates/typst/`.

    Raises:
        ConfigurationError: the layout or a font is missing.
        TemplateError: it can't be set (a glyph that no font has, say).
    """
    layout = typst_root / _LAYOUT
    if not layout.is_file():
        raise ConfigurationError(f"the layout {layout} is missing; restore templates/typst/{_LAYOUT}")
    # Typst reads attachments from files. The folder is this user's alone, and gone when the PDF stands.
    with tempfile.TemporaryDirectory(prefix="dossier-") as name:
        folder = Path(name)
        shutil.copyfile(layout, folder / _LAYOUT)
        (folder / "files").mkdir()
        for one in enclosures:
            (folder / "files" / one.name).write_bytes(one.content)
        data = json.dumps(_data(made, enclosures), ensure_ascii=False, sort_keys=True)
        (folder / "dossier.json").write_text(data, encoding="utf-8")
        return _compile(folder, made)


def _compile(folder: Path, made: Dossier) -> bytes:
    try:
        pdf = typst.compile(
            folder / _LAYOUT,
            root=folder,
            font_paths=load_fonts(),
            ignore_system_fonts=True,
            format="pdf",
            pdf_standards=["a-3a", "ua-1"],
            timestamp=int(made.made_at.timestamp()),
        )
    except typst.TypstError as error:
        raise TemplateError(f"the dossier of {made.reference} can't be set: {error.message}") from error
    if not isinstance(pdf, bytes):
        raise TypeError(f"Typst returned {type(pdf).__name__} for a PDF")
    return pdf


def _data(made: Dossier, enclosures: Iterable[Enclosure]) -> dict[str, Any]:
    """What `dossier.typ` reads: the dossier's values with times in words, and what stands around them."""
    data: dict[str, Any] = _worded(asdict(made))
    for alert in data["alerts"]:
        for one in alert["letters"]:
            one["role_label"] = _ROLES[one["role"]]
        for one in alert["deliveries"]:
            one["role_label"] = _ROLES[one["role"]]
            one["channel_label"] = _CHANNELS[one["channel"]]
            one["state_label"] = one["state"].replace("_", " ")
    status = f"{made.status.replace('_', ' ')} ({made.confidence})" if made.status else "none yet"
    return data | {
        "faces": _FACES,
        "title": f"Dossier {made.reference}",
        "case_title": made.title,
        "contents_title": "Contents",
        "marking": _CONFIDENTIAL if made.is_confidential else _INTERNAL,
        "notice": _NOTICE_CONFIDENTIAL if made.is_confidential else _NOTICE,
        "mode_line": f"{made.mode} mode",
        "cover": [
            ["Status", status],
            ["As of", data["as_of"]],
            ["Place", made.place],
            ["People", str(made.group_size)],
            ["Countries", ", ".join(made.countries)],
            ["Made", f"{data['made_at']} by {made.made_by}"],
            ["Mode", _mode(made.mode)],
            ["Times", "UTC, where nothing else is said"],
        ],
        "enclosures": [
            {
                "name": one.name,
                "words": one.words,
                "bytes": len(one.content),
                "sha256": hashlib.sha256(one.content).hexdigest(),
            }
            for one in enclosures
        ],
    }


def _mode(mode: str) -> str:
    if mode == "live":
        return "live: messages went to real addresses"
    return f"{mode}: nobody real was contacted"


def _worded(value: Any) -> Any:
    """The same values, with times and days as people read them."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _worded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_worded(item) for item in value]
    return value
