"""The cage templates run in: a small part of Jinja2, the fields of `letters.content`, and nothing else.

Staff write templates, so a template is input, not code. What holds it:

- only the node types in `_ALLOWED` (no calls, macros, includes, imports, assignments to blocks, arithmetic),
- only the filters and tests named here,
- attributes are dataclass fields or keys of a mapping; a missing one is an error, never an empty place,
- limits on source size, on how deep loops nest, on output size (and room for a time limit in `_collect`).

Values come out escaped for Markdown, unless they are `MarkdownText`. Must not read files.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, NoReturn

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, UndefinedError, nodes
from jinja2.exceptions import TemplateError as JinjaError
from jinja2.runtime import LoopContext, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from urgentaction.core.errors import TemplateError
from urgentaction.letters import markdown
from urgentaction.letters.content import MarkdownText
from urgentaction.letters.wording import long_date, with_particle


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one template: characters in, characters out, `for` inside `for`."""

    source: int = 60_000
    output: int = 120_000
    nesting: int = 2


LIMITS = Limits()

_ALLOWED: tuple[type[nodes.Node], ...] = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.If,
    nodes.For,
    nodes.Name,
    nodes.Getattr,
    nodes.Const,
    nodes.Filter,
    nodes.Test,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.CondExpr,
    nodes.Tuple,
)
_LOOP_FIELDS = frozenset({"first", "last", "index", "length"})
_TESTS = frozenset({"defined", "none"})
_JINJA_NAME = re.compile(r"'([^']*)' is undefined")


