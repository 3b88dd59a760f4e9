"""The texts of a case: one Markdown file per language, cut into sections, some of them for certain statuses only.

    ## latest @detained
    Chinese police have held the nine since …

    ## latest @return_imminent @extradition_imminent
    The nine are now at …

    ## law
    People who are sent back …

A section without a mark serves every status that has none of its own. A section with marks only does not exist for
other statuses: so a letter never tells what happened later than it was written. Lines before the first section are
a note to editors and reach nobody.

Pure: text in, values out. Must not read files or know templates.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from urgentaction.cases.marks import marks
from urgentaction.core.errors import InvalidInput, Problem
from urgentaction.letters.content import MarkdownText

#: They become subjects, titles of files and pages: nobody is named there, in whatever form.
_PUBLIC = frozenset({"public_title", "re_line"})
_HEADING = re.compile(r"^## +(?P<name>[a-z][a-z0-9_]*)(?P<marks>(?: +@[a-z][a-z0-9_]*)*) *$")


def parse_sections(text: str) -> dict[str, MarkdownText]:
    """Cut a file of case texts into its sections.

    Args:
        text: the file's content.

    Returns:
        Markdown by key: `law` for a section without mark, `latest@detained` for one with a mark (once per mark).

    Raises:
        InvalidInput: a heading that can't be read, a section given twice, an empty section, a mark of a person where
            none may stand; names the line.
    """
    sections: dict[str, MarkdownText] = {}
    problems: list[Problem] = []
    for line, keys, body in _cut(text.replace("\r\n", "\n"), problems):
        if not body:
            problems.append(Problem(f"line {line}", f"section {keys[0]} is empty; write its text or take it out"))
        if keys[0].partition("@")[0] in _PUBLIC and any(marks(body)):
            words = "may hold no [[mark]]: it stands in subject lines; say it without naming anybody"
            problems.append(Problem(f"line {line}", f"section {keys[0]} {words}"))
        for key in keys:
            if key in sections:
                problems.append(Problem(f"line {line}", f"section {key} is there already; keep one of the two"))
            sections[key] = MarkdownText(body)
    if problems:
        raise InvalidInput(problems)
    return sections


def _cut(text: str, problems: list[Problem]) -> list[tuple[int, tuple[str, ...], str]]:
    """Line number, keys and body of each section, in order."""
    found: list[tuple[int, tuple[str, ...], list[str]]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.startswith("##") or line.startswith("###"):
            if found:
                found[-1][2].append(line)
            continue
        match = _HEADING.match(line)
        if match is None:
            problems.append(
                Problem(
                    f"line {number}",
                    f"{line!r} is no section heading; write `## name` or `## name @status`, in lower-case letters",
                )
            )
            continue
        name = match["name"]
        keys = tuple(f"{name}{mark}" for mark in match["marks"].split()) or (name,)
        found.append((number, keys, []))
    return [(number, keys, "\n".join(body).strip()) for number, keys, body in found]


def sections_for(sections: Mapping[str, MarkdownText], status: str) -> dict[str, MarkdownText]:
    """The sections a letter written at `status` may use: the marked variant, else the unmarked one.

    Args:
        sections: as `parse_sections` returns them.
        status: a code of the status vocabulary, such as `return_imminent`.
    """
    chosen = {key: text for key, text in sections.items() if "@" not in key}
    for key, text in sections.items():
        name, _, mark = key.partition("@")
        if mark == status:
            chosen[name] = text
    return chosen
