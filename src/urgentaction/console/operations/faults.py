"""Where in a rule set's text a fault stands: from the name that `ruleset.load` gives it to a line."""

from __future__ import annotations

import re

_TOML = re.compile(r"at line (\d+)")
_HEADER = re.compile(r"\s*\[+\s*([\w.]+)\s*\]+")
_ID = re.compile(r"""\s*id\s*=\s*["'](.*?)["']""")
_NUMBERED = re.compile(r"rule number (\d+)")


def line_of(text: str, field: str, message: str = "") -> int | None:
    """The line (counted from 1) that a fault is about; the head of its rule where the key is missing; None: unknown.

    Args:
        field: as in the problem: `rule imminent, officials.to`, `rule number 3, id`, `version`, `rules`.
        message: the problem's words; TOML's own faults name their line there.
    """
    if found := _TOML.search(message):
        return int(found[1])
    lines = text.split("\n")
    if "at end of document" in message:
        return len(lines)
    rule, comma, key = field.rpartition(", ")
    if not comma:
        return _key_line(lines, 0, len(lines), "", field)
    begin, end = _block(lines, rule)
    if begin is None:
        return None
    table, _, name = key.rpartition(".")
    return _key_line(lines, begin, end, f"rule.{table}" if table else "rule", name) or begin + 1


def _block(lines: list[str], rule: str) -> tuple[int | None, int]:
    """First line and end of a rule's part of the text."""
    heads = [at for at, line in enumerate(lines) if line.strip().startswith("[[rule]]")]
    for number, (begin, end) in enumerate(zip(heads, [*heads[1:], len(lines)], strict=True), 1):
        numbered = _NUMBERED.fullmatch(rule)
        ids = (found[1] for line in lines[begin:end] if (found := _ID.match(line)))
        if (numbered and int(numbered[1]) == number) or next(ids, None) == rule.removeprefix("rule "):
            return begin, end
    return None, 0


def _key_line(lines: list[str], begin: int, end: int, table: str, name: str) -> int | None:
    current = ""
    for at in range(begin, end):
        if header := _HEADER.match(lines[at]):
            current = header[1]
        elif current == table and re.match(rf"\s*{re.escape(name)}\s*=", lines[at]):
            return at + 1
    return None
