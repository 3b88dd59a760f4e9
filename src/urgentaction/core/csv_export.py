"""Writing CSV that a spreadsheet opens without running anything in it. Pure.

A cell that begins like a formula is a program to a spreadsheet (OWASP, CSV injection): it gets an apostrophe before it,
which spreadsheets show as text. What is written can be read back with any CSV reader (RFC 4180).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime

#: What makes a spreadsheet take a cell for a formula, or look at the character behind it.
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
#: Tells Excel that it is UTF-8.
BYTE_ORDER_MARK = "\ufeff"


def csv_lines(header: Iterable[str], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """One piece of text for the head and each row, so that a file of any size can be sent while it is made."""
    yield BYTE_ORDER_MARK + _line(header)
    for row in rows:
        yield _line(row)


def cell(value: object) -> str:
    """A value as a cell: nothing for None, a moment in ISO 8601, a text without its power to run."""
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    said = value.isoformat(timespec="seconds") if isinstance(value, datetime) else str(value)
    said = said.replace("\0", "")
    return f"'{said}" if said.lstrip(" ").startswith(DANGEROUS) else said


def _line(values: Iterable[object]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow([cell(value) for value in values])
    return text.getvalue()
