"""Letters and notices as mail bodies: one column, styles inline, no pictures, nothing loaded from elsewhere.

Colours are left to the reader's mail program, so light and dark both work: what is drawn takes the text's own colour.
Every value is escaped by `Markup.format`; the body comes cleaned from `letters.markdown`. Right-to-left languages get
their direction, and what runs the other way inside them is isolated. Must not know templates or contexts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from urgentaction.letters import bidi, markdown
from urgentaction.letters.content import SLOT_NAME

_RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})

_PAGE = Markup("""\
<!DOCTYPE html>
<html lang="{language}" dir="{direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{title}</title>
</head>
<body style="margin:0;padding:16px;color-scheme:light dark;">
<div lang="{language}" dir="{direction}" style="max-width:40em;margin:0 auto;font-family:{font};font-size:{size}px;\
line-height:{height};{breaks}overflow-wrap:break-word;">
{content}
</div>
</body>
</html>
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """How mail in a language is set: faces that readers have, size in pixels, line height, where lines may end."""

    serif: str = "Georgia,'Times New Roman',serif"
    sans: str = "-apple-system,'Segoe UI',Roboto,Arial,sans-serif"
    size: int = 16
    height: float = 1.55
    breaks: str = ""


_LOOKS = {
    "ar": _Look(
        serif="'Noto Naskh Arabic','Geeza Pro','Sakkal Majalla','Traditional Arabic',serif",
        sans="'Geeza Pro','Segoe UI',Tahoma,'Noto Sans Arabic',sans-serif",
        size=18,
        height=1.8,
    ),
    "ja": _Look(
        serif="'Noto Serif JP','Hiragino Mincho ProN','Yu Mincho',serif",
        sans="-apple-system,'Hiragino Sans','Yu Gothic','Noto Sans JP',sans-serif",
        height=1.75,
        breaks="line-break:strict;",
    ),
    "ko": _Look(
        serif="Georgia,'Noto Serif KR',AppleMyungjo,Batang,serif",
        sans="-apple-system,'Segoe UI',Roboto,'Noto Sans KR','Malgun Gothic',Arial,sans-serif",
        height=1.65,
        breaks="word-break:keep-all;",
    ),
    "zh-Hans": _Look(
        serif="'Noto Serif SC','Songti SC',SimSun,serif",
        sans="-apple-system,'PingFang SC','Microsoft YaHei','Noto Sans SC',sans-serif",
        height=1.75,
        breaks="line-break:strict;",
    ),
}
#: What each tag of the body wears; the names are those that `letters.markdown` lets through.
_WEARS = {
    "p": "margin:0 0 1.2em;",
    "ul": "margin:0 0 1.2em;",
    "ol": "margin:0 0 1.2em;",
    "li": "margin:0 0 0.4em;",
    "blockquote": "margin:0 1.5em 1.2em;",
} | {f"h{level}": "margin:1.6em 0 0.8em;font-size:1.1em;" for level in range(1, 7)}
_TAG = re.compile(rf"<({'|'.join(_WEARS)})(?=[ >])")
_LETTERHEAD = Markup(
    '<div style="border-bottom:1px solid currentColor;padding-bottom:8px;margin-bottom:24px;">'
    '<strong style="font-size:18px;">{organisation}</strong><br><span style="font-size:13px;">{letterhead}</span></div>'
)
_PART = Markup('<p style="margin:0 0 1.2em;">{}</p>')
_STRONG = Markup('<p style="margin:0 0 1.2em;"><strong>{}</strong></p>')
_SMALL = Markup('<p style="margin:2em 0 0;font-size:13px;">{}</p>')


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterBlocks:
    """A letter's parts around its body, as text."""

    organisation: str
    letterhead: tuple[str, ...]
    date_line: str
    addressee: tuple[str, ...]
    re_line: str
    salutation: str
    closing: str
    signature: tuple[str, ...]
    cc_label: str
    cc: tuple[str, ...]
    enclosures_label: str
    enclosures: tuple[str, ...]
    reference: str


def letter(blocks: LetterBlocks, body_markdown: str, *, language: str) -> str:
    """A whole letter as an HTML document for mail."""
    content = [
        _LETTERHEAD.format(organisation=blocks.organisation, letterhead=_lines(blocks.letterhead)),
        _PART.format(blocks.date_line),
        _PART.format(_lines(blocks.addressee)),
        _STRONG.format(blocks.re_line),
        _PART.format(blocks.salutation),
        _body(body_markdown),
        _PART.format(blocks.closing),
        _PART.format(_lines(blocks.signature)),
    ]
    for label, lines in ((blocks.cc_label, blocks.cc), (blocks.enclosures_label, blocks.enclosures)):
        if lines:
            content.append(_PART.format(_lines((label, *lines))))
    content.append(_SMALL.format(blocks.reference))
    return _page(content, title=blocks.re_line, language=language, is_letter=True)


def notice(subject: str, body_markdown: str, *, language: str, sender: str) -> str:
    """A notice to supporters as an HTML document for mail."""
    content = [
        Markup('<p style="margin:0 0 1.5em;font-weight:bold;">{}</p>').format(sender),
        _body(body_markdown),
    ]
    return _page(content, title=subject, language=language, is_letter=False)


def _lines(lines: Sequence[str]) -> Markup:
    return Markup("<br>").join(lines)


def _body(body_markdown: str) -> Markup:
    dressed = _TAG.sub(lambda found: f'{found[0]} style="{_WEARS[found[1]]}"', markdown.to_html(body_markdown))
    return Markup(dressed)  # noqa: S704 - cleaned by nh3


def _page(content: Sequence[Markup], *, title: str, language: str, is_letter: bool) -> str:
    look = _LOOKS.get(language, _Look())
    is_rtl = language.split("-", maxsplit=1)[0] in _RIGHT_TO_LEFT
    inside = Markup("\n").join(content)
    if is_rtl:
        inside = Markup(bidi.isolate_html(inside, either_way=(SLOT_NAME,)))  # noqa: S704 - it was safe before
    return str(
        _PAGE.format(
            language=language,
            direction="rtl" if is_rtl else "ltr",
            title=title,
            font=Markup(look.serif if is_letter else look.sans),  # noqa: S704 - ours
            size=look.size,
            height=look.height,
            breaks=look.breaks,
            content=inside,
        )
    )
