"""Renders a text that nobody has approved, in a confined process: what a person sees of it while they write.

`try_confined` is the caller's side; run as a program this module is that process. Must not import Django: whose names
may be shown is decided before (`letters.compose`) and checked afterwards (`letters.trying`), by the caller.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from urgentaction.core.errors import ConfigurationError, TemplateError
from urgentaction.letters import specimens
from urgentaction.letters.carried import packed, unpacked
from urgentaction.letters.confined import Confines, answer, run_confined
from urgentaction.letters.content import CcEntry, LetterContext, NoticeContext, Organisation, SmsContext
from urgentaction.letters.examination import sections_read, typesetter_for
from urgentaction.letters.fields import CONTEXTS
from urgentaction.letters.render import render_letter, render_notice, render_sms
from urgentaction.letters.source import Family, TemplateSource
from urgentaction.letters.specimens import Scene, Stage
from urgentaction.letters.typeset import FaxHeader

#: Somebody is waiting for it. Loading takes a quarter of a second more.
CONFINES = Confines(cpu_seconds=1.5, wall_seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What is to be rendered.

    Attributes:
        source: the text; its name is what errors call it.
        context: what it may read; None: an invented one.
        organisation: who writes, in an invented context.
        pages: "" for none, else `pdf` or `fax`: pictures of the pages of that edition.
    """

    family: Family
    kind: str
    source: TemplateSource
    organisation: Organisation
    context: LetterContext | NoticeContext | SmsContext | None = None
    copy_for: CcEntry | None = None
    fax_number: str = ""
    pages: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came of it. A notice's slots are open still. `pages` are PNG files."""

    subject: str = ""
    text: str
    html: str = ""
    pages: tuple[bytes, ...] = ()


def try_confined(trial: Trial, *, templates: Path, confines: Confines = CONFINES) -> Tried:
    """Render it.

    Raises:
        TemplateError: it can't be rendered; `confined.Stopped` where trying it took too much.
        ConfigurationError: fonts or layout are missing.
    """
    order = {
        "family": trial.family.value,
        "kind": trial.kind,
        "source": {"name": trial.source.name, "language": trial.source.language, "text": trial.source.text},
        "organisation": packed(trial.organisation),
        "context": packed(trial.context),
        "copy_for": packed(trial.copy_for),
        "fax_number": trial.fax_number,
        "pages": trial.pages,
        "templates": str(templates),
    }
    found = run_confined(__spec__.name, order, confines=confines)
    if "error" in found:
        raise TemplateError(found["error"])
    pages = tuple(base64.b64decode(page) for page in found["pages"])
    return Tried(subject=found["subject"], text=found["text"], html=found["html"], pages=pages)


def _tried(order: Mapping[str, Any]) -> dict[str, Any]:
    try:
        made = _rendered(_from_json(order), Path(order["templates"]))
    except ConfigurationError:
        raise
    except TemplateError as error:
        return {"error": str(error)}
    pages = [base64.b64encode(page).decode() for page in made.pages]
    return {"subject": made.subject, "text": made.text, "html": made.html, "pages": pages}


def _from_json(order: Mapping[str, Any]) -> Trial:
    family = Family(order["family"])
    return Trial(
        family=family,
        kind=order["kind"],
        source=TemplateSource(**order["source"]),
        organisation=unpacked(Organisation, order["organisation"]),
        context=unpacked(CONTEXTS[family], order["context"]) if order["context"] else None,
        copy_for=unpacked(CcEntry, order["copy_for"]) if order["copy_for"] else None,
        fax_number=order["fax_number"],
        pages=order["pages"],
    )


def _rendered(trial: Trial, templates: Path) -> Tried:
    context = trial.context or _invented(trial)
    if isinstance(context, SmsContext):
        return Tried(text=render_sms(trial.source, context))
    if isinstance(context, NoticeContext):
        notice = render_notice(trial.source, context)
        return Tried(subject=notice.subject, text=notice.text, html=notice.html)
    letter = render_letter(trial.source, context)
    pages: tuple[bytes, ...] = ()
    if trial.pages:
        header = FaxHeader(
            sent_on=context.alert.dated_on, sender_number=context.organisation.fax, to_number=trial.fax_number
        )
        pages = typesetter_for(templates).pictures(
            letter, context, fax=header if trial.pages == "fax" else None, copy_for=trial.copy_for
        )
    return Tried(subject=letter.re_line, text=letter.text, html=letter.html, pages=pages)


def _invented(trial: Trial) -> LetterContext | NoticeContext | SmsContext:
    """Everything there that a template of this family could ask for."""
    sections = tuple(sorted(sections_read(trial.family, trial.source)))
    stage = Stage(
        language=trial.source.language,
        kind=trial.kind,
        sections=sections,
        optional=(),
        organisation=trial.organisation,
    )
    if trial.family is Family.LETTERS:
        return specimens.letter(stage, Scene())
    return specimens.sms(stage, Scene()) if trial.family is Family.SMS else specimens.notice(stage, Scene())


if __name__ == "__main__":
    sys.exit(answer(_tried))
