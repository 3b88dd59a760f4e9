"""Which text a template has now: staff's live version, else the file that came with the program.

Must not render, and must not change a version: that is `letters.templates`.
"""

from __future__ import annotations

from django.conf import settings

from .models import TemplateState, TemplateVersion
from .source import Family, TemplateSource, file_name, load_shipped
from .wording import MissingTranslation


class Library:
    """The templates as they are in force during one piece of work; each is looked up once.

    Made anew for each piece of work: a version that goes live in the middle of a freeze is for the next one.
    """

    def __init__(self) -> None:
        self._found: dict[tuple[Family, str, str], TemplateSource] = {}

    def template(self, family: Family, kind: str, language: str) -> TemplateSource:
        """The text in force, and the version it is.

        Raises:
            MissingTranslation: neither a version nor a file; names the file to add.
            TemplateError: a kind or language that can't be one.
        """
        key = (family, kind, language)
        if key not in self._found:
            live = live_version(family, kind, language)
            self._found[key] = shipped(family, kind, language) if live is None else as_source(live)
        return self._found[key]


def live_version(family: Family, kind: str, language: str) -> TemplateVersion | None:
    """The version staff have put in force, or None: then the shipped file is."""
    return TemplateVersion.objects.filter(
        family=family.value, kind=kind, language=language, state=TemplateState.LIVE
    ).first()


def as_source(version: TemplateVersion) -> TemplateSource:
    """A version as something to render, named so that an error shows which one."""
    name = f"{file_name(Family(version.family), version.kind, version.language)} version {version.number}"
    return TemplateSource(name, version.language, version.text, version.id)


def shipped(family: Family, kind: str, language: str) -> TemplateSource:
    """The file that came with the program. Raises MissingTranslation naming the file to add."""
    return load_shipped(family, kind, language, root=settings.SHIPPED_TEMPLATES)


def shipped_or_none(family: Family, kind: str, language: str) -> TemplateSource | None:
    """The shipped file, or None where there is none in this language."""
    try:
        return shipped(family, kind, language)
    except MissingTranslation:
        return None
