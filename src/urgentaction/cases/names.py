"""Finding a person's name in a text, however it is written there.

Two spellings are one where they differ only in capitals, accents, Unicode form (NFKC), invisible characters, hyphens,
apostrophes, spaces, line breaks, Markdown's marks, HTML's tags and entities, percent signs of an address, or in which
of its parts, family names or given ones, comes first. Another transcription ("Ch’oe" for "Choi") is another spelling:
it must be stored.

Where a name may stand inside a longer word depends on the script. Hangul, Han, kana and Thai put no space between a
name and what follows it, so it is found anywhere. In alphabets a name of up to five letters is found only as a word of
its own (`ali` is part of `alignment`), and one of two letters only with a capital (`An`, not `an`).

Pure. Must not say who may read which name: that is `cases.queries`.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache, partial
from itertools import accumulate
from urllib.parse import unquote

#: Accents, in the widest sense: combining marks that a reader leaves out. Vowel signs of Indic scripts are not among
#: them, nor the marks of kana, which make other letters.
_ACCENT = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u1ab0-\u1aff\u1dc0-\u1dff"
    "\u20d0-\u20ff\u17b4\u17b5\u180b-\u180d\u180f\ufe00-\ufe0f\ufe20-\ufe2f\U000e0100-\U000e01ef]"
)
_PART_ENDS = re.compile(r"[\s\-\u2010\u2011]+")
#: However many: a page shows them as one, and so does paper.
_BLANKS = re.compile(r"\s+")
_TAG = re.compile(r"<[^<>]*>")
#: Letters that nobody sees: Hangul fillers and the Arabic line that only stretches a word.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u0640")
#: What decomposition leaves alone and people write for each other.
_ALIKE = str.maketrans(
    {
        "ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ŋ": "n", "ŧ": "t", "æ": "ae", "œ": "oe", "þ": "th",
        "ی": "ي", "ى": "ي", "ک": "ك", "ة": "ه", "ς": "σ",
    }
)  # fmt: skip
#: Scripts without a space between a name and what follows it, by the first words of Unicode's character names.
_RUNNING = ("HANGUL", "CJK", "HIRAGANA", "KATAKANA", "BOPOMOFO", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN", "YI ")
#: Arabic and Hebrew write "and", "to", "in", "the" as letters in front of the word.
_IN_FRONT = frozenset("وفبلكا" + "והבכלמש")
_MOST_IN_FRONT = 3
#: A name of this weight is found inside words too; a letter of an alphabet weighs one, a syllable or ideograph two.
_LONG = 6
_NEEDS_CAPITAL = 2
_WIDEST_GAP = 6


class Gap(IntEnum):
    """What stands between two letters, after everything invisible is gone."""

    NONE = 0
    JOINER = 1  # a hyphen, an apostrophe, a mark of Markdown; a line break between ideographs
    SPACE = 2
    BREAK = 3  # too much to be inside a name


@dataclass(frozen=True, slots=True)
class _Letters:
    """A text as the letters that count, folded. Entry `n` of each list belongs to letter `n`."""

    text: str
    gaps: tuple[Gap, ...]  # before the letter
    capitals: tuple[bool, ...]
    lines: tuple[int, ...]  # where it stands, from 1


@dataclass(frozen=True, slots=True)
class PersonNames:
    """The spellings of one person's name, and the person's key, which is safe to show to staff."""

    key: str
    spellings: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Mention:
    """A name was found: whose, and on which line. The name itself is not in it."""

    key: str
    line: int


def mentions(text: str, hidden: Iterable[PersonNames], *, shown: Iterable[str] = ()) -> list[Mention]:
    """Where a text names persons whom it must not name; each person once for each line.

    Args:
        text: plain text, Markdown or HTML.
        hidden: whom to look for, with every spelling on record.
        shown: names that the reader may see. A hidden name inside one of them is no fault.
    """
    hidden, shown = tuple(hidden), tuple(shown)
    if not hidden:
        return []
    found: dict[Mention, None] = {}
    for form in dict.fromkeys(_forms(text)):
        letters = _letters(form)
        covered = [span for name in shown for span in _spans(letters, name)]
        for person in hidden:
            for spelling in person.spellings:
                for start, end in _spans(letters, spelling):
                    if not any(first <= start and end <= last for first, last in covered):
                        found[Mention(person.key, letters.lines[start])] = None
    return sorted(found, key=lambda mention: (mention.line, mention.key))


def _forms(text: str) -> Iterator[str]:
    """The text as written, and as somebody sees it who reads it as HTML or follows its addresses."""
    yield text
    if "%" in text:
        yield unquote(text)
    if "&" in text or "<" in text:
        for between in (" ", ""):
            # The line breaks stay, so that lines are counted as they are in the text.
            without_tags = _TAG.sub(partial(_instead_of_tag, between=between), text)
            yield html.unescape(without_tags)
        yield unquote(html.unescape(text))


def _instead_of_tag(tag: re.Match[str], *, between: str) -> str:
    return between + "\n" * tag[0].count("\n")


def _letters(text: str) -> _Letters:
    plain = unicodedata.normalize("NFC", _ACCENT.sub("", unicodedata.normalize("NFKD", text)))
    folded: list[str] = []
    gaps: list[Gap] = []
    capitals: list[bool] = []
    lines: list[int] = []
    between, line, last = "", 1, ""
    for char in plain:
        letters = _folded(char)
        if letters is None:
            between += char
            line += char == "\n"
        elif letters:
            gap = _gap(between, is_running=_is_running(char) and _is_running(last)) if last else Gap.BREAK
            folded.append(letters)
            gaps += [gap, *[Gap.NONE] * (len(letters) - 1)]
            capitals += [char.isupper()] * len(letters)
            lines += [line] * len(letters)
            between, last = "", char
    return _Letters("".join(folded), tuple(gaps), tuple(capitals), tuple(lines))


@cache
def _folded(char: str) -> str | None:
    """The letters a character counts as: none where nobody sees it; None where it stands between letters."""
    category = unicodedata.category(char)
    if category == "Cf" or char in _BLANK:
        return ""
    if category[0] not in "LMN" or "\u02b9" <= char <= "\u02cc":  # those are apostrophes that count as letters
        return None
    return char.casefold().translate(_ALIKE)


def _gap(between: str, *, is_running: bool) -> Gap:
    if not between:
        return Gap.NONE
    if len(_BLANKS.sub(" ", between)) > _WIDEST_GAP:
        return Gap.BREAK
    is_hyphenated = re.fullmatch(r"[-\u2010\u2011]\s*\n\s*", between) is not None
    if is_hyphenated or (is_running and between.strip("\r") == "\n"):
        return Gap.JOINER
    return Gap.SPACE if any(char.isspace() for char in between) else Gap.JOINER


@cache
def _is_running(char: str) -> bool:
    return char != "" and unicodedata.name(char, "").startswith(_RUNNING)


@dataclass(frozen=True, slots=True)
class _Pattern:
    """One way to write a name: its letters, and the places at which its parts begin."""

    letters: str
    parts: frozenset[int]
    weight: int
    is_cased: bool


def _patterns(spelling: str) -> list[_Pattern]:
    """The spelling as stored, and begun with each of its other parts: a name may have two family names.

    Somebody who leaves the hyphens out may take each piece of the name for a part, so both are looked for.
    """
    pieces = dict.fromkeys((tuple(spelling.split()), tuple(_PART_ENDS.split(spelling.strip()))))
    letters_of = {part: _letters(part) for parts in pieces for part in parts}
    found = []
    for order in dict.fromkeys(order for parts in pieces for order in _orders(parts)):
        folded = [letters for part in order if (letters := letters_of[part]).text]
        whole = "".join(letters.text for letters in folded)
        if not whole:
            continue
        begins = list(accumulate(len(letters.text) for letters in folded))
        inside = {
            begin + place
            for begin, letters in zip([0, *begins[:-1]], folded, strict=True)
            for place, gap in enumerate(letters.gaps)
            if gap is not Gap.NONE
        }
        found.append(
            _Pattern(
                letters=whole,
                parts=frozenset(inside),
                weight=sum(2 if _is_running(letter) else 1 for letter in whole),
                is_cased=any(letter.upper() != letter for letter in whole),
            )
        )
    return list(dict.fromkeys(found))


def _orders(parts: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    return tuple((*parts[first:], *parts[:first]) for first in range(len(parts)))


def _spans(letters: _Letters, spelling: str) -> Iterator[tuple[int, int]]:
    for pattern in _patterns(spelling):
        start = letters.text.find(pattern.letters)
        while start >= 0:
            end = start + len(pattern.letters)
            if _stands(letters, pattern, start, end):
                yield start, end
            start = letters.text.find(pattern.letters, start + 1)


def _stands(letters: _Letters, pattern: _Pattern, start: int, end: int) -> bool:
    """Whether these letters are the name, and not pieces of other words."""
    is_loose = False  # a space where the name as stored has none
    for place in range(start + 1, end):
        gap = letters.gaps[place]
        if gap is Gap.BREAK:
            return False
        is_loose |= gap is Gap.SPACE and (place - start) not in pattern.parts
    is_left, is_right = _begins(letters, start), _ends(letters, end)
    is_long, is_running = pattern.weight >= _LONG, _is_running(letters.text[start])
    if is_long and not is_loose:
        return True
    if is_running:
        return is_left or is_long or (len(pattern.letters) > 1 and not is_loose)
    if is_loose and not is_long:
        return False
    if pattern.is_cased and len(pattern.letters) <= _NEEDS_CAPITAL and not letters.capitals[start]:
        return False
    return is_left and (is_right or _is_running(letters.text[end - 1]))


def _begins(letters: _Letters, start: int) -> bool:
    for place in range(start, max(start - _MOST_IN_FRONT, 0) - 1, -1):
        if letters.gaps[place] is not Gap.NONE or _changes(letters.text, place):
            return True
        if letters.text[place - 1] not in _IN_FRONT:
            return False
    return False


def _ends(letters: _Letters, end: int) -> bool:
    return end == len(letters.text) or letters.gaps[end] is not Gap.NONE or _changes(letters.text, end)


def _changes(text: str, place: int) -> bool:
    """Digits meet letters, or an alphabet meets Hangul or Han: that ends a word as a space does."""
    before, after = text[place - 1], text[place]
    return before.isdigit() != after.isdigit() or _is_running(before) != _is_running(after)
