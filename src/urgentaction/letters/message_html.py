"""Letters and notices as mail bodies: one column, styles inline, no pictures, nothing loaded from elsewhere.

Colours are left to the reader's mail program, so light and dark both work. Every value is escaped by `Markup.format`;
the body comes cleaned from `letters.markdown`. Must not know templates or contexts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from urgentaction.letters import markdown

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
<body style="margin:0;padding:16px;">
<div style="max-width:40em;margin:0 auto;font-family:{font};font-size:16px;line-height:1.55;\
word-break:keep-all;overflow-wrap:break-word;">
{content}
</div>
</body>
</html>
""")
_SERIF = "Georgia,'Noto Serif KR',AppleMyungjo,Batang,serif"
_SANS = "-apple-system,'Segoe UI',Roboto,'Noto Sans KR','Malgun Gothic',Arial,sans-serif"
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
    reference: str


def letter(blocks: LetterBlocks, body_markdown: str, *, language: str) -> str:
    """A whole letter as an HTML document for mail."""
    content = [
        _LETTERHEAD.format(organisation=blocks.organisation, letterhead=_lines(blocks.letterhead)),
        _PART.format(blocks.date_line),
        _PART.format(_lines(blocks.addressee)),
        _STRONG.format(blocks.re_line),
        _PART.format(blocks.salutation),
        Markup(markdown.to_html(body_markdown)),  # noqa: S704 - cleaned by nh3
        _PART.format(blocks.closing),
        _PART.format(_lines(blocks.signature)),
    ]
    if blocks.cc:
        content.append(_PART.format(_lines((blocks.cc_label, *blocks.cc))))
    content.append(_SMALL.format(blocks.reference))
    return _page(content, title=blocks.re_line, language=language, font=_SERIF)


def notice(subject: str, body_markdown: str, *, language: str, sender: str) -> str:
    """A notice to supporters as an HTML document for mail."""
    content = [
        Markup('<p style="margin:0 0 1.5em;font-weight:bold;">{}</p>').format(sender),
        Markup(markdown.to_html(body_markdown)),  # noqa: S704 - cleaned by nh3
    ]
    return _page(content, title=subject, language=language, font=_SANS)


def _lines(lines: Sequence[str]) -> Markup:
    return Markup("<br>").join(lines)


def _page(content: Sequence[Markup], *, title: str, language: str, font: str) -> str:
    return str(
        _PAGE.format(
            language=language,
            direction="rtl" if language.split("-", maxsplit=1)[0] in _RIGHT_TO_LEFT else "ltr",
            title=title,
            font=font,
            content=Markup("\n").join(content),
        )
    )
