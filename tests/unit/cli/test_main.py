"""The command line itself: options anywhere, errors in words or JSON, exit codes, and a quick `--help`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urgentaction.cli.main import hoisted, main, report
from urgentaction.core.errors import Conflict, InvalidInput, NotAllowed, NotFound, Problem

WORDS = st.lists(st.sampled_from(["case", "list", "--json", "--limit", "3", "UA-1", "-h"]), max_size=8)


@given(WORDS)
def test_hoisting_moves_json_to_the_front_and_keeps_the_rest_in_order(line: list[str]) -> None:
    found = hoisted(list(line))
    others = [word for word in line if word != "--json"]
    assert found == (["--json", *others] if "--json" in line else others)


def test_var_moves_with_its_value() -> None:
    assert hoisted(["case", "list", "--var", "x", "--json"]) == ["--json", "--var", "x", "case", "list"]
    assert hoisted(["case", "list", "--var=x"]) == ["--var=x", "case", "list"]


def test_what_belongs_to_django_is_left_alone() -> None:
    assert hoisted(["--json", "manage", "x", "--json"]) == ["--json", "manage", "x", "--json"]
    assert hoisted(["case", "--", "--json"]) == ["case", "--", "--json"]


def test_one_problem_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    report(NotFound.of("case", "there is no case 'X'"), is_json=False)
    told = capsys.readouterr()
    assert told.err == "error: case: there is no case 'X'\n"
    assert told.out == ""


def test_every_problem_has_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    report(InvalidInput([Problem("as_of", "no day"), Problem("place", "two\x1b[31m lines")]), is_json=False)
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["error: 2 problems; nothing was written.", "  as_of: no day", "  place: two�[31m lines"]


def test_json_errors_are_complete_and_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    report(Conflict.of("state", "is running"), is_json=True)
    told = capsys.readouterr()
    assert json.loads(told.out) == {
        "error": {
            "kind": "conflict",
            "message": "state: is running",
            "problems": [{"field": "state", "message": "is running"}],
            "exit_code": 75,
        }
    }
    assert told.err == ""


def test_errors_without_problems_have_their_message(capsys: pytest.CaptureFixture[str]) -> None:
    report(NotAllowed("You may not."), is_json=True)
    assert json.loads(capsys.readouterr().out)["error"] == {
        "kind": "not_allowed",
        "message": "You may not.",
        "problems": [],
        "exit_code": 77,
    }


@pytest.mark.parametrize("line", [["nonsense"], ["case", "update", "UA-1"], ["deliveries", "--limit", "0"]])
def test_a_line_that_cannot_be_understood_is_exit_2(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line) == 2
    assert capsys.readouterr().err.startswith("error: ")
    assert main([*line, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "usage"


def test_nothing_typed_shows_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    shown = capsys.readouterr()
    assert "deliveries" in shown.out + shown.err


def test_settling_needs_one_of_two_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["delivery", "settle", "3", "--arrived", "--lost", "--reason", "x"]) == 65
    assert "either --arrived or --lost" in capsys.readouterr().err


def test_help_loads_neither_django_nor_celery() -> None:
    program = (
        "import sys; from urgentaction.cli.main import main; code = main(['--help']);"
        "sys.exit(code or (3 if {'django', 'celery', 'psycopg', 'typst'} & set(sys.modules) else 0))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "case" in done.stdout


def test_live_mode_without_keys_says_which(tmp_path: Path) -> None:
    environment = {"PATH": "/usr/bin:/bin", "URGENTACTION_MODE": "live", "URGENTACTION_VAR": str(tmp_path / "var")}
    done = subprocess.run(
        [sys.executable, "-m", "urgentaction.cli.main", "case", "list"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 78
    assert done.stderr.startswith("error: URGENTACTION_SECRET_KEY")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "var").exists()
