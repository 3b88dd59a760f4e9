"""The reads of the pages of templates. Writes nothing, decides nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import QuerySet
from django.http import Http404

from urgentaction.cases.models import Case
from urgentaction.core.errors import InvalidInput, TemplateError
from urgentaction.core.languages import LETTER_LANGUAGES
from urgentaction.directory.queries import officials_in_office
from urgentaction.letters.library import live_version, shipped_or_none
from urgentaction.letters.lint import Finding, Severity
from urgentaction.letters.models import Letter, Notice, TemplateState, TemplateVersion
from urgentaction.letters.source import Family, TemplateSource
from urgentaction.letters.versions import SHIPPED, Overview, TemplateName, overview, rows_of
from urgentaction.letters.wording import labels

MOST_WAITING = 50
MOST_MADE = 20
#: How far back letters made from a shipped file are looked for: no column names the file they came from.
LATEST = 1000
MOST_CASES = 30


@dataclass(frozen=True, slots=True)
class Cell:
    """One language of one kind; `there` is None where nothing can be written with it."""

    name: TemplateName
    there: Overview | None
    is_shown: bool


@dataclass(frozen=True, slots=True)
class Shelf:
    """The templates of one family: a row a kind, a column a language."""

    family: Family
    languages: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


SHOW = ("edited", "waiting", "missing", "newer")


def shelves(found: Iterable[Overview], *, family: str = "", language: str = "", show: str = "") -> tuple[Shelf, ...]:
    """The templates as a table for each family, what does not fit left out.

    Args:
        show: one of `SHOW`; the other cells stay empty, and kinds without a fitting one are left out.
    """
    by_key = {(one.name.family, one.name.kind, one.name.language): one for one in found}
    shown = []
    for of in Family:
        if family not in ("", of):
            continue
        kinds = sorted({kind for its, kind, _ in by_key if its is of})
        there = {code for its, _, code in by_key if its is of} | set(LETTER_LANGUAGES)
        languages = tuple(code for code in _in_order(there) if language in ("", code))
        rows = []
        for kind in kinds:
            cells = tuple(_cell(TemplateName(of, kind, code), by_key.get((of, kind, code)), show) for code in languages)
            if any(cell.is_shown for cell in cells):
                rows.append((kind, cells))
        if rows:
            shown.append(Shelf(of, languages, tuple(rows)))
    return tuple(shown)


def _in_order(languages: Iterable[str]) -> list[str]:
    places = {code: place for place, code in enumerate(LETTER_LANGUAGES)}
    return sorted(languages, key=lambda code: (places.get(code, len(places)), code))


def _cell(name: TemplateName, there: Overview | None, show: str) -> Cell:
    fits = {
        "edited": there is not None and there.in_force is not None,
        "waiting": there is not None and bool(there.in_review),
        "missing": there is None or (there.in_force is None and not there.is_shipped),
        "newer": there is not None and there.has_newer_file,
    }
    return Cell(name, there, fits.get(show, True))


def everything() -> list[Overview]:
    """All templates; one query, and the shipped files."""
    return overview()


def waiting(found: Iterable[Overview]) -> list[TemplateVersion]:
    """What waits for a review, the longest first."""
    rows = [row for one in found for row in one.in_review]
    return sorted(rows, key=lambda row: row.submitted_at or row.created_at)[:MOST_WAITING]


def drafts_of(author: str) -> QuerySet[TemplateVersion]:
    """What somebody began and did not hand in."""
    rows = TemplateVersion.objects.filter(author=author, state=TemplateState.DRAFT).defer("text")
    return rows.order_by("-created_at")[:MOST_WAITING]


def name_or_404(family: str, kind: str, language: str) -> TemplateName:
    """The template of an address: of a kind that exists, in a language that letters can be set in."""
    try:
        name = TemplateName.read(f"{family}/{kind}/{language}")
        labels(name.language)
    except (InvalidInput, TemplateError) as error:
        raise Http404 from error
    return name


def history(name: TemplateName) -> QuerySet[TemplateVersion]:
    """Its versions without their texts."""
    return rows_of(name).select_related("based_on", "same_as").defer("text", "based_on__text", "same_as__text")


@dataclass(frozen=True, slots=True)
class InForce:
    """What letters are made from now. `version`: None for the shipped file; `source`: None where there is nothing."""

    version: TemplateVersion | None
    source: TemplateSource | None
    is_shipped: bool

    @property
    def called(self) -> str:
        """How an address calls it: a number or `shipped`."""
        return str(self.version.number) if self.version else SHIPPED


def in_force(name: TemplateName) -> InForce:
    """The text in force."""
    version = live_version(name.family, name.kind, name.language)
    file = shipped_or_none(name.family, name.kind, name.language)
    source = TemplateSource(str(name), name.language, version.text, version.id) if version else file
    return InForce(version, source, file is not None)


def letters_from(version: TemplateVersion) -> QuerySet[Letter]:
    """The latest letters made from a version, without their pages."""
    return _bare(Letter.objects.filter(template_version=version))


def notices_from(version: TemplateVersion) -> QuerySet[Notice]:
    """The latest notices made from a version."""
    rows = Notice.objects.filter(template_version=version).select_related("alert").defer("text", "html")
    return rows.order_by("-id")[:MOST_MADE]


def letters_from_file(name: TemplateName) -> QuerySet[Letter]:
    """Letters made from the shipped file, among the latest thousand of all."""
    latest = Letter.objects.order_by("-id").values("id")[:LATEST]
    return _bare(Letter.objects.filter(id__in=latest, template_version=None, kind=name.kind, language=name.language))


def _bare(rows: QuerySet[Letter]) -> QuerySet[Letter]:
    rows = rows.select_related("alert", "official").defer("pdf", "fax_pdf", "fax_repeat_pdf", "text", "html")
    return rows.order_by("-id")[:MOST_MADE]


def cases_for(language: str) -> list[Case]:
    """Cases that a preview in this language can be made for, the latest first."""
    rows = Case.objects.filter(texts__language=language).only("id", "reference", "titles")
    return list(rows.order_by("-status_as_of", "-id")[:MOST_CASES])


def addressees_of(case: Case) -> list[tuple[str, str]]:
    """Whom a case writes to, as choices of a form: short name, and name with part."""
    held = officials_in_office(case.addressees.select_related("office"))
    return [(official.slug, f"{official} ({entry.role})") for entry, official in held if official is not None]


def warnings_of(version: TemplateVersion) -> tuple[Finding, ...]:
    """What lint said when a version was saved."""
    return tuple(Finding(**{**one, "severity": Severity(one["severity"])}) for one in version.warnings)


@dataclass(frozen=True, slots=True)
class NumberedLine:
    """One line of a text with what was found in it."""

    number: int
    text: str
    findings: tuple[Finding, ...] = ()


def numbered(text: str, findings: Iterable[Finding] = ()) -> tuple[NumberedLine, ...]:
    """A text line by line, each with its findings."""
    by_line: dict[int, list[Finding]] = {}
    for one in findings:
        by_line.setdefault(one.line, []).append(one)
    return tuple(
        NumberedLine(at, line, tuple(by_line.get(at, ()))) for at, line in enumerate(text.split("\n"), start=1)
    )
