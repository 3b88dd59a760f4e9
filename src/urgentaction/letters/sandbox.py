"""The cage templates run in: a small part of Jinja2, the fields of `letters.content`, and nothing else.

Staff write templates, so a template is input, not code. What holds it:

- only the node types, filters and tests that `letters.grammar` lists (no calls, macros, includes, imports, assignments,
  arithmetic),
- attributes are dataclass fields or keys of a mapping; a missing one is an error, never an empty place,
- limits on source and output size, on how deep loops nest, and on steps: each round of a loop costs as much as its
  body has parts, each text that a filter works on costs its length. Steps, not seconds: the same template with the
  same values always passes or always fails,
- what comes out stays within `letters.bounds`, for those who read it next.

Values come out escaped for Markdown, unless they are `MarkdownText`. Must not read files.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from types import CodeType
from typing import Any, NoReturn

from jinja2 import StrictUndefined, TemplateSyntaxError, UndefinedError, nodes
from jinja2.exceptions import TemplateError as JinjaError
from jinja2.runtime import LoopContext, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from urgentaction.core.errors import TemplateError
from urgentaction.letters import bounds, markdown
from urgentaction.letters.content import MarkdownText
from urgentaction.letters.grammar import clipped, fault
from urgentaction.letters.wording import long_date, with_particle


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one template.

    Attributes:
        source, output: characters in, characters out.
        line: characters out, where one line is asked for: a subject, a text message.
        nesting: `for` inside `for`.
        depth: anything inside anything. Python's own compiler takes exponential time over a hundred brackets.
        steps: what its loops and filters may cost together; a long letter costs a few hundred.
    """

    source: int = 40_000
    output: int = 40_000
    line: int = 4_000
    nesting: int = 2
    depth: int = 40
    steps: int = 200_000


LIMITS = Limits()

LOOP_FIELDS = frozenset({"first", "last", "index", "length"})
#: Put around what a loop goes over, after the template has been checked: its author can't name it.
_COUNTED = "counted"
_JINJA_NAME = re.compile(r"'([^']*)' is undefined")


class _Cage(ImmutableSandboxedEnvironment):
    """Attribute access narrowed from "safe" to "on the list"."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, Undefined):
            str(obj)  # raises: StrictUndefined
        if isinstance(obj, LoopContext) and attribute in LOOP_FIELDS:
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
    attribute = clipped(attribute)
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
        self._language = language
        self._limits = limits
        self._meter = _Meter(limits.steps)
        self._markdown = _environment(language, self._as_markdown, self._meter)
        self._plain = _environment(language, self._as_plain, self._meter)

    def markdown(self, piece: Piece, values: Mapping[str, object]) -> MarkdownText:
        """Render to Markdown; data values are escaped, so they appear literally.

        Raises:
            TemplateError: naming template, line, variable, and what to do.
        """
        return MarkdownText(self._render(self._markdown, piece, values, most=self._limits.output))

    def plain(self, piece: Piece, values: Mapping[str, object]) -> str:
        """Render to one line of plain text, for subjects, "Re:" lines and text messages.

        Raises:
            TemplateError: naming template, line, variable, and what to do.
        """
        return markdown.one_line(self._render(self._plain, piece, values, most=self._limits.line))

    def cage(self, *, is_plain: bool) -> _Cage:
        """The environment for plain text, or for Markdown."""
        return self._plain if is_plain else self._markdown

    def _render(self, environment: _Cage, piece: Piece, values: Mapping[str, object], *, most: int) -> str:
        self._meter.left = self._limits.steps
        try:
            code = _compiled(self._language, self._limits, environment is self._plain, piece)
            template = environment.template_class.from_code(environment, code, environment.make_globals(None))
            text = _collect(template.generate(**values), piece, most)
        except TemplateError:
            raise
        except TemplateSyntaxError as error:
            _refuse(piece, error.lineno, f"can't be read: {error.message}")
        except UndefinedError as error:
            _refuse(piece, _line_of(error), _undefined_message(error, values))
        except (SyntaxError, RecursionError, MemoryError):
            _refuse(piece, 1, _TOO_DEEP)
        except Exception as error:  # noqa: BLE001 - a template is input: whatever it sets off has to name it
            _refuse(piece, _line_of(error), f"fails: {clipped(str(error), 500) or type(error).__name__}")
        if (told := bounds.excess(text)) is not None:
            _refuse(piece, 1, told)
        return text

    def _as_markdown(self, value: object) -> str:
        return str(value) if isinstance(value, MarkdownText) else markdown.escape(_shown(value))

    def _as_plain(self, value: object) -> str:
        if not isinstance(value, MarkdownText):
            return markdown.one_line(_shown(value))
        self._meter.spend(len(value))
        if (told := bounds.excess(value)) is not None:
            raise ValueError(f"it {told}")
        return markdown.plain(value)


_TOO_DEEP = "is nested too deeply; take some of its conditions or brackets apart"


class _TooMuch(JinjaError):
    """The steps are used up."""


class _Meter:
    """Counts what a rendering costs."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def spend(self, steps: int) -> None:
        """Raises _TooMuch once nothing is left."""
        self.left -= steps
        if self.left < 0:
            raise _TooMuch("its loops and filters take too many steps; loop over less, or do less in each round")

    def rounds(self, values: object, cost: int) -> Iterator[object]:
        """What a loop goes over, each round paid for before it begins."""
        if isinstance(values, str):
            raise TypeError("a loop goes over a list such as `cc` or `persons`, not over the letters of a text")
        if not isinstance(values, Iterable):
            raise TypeError(f"a {type(values).__name__} is nothing to loop over; there are lists such as `cc`")
        for value in values:
            self.spend(cost)
            yield value


