"""What is shown: nothing is cut off, nothing is taken for markup, nothing from outside steers the terminal."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from urgentaction.cli import tables
from urgentaction.cli.session import printable
from urgentaction.tracking.views import AlertProgress, Count, DeliveryView, Tally

NOW = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)
LONG = "Ambassador of the Republic of Korea in Beijing · Kim Jang-soo"


def shown(renderable: object, *, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, markup=False, highlight=False, emoji=False, force_terminal=False)
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def delivery(**changes: object) -> DeliveryView:
    facts: dict[str, object] = {
        "id": 5, "alert": "UA-2015-0117/2", "recipient": LONG, "role": "cc", "channel": "email", "step": 1,
        "state": "failed", "reason": "5.1.1 no such user", "attempts": (), "gateway": "smtp", "gateway_ref": "",
        "due_at": NOW, "accepted_at": None, "settled_at": NOW,
    }  # fmt: skip
    return DeliveryView(**(facts | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("width", [80, 120])
def test_a_long_name_is_folded_not_cut(width: int) -> None:
    text = shown(tables.deliveries_table([delivery(), delivery(alert="UA-2015-0117/3")]), width=width)
    assert max(len(line) for line in text.splitlines()) <= width
    assert all(word in text for word in LONG.split())
    assert "5.1.1" in text


def test_the_alert_is_named_only_where_there_are_several() -> None:
    assert "UA-2015-0117/2" not in shown(tables.deliveries_table([delivery()]), width=120)
    both = shown(tables.deliveries_table([delivery(), delivery(alert="UA-2015-0117/3")]), width=120)
    assert "UA-2015-0117/2" in both


def test_square_brackets_and_escapes_are_only_text() -> None:
    text = shown(tables.deliveries_table([delivery(reason="[red]x[/red] :smile: \x1b[2J")]), width=120)
    assert "[red]x[/red] :smile:" in text
    assert "\x1b" not in text


@given(st.text())
def test_whatever_comes_from_outside_is_printable(text: str) -> None:
    assert all(letter.isprintable() or letter == "\n" for letter in printable(text))


def test_progress_has_a_column_for_each_state_that_occurs() -> None:
    tally = Tally((Count("to", "fax", "delivered", 1), Count("supporter", "email", "queued", 196)))
    one = AlertProgress("UA-2015-0117/2", "UA-2015-0117", "first_appeal", 1, "running", tally)
    idle = AlertProgress("UA-2015-0117/3", "UA-2015-0117", "manual", 1, "draft", Tally())
    text = shown(tables.progress_table([one, idle]), width=80)
    heading = text.splitlines()[0].split()
    assert heading == ["Alert", "To", "By", "queued", "delivered", "all"]
    assert "196" in text
    assert "UA-2015-0117/3" in text
    assert tables.progress_facts(one)["settled"] == 1
