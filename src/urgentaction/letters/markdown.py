"""Markdown as letters use it: paragraphs, headings, lists, quotes, emphasis, links. Nothing that loads, hides or runs.

One parse (CommonMark, HTML off) gives blocks; from them come plain text for mail and the data for the typesetter.
HTML comes from the same parse and is cleaned besides. `escape` makes any value appear literally.

Pure. Must not know templates, cases or pages.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from urgentaction.letters.lines import WRAP_AT, columns, wrap

_PARSER = MarkdownIt("commonmark", {"html": False}).disable(
    ["code", "fence", "hr", "html_block", "html_inline", "image", "lheading", "reference", "backticks"]
)
_LINK_SCHEMES = ("https:", "http:", "mailto:")
_TAGS = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "strong", "em", "a", "br"}


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text set one way. `is_break` ends the line instead of carrying text."""

    text: str
    is_strong: bool = False
    is_emphasised: bool = False
    url: str = ""
    is_break: bool = False


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Runs in order."""

    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading inside the text; `level` from 1."""

    level: int
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """A list; `start` is its first number, or None for bullets."""

    items: tuple[tuple[Block, ...], ...]
    start: int | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """Blocks set in."""

    blocks: tuple[Block, ...]


Block = Paragraph | Heading | Listing | Quote

#: Control characters, and those that turn the direction of what follows (a name must not reorder a letter).
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_SPECIAL = re.compile(r"([\\`*_\[\]<>&!~|])")
_AT_START = re.compile(r"^(\d*)([-+=#.):])")


def one_line(value: str) -> str:
    """A value without control characters and line breaks, with single spaces."""
    return " ".join(_CONTROL.sub(" ", value).split())


def escape(value: str) -> str:
    """Markdown that shows `value` literally, on one line, wherever in a paragraph it stands (CommonMark 0.31, 2.4)."""
    return _AT_START.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", one_line(value)))


@lru_cache(maxsize=64)  # a letter's text, HTML and PDF come from the same source, one after the other
def _tokens(source: str) -> list[Token]:
    return _PARSER.parse(source)


def forget() -> None:
    """Forget what was parsed: for measurements of a letter that is new."""
    _tokens.cache_clear()


def parse(source: str) -> tuple[Block, ...]:
    """Markdown to blocks. Raw HTML, images, code and dangerous links come out as the text they were written as."""
    return tuple(_blocks(SyntaxTreeNode(_tokens(source)).children))


def _blocks(nodes: Sequence[SyntaxTreeNode]) -> Iterator[Block]:
    for node in nodes:
        if node.type == "paragraph":
            yield Paragraph(_inline(node))
        elif node.type == "heading":
            yield Heading(int(node.tag[1]), _inline(node))
        elif node.type in {"bullet_list", "ordered_list"}:
            start = int(node.attrs.get("start", 1)) if node.type == "ordered_list" else None
            yield Listing(tuple(tuple(_blocks(item.children)) for item in node.children), start)
        elif node.type == "blockquote":
            yield Quote(tuple(_blocks(node.children)))
        else:  # a rule of the parser was switched on without a block for it here
            raise ValueError(f"no block for Markdown {node.type!r}")


def _inline(node: SyntaxTreeNode) -> tuple[Run, ...]:
    return tuple(run for inline in node.children for run in _runs(inline.children, Run("")))


def _runs(nodes: Sequence[SyntaxTreeNode], style: Run) -> Iterator[Run]:
    for node in nodes:
        strong, emphasised, url = style.is_strong, style.is_emphasised, style.url
        if node.type in {"text", "text_special"}:
            if node.content:
                yield Run(node.content, strong, emphasised, url)
        elif node.type == "softbreak":
            yield Run(" ", strong, emphasised, url)
        elif node.type == "hardbreak":
            yield Run("", is_break=True)
        elif node.type == "link":
            href = str(node.attrs.get("href", ""))
            allowed = href if href.lower().startswith(_LINK_SCHEMES) else ""
            yield from _runs(node.children, Run("", strong, emphasised, allowed))
        else:
            is_strong, is_emphasised = strong or node.type == "strong", emphasised or node.type == "em"
            yield from _runs(node.children, Run("", is_strong, is_emphasised, url))