class _Cage(ImmutableSandboxedEnvironment):
    """Attribute access narrowed from "safe" to "on the list"."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, Undefined):
            str(obj)  # raises: StrictUndefined
        if isinstance(obj, LoopContext) and attribute in _LOOP_FIELDS:
            return getattr(obj, attribute)
        known: list[str] = []
        if dataclasses.is_dataclass(obj) and not isinstance(obj, type):
            known = [field.name for field in dataclasses.fields(obj)]
            if attribute in known:
                return getattr(obj, attribute)
        elif isinstance(obj, Mapping):
            if attribute in obj:
                return obj[attribute]
            known = sorted(obj)
        return self.undefined(_no_such(obj, attribute, known), obj=obj, name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        return self.getattr(obj, str(argument))


def _no_such(obj: object, attribute: str, known: list[str]) -> str:
    if isinstance(obj, Mapping):
        return (
            f"the case's texts have no section {attribute!r} for this status and language "
            f"(there are: {', '.join(known) or 'none'}); add `## {attribute}` to the case's texts"
        )
    close = difflib.get_close_matches(attribute, known, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    there = f" (it has: {', '.join(known)})" if known else ""
    return f"{attribute!r} is no field of {type(obj).__name__}{there}{hint}"


@dataclass(frozen=True, slots=True)
class Piece:
    """One template text to render: a whole body, or the value of one front matter key.

    Attributes:
        name: of the template, as people know it (`letters/first_appeal/ko.md`).
        first_line: the line of the file on which `text` begins.
    """

    name: str
    text: str
    first_line: int = 1


class Renderer:
    """Renders pieces in one language. Made once per rendering; holds no state between pieces."""

    def __init__(self, language: str, *, limits: Limits = LIMITS) -> None:
        self._limits = limits
        self._markdown = _environment(language, _as_markdown)
        self._plain = _environment(language, _as_plain)

    def markdown(self, piece: Piece, values: Mapping[str, object]) -> MarkdownText:
        """Render to Markdown; data values are escaped, so they appear literally.

        Raises:
            TemplateError: naming template, line, variable, and what to do.
        """
        return MarkdownText(self._render(self._markdown, piece, values))

    def plain(self, piece: Piece, values: Mapping[str, object]) -> str:
        """Render to one line of plain text, for subjects, "Re:" lines and text messages.

        Raises:
            TemplateError: naming template, line, variable, and what to do.
        """
        return markdown.one_line(self._render(self._plain, piece, values))

    def _render(self, environment: _Cage, piece: Piece, values: Mapping[str, object]) -> str:
        if len(piece.text) > self._limits.source:
            _refuse(piece, 1, f"is {len(piece.text)} characters long; at most {self._limits.source} are allowed")
        try:
            template = _compiled(environment, piece, self._limits)
            return _collect(template.generate(**values), piece, self._limits)
        except TemplateSyntaxError as error:
            _refuse(piece, error.lineno, f"can't be read: {error.message}")
        except UndefinedError as error:
            _refuse(piece, _line_of(error), _undefined_message(error, values))
        except (SyntaxError, RecursionError):
            _refuse(piece, 1, "is nested too deeply; take some of its conditions or brackets apart")
        except (JinjaError, TypeError, ValueError) as error:
            _refuse(piece, _line_of(error), f"fails: {error}")


@lru_cache(maxsize=512)
def _compiled(environment: _Cage, piece: Piece, limits: Limits) -> Template:
    """The checked template. Reading and compiling it takes longer than filling it, and an alert fills it many times."""
    _check(environment.parse(piece.text), piece, limits)
    return environment.from_string(piece.text)


@lru_cache(maxsize=64)
def _environment(language: str, finalize: Callable[[object], str]) -> _Cage:
    cage = _Cage(
        undefined=StrictUndefined,
        finalize=finalize,
        autoescape=False,  # the output is Markdown, not HTML: `finalize` escapes for it
        loader=None,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        cache_size=0,
    )
    cage.globals.clear()
    defined, none = cage.tests["defined"], cage.tests["none"]
    cage.tests.clear()
    cage.tests.update({"defined": defined, "none": none})
    cage.filters.clear()
    cage.filters.update(
        day=lambda value: _long_date(value, language),
        link=_link,
        particle=lambda value, pair: with_particle(_shown(value), pair),
        upper=lambda value: _shown(value).upper(),
    )
    return cage


def _long_date(value: object, language: str) -> str:
    if isinstance(value, Undefined):
        str(value)  # raises: StrictUndefined
    if not isinstance(value, date):
        raise TypeError(f"`day` writes dates, and {value!r} is none; ask `is not none` first")
    return long_date(value, language)


def _link(url: object) -> MarkdownText:
    """An address as a Markdown autolink (CommonMark 0.31, 6.5)."""
    text = str(url)
    if not re.fullmatch(r"(https?://|mailto:)[^\s<>\x00-\x1f\x7f]+", text):
        raise ValueError(f"`link` takes an http, https or mailto address, not {text!r}")
    return MarkdownText(f"<{text}>")


def _as_markdown(value: object) -> str:
    return str(value) if isinstance(value, MarkdownText) else markdown.escape(_shown(value))


def _as_plain(value: object) -> str:
    if isinstance(value, MarkdownText):
        return markdown.plain(value)
    return markdown.one_line(_shown(value))


def _shown(value: object) -> str:
    """A value a person can read; a whole object, a list or "None" in a letter is a mistake of the template."""
    if isinstance(value, Undefined):
        return str(value)  # raises: StrictUndefined
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        return str(value)
    raise TypeError(
        f"a {type(value).__name__} can't be printed; print one of its fields, loop over it, or write dates as `| day`"
    )


def _check(tree: nodes.Template, piece: Piece, limits: Limits) -> None:
    """Refuse what is not on the list, before anything runs."""
    for node in tree.find_all(nodes.Node):
        if isinstance(node, nodes.Test):
            if node.name not in _TESTS:
                _refuse(piece, node.lineno, f"uses the test {node.name!r}; there are: {', '.join(sorted(_TESTS))}")
        elif isinstance(node, nodes.Name) and node.ctx == "store" and node.name.startswith("_"):
            _refuse(piece, node.lineno, f"names a variable {node.name!r}; begin it with a letter")
        elif not isinstance(node, _ALLOWED):
            kind = type(node).__name__.lower()
            _refuse(
                piece,
                node.lineno,
                f"uses {kind!r}, which templates may not; there are if, for, fields, and the filters "
                "day, link, particle, upper",
            )
    _check_loops(tree, piece, limits.nesting)


def _check_loops(node: nodes.Node, piece: Piece, remaining: int) -> None:
    if isinstance(node, nodes.For):
        remaining -= 1
        if node.recursive or remaining < 0:
            _refuse(piece, node.lineno, "nests loops too deeply; take one out")
    for child in node.iter_child_nodes():
        _check_loops(child, piece, remaining)


def _collect(parts: Iterable[str], piece: Piece, limits: Limits) -> str:
    """Join the output as it comes, stopping at the limit. A time limit would look at its clock here."""
    collected: list[str] = []
    size = 0
    for part in parts:
        size += len(part)
        if size > limits.output:
            _refuse(piece, 1, f"writes more than {limits.output} characters; shorten it or its loops")
        collected.append(part)
    return "".join(collected)


def _line_of(error: BaseException) -> int:
    """The template's line an error came from: Jinja2 rewrites tracebacks so that they carry it."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<template>"]
    return lines[-1] or 1 if lines else 1


def _undefined_message(error: UndefinedError, values: Mapping[str, object]) -> str:
    message = error.message or str(error)
    match = _JINJA_NAME.match(message)
    if match is None:
        return message
    name = match[1]
    close = difflib.get_close_matches(name, list(values), n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"uses {name!r}, which is not defined; there are: {', '.join(sorted(values))}{hint}"


def _refuse(piece: Piece, line: int | None, message: str) -> NoReturn:
    raise TemplateError(f"template {piece.name}, line {piece.first_line + (line or 1) - 1}: {message}")
