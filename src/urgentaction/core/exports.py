"""Tables that people take away: CSV that a spreadsheet opens without running anything in it.

A cell that begins like a formula gets an apostrophe in front (OWASP, "CSV injection"): the text came from somebody, and
whoever opens the file did not mean to let it compute.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

#: With these a spreadsheet takes a cell for a formula; tabs and line ends in front of them are passed over.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
#: Tells spreadsheets that the file is UTF-8.
BYTE_ORDER_MARK = "\ufeff"


def harmless_cell(value: object) -> str:
    """A value as a cell that nothing takes for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def csv_lines(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """The table line by line, so that a long one needs no memory."""
    yield BYTE_ORDER_MARK + _line(head)
    for row in rows:
        yield _line(row)


def _line(cells: Sequence[object]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow([harmless_cell(cell) for cell in cells])
    return buffer.getvalue()
