"""The interface's words in other languages: `python -m urgentaction.conf.words` (`make words`).

Collects every string that pages and views mark for translation, brings each catalogue up to date with it, and compiles
it. The compiled file is kept beside its source, so that nobody needs GNU gettext; a test sees that the two agree and
that nothing is left untranslated. Must not translate: that is done in the `.po` file, by people.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

LOCALES = Path(__file__).with_name("locale")
KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "gettext_lazy": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    # What rooms say in English (`core.phrases`); `Phrase.typed` is for terminals.
    "say": None,
    "Phrase": None,
}
_HEADER = "# The interface's words. `make words` brings this file up to date: src/urgentaction/conf/words.py."
_SOURCE = Path(__file__).resolve().parents[1]


def collected() -> Catalog:
    """Every string that is marked for translation or said by a room, with the files it stands in."""
    catalog = Catalog(project="urgentaction", charset="utf-8")
    for file, source in _sources():
        for _line, message, _comments, context in extract("python", io.BytesIO(source), KEYWORDS):
            if message:
                catalog.add(message, locations=[(file, 0)], context=context)
    return catalog


def catalogue(language: str) -> Catalog:
    """The translations into a language; an empty catalogue where there is none yet."""
    path = path_of(language)
    if not path.is_file():
        return Catalog(locale=language, header_comment=_HEADER, fuzzy=False, charset="utf-8")
    with path.open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def path_of(language: str) -> Path:
    """The catalogue's file."""
    return LOCALES / language / "LC_MESSAGES" / "django.po"


def compiled(catalog: Catalog) -> bytes:
    """As Django reads it."""
    out = io.BytesIO()
    write_mo(out, catalog)
    return out.getvalue()


def update(language: str) -> list[str]:
    """Bring a catalogue up to date and compile it. Returns what is not translated."""
    catalog = catalogue(language)
    catalog.update(collected(), no_fuzzy_matching=True, update_header_comment=False)
    catalog.obsolete.clear()
    out = io.BytesIO()
    write_po(out, catalog, width=110, include_lineno=False, sort_output=True, omit_header=False)
    path_of(language).parent.mkdir(parents=True, exist_ok=True)
    path_of(language).write_bytes(out.getvalue())
    path_of(language).with_suffix(".mo").write_bytes(compiled(catalogue(language)))
    return untranslated(catalog)


def untranslated(catalog: Catalog) -> list[str]:
    """The strings of a catalogue without a translation."""
    return [str(message.id) for message in catalog if message.id and not _is_whole(message.string)]


def _is_whole(translation: str | tuple[str, ...] | list[str] | None) -> bool:
    return all(translation) if isinstance(translation, (tuple, list)) else bool(translation)


def _sources() -> Iterator[tuple[str, bytes]]:
    """Each file's name and its content as Python: templates are turned into it by Django."""
    for path in sorted(settings.SHIPPED_TEMPLATES.rglob("*.html")):
        name = f"templates/{path.relative_to(settings.SHIPPED_TEMPLATES).as_posix()}"
        yield name, templatize(path.read_text(encoding="utf-8"), origin=name).encode()
    for path in sorted(_SOURCE.rglob("*.py")):
        text = path.read_bytes()
        if b"gettext" in text or b"phrases import" in text:
            yield f"src/urgentaction/{path.relative_to(_SOURCE).as_posix()}", text


def main() -> int:
    """Update every language's catalogue. Returns 1 where something is left to translate."""
    import django  # noqa: PLC0415 - only for the command: tests have set it up

    django.setup()
    missing = {language: update(language) for language, _ in settings.LANGUAGES if language != settings.LANGUAGE_CODE}
    for language, strings in missing.items():
        sys.stdout.write(f"{path_of(language)}: {len(strings)} to translate\n")
        sys.stdout.writelines(f"  {text}\n" for text in strings)
    return 1 if any(missing.values()) else 0


if __name__ == "__main__":
    raise SystemExit(main())
