"""What a template may be made of, judged on Jinja2's syntax tree before anything of it runs.

Owns the lists of node types, filters and tests. Must not render, and must not know fields: those are `letters.reads`.
"""

from __future__ import annotations

from collections.abc import Mapping

from jinja2 import nodes

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
TESTS = frozenset({"defined", "none"})
#: What a template may write behind `|`, with how many values in brackets.
FILTERS: Mapping[str, int] = {"day": 0, "link": 0, "particle": 1, "upper": 0}
#: Jinja2 gives these names a meaning of its own, and its own objects.
_RESERVED = frozenset({"self", "super", "caller", "varargs", "kwargs"})


def fault(node: nodes.Node) -> str | None:
    """Why a template may not have this, or None."""
    if isinstance(node, nodes.Test):
        known = node.name in TESTS and not (node.args or node.kwargs or node.dyn_args or node.dyn_kwargs)
        return None if known else f"uses the test {node.name!r}; there are: {', '.join(sorted(TESTS))}"
    if isinstance(node, nodes.Filter):
        return _filter_fault(node)
    if isinstance(node, nodes.Name):
        if node.ctx == "store" and node.name.startswith("_"):
            return f"names a variable {clipped(node.name)!r}; begin it with a letter"
        return f"uses {node.name!r}, which templates may not" if node.name in _RESERVED else None
    if isinstance(node, nodes.Operand) and node.op in {"in", "notin"} and not isinstance(node.expr, nodes.Tuple):
        return "looks for something inside a text or list; compare with == or with a list such as ('a', 'b')"
    if isinstance(node, nodes.For) and node.recursive:
        return "uses a recursive loop, which templates may not; take the word `recursive` out"
    if isinstance(node, _ALLOWED):
        return None
    return (
        f"uses {type(node).__name__.lower()!r}, which templates may not; there are if, for, fields, and the filters "
        f"{', '.join(FILTERS)}"
    )


def _filter_fault(node: nodes.Filter) -> str | None:
    if node.name not in FILTERS:
        return f"uses the filter {clipped(node.name)!r}; there are: {', '.join(FILTERS)}"
    if node.node is None:
        return "uses a filter block, which templates may not; write {{ value | filter }}"
    wanted = FILTERS[node.name]
    if len(node.args) != wanted or node.kwargs or node.dyn_args or node.dyn_kwargs:
        takes = "nothing" if wanted == 0 else 'a pair such as "은/는"'
        return f"the filter {node.name!r} takes {takes} in brackets"
    return None


def clipped(text: str, most: int = 40) -> str:
    """Something somebody wrote, short enough for a message."""
    return text if len(text) <= most else f"{text[:most]}…"
