"""Who writes: read from a TOML file (`samples/organisation.toml` shows its form), once per process."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings

from urgentaction.channels.contract import Mode
from urgentaction.core.errors import ConfigurationError

from .content import MarkdownText, Organisation, Signatory


@dataclass(frozen=True, slots=True)
class OrganisationFile:
    """The file's content; `view` and `signatory` pick a language and fall back to English."""

    data: Mapping[str, Any]

    def view(self, language: str) -> Organisation:
        """The organisation as a letter in this language shows it."""
        return Organisation(
            name=self._text("name", language),
            about=MarkdownText(self._text("about", language)),
            postal_address=tuple(self._text("postal_address", language)),
            phone=self.data.get("phone", ""),
            fax=self.data.get("fax", ""),
            email=self.data.get("email", ""),
            website=self.data.get("website", ""),
        )

    def signatory(self, language: str) -> Signatory:
        """Who signs."""
        parts = {key: text.get(language) or text["en"] for key, text in self.data["signatory"].items()}
        return Signatory(name=parts["name"], title=parts["title"], division=parts.get("division", ""))

    def signatories(self) -> tuple[str, ...]:
        """The name of whoever signs, in every language."""
        return tuple(self.data["signatory"]["name"].values())

    def _text(self, key: str, language: str) -> Any:
        texts = self.data[key]
        return texts.get(language) or texts["en"]


def read_organisation(path: Path) -> OrganisationFile:
    """Read and check a file. Raises ConfigurationError naming the key that is missing."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"URGENTACTION_ORGANISATION: {path.name} can't be read: {error}") from error
    for key in ("name", "about", "postal_address"):
        if "en" not in data.get(key, {}):
            raise ConfigurationError(f"URGENTACTION_ORGANISATION: {path.name} lacks {key}.en")
    for key in ("name", "title"):
        if "en" not in data.get("signatory", {}).get(key, {}):
            raise ConfigurationError(f"URGENTACTION_ORGANISATION: {path.name} lacks signatory.{key}.en")
    return OrganisationFile(data)


@cache
def organisation() -> OrganisationFile:
    """The organisation of this installation. Outside live mode the sample stands in for a missing setting."""
    if settings.ORGANISATION_FILE:
        return read_organisation(Path(settings.ORGANISATION_FILE))
    if settings.MODE is Mode.LIVE:
        raise ConfigurationError("URGENTACTION_ORGANISATION is not set; it names the file that says who writes.")
    return read_organisation(settings.SAMPLES / "organisation.toml")
