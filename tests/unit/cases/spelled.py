"""Names in several scripts, and the ways in which people write one and the same name."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Callable
from urllib.parse import quote

from hypothesis import strategies as st

#: Syllables by script. Made-up names of them are at least six letters (three syllables) long, as full names are.
SCRIPTS = {
    "latin": ["qa", "zul", "tib", "vex", "mør", "çel", "nguyé", "wži", "ha", "joŏ"],
    "cyrillic": ["ша", "жур", "тий", "ёл", "фим", "щек"],
    "greek": ["ψα", "ξύ", "θής", "ζω", "φιλ"],
    "arabic": ["أح", "مد", "خليل", "ضيا", "غفو", "ثري"],
    "hebrew": ["שי", "זא", "טוב", "צפר"],
    "hangul": ["홍", "길", "동", "쾅", "뷁", "훈"],
    "han": ["曐", "麤", "靐", "龘", "鱻"],
    "kana": ["ぬ", "ヴィ", "ゐ", "ヱ", "ぽ"],
    "thai": ["ฐ", "ฎ", "ฬา", "ฆ"],
}
RUNNING = {"hangul", "han", "kana", "thai"}


@st.composite
def names(draw: st.DrawFn, scripts: tuple[str, ...] = tuple(SCRIPTS)) -> str:
    """A full name, its parts with a space or a hyphen between them; Hangul, Han and kana often without."""
    script = draw(st.sampled_from(scripts))
    parts = draw(st.lists(st.lists(st.sampled_from(SCRIPTS[script]), min_size=3, max_size=4), min_size=2, max_size=3))
    words = ["".join(part) for part in parts]
    between = draw(st.sampled_from(["", " "] if script in RUNNING else [" ", " ", "-"]))
    name = between.join(words)
    return name if script in RUNNING else name.title()


def _wide(text: str) -> str:
    return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)


def _turned(text: str) -> str:
    first, *rest = text.split(" ")
    return " ".join([*rest, first])


def _comma(text: str) -> str:
    *rest, last = text.split(" ")
    return f"{last}, {' '.join(rest)}" if rest else last


def _tagged(text: str) -> str:
    return f"<b>{text[:2]}</b>{text[2:]}"


#: How one and the same name is written: as itself, in print, in a table, by a machine, by somebody who hides it.
PLAIN: tuple[Callable[[str], str], ...] = (
    lambda text: text,
    str.upper,
    str.lower,
    lambda text: unicodedata.normalize("NFD", text),
    lambda text: unicodedata.normalize("NFKC", text),
    _wide,
    _turned,
    _comma,
    lambda text: text.replace(" ", "\n"),
    lambda text: text.replace(" ", "\u00a0"),
    lambda text: text.replace(" ", "-"),
    lambda text: text.replace(" ", ""),
    lambda text: text.replace("-", " "),
    lambda text: text.replace("-", "\u2011"),
    lambda text: text.replace("-", "’"),
    "\u200b".join,
    lambda text: text[:3] + "\u00ad" + text[3:],
    lambda text: text.replace("é", "e").replace("ŏ", "o").replace("ø", "o").replace("ç", "c").replace("ž", "z"),
    lambda text: f"**{text}**",
)
CODED: tuple[Callable[[str], str], ...] = (
    lambda text: text,
    html.escape,
    lambda text: "".join(f"&#{ord(char)};" for char in text),
    lambda text: html.escape(text).replace(" ", "&nbsp;"),
    lambda text: f'<a href="https://x.invalid/{quote(text)}">read on</a>',
    lambda text: f'<img alt="{html.escape(text)}">',
    _tagged,
)


@st.composite
def spellings(draw: st.DrawFn, name: str) -> str:
    """The name as somebody may write it."""
    written = name
    for change in draw(st.lists(st.sampled_from(PLAIN), max_size=2)):
        written = change(written)
    return draw(st.sampled_from(CODED))(written)
