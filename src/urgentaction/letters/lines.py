"""Lines of plain text: how wide a text is in a fixed-width font, and where a line may end.

Latin, Cyrillic, Arabic and Korean lines end at spaces. Chinese and Japanese have none: their lines end between
characters, but no line begins with a mark that closes something or ends with one that opens it (kinsoku; the part
of Unicode Standard Annex 14 that letters need). Pure. Must not know Markdown or mail.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import lru_cache

WRAP_AT = 72

_NOT_FIRST = frozenset(
    "、。，．・：；？！）」』】〕〉》］｝〟’”…‥—～ー々〻ゝゞヽヾ％‰℃°,.:;?!)]}%"
    "ぁぃぅぇぉっゃゅょゎゕゖァィゥェォッャュョヮヵヶ"
)
_NOT_LAST = frozenset("（「『【〔〈《［｛〝‘“([{＃＄￥№")


def columns(text: str) -> int:
    """How many columns of a terminal or fixed-width mail `text` takes (Unicode Standard Annex 11)."""
    return len(text) if text.isascii() else sum(map(_width, text))


def wrap(text: str, *, width: int = WRAP_AT) -> str:
    """Break lines so that none is longer than `width` columns; what can't be broken keeps a line of its own."""
    return "\n".join(line for hard_line in text.split("\n") for line in _wrapped(hard_line, width))


def _wrapped(text: str, width: int) -> Iterator[str]:
    if text.isascii():  # most lines of most letters: each character is a column, and a line ends only at a space
        yield from _wrapped_ascii(text, width)
        return
    has_only_words = not any(map(_stands_alone, set(text)))
    line, used = "", 0
    for word in text.split():
        gap = " " if line else ""
        for piece in (word,) if has_only_words else _pieces(word):
            size = columns(piece)
            if line and used + len(gap) + size > width:
                yield line
                line, used = piece, size
            else:
                line, used = f"{line}{gap}{piece}", used + len(gap) + size
            gap = ""
    yield line


def _wrapped_ascii(text: str, width: int) -> Iterator[str]:
    line = ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            yield line
            line = word
        else:
            line = f"{line} {word}" if line else word
    yield line


def _pieces(word: str) -> Iterator[str]:
    """A word in the pieces between which a line may end."""
    begin = 0
    for at in range(1, len(word)):
        if _may_part(word[at - 1], word[at]):
            yield word[begin:at]
            begin = at
    yield word[begin:]


def _may_part(before: str, after: str) -> bool:
    if not (_stands_alone(before) or _stands_alone(after)):
        return False
    return after not in _NOT_FIRST and before not in _NOT_LAST and _width(after) > 0


@lru_cache(maxsize=8192)
def _stands_alone(char: str) -> bool:
    """Whether a line may end beside it: Han, Kana and their punctuation. Hangul is written in words."""
    return _is_wide(char) and not unicodedata.name(char, "").startswith("HANGUL")


@lru_cache(maxsize=8192)
def _is_wide(char: str) -> bool:
    return unicodedata.east_asian_width(char) in "WF"


@lru_cache(maxsize=8192)
def _width(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) == "Cf":
        return 0
    return 2 if _is_wide(char) else 1