def _count_rounds(tree: nodes.Template, environment: _Cage) -> None:
    """Make each loop pay for its rounds: as much as its body has parts."""
    for loop in tree.find_all(nodes.For):
        parts = sum(1 for part in (*loop.body, loop.test) if part is not None for _ in part.find_all(nodes.Node))
        cost = nodes.Const(parts + 1, lineno=loop.lineno)
        loop.iter = nodes.Filter(loop.iter, _COUNTED, [cost], [], None, None, lineno=loop.lineno)
        loop.iter.set_environment(environment)


@lru_cache(maxsize=512)
def _compiled(language: str, limits: Limits, is_plain: bool, piece: Piece) -> CodeType:  # noqa: FBT001
    """The checked template as code. Reading and compiling takes longer than filling, and an alert fills it many times.

    The code belongs to no environment: whoever runs it brings one, with a meter of its own.
    """
    renderer = Renderer(language, limits=limits)
    environment = renderer.cage(is_plain=is_plain)
    tree = checked(piece, environment=environment, limits=limits)
    _count_rounds(tree, environment)
    return environment.compile(tree)


def _environment(language: str, finalize: Callable[[object], str], meter: _Meter) -> _Cage:
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

    def text(value: object) -> str:
        shown = _shown(value)
        meter.spend(len(shown))
        return shown

    cage.filters.clear()
    cage.filters.update(
        day=lambda value: _long_date(value, language),
        link=_link,
        particle=lambda value, pair: with_particle(text(value), text(pair)),
        upper=lambda value: text(value).upper(),
    )
    cage.filters[_COUNTED] = meter.rounds
    return cage


def _long_date(value: object, language: str) -> str:
    if isinstance(value, Undefined):
        str(value)  # raises: StrictUndefined
    if not isinstance(value, date):
        raise TypeError(f"`day` writes dates, and a {type(value).__name__} is none; ask `is not none` first")
    return long_date(value, language)


def _link(url: object) -> MarkdownText:
    """An address as a Markdown autolink (CommonMark 0.31, 6.5). An error never repeats a value: it may be a name."""
    text = _shown(url)
    if not re.fullmatch(r"(https?://|mailto:)[^\s<>\x00-\x1f\x7f]+", text):
        raise ValueError("`link` takes an http, https or mailto address, and this is none")
    return MarkdownText(f"<{text}>")


def _shown(value: object) -> str:
    """A value a person can read; a whole object, a list or "None" in a letter is a mistake of the template."""
    if isinstance(value, Undefined):
        return str(value)  # raises: StrictUndefined
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        return str(value)
    raise TypeError(
        f"a {type(value).__name__} can't be printed; print one of its fields, loop over it, or write dates as `| day`"
    )


def checked(piece: Piece, *, environment: _Cage | None = None, limits: Limits = LIMITS) -> nodes.Template:
    """The template taken apart, with nothing in it that is not on the list. Nothing of it has run.

    Raises:
        TemplateError: it is too long, can't be read, or uses something that templates may not.
    """
    if len(piece.text) > limits.source:
        _refuse(piece, 1, f"is {len(piece.text)} characters long; at most {limits.source} are allowed")
    try:
        tree = (environment or _environment("en", _shown, _Meter(0))).parse(piece.text)
        _walk(tree, piece, limits)
    except TemplateSyntaxError as error:
        _refuse(piece, error.lineno, f"can't be read: {clipped(str(error.message), 500)}")
    except (RecursionError, MemoryError):
        _refuse(piece, 1, _TOO_DEEP)
    except ValueError as error:  # a number of thousands of digits
        _refuse(piece, 1, f"can't be read: {error}")
    return tree


def _walk(tree: nodes.Template, piece: Piece, limits: Limits) -> None:
    """Look at every part. On a stack of its own: what is nested thousands deep is refused, not followed."""
    waiting: list[tuple[nodes.Node, int, int]] = [(tree, 0, 0)]
    while waiting:
        node, depth, loops = waiting.pop()
        if (told := fault(node)) is not None:
            _refuse(piece, node.lineno, told)
        if depth > limits.depth:
            _refuse(piece, node.lineno, _TOO_DEEP)
        loops += isinstance(node, nodes.For)
        if loops > limits.nesting:
            _refuse(piece, node.lineno, "nests loops too deeply; take one out")
        # The last one put down is looked at first: so the first fault that is told is the first in the text.
        waiting += [(child, depth + 1, loops) for child in (*node.iter_child_nodes(),)[::-1]]


def _collect(parts: Iterable[str], piece: Piece, most: int) -> str:
    """Join the output as it comes, stopping at the limit."""
    collected: list[str] = []
    size = 0
    for part in parts:
        size += len(part)
        if size > most:
            _refuse(piece, 1, f"writes more than {most} characters; shorten it or its loops")
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
        return clipped(message, 500)
    name = clipped(match[1])
    close = difflib.get_close_matches(name, list(values), n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"uses {name!r}, which is not defined; there are: {', '.join(sorted(values))}{hint}"


def _refuse(piece: Piece, line: int | None, message: str) -> NoReturn:
    raise TemplateError(f"template {piece.name}, line {piece.first_line + (line or 1) - 1}: {message}")
