"""Tables that people hand in (CSV), read strictly: rows by column, and every fault with its row.

Must not: know any room's columns, or write anything.
"""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import InvalidInput, Problem
from .handed_in import HandedIn
from .phrases import say
from .tables import read_text

#: A table of 100,000 supporters has about 15 MB.
MOST_TABLE_BYTES = 64 * 1024 * 1024
_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table: cells by column, without blanks around them. Row 1 is the heading, as in a spreadsheet."""

    file: str
    number: int
    cells: Mapping[str, str]

    def where(self, column: str) -> str:
        """How a problem of this cell is named."""
        return f"{self.file}, row {self.number}, column {column}"


def read_table(
    file: Path | HandedIn, *, columns: Sequence[str], required: Collection[str]
) -> tuple[list[Row], list[Problem]]:
    """Read a comma-separated table (RFC 4180, except that no cell may hold a line break).

    That exception is what makes a forgotten quotation mark spoil one row instead of swallowing all that follow.
    Cells are text and stay text: `=1+1` is four characters. Empty rows are skipped; a column that the table doesn't
    have reads as empty.

    Returns:
        The rows that can be read, and a problem for each that can't.

    Raises:
        InvalidInput: the file or its heading can't be used.
    """
    name = file.name
    text = file.text if isinstance(file, HandedIn) else read_text(file, most_bytes=MOST_TABLE_BYTES)
    lines = _LINE_END.split(text)
    heading = [cell.strip().lower() for cell in _cells(lines[0], f"{name}, row 1")]
    _check_heading(heading, columns, required, f"{name}, row 1")
    rows: list[Row] = []
    problems: list[Problem] = []
    for number, line in enumerate(lines[1:], start=2):
        where = f"{name}, row {number}"
        try:
            cells = [cell.strip() for cell in _cells(line, where)]
        except InvalidInput as error:
            problems += error.problems
            continue
        if not any(cells):
            continue
        if len(cells) != len(heading):
            problems.append(
                Problem(
                    where,
                    say(
                        "has %(cells)s cells, the heading has %(columns)s; put cells that contain a comma in quotation "
                        "marks, and keep empty cells",
                        cells=len(cells),
                        columns=len(heading),
                    ),
                )
            )
            continue
        rows.append(Row(name, number, dict.fromkeys(columns, "") | dict(zip(heading, cells, strict=True))))
    return rows, problems


def _cells(line: str, where: str) -> list[str]:
    if not line.strip():
        return []
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error as error:
        if "field larger" in str(error):
            raise InvalidInput.of(
                where,
                say(
                    "a cell has more than %(most)s characters",
                    most=f"{csv.field_size_limit():,}",
                ),
            ) from error
        raise InvalidInput.of(
            where,
            say(
                "a quotation mark is not closed, or has text after it; close it in the same row and double those inside"
            ),
        ) from error


def _check_heading(heading: list[str], columns: Sequence[str], required: Collection[str], where: str) -> None:
    if not any(heading):
        raise InvalidInput.of(
            where, say("is empty; it has to name the columns: %(columns)s", columns=", ".join(columns))
        )
    if len(heading) == 1 and re.search(r"[;\t|]", heading[0]):
        raise InvalidInput.of(where, say("the columns are not separated by commas; save the table as CSV with commas"))
    missing = sorted(set(required) - set(heading))
    problems = [Problem(where, say("column %(column)s is missing; add it", column=column)) for column in missing]
    for column in dict.fromkeys(heading):
        if heading.count(column) > 1:
            problems.append(
                Problem(
                    where,
                    say(
                        "column %(column)s is there %(count)s times; keep one",
                        column=column,
                        count=heading.count(column),
                    ),
                )
            )
        if column not in columns:
            near = difflib.get_close_matches(column, columns, n=1)
            hint = (
                say("did you mean %(near)s?", near=near[0])
                if near
                else say("take it out; known are %(columns)s", columns=", ".join(columns))
            )
            words = say("column “%(column)s” is not known; %(hint)s", column=column[:40], hint=hint)
            problems.append(Problem(where, words))
    if problems:
        raise InvalidInput(problems)
