"""What each language is set in: faces in the order they are tried, size, space between lines, hyphens.

All faces come as wheels (Noto and Amiri, SIL Open Font Licence); `FONT_FILES` lists their files. Chinese, Japanese and
Korean share characters in Unicode and not on paper: each language tries its own face first, the others stand behind it
for the names of the neighbours. Values only: must not read files or know the typesetter.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

#: Package and path of each font file; the system's own fonts are never used.
FONT_FILES = (
    ("fontpkg_amiri", "files/Amiri-Regular.ttf"),
    ("fontpkg_amiri", "files/Amiri-Bold.ttf"),
    ("fontpkg_amiri", "files/Amiri-Italic.ttf"),
    ("fontpkg_noto_serif", "files/NotoSerif[wdth,wght].ttf"),
    ("fontpkg_noto_serif", "files/NotoSerif-Italic[wdth,wght].ttf"),
    ("fontpkg_noto_sans", "files/NotoSans[wdth,wght].ttf"),
    ("fontpkg_noto_sans", "files/NotoSans-Italic[wdth,wght].ttf"),
    ("pylopdf_fonts_ar", "NotoSansArabic-Variable.ttf"),
    ("pylopdf_fonts_jp", "NotoSerifJP-Regular.otf"),
    ("pylopdf_fonts_jp", "NotoSansJP-Regular.otf"),
    ("pylopdf_fonts_ko", "NotoSerifKR-Regular.otf"),
    ("pylopdf_fonts_ko", "NotoSansKR-Regular.otf"),
    ("pylopdf_fonts_zh_cn", "NotoSerifSC-Regular.otf"),
    ("pylopdf_fonts_zh_cn", "NotoSansSC-Regular.otf"),
)


class Han(StrEnum):
    """Whose forms of the shared characters; also the end of the faces' names."""

    CHINESE = "SC"
    JAPANESE = "JP"
    KOREAN = "KR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """How the letters of one language look.

    Attributes:
        text, small, fax: families in the order they are tried, for letter, letterhead and footer, and fax.
        size, small_size, fax_size: in points. Characters of many strokes need more on a fax; Amiri looks small.
        leading: between lines, in em; scripts that fill their line need more of it.
        is_wide_punctuation: quotation marks, dashes and dots come from the East Asian face, a character wide.
        are_words_kept: a line never ends inside a word, though Unicode would allow it (Hangul).
        has_bold: there is a bold cut; where there is none, what is strong is set in the sans face with more ink.
        has_slant, has_fax_slant: emphasis can be set in italics on the letter, on the fax.
        hyphens: words may be divided; only where Typst knows the language's rules and readers expect it.
        page_lines, fax_page_lines: about as many lines of the plain text (72 columns) as one page holds. A guess, from
            letters that were set: with it one tries what probably fits, and whether it did is seen on the page.
    """

    text: tuple[str, ...]
    small: tuple[str, ...]
    fax: tuple[str, ...]
    size: float = 11
    small_size: float = 8
    fax_size: float = 12
    leading: float = 0.7
    is_wide_punctuation: bool = False
    are_words_kept: bool = False
    has_bold: bool = True
    has_slant: bool = True
    has_fax_slant: bool = True
    hyphens: bool = False
    page_lines: int = 51
    fax_page_lines: int = 44


def _serif(order: tuple[Han, ...]) -> tuple[str, ...]:
    return ("Noto Serif", *(f"Noto Serif {han}" for han in order), "Amiri")


def _sans(order: tuple[Han, ...]) -> tuple[str, ...]:
    return ("Noto Sans", *(f"Noto Sans {han}" for han in order), "Noto Sans Arabic")


def _western(*, hyphens: bool, page_lines: int = 51) -> Face:
    order = (Han.CHINESE, Han.JAPANESE, Han.KOREAN)
    return Face(text=_serif(order), small=_sans(order), fax=_sans(order), hyphens=hyphens, page_lines=page_lines)


def _eastern(*order: Han, fax_size: float, leading: float, fax_page_lines: int, are_words_kept: bool = False) -> Face:
    return Face(
        text=_serif(order),
        small=_sans(order),
        fax=_sans(order),
        size=10.5,
        fax_size=fax_size,
        leading=leading,
        is_wide_punctuation=not are_words_kept,  # Korean writes like Latin: in words, with narrow punctuation
        are_words_kept=are_words_kept,
        has_bold=False,
        has_slant=False,
        has_fax_slant=False,
        page_lines=64,
        fax_page_lines=fax_page_lines,
    )


_FACES = {
    "ar": Face(
        # Amiri draws each letter with its dots as one glyph. The Noto faces draw the dots apart, and Typst then writes
        # the letter twice into the text that programs read: a screen reader would stutter through a letter set in
        # them. On a fax nobody reads the file, and their strokes survive the line.
        text=("Amiri", "Noto Serif", "Noto Serif SC", "Noto Serif JP", "Noto Serif KR"),
        small=("Amiri", "Noto Sans", "Noto Sans SC", "Noto Sans JP", "Noto Sans KR"),
        fax=("Noto Sans Arabic", "Noto Sans", "Noto Sans SC", "Noto Sans JP", "Noto Sans KR"),
        size=13,
        small_size=9.5,
        fax_size=13,
        leading=0.85,
        has_fax_slant=False,
        page_lines=53,
    ),
    "en": _western(hyphens=True),
    "es": _western(hyphens=True, page_lines=52),
    "fr": _western(hyphens=True),
    "ja": _eastern(Han.JAPANESE, Han.CHINESE, Han.KOREAN, fax_size=13, leading=0.95, fax_page_lines=41),
    "ko": _eastern(
        Han.KOREAN, Han.CHINESE, Han.JAPANESE, fax_size=12, leading=0.9, fax_page_lines=52, are_words_kept=True
    ),
    "ru": _western(hyphens=True, page_lines=61),
    "zh-Hans": _eastern(Han.CHINESE, Han.JAPANESE, Han.KOREAN, fax_size=13, leading=0.95, fax_page_lines=41),
}
_OTHER = _western(hyphens=False)


def face(language: str) -> Face:
    """The face of a language; one that has no line here is set like a Latin one, without hyphens."""
    return _FACES.get(language, _OTHER)
