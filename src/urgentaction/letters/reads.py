"""What a template reads, on every path through it: Jinja2's tree walked with the types of `letters.fields`.

Finds undefined names and fields, values that can't be printed, days that may be missing, comparisons with words that
don't exist; also in branches that no trial would enter. Must not render.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from jinja2 import nodes

from urgentaction.letters.content import MarkdownText
from urgentaction.letters.fields import CONTEXTS, Kind, fields_of
from urgentaction.letters.grammar import clipped
from urgentaction.letters.lint import Finding, Read, Severity
from urgentaction.letters.sandbox import LOOP_FIELDS, Piece, checked
from urgentaction.letters.source import Family

#: For something that has been complained about already.
_UNKNOWN = Kind(object)
_LOOP = "loop"


@dataclass(frozen=True, slots=True)
class Found:
    """What a value in a template is, and by which path it came."""

    kind: Kind = _UNKNOWN
    path: str = ""


@dataclass(frozen=True, slots=True)
class _Scope:
    """The names in sight, and the paths that are known to be there because the template has asked."""

    names: Mapping[str, Found]
    sure: frozenset[str] = frozenset()

    def knowing(self, paths: Iterable[str]) -> _Scope:
        return _Scope(self.names, self.sure | frozenset(paths))

    def naming(self, name: str, found: Found) -> _Scope:
        return _Scope({**self.names, name: found, _LOOP: Found(path=_LOOP)}, self.sure)


@dataclass
class Reading:
    """One piece of a template, read.

    Attributes:
        vocabulary: the words that a field can be, by its path: `{"update.status": ("detained", …)}`.
        reads: every field read or asked for, in order.
        findings: what is wrong.
    """

    family: Family
    place: str
    vocabulary: Mapping[str, tuple[str, ...]]
    first_line: int = 1
    reads: list[Read] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    # What templates say.

    def statements(self, body: Iterable[nodes.Node], scope: _Scope) -> None:
        for node in body:
            if isinstance(node, nodes.Output):
                for part in node.nodes:
                    if not isinstance(part, nodes.TemplateData):
                        self._print(part, scope)
            elif isinstance(node, nodes.If):
                self._if(node, scope)
            elif isinstance(node, nodes.For):
                self._for(node, scope)

    def _if(self, node: nodes.If, scope: _Scope) -> None:
        rest = scope
        for branch in (node, *node.elif_):
            self.value(branch.test, rest)
            self.statements(branch.body, rest.knowing(_proven(branch.test, is_true=True)))
            rest = rest.knowing(_proven(branch.test, is_true=False))
        self.statements(node.else_, rest)

    def _for(self, node: nodes.For, scope: _Scope) -> None:
        over = self.value(node.iter, scope)
        if over.kind is not _UNKNOWN and not over.kind.is_list:
            self.complain(node, f"{over.path or 'this'} is {over.kind.words()}, nothing to loop over")
        inner = scope
        if isinstance(node.target, nodes.Name):
            entry = Kind(over.kind.of) if over.kind.is_list else _UNKNOWN
            inner = scope.naming(node.target.name, Found(entry, f"{over.path}[]"))
        else:
            self.complain(node, "takes entries of a list apart; give the loop one name and read its fields")
        if node.test is not None:
            self.value(node.test, inner)
            inner = inner.knowing(_proven(node.test, is_true=True))
        self.statements(node.body, inner)
        self.statements(node.else_, scope)

    def _print(self, node: nodes.Node, scope: _Scope) -> None:
        found = self.value(node, scope)
        kind = found.kind
        if kind is _UNKNOWN or kind.is_text:
            return
        if kind.is_optional and self._unsure(node, found, scope):
            return
        shown = found.path or "this"
        if kind.is_plain and issubclass(kind.of, date):
            self.complain(node, f"{shown} is a day; write it as {{{{ {shown} | day }}}}")
        elif kind.is_list:
            self.complain(node, f"{shown} is a list; loop over it: {{% for one in {shown} %}} … {{% endfor %}}")
        elif kind.is_mapping or kind.has_fields:
            self.complain(node, f"{shown} can't be printed; print one of its fields: {_names(kind)}")
        elif not kind.is_optional:
            self.complain(node, f"{shown} is {kind.words() or 'nothing'} and can't be printed; ask for it with if")

    # What values are.

    def value(self, node: nodes.Node, scope: _Scope) -> Found:
        """What an expression is; complains about whatever in it can't be."""
        found = Found(Kind(bool))
        match node:
            case nodes.Name():
                found = self._name(node, scope)
            case nodes.Getattr():
                found = self._attribute(node, scope, is_asked=False)
            case nodes.Filter():
                found = self._filter(node, scope)
            case nodes.Test():
                self._asked(node.node, scope)
            case nodes.Compare():
                self._compare(node, scope)
            case nodes.And() | nodes.Or():
                self.value(node.left, scope)
                proven = _proven(node.left, is_true=isinstance(node, nodes.And))
                found = self.value(node.right, scope.knowing(proven))
            case nodes.CondExpr():
                found = self._conditional(node, scope)
            case nodes.Const():
                found = Found(Kind(type(node.value)))
            case nodes.Tuple():
                kinds = [self.value(item, scope).kind for item in node.items]
                found = Found(Kind(kinds[0].of if kinds else object, is_list=True))
            case _:
                for child in node.iter_child_nodes():
                    self.value(child, scope)
        return found

    def _name(self, node: nodes.Name, scope: _Scope) -> Found:
        found = scope.names.get(node.name)
        if found is None:
            there = ", ".join(sorted(name for name in scope.names if name != _LOOP))
            self.complain(
                node, f"{clipped(node.name)!r} is not defined{_close(node.name, scope.names)} (there are: {there})"
            )
            return Found()
        if found.path and not found.kind.has_fields and found.path != _LOOP:
            self._note(node, found.path)
        return found

    def _attribute(self, node: nodes.Getattr, scope: _Scope, *, is_asked: bool) -> Found:
        owner = (
            self._attribute(node.node, scope, is_asked=is_asked)
            if isinstance(node.node, nodes.Getattr)
            else self.value(node.node, scope)
        )
        path = f"{owner.path}.{node.attr}"
        if owner.path == _LOOP:
            if node.attr not in LOOP_FIELDS:
                self.complain(node, f"{path} is nothing; there are: loop.{', loop.'.join(sorted(LOOP_FIELDS))}")
            return Found(Kind(int))
        if owner.kind is _UNKNOWN:
            return Found(path=path)
        if owner.kind.is_mapping:
            self._note(node, path, is_asked=is_asked)
            return Found(Kind(owner.kind.of), path)
        known = fields_of(owner.kind.of) if owner.kind.has_fields else {}
        if node.attr not in known:
            there = f" (there are: {', '.join(known)})" if known else ", which has no fields"
            name = clipped(node.attr)
            self.complain(node, f"{name!r} is no field of {owner.path or 'this'}{_close(name, known)}{there}")
            return Found()
        found = Found(known[node.attr], path)
        if not found.kind.has_fields and not found.kind.is_mapping:
            self._note(node, path, is_asked=is_asked)
        return found

    def _asked(self, node: nodes.Node, scope: _Scope) -> None:
        if isinstance(node, nodes.Getattr):
            self._attribute(node, scope, is_asked=True)
        else:
            self.value(node, scope)

    def _filter(self, node: nodes.Filter, scope: _Scope) -> Found:
        if node.node is None:  # refused by the grammar already
            return Found()
        found = self.value(node.node, scope)
        for argument in node.args:
            self.value(argument, scope)
        kind, shown = found.kind, found.path or "this"
        if kind is not _UNKNOWN and not (kind.is_optional and self._unsure(node, found, scope)):
            is_day = kind.is_plain and issubclass(kind.of, date)
            if node.name == "day" and not is_day:
                self.complain(node, f"`day` writes days, and {shown} is {kind.words() or 'none'}; take it away")
            elif node.name != "day" and not (kind.is_plain and issubclass(kind.of, (str, int))):
                self.complain(node, f"`{node.name}` takes a text, and {shown} is {kind.words() or 'none'}")
        return Found(Kind(MarkdownText if node.name == "link" else str))

    def _conditional(self, node: nodes.CondExpr, scope: _Scope) -> Found:
        self.value(node.test, scope)
        first = self.value(node.expr1, scope.knowing(_proven(node.test, is_true=True)))
        if node.expr2 is None:
            self.complain(node, "says nothing for the other case; add: else ''")
        else:
            self.value(node.expr2, scope.knowing(_proven(node.test, is_true=False)))
        return Found(first.kind)

    def _compare(self, node: nodes.Compare, scope: _Scope) -> None:
        left = self.value(node.expr, scope)
        for operand in node.ops:
            self.value(operand.expr, scope)
            words = self.vocabulary.get(left.path)
            if words is None:
                continue
            constants = operand.expr.items if isinstance(operand.expr, nodes.Tuple) else [operand.expr]
            for one in constants:
                if isinstance(one, nodes.Const) and one.value not in words:
                    told = f"{left.path} is never {clipped(str(one.value))!r}{_close(str(one.value), words)}"
                    self.complain(node, f"{told} (it is one of: {', '.join(words)})")

    # What is written down.

    def _unsure(self, node: nodes.Node, found: Found, scope: _Scope) -> bool:
        """Complain if the value may be missing here. Returns whether it may."""
        if found.path in scope.sure:
            return False
        self.complain(
            node, f"{found.path} may be none here; ask first: {{% if {found.path} is not none %}} … {{% endif %}}"
        )
        return True

    def _note(self, node: nodes.Node, path: str, *, is_asked: bool = False) -> None:
        self.reads.append(Read(path, self._line(node), self.place, is_asked))

    def complain(self, node: nodes.Node, told: str) -> None:
        """Add an error at the node's line."""
        self.findings.append(Finding(Severity.ERROR, told, self._line(node)))

    def _line(self, node: nodes.Node) -> int:
        return self.first_line + node.lineno - 1


