"""Letters on paper: a rendered letter in, PDF out, through Typst.

Owns one compiler that keeps the fonts loaded. The layout is `templates/typst/letter.typ`, what a language is set in is
`letters.faces`; data goes in as JSON within one string literal and is set as text, never as source. Output is PDF/UA-1
and PDF/A-2a at once, and the same bytes for the same input. Must not choose words, read the clock, or know cases.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Any

import typst

from urgentaction.core.errors import ConfigurationError, TemplateError
from urgentaction.letters import bidi, markdown
from urgentaction.letters.content import CcEntry, LetterContext
from urgentaction.letters.faces import FONT_FILES, face
from urgentaction.letters.render import (
    RenderedLetter,
    addressee_lines,
    cc_lines,
    enclosure_lines,
    letterhead_lines,
    reference_line,
    signature_lines,
)
from urgentaction.letters.wording import labelled, labels, long_date, office_and_name

#: Accessible (ISO 14289-1) and made to be kept (ISO 19005-2, level A): tagged, every font inside, colours defined.
_STANDARDS: list[typst.PDFStandard] = ["ua-1", "a-2a"]

#: Data comes in by the program's text and not by `sys.inputs`: these are part of Typst's library, and whatever had been
#: laid out before, the letterhead say, would have to be laid out again with each new letter.
_MAIN = '#import "letter.typ": letter\n#letter(json(bytes(DATA)))\n'
#: How many pages Typst wrote: the root of the page tree.
_PAGES = re.compile(rb"/Type */Pages */Count (\d+)")
#: The smallest print on a fax, in points.
_FAX_SMALL = 11
#: Pixels an inch of a page on a screen: readable at full width, and made in a moment.
_SCREEN_PPI = 110.0


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
        return self._compile(_fax_data(rendered, context, header, copy_for=copy_for), rendered, context)

    def pictures(
        self,
        rendered: RenderedLetter,
        context: LetterContext,
        *,
        fax: FaxHeader | None = None,
        copy_for: CcEntry | None = None,
    ) -> tuple[bytes, ...]:
        """The pages of either edition as PNG, to be looked at on a screen. Raises TemplateError as the others do."""
        if fax is None:
            data = _data(rendered, context, Edition.LETTER, copy_for=copy_for)
        else:
            data = _fax_data(rendered, context, fax, copy_for=copy_for)
        source = _MAIN.replace("DATA", _string_literal(json.dumps(data, sort_keys=True)))
        try:
            with self._lock:
                made = self._compiler.compile(source.encode(), format="png", ppi=_SCREEN_PPI)
        except typst.TypstError as error:
            raise _unset(rendered, error.message + _advice(error.message)) from error
        return (made,) if isinstance(made, bytes) else tuple(made or ())

    def _compile(self, data: dict[str, Any], rendered: RenderedLetter, context: LetterContext) -> bytes:
        """One pass where the guess at the number of pages was right, which shows only afterwards; else a second."""
        guess = max(1, math.ceil(rendered.text.count("\n") / data["face"]["page_lines"]))
        pdf = self._set(data | {"pages": guess}, rendered, context)
        found = pdf_pages(pdf)
        return pdf if found == guess else self._set(data | {"pages": found or None}, rendered, context)

    def _set(self, data: dict[str, Any], rendered: RenderedLetter, context: LetterContext) -> bytes:
        # The letter's own date, so that the same letter is the same file whenever it is made.
        stamp = int(datetime.combine(context.alert.dated_on, time(), UTC).timestamp())
        source = _MAIN.replace("DATA", _string_literal(json.dumps(data, sort_keys=True)))
        try:
            with self._lock:
                pdf, warnings = self._compiler.compile_with_warnings(
                    source.encode(), format="pdf", pdf_standards=_STANDARDS, timestamp=stamp
                )
        except typst.TypstError as error:
            raise _unset(rendered, error.message + _advice(error.message)) from error
        if warnings:
            told = "; ".join(warning.message for warning in warnings)
            raise TemplateError(f"the letter {rendered.re_line!r} ({rendered.language}) can't be set cleanly: {told}")
        if not isinstance(pdf, bytes):
            raise TypeError(f"Typst returned {type(pdf).__name__} for a PDF")
        return pdf


def load_fonts() -> typst.Fonts:
    """Every font a letter can use, for other layouts. Raises ConfigurationError naming one that is missing."""
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=_font_folders())


def _unset(rendered: RenderedLetter, told: str) -> TemplateError:
    return TemplateError(f"the letter {rendered.re_line!r} ({rendered.language}) can't be set: {told}")


def pdf_pages(pdf: bytes) -> int:
    """How many pages a PDF of ours has; 0 where Typst wrote its page tree in a way that we don't know."""
    found = _PAGES.search(pdf)
    return int(found[1]) if found is not None else 0


