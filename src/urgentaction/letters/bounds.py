"""How much text, and of what shape, may go on to Markdown and the typesetter.

Both are programs of others that take time and memory by the shape of a text, not by its length alone: a parser makes an
object of each asterisk, and the typesetter wants hundreds of megabytes for a letter under twenty thousand accents,
panics at a cluster of joiners longer than 65,535 bytes, and takes minutes to break a paragraph whose words have no
width. A real letter is far from every bound here.

Pure. Must not know templates or cases.
"""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a rendered text may have at most.

    Attributes:
        lines: lines, empty ones included.
        marks: characters and signs that may mean something in Markdown (`*`, `[`, `- `, `1. `, …), escaped ones too.
        word: characters without a space between them; long addresses of pages fit.
        stack: accents, joiners and other characters without a place of their own, on one letter.
        blank: words made of nothing but such characters.
        columns: how far a line may be indented.
    """

    lines: int = 1_200
    marks: int = 1_200
    word: int = 2_000
    stack: int = 16
    blank: int = 16
    columns: int = 100


BOUNDS = Bounds()

_MARK = re.compile(r"[*_\[\]<>&\\`]|(?:^|(?<=\s))(?:[-+]|\d{1,9}[.)])(?=\s)", re.MULTILINE)
_INDENT = re.compile(r"^[^\S\n]+(?=\S)", re.MULTILINE)
#: Without a place of their own: marks (Mn, Me) and format characters (Cf), of Unicode's general categories.
_WEIGHTLESS = frozenset({"Mn", "Me", "Cf"})
#: What a word without width can be made of besides: vowel signs without a letter (Mc), and the fillers of Hangul.
_WIDTHLESS, _FILLERS = _WEIGHTLESS | {"Mc"}, frozenset("\u115f\u1160\u3164\uffa0")
#: What Markdown takes away from around a word.
_AROUND = re.compile(r"\]\([^\s)]*\)|[*_\[\]<>\\`]")


def excess(text: str, *, bounds: Bounds = BOUNDS) -> str | None:
    """What is too much in a text, as the end of the sentence "the template …"; None if all is well."""
    if (found := text.count("\n") + 1) > bounds.lines:
        return f"writes {found} lines; at most {bounds.lines} are allowed"
    if (found := len(_MARK.findall(text))) > bounds.marks:
        return f"writes {found} Markdown marks (*, [, >, - …); at most {bounds.marks} are allowed"
    if len(longest := max(text.split(), key=len, default="")) > bounds.word:
        return f"writes a word of {len(longest)} characters, {_clipped(longest)}; at most {bounds.word} are allowed"
    if any(len(match[0].expandtabs(4)) > bounds.columns for match in _INDENT.finditer(text)):
        return f"indents a line by more than {bounds.columns} columns; take the spaces away"
    if (letter := _overloaded(text, bounds.stack)) is not None:
        return f"puts more than {bounds.stack} accents or joiners on one character, {letter!r}; take them away"
    if (found := _blank_words(text)) > bounds.blank:
        return f"writes {found} words of nothing but accents, joiners or other invisible characters; take them away"
    return None


def _overloaded(text: str, most: int) -> str | None:
    """The first character with too many weightless ones behind it."""
    if text.isascii():
        return None
    weightless = [char for char in set(text) if unicodedata.category(char) in _WEIGHTLESS]
    if not weightless:
        return None
    stack = re.search(f"(.?)[{re.escape(''.join(weightless))}]{{{most + 1}}}", text, re.DOTALL)
    return stack[1] if stack else None


def _blank_words(text: str) -> int:
    """How many words show nothing, as they are once Markdown and its entities are read."""
    if text.isascii() and "&" not in text:
        return 0
    return sum(map(_is_blank, _AROUND.sub("", html.unescape(text)).split()))


def _is_blank(word: str) -> bool:
    return all(char in _FILLERS or unicodedata.category(char) in _WIDTHLESS for char in word)


def _clipped(word: str) -> str:
    return repr(word if len(word) <= 24 else f"{word[:24]}…")
