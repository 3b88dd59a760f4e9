"""Everything that can be said about a template before anybody reviews it: lint, what it reads, and trial renderings.

Pure. Staff's drafts are examined in a process of their own (`letters.confined`), because trying them runs them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from urgentaction.core.errors import ConfigurationError, TemplateError
from urgentaction.letters import lint, specimens
from urgentaction.letters.content import Organisation
from urgentaction.letters.lint import Finding, Read, Severity
from urgentaction.letters.reads import read_piece
from urgentaction.letters.render import render_letter, render_notice, render_sms
from urgentaction.letters.sandbox import LIMITS
from urgentaction.letters.source import Family, TemplateSource, file_name, split
from urgentaction.letters.specimens import Scene, Stage
from urgentaction.letters.typeset import Typesetter

#: The keys that the front matter must have; `MAY_HAVE` are those that it can.
FRONT: Mapping[Family, tuple[str, ...]] = {
    Family.LETTERS: ("re", "closing"),
    Family.NOTICES: ("subject",),
    Family.SMS: (),
}
MAY_HAVE: Mapping[Family, tuple[str, ...]] = {Family.LETTERS: ("closing_for",), Family.NOTICES: (), Family.SMS: ()}
_NO_GLYPH = re.compile(r'text `"(.+?)"` could not be displayed')
#: Once it is clear what is wrong, more of the same is no help.
MOST_TRIAL_FINDINGS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A template to examine, and what has to be known about the world to do so.

    Attributes:
        text: the whole file.
        vocabulary: the words a field can be, by path: `{"update.status": ("detained", …)}`.
        known_sections: sections of a case's texts that shipped templates of any family read.
        for_governments: those among them that only letters read.
        there: languages in which this kind exists.
        everywhere: languages in which any kind of the family exists.
    """

    family: Family
    kind: str
    language: str
    text: str
    organisation: Organisation = specimens.ORGANISATION
    vocabulary: Mapping[str, tuple[str, ...]]
    known_sections: frozenset[str] = frozenset()
    for_governments: frozenset[str] = frozenset()
    there: tuple[str, ...] = ()
    everywhere: tuple[str, ...] = ()

    @property
    def source(self) -> TemplateSource:
        """The draft as something to render."""
        return TemplateSource(file_name(self.family, self.kind, self.language), self.language, self.text)


def examine(draft: Draft, *, typesetter: Typesetter | None = None) -> tuple[Finding, ...]:
    """Everything found, errors first. Trials are held only if nothing else is wrong.

    Args:
        typesetter: sets one letter on paper, which finds characters that no font has; None to do without.
    """
    if len(draft.text) > LIMITS.source:
        told = f"it is {len(draft.text)} characters long; at most {LIMITS.source} are allowed"
        return (Finding(Severity.ERROR, told, 1),)
    found = list(lint.text_findings(draft.text))
    found += lint.translation_findings(draft.language, there=draft.there, everywhere=draft.everywhere)
    reads, more = _read(draft)
    found += more
    for_governments = draft.for_governments if draft.family is Family.NOTICES else frozenset()
    found += lint.consent_findings(reads, for_governments=for_governments)
    found += _unfamiliar_sections(draft, reads)
    if draft.family is Family.NOTICES and not any(read.path == "unsubscribe_url" for read in reads):
        told = "the unsubscribe link is missing; add {{ unsubscribe_url | link }} where people find it"
        found.append(Finding(Severity.ERROR, told))
    if not any(one.severity is Severity.ERROR for one in found):
        found += _trials(draft, reads, typesetter)
    return lint.ordered(found)


def _read(draft: Draft) -> tuple[list[Read], list[Finding]]:
    reads: list[Read] = []
    found: list[Finding] = []
    try:
        parts = split(draft.source, required=FRONT[draft.family], optional=MAY_HAVE[draft.family])
    except TemplateError as error:
        return reads, [_as_finding(error, draft)]
    for place, piece in (*parts.front.items(), ("body", parts.body)):
        try:
            reading = read_piece(piece, family=draft.family, place=place, vocabulary=draft.vocabulary)
        except TemplateError as error:
            found.append(_as_finding(error, draft))
        else:
            reads += reading.reads
            found += reading.findings
    return reads, found


