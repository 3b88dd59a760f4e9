"""Letters on paper: a rendered letter in, PDF out, through Typst.

Owns the fonts and one compiler that keeps them loaded. The layout is `templates/typst/letter.typ`; data goes in as
JSON through `sys_inputs` and is set as text, never spliced into source. Output is PDF/UA-1 (ISO 14289-1), tagged, and
the same bytes for the same input. Must not choose words, read the clock, or know cases.
"""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum
from importlib import resources
from pathlib import Path

import typst

from urgentaction.core.errors import ConfigurationError, TemplateError
from urgentaction.letters import markdown
from urgentaction.letters.content import CcEntry, LetterContext
from urgentaction.letters.render import (
    RenderedLetter,
    addressee_lines,
    cc_lines,
    letterhead_lines,
    reference_line,
    signature_lines,
)
from urgentaction.letters.wording import labels, long_date, office_and_name

#: Package and folder of each font file; all come as wheels, the system's own fonts are never used.
_FONTS = (
    ("fontpkg_noto_serif", "files/NotoSerif[wdth,wght].ttf"),
    ("fontpkg_noto_serif", "files/NotoSerif-Italic[wdth,wght].ttf"),
    ("fontpkg_noto_sans", "files/NotoSans[wdth,wght].ttf"),
    ("pylopdf_fonts_ko", "NotoSerifKR-Regular.otf"),
    ("pylopdf_fonts_ko", "NotoSansKR-Regular.otf"),
)


class Edition(StrEnum):
    """What the page is for."""

    LETTER = "letter"
    FAX = "fax"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaxHeader:
    """The header line of every fax page.

    Attributes:
        sent_on: the day it goes over the line, in the sender's time zone.
        sender_number, to_number: as printed; they are shown, not dialled.
        is_repeat: pages may have arrived before; says so on each page.
    """

    sent_on: date
    sender_number: str
    to_number: str
    is_repeat: bool = False


class Typesetter:
    """Sets letters. Make one per process and keep it: the fonts load once. Safe to share between threads."""

    def __init__(self, typst_root: Path) -> None:
        """Load fonts and layout.

        Args:
            typst_root: the folder `templates/typst/`.

        Raises:
            ConfigurationError: the layout or a font is missing; names it.
        """
        layout = typst_root / "letter.typ"
        if not layout.is_file():
            raise ConfigurationError(f"the letter layout {layout} is missing; restore templates/typst/letter.typ")
        fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=_font_folders())
        self._compiler = typst.Compiler(input=layout, root=typst_root, font_paths=fonts, ignore_system_fonts=True)
        self._lock = threading.Lock()

    def letter_pdf(self, rendered: RenderedLetter, context: LetterContext, *, copy_for: CcEntry | None = None) -> bytes:
        """The letter edition: A4 with letterhead.

        Args:
            copy_for: set on a diplomatic copy: whom this copy is for, printed above the letter.

        Raises:
            TemplateError: the letter can't be set (a glyph that no font has, say).
        """
        return self._compile(_data(rendered, context, Edition.LETTER, copy_for=copy_for), rendered, context)

    def fax_pdf(
        self, rendered: RenderedLetter, context: LetterContext, *, header: FaxHeader, copy_for: CcEntry | None = None
    ) -> bytes:
        """The fax edition: black only, 11 pt and up, date, sender, numbers and page on every page.

        Raises:
            TemplateError: the letter can't be set.
        """
        data = _data(rendered, context, Edition.FAX, copy_for=copy_for)
        words = labels(rendered.language)
        data["fax"] = {
            "date": long_date(header.sent_on, rendered.language),
            "from": f"{words.fax_from}: {context.organisation.name} {header.sender_number}",
            "to": f"{words.fax_to}: {header.to_number}",
            "repeat": words.repeat if header.is_repeat else None,
        }
        return self._compile(data, rendered, context)

    def _compile(self, data: dict[str, object], rendered: RenderedLetter, context: LetterContext) -> bytes:
        # The letter's own date, so that the same letter is the same file whenever it is made.
        stamp = int(datetime.combine(context.alert.dated_on, time(), UTC).timestamp())
        inputs = {"data": json.dumps(data, ensure_ascii=False, sort_keys=True)}
        try:
            with self._lock:
                pdf, warnings = self._compiler.compile_with_warnings(
                    format="pdf", pdf_standards=["ua-1"], sys_inputs=inputs, timestamp=stamp
                )
        except typst.TypstError as error:
            told = error.message + _advice(error.message)
            raise TemplateError(
                f"the letter {rendered.re_line!r} ({rendered.language}) can't be set: {told}"
            ) from error
        if warnings:
            told = "; ".join(warning.message for warning in warnings)
            raise TemplateError(f"the letter {rendered.re_line!r} ({rendered.language}) can't be set cleanly: {told}")
        if not isinstance(pdf, bytes):
            raise TypeError(f"Typst returned {type(pdf).__name__} for a PDF")
        return pdf


def load_fonts() -> typst.Fonts:
    """Every font a letter can use, for other layouts. Raises ConfigurationError naming one that is missing."""
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=_font_folders())


def pdf_sha256(pdf: bytes) -> str:
    """SHA-256 of a PDF in hexadecimal, as stored with the frozen letter."""
    return hashlib.sha256(pdf).hexdigest()


def _advice(message: str) -> str:
    if "could not be displayed" in message:
        return (
            "; none of the installed fonts has this character: write it otherwise, or add a font in letters/typeset.py"
        )
    return ""


def _font_folders() -> list[str]:
    """The folders that hold the fonts: Typst searches folders and silently finds nothing in a file's own path."""
    folders = set()
    for package, file in _FONTS:
        try:
            path = Path(str(resources.files(package).joinpath(file)))
        except ModuleNotFoundError:
            raise ConfigurationError(f"the font package {package} is not installed; install the requirements") from None
        if not path.is_file():
            raise ConfigurationError(f"the font {file} is missing from {package}; reinstall the requirements")
        folders.add(str(path.parent))
    return sorted(folders)


def _data(
    rendered: RenderedLetter, context: LetterContext, edition: Edition, *, copy_for: CcEntry | None
) -> dict[str, object]:
    """What `letter.typ` reads, all of it plain text except `body`, which is the blocks of the Markdown."""
    language = rendered.language
    words = labels(language)
    return {
        "edition": edition.value,
        "language": language.split("-")[0],
        "region": words.locale.partition("_")[2],
        "title": f"{words.re} {rendered.re_line}",
        "author": context.organisation.name,
        "organisation": context.organisation.name,
        "letterhead": letterhead_lines(context.organisation, language),
        "date": rendered.date_line,
        "addressee": addressee_lines(context.addressee, language),
        "re_label": words.re,
        "re": rendered.re_line,
        "salutation": rendered.salutation,
        "body": markdown.as_data(markdown.parse(rendered.body_markdown)),
        "closing": rendered.closing,
        "signature": signature_lines(context),
        "cc_label": words.cc,
        "cc": cc_lines(context),
        "copy_label": words.copy_for,
        "copy_for": office_and_name(copy_for.name, copy_for.office, language) if copy_for else None,
        "page": words.page,
        "reference": reference_line(context),
    }