def pdf_sha256(pdf: bytes) -> str:
    """SHA-256 of a PDF in hexadecimal, as stored with the frozen letter."""
    return hashlib.sha256(pdf).hexdigest()


def _string_literal(text: str) -> str:
    """Text as Typst writes a string: only the backslash and the quotation mark mean anything there."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _advice(message: str) -> str:
    if "could not be displayed" in message:
        return "; none of the installed fonts has this character: write it otherwise, or add a font in letters/faces.py"
    return ""


def _font_folders() -> list[str]:
    """The folders that hold the fonts: Typst searches folders and silently finds nothing in a file's own path."""
    folders = set()
    for package, file in FONT_FILES:
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
) -> dict[str, Any]:
    """What `letter.typ` reads, all of it plain text except `body`, which is the blocks of the Markdown."""
    language = rendered.language
    words = labels(language)
    about = {
        "edition": edition.value,
        "language": language.split("-")[0],
        "region": words.locale.split("_")[-1] if "_" in words.locale else None,
        "direction": "rtl" if words.is_right_to_left else "ltr",
        "face": _face(language, edition),
        "title": labelled(words.re, rendered.re_line),
        "author": context.organisation.name,
        "page": words.page,
        "pages": None,
    }
    shown = {
        "organisation": context.organisation.name,
        "letterhead": letterhead_lines(context.organisation, language),
        "date": rendered.date_line,
        "addressee": addressee_lines(context.addressee, language),
        "re": labelled(words.re, rendered.re_line),
        "salutation": rendered.salutation,
        "body": markdown.as_data(markdown.parse(rendered.body_markdown)),
        "closing": rendered.closing,
        "signature": signature_lines(context),
        "cc_label": words.cc,
        "cc": cc_lines(context),
        "enclosures_label": words.enclosures,
        "enclosures": enclosure_lines(context),
        "copy_label": words.copy_for,
        "copy_for": office_and_name(copy_for.name, copy_for.office, language) if copy_for else None,
        "reference": reference_line(context),
    }
    return about | _directed(shown, language)


def _fax_data(
    rendered: RenderedLetter, context: LetterContext, header: FaxHeader, *, copy_for: CcEntry | None
) -> dict[str, Any]:
    data = _data(rendered, context, Edition.FAX, copy_for=copy_for)
    words = labels(rendered.language)
    shown = {
        "date": long_date(header.sent_on, rendered.language),
        "from": labelled(words.fax_from, f"{context.organisation.name} {header.sender_number}"),
        "to": labelled(words.fax_to, header.to_number),
        "repeat": words.repeat if header.is_repeat else None,
    }
    data["fax"] = _directed(shown, rendered.language)
    return data


def _face(language: str, edition: Edition) -> dict[str, object]:
    of, is_fax = face(language), edition is Edition.FAX
    return {
        # A fax loses hairlines: at 98 lines an inch the thin strokes of a serif face are thinner than a line.
        "text": of.fax if is_fax else of.text,
        "small": of.fax if is_fax else of.small,
        "size": of.fax_size if is_fax else of.size,
        "small_size": _FAX_SMALL if is_fax else of.small_size,
        "leading": of.leading,
        "wide_punctuation": of.is_wide_punctuation,
        "words_kept": of.are_words_kept,
        "bold": of.has_bold,
        "slant": of.has_fax_slant if is_fax else of.has_slant,
        "hyphens": of.hyphens and not is_fax,
        "page_lines": of.fax_page_lines if is_fax else of.page_lines,
    }


def _directed(values: dict[str, Any], language: str) -> dict[str, Any]:
    """The same, in a right-to-left language with every left-to-right stretch marked."""
    if not labels(language).is_right_to_left:
        return values

    def marked(value: Any) -> Any:
        if isinstance(value, str):
            return bidi.isolate(value)
        if isinstance(value, (list, tuple)):
            return [marked(item) for item in value]
        if isinstance(value, dict):
            return {key: item if key in {"kind", "url"} else marked(item) for key, item in value.items()}
        return value

    return {key: marked(value) for key, value in values.items()}
