"""Tables that people take away."""

from __future__ import annotations

import csv

import pytest

from urgentaction.core.exports import BYTE_ORDER_MARK, csv_lines, harmless_cell


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1"])
def test_what_a_spreadsheet_would_compute_is_text(text: str) -> None:
    assert harmless_cell(text) == f"'{text}"


def test_other_cells_stay_as_they_are() -> None:
    assert [harmless_cell(one) for one in ("a=b", 7, None, "")] == ["a=b", "7", "", ""]


def test_the_table_can_be_read_back() -> None:
    lines = list(csv_lines(["name", "said"], [("Ada", 'a "word", and\nanother line')]))
    assert lines[0].startswith(BYTE_ORDER_MARK)
    told = "".join(lines).removeprefix(BYTE_ORDER_MARK)
    assert list(csv.reader(told.splitlines(keepends=True))) == [
        ["name", "said"],
        ["Ada", 'a "word", and\nanother line'],
    ]
