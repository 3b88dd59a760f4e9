"""Nothing in an exported file is run by a spreadsheet, and everything can be read back."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urgentaction.core.csv_export import BYTE_ORDER_MARK, DANGEROUS, cell, csv_lines

TEXTS = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"))


@pytest.mark.parametrize("text", ["=1+1", "+44", "-1", "@SUM(A1)", "\tx", "\rx", "  =1", "＝1"])
def test_a_formula_becomes_text(text: str) -> None:
    assert cell(text) == f"'{text}"


def test_what_is_harmless_stays_as_it_is() -> None:
    moment = datetime(2026, 11, 20, 8, 30, 1, tzinfo=UTC)
    assert [cell(one) for one in (None, -3, "a = b", "Büro", moment)] == [
        "", "-3", "a = b", "Büro", "2026-11-20T08:30:01+00:00",
    ]  # fmt: skip


@given(st.lists(st.lists(TEXTS, min_size=2, max_size=4), max_size=5))
def test_no_cell_can_begin_a_formula_and_each_is_read_back(rows: list[list[str]]) -> None:
    text = "".join(csv_lines(["a", "b"], rows)).removeprefix(BYTE_ORDER_MARK)
    read = list(csv.reader(io.StringIO(text, newline="")))
    assert read[0] == ["a", "b"]
    for row, found in zip(rows, read[1:], strict=True):
        assert not any(one.lstrip(" ").startswith(DANGEROUS) for one in found)
        assert [one.removeprefix("'") if one != given else one for one, given in zip(found, row, strict=True)] == row