def sections_read(family: Family, source: TemplateSource) -> frozenset[str]:
    """The sections of a case's texts that a template reads or asks for. Raises TemplateError if it can't be read."""
    parts = split(source, required=FRONT[family], optional=MAY_HAVE[family])
    pieces = (*parts.front.items(), ("body", parts.body))
    reads = [read for place, piece in pieces for read in read_piece(piece, family=family, place=place).reads]
    return frozenset(_sections(reads))


def _sections(reads: list[Read]) -> Iterator[str]:
    start = "case.texts."
    return (read.path.removeprefix(start) for read in reads if read.path.startswith(start))


def _unfamiliar_sections(draft: Draft, reads: list[Read]) -> Iterator[Finding]:
    if not draft.known_sections:
        return
    for read in reads:
        name = read.path.removeprefix("case.texts.")
        if name != read.path and name not in draft.known_sections:
            told = (
                f"reads {read.path}, which no other template does; every case needs a section `## {name}` then "
                f"(known are: {', '.join(sorted(draft.known_sections))})"
            )
            yield Finding(Severity.WARNING, told, read.line)


def _trials(draft: Draft, reads: list[Read], typesetter: Typesetter | None) -> list[Finding]:
    sections = tuple(dict.fromkeys(_sections(reads)))
    stage = Stage(
        language=draft.language,
        kind=draft.kind,
        sections=sections,
        optional=tuple(dict.fromkeys(_sections([read for read in reads if read.is_asked]))),
        organisation=draft.organisation,
    )
    asks_status = any(read.path == "update.status" for read in reads)
    statuses = draft.vocabulary.get("update.status", ()) if asks_status else ()
    found: dict[tuple[Severity, str, int], Finding] = {}
    for number, scene in enumerate(specimens.scenes(statuses)):
        for one in _trial(draft, stage, scene, typesetter if number == 0 else None):
            told = replace(one, message=f"{one.message} ({scene.words()})")
            found.setdefault((one.severity, one.message, one.line), told)
        if len(found) >= MOST_TRIAL_FINDINGS:
            break
    return list(found.values())


def _trial(draft: Draft, stage: Stage, scene: Scene, typesetter: Typesetter | None) -> list[Finding]:
    try:
        if draft.family is Family.SMS:
            text = render_sms(draft.source, specimens.sms(stage, scene))
            return list(lint.sms_findings(text, language=draft.language))
        if draft.family is Family.NOTICES:
            return list(lint.subject_findings(render_notice(draft.source, specimens.notice(stage, scene)).subject))
        context = specimens.letter(stage, scene)
        rendered = render_letter(draft.source, context)
        if typesetter is not None:
            typesetter.letter_pdf(rendered, context)
        return list(lint.subject_findings(rendered.re_line))
    except ConfigurationError:
        raise
    except TemplateError as error:
        return [_as_finding(error, draft)]


def _as_finding(error: TemplateError, draft: Draft) -> Finding:
    """An error of the renderer without the template's name, its line as a number."""
    told = str(error).removeprefix(f"template {draft.source.name}").lstrip(",: ")
    line, colon, rest = told.partition(": ")
    if colon and line.startswith("line ") and line[5:].isdigit():
        return Finding(Severity.ERROR, rest, int(line[5:]))
    line_number, column = _place_of_glyph(told, draft.text)
    return Finding(Severity.ERROR, told, line_number, column)


def _place_of_glyph(told: str, text: str) -> tuple[int, int]:
    """Where the characters stand that the typesetter has no picture for; (0, 0) if that is not what is wrong."""
    match = _NO_GLYPH.search(told)
    # The typesetter writes rare characters as Rust does: \u{12000}.
    shown = re.sub(r"\\u\{([0-9a-f]{1,6})\}", lambda code: chr(int(code[1], 16)), match[1]) if match else ""
    at = text.find(shown) if shown else -1
    if at < 0:
        return 0, 0
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def typesetter_for(root: Path) -> Typesetter:
    """The typesetter that a trial uses. Raises ConfigurationError: fonts or layout are missing."""
    return Typesetter(root / "typst")
