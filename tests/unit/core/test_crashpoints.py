"""Crash points: what is named, what is in the code, and that dying is really dying."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from urgentaction.core.crashpoints import POINTS, Place
from urgentaction.core.errors import ConfigurationError

PROGRAM = """
import sys
from django.conf import settings
settings.configure(CRASH_AT=sys.argv[1])
from urgentaction.core.crashpoints import crash_point
for point in sys.argv[2:]:
    name, _, channel = point.partition("@")
    crash_point(name, channel=channel)
    print("lived", point)
"""


def calls(project: Path) -> Iterator[tuple[str, bool]]:
    """Every crash point in the code: its name, and whether it is told a channel."""
    for folder in ("src/urgentaction", "workers"):
        for file in sorted((project / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "crash_point":
                    name = node.args[0]
                    assert isinstance(name, ast.Constant), f"{file}: name the point in full"
                    yield str(name.value), any(keyword.arg == "channel" for keyword in node.keywords)


def run(crash_at: str, *points: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, crash_at, *points]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))


def test_every_point_that_is_listed_is_in_the_code_once_and_no_other(project: Path) -> None:
    found = sorted(name for name, _ in calls(project))
    assert found == sorted(POINTS)


def test_a_point_is_told_its_channel_exactly_where_the_list_says_so(project: Path) -> None:
    assert {name for name, has_channel in calls(project) if has_channel} == {name for name in POINTS if POINTS[name]}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("after_intent", Place("after_intent")),
        ("after_intent@fax", Place("after_intent", "fax")),
        ("in_window@email:3", Place("in_window", "email", 3)),
        ("after_expand:2\n", Place("after_expand", "", 2)),
    ],
)
def test_a_place_is_read(text: str, place: Place) -> None:
    assert Place.parse(text) == place


@pytest.mark.parametrize(
    "text", ["after_lunch", "after_intent@post", "after_expand@fax", "after_intent:0", "in_record:x"]
)
def test_a_place_that_there_is_not_is_refused_with_what_there_is(text: str) -> None:
    with pytest.raises(ConfigurationError, match="URGENTACTION_CRASH_AT"):
        Place.parse(text)


def test_a_process_dies_at_its_point_and_says_so() -> None:
    done = run(
        "after_intent@fax:2", "after_intent@fax", "after_intent@sms", "after_claim", "after_intent@fax", "after_wire"
    )
    assert done.returncode == 137
    assert "crash point after_intent@fax reached" in done.stderr
    assert "lived after_wire" not in done.stdout


def test_nothing_happens_where_nothing_is_asked_for() -> None:
    assert run("", "after_intent@fax").stdout == "lived after_intent@fax\n"


def test_a_file_kills_one_process_and_no_other(tmp_path: Path) -> None:
    armed = tmp_path / "crash-at"
    armed.write_text("after_claim\n")
    assert run(f"file:{armed}", "after_intent", "after_claim@sms").returncode == 137
    assert not armed.exists()
    assert run(f"file:{armed}", "after_claim@sms").returncode == 0