def to_html(source: str) -> str:
    """A clean HTML fragment: the tags of a letter, links to http, https and mail only."""
    return nh3.clean(
        _PARSER.renderer.render(_tokens(source), _PARSER.options, {}),
        tags=_TAGS,
        attributes={"a": {"href"}, "ol": {"start"}},
        attribute_filter=_attribute,
        url_schemes={scheme.rstrip(":") for scheme in _LINK_SCHEMES},
        link_rel="noopener noreferrer",
    ).strip()


def _attribute(_tag: str, name: str, value: str) -> str | None:
    """No tooltips, and no links relative to a mail: what text and PDF don't show is no link in HTML either."""
    if name == "start" or (name == "href" and value.lower().startswith(_LINK_SCHEMES)):
        return value
    return value if name == "rel" else None


def to_text(blocks: Sequence[Block], *, width: int = WRAP_AT) -> str:
    """Plain text, wrapped at `width` columns (`letters.lines`). A link reads "text <url>"."""
    return "\n\n".join(_text_of(block, width) for block in blocks)


def _text_of(block: Block, width: int) -> str:
    if isinstance(block, Paragraph):
        return wrap(_flow(block.runs), width=width)
    if isinstance(block, Heading):
        title = wrap(_flow(block.runs), width=width)
        longest = max((columns(line) for line in title.split("\n")), default=0)
        return f"{title}\n{('=' if block.level == 1 else '-') * longest}"
    if isinstance(block, Quote):
        return textwrap.indent(to_text(block.blocks, width=width - 2), "> ", lambda _line: True)
    lines = []
    for index, item in enumerate(block.items):
        mark = "- " if block.start is None else f"{block.start + index}. "
        body = to_text(item, width=width - len(mark))
        lines.append(mark + textwrap.indent(body, " " * len(mark)).lstrip(" "))
    is_tight = all(len(item) == 1 for item in block.items)
    return ("\n" if is_tight else "\n\n").join(lines)


def _flow(runs: Sequence[Run]) -> str:
    """The runs as text with line breaks, each link's address behind its words."""
    parts: list[str] = []
    words = ""  # of the link that is being read
    for index, run in enumerate(runs):
        parts.append("\n" if run.is_break else run.text)
        words = words + run.text if run.url else ""
        following = runs[index + 1].url if index + 1 < len(runs) else ""
        if run.url and run.url != following:
            if words.strip() not in {run.url, run.url.removeprefix("mailto:")}:
                parts.append(f" <{run.url}>")
            words = ""
    return "".join(parts)


def plain(source: str) -> str:
    """Markdown as one line of text without marks."""
    return one_line(to_text(parse(source), width=10_000))


def as_data(blocks: Sequence[Block]) -> list[dict[str, object]]:
    """The blocks as JSON-ready values, in the form `templates/typst/letter.typ` reads.

    Headings come out without gaps, counted from 1: PDF/UA refuses a third level under a first, and a writer who began
    with `##` means no more by it than that it is a heading.
    """
    return _Data().of(blocks)


class _Data:
    """One walk over a letter's blocks; remembers the level of the heading before."""

    def __init__(self) -> None:
        self._level = 0

    def of(self, blocks: Sequence[Block]) -> list[dict[str, object]]:
        return [self._block(block) for block in blocks]

    def _block(self, block: Block) -> dict[str, object]:
        if isinstance(block, Listing):
            return {"kind": "list", "start": block.start, "items": [self.of(item) for item in block.items]}
        if isinstance(block, Quote):
            return {"kind": "quote", "blocks": self.of(block.blocks)}
        runs = [
            {
                "text": run.text,
                "strong": run.is_strong,
                "emph": run.is_emphasised,
                "url": run.url or None,
                "break": run.is_break,
            }
            for run in block.runs
        ]
        if isinstance(block, Heading):
            self._level = min(block.level, self._level + 1)
            return {"kind": "heading", "level": self._level, "runs": runs}
        return {"kind": "paragraph", "runs": runs}