def read_piece(
    piece: Piece, *, family: Family, place: str, vocabulary: Mapping[str, tuple[str, ...]] | None = None
) -> Reading:
    """Read one piece of a template on every path through it.

    Args:
        place: `body`, or the key of the front matter.
        vocabulary: the words that a field can be, by path.

    Raises:
        TemplateError: the piece can't be read at all, or uses what templates may not.
    """
    tree = checked(piece)
    reading = Reading(family, place, vocabulary or {}, piece.first_line)
    context = CONTEXTS[family]
    names = {name: Found(kind, name) for name, kind in fields_of(context).items()}
    reading.statements(tree.body, _Scope(names))
    return reading


def _proven(test: nodes.Node, *, is_true: bool) -> Iterator[str]:
    """The paths that are there if the test comes out so."""
    if isinstance(test, nodes.Not):
        yield from _proven(test.node, is_true=not is_true)
    elif isinstance(test, nodes.Test):
        if (test.name == "none") != is_true and (path := _path(test.node)):
            yield path
    elif (isinstance(test, nodes.And) and is_true) or (isinstance(test, nodes.Or) and not is_true):
        yield from _proven(test.left, is_true=is_true)
        yield from _proven(test.right, is_true=is_true)
    elif is_true and isinstance(test, (nodes.Getattr, nodes.Name)):
        yield _path(test)


def _path(node: nodes.Node) -> str:
    if isinstance(node, nodes.Getattr):
        return f"{_path(node.node)}.{node.attr}"
    return node.name if isinstance(node, nodes.Name) else ""


def _close(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _names(kind: Kind) -> str:
    return ", ".join(fields_of(kind.of)) if kind.has_fields else "its sections by name"
