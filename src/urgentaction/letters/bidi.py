"""Right-to-left text with something left-to-right inside: a Latin name, an address, a telephone number.

Without help the spaces and signs of such a stretch belong to nobody: in an Arabic line `+82 2-770-4721` comes out
with its groups in the wrong order. Each stretch is therefore isolated (Unicode Standard Annex 9, section 2.4.2).
Left-to-right languages need nothing: what is Arabic in them is ordered by its own letters.

Pure. Must not know templates or pages.
"""

from __future__ import annotations

import html
import re

#: LEFT-TO-RIGHT ISOLATE, FIRST STRONG ISOLATE and POP DIRECTIONAL ISOLATE.
OPEN, OPEN_EITHER, CLOSE = "\u2066", "\u2068", "\u2069"

_LETTER = r"[^\W\d_\u0590-\u08FF\uFB1D-\uFDFF\uFE70-\uFEFC]"
_INSIDE = r"[ \t.,:;/@+\-()&'’_?=%#~·|\u2010-\u2014]"
#: From a letter or digit that is not right-to-left to the last such one, over whatever joins them.
_STRETCH = re.compile(
    rf"(?:https?://|www\.)[!-~]*[0-9A-Za-z/]|[+(]{{0,2}}(?:{_LETTER}|[0-9])(?:{_INSIDE}*(?:{_LETTER}|[0-9])(?!ttps?://))*[)]?"
)
_NUMBERS = re.compile(r"[+(]{0,2}[0-9][0-9 ()./\-]*[0-9]")
#: Groups of digits with a space or bracket between them are a telephone number; other signs don't part a number.
_GROUPS = re.compile(r"[0-9] ?[ )(]+[0-9]")


def isolate(text: str, *, either_way: tuple[str, ...] = ()) -> str:
    """The text with each left-to-right stretch between `OPEN` and `CLOSE`. A plain number needs none and gets none.

    Args:
        either_way: stretches whose direction isn't known yet (the place of a reader's name); they get `OPEN_EITHER`.
    """
    marked = _STRETCH.sub(lambda found: _marked(found[0]), text)
    for stretch in either_way:
        marked = marked.replace(f"{OPEN}{stretch}{CLOSE}", f"{OPEN_EITHER}{stretch}{CLOSE}")
    return marked


def _marked(stretch: str) -> str:
    # A bracket that was opened before the stretch is not the stretch's own.
    tail = ")" if stretch.endswith(")") and stretch.count("(") < stretch.count(")") else ""
    core = stretch.removesuffix(tail) if tail else stretch
    lead = "(" if core.count("(") > core.count(")") and core.startswith("(") else ""
    core = core.removeprefix(lead) if lead else core
    if _NUMBERS.fullmatch(core):
        is_needed = core.startswith("+") or _GROUPS.search(core) is not None
    else:
        is_needed = re.search(_LETTER, core) is not None
    return f"{lead}{OPEN}{core}{CLOSE}{tail}" if is_needed else stretch


_TAG_OR_TEXT = re.compile(r"(<[^>]*>)")
_BDI = str.maketrans({OPEN: '<bdi dir="ltr">', OPEN_EITHER: "<bdi>", CLOSE: "</bdi>"})


def isolate_html(fragment: str, *, either_way: tuple[str, ...] = ()) -> str:
    """The same for a clean HTML fragment, with `<bdi>`; tags are left as they are."""

    def isolated(text: str) -> str:
        # Read as it is seen: the letters of `&amp;` are no stretch of their own.
        seen = isolate(html.unescape(text), either_way=either_way)
        return html.escape(seen, quote=False).translate(_BDI)

    parts = _TAG_OR_TEXT.split(fragment)
    return "".join(part if part.startswith("<") else isolated(part) for part in parts)
