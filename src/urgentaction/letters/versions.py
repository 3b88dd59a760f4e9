"""Reading template versions: what there is, what is in force, how two texts differ. Changes nothing."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.db import models

from urgentaction.core.errors import InvalidInput, NotFound

from .library import as_source, live_version, shipped, shipped_or_none
from .models import TemplateState, TemplateVersion
from .source import Family, TemplateSource, shipped_kinds, shipped_languages

SHIPPED, LIVE = "shipped", "live"


@dataclass(frozen=True, slots=True)
class TemplateName:
    """Which template: `letters/first_appeal/ko`."""

    family: Family
    kind: str
    language: str

    def __str__(self) -> str:
        return f"{self.family}/{self.kind}/{self.language}"

    @classmethod
    def read(cls, written: str) -> TemplateName:
        """What people write, with or without the file's ending.

        Raises:
            InvalidInput: not of that form.
            NotFound: no such kind.
        """
        parts = written.strip().removeprefix("templates/").split("/")
        if len(parts) != 3 or parts[0] not in set(Family):
            families = ", ".join(Family)
            told = f"“{written[:60]}” is no template; write family/kind/language, such as letters/first_appeal/ko"
            raise InvalidInput.of("template", f"{told} (families: {families})")
        family = Family(parts[0])
        kinds = shipped_kinds(family, root=settings.SHIPPED_TEMPLATES)
        if parts[1] not in kinds:
            raise NotFound.of("template", f"there is no {family} kind {parts[1][:40]!r}; there are: {', '.join(kinds)}")
        return cls(family, parts[1], parts[2].partition(".")[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """One line of the list of templates.

    Attributes:
        in_force: staff's version, without its text; None: the shipped file is.
        in_review: the versions that wait for a review, without their texts.
        is_shipped: whether there is a shipped file.
        has_newer_file: the shipped file has changed since the live version was written from it.
    """

    name: TemplateName
    in_force: TemplateVersion | None
    in_review: tuple[TemplateVersion, ...]
    is_shipped: bool
    has_newer_file: bool

    @property
    def live(self) -> int | None:
        """The number of the version in force; None: the shipped file is."""
        return self.in_force.number if self.in_force else None

    @property
    def waiting(self) -> tuple[int, ...]:
        """The numbers of the versions in review."""
        return tuple(row.number for row in self.in_review)


def overview(family: Family | None = None) -> list[Overview]:
    """All templates, shipped or staff's, by name."""
    rows: dict[tuple[str, str, str], list[TemplateVersion]] = {}
    wanted = TemplateVersion.objects.filter(state__in=[TemplateState.LIVE, TemplateState.IN_REVIEW]).defer("text")
    for row in wanted.order_by("number"):
        rows.setdefault((row.family, row.kind, row.language), []).append(row)
    names = dict.fromkeys(sorted({*((str(one.family), one.kind, one.language) for one in _shipped_names()), *rows}))
    return [
        _overview(TemplateName(Family(key[0]), key[1], key[2]), rows.get(key, []))
        for key in names
        if family is None or key[0] == family
    ]


def _shipped_names() -> Iterator[TemplateName]:
    root = settings.SHIPPED_TEMPLATES
    for family in Family:
        for kind in shipped_kinds(family, root=root):
            for language in shipped_languages(family, kind, root=root):
                yield TemplateName(family, kind, language)


def _overview(name: TemplateName, rows: list[TemplateVersion]) -> Overview:
    file = shipped_or_none(name.family, name.kind, name.language)
    live = next((row for row in rows if row.state == TemplateState.LIVE), None)
    return Overview(
        name=name,
        in_force=live,
        in_review=tuple(row for row in rows if row.state == TemplateState.IN_REVIEW),
        is_shipped=file is not None,
        has_newer_file=live is not None and has_newer_file(live),
    )


def has_newer_file(version: TemplateVersion) -> bool:
    """Whether the shipped file is another one now than when this version was written."""
    file = shipped_or_none(Family(version.family), version.kind, version.language)
    return file is not None and file.sha256 != version.shipped_sha256


def versions_of(name: TemplateName) -> list[TemplateVersion]:
    """Every version, the newest first."""
    return list(rows_of(name).select_related("based_on", "same_as").order_by("-number"))


def rows_of(name: TemplateName) -> models.QuerySet[TemplateVersion]:
    """Its versions, in no order."""
    return TemplateVersion.objects.filter(family=name.family.value, kind=name.kind, language=name.language)


def version_numbered(name: TemplateName, number: int) -> TemplateVersion:
    """One version. Raises NotFound with the numbers there are."""
    rows = rows_of(name)
    version = rows.select_related("based_on", "same_as").filter(number=number).first()
    if version is not None:
        return version
    there = ", ".join(str(one) for one in rows.order_by("number").values_list("number", flat=True)) or "none yet"
    raise NotFound.of("version", f"{name} has no version {number}; there are: {there}")


def text_called(name: TemplateName, which: str) -> TemplateSource:
    """A text of a template by what people call it: `live`, `shipped` or a number.

    Raises:
        InvalidInput: something else.
        NotFound: no such version.
        MissingTranslation: no shipped file in this language.
    """
    if which == SHIPPED:
        return shipped(name.family, name.kind, name.language)
    if which == LIVE:
        live = live_version(name.family, name.kind, name.language)
        return as_source(live) if live else shipped(name.family, name.kind, name.language)
    if not which.isdecimal() or not which.isascii():
        raise InvalidInput.of("version", f"“{which[:40]}” is no version; write a number, {LIVE} or {SHIPPED}")
    return as_source(version_numbered(name, int(which[:9])))


def outdated(version: TemplateVersion, live: TemplateVersion | None) -> str:
    """What has changed since a version was written, in words; empty if it was written from what is in force.

    Args:
        live: the version in force; None: the shipped file is.
    """
    if version.based_on_id != (live.id if live else None):
        based = f"version {version.based_on.number}" if version.based_on else "the shipped file"
        return (
            f"it was written from {based}, and {f'version {live.number}' if live else 'the shipped file'} is in force"
        )
    if live is None and has_newer_file(version):
        return "the shipped file has changed since it was written"
    return ""


def source_in_force(name: TemplateName) -> TemplateSource | None:
    """The text in force; None where there is neither a version nor a file: then nobody can be written to with it."""
    live = live_version(name.family, name.kind, name.language)
    return as_source(live) if live else shipped_or_none(name.family, name.kind, name.language)


def fingerprint(name: TemplateName) -> str:
    """Which text is in force, to notice that it is another one later; empty where there is none."""
    source = source_in_force(name)
    return source.sha256 if source else ""


def languages_of(family: Family, kind: str) -> frozenset[str]:
    """In which languages a kind exists, shipped or live."""
    files = shipped_languages(family, kind, root=settings.SHIPPED_TEMPLATES)
    rows = TemplateVersion.objects.filter(family=family.value, kind=kind, state=TemplateState.LIVE)
    return frozenset((*files, *rows.values_list("language", flat=True)))


def difference(old: TemplateSource, new: TemplateSource) -> str:
    """Both texts as a unified diff; empty if they are the same."""
    lines = difflib.unified_diff(old.text.splitlines(), new.text.splitlines(), old.name, new.name, n=2, lineterm="")
    return "\n".join(lines)
