"""Examining in a process of its own: the same findings, and an end to what would never end."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.letters.contexts import TEMPLATES
from tests.unit.letters.test_lint import draft
from urgentaction.core.errors import ConfigurationError
from urgentaction.letters.confined import Confines, examine_confined
from urgentaction.letters.examination import examine, typesetter_for
from urgentaction.letters.lint import Severity
from urgentaction.letters.source import Family


def test_it_finds_what_an_examination_finds() -> None:
    given = draft(Family.LETTERS, "{{ case.tile }} http://a.example\n{{ case.texts.xyz }} 한국어")
    assert examine_confined(given, templates=TEMPLATES) == examine(given, typesetter=typesetter_for(TEMPLATES))


def test_a_letter_is_also_set_on_paper() -> None:
    (found,) = examine_confined(draft(Family.LETTERS, "old \U00012000 letters"), templates=TEMPLATES)
    assert "none of the installed fonts has this character" in found.message


def test_too_much_computing_is_ended_in_words() -> None:
    long = draft(Family.LETTERS, "{{ case.title }} " * 2300)
    (found,) = examine_confined(long, templates=TEMPLATES, confines=Confines(cpu_seconds=1))
    assert found.severity is Severity.ERROR
    assert found.message == (
        "could not be tried: it took more than 1 seconds of computing; make it shorter and plainer"
    )


def test_too_much_memory_is_ended_in_words() -> None:
    given = draft(Family.LETTERS, "Hello")
    (found,) = examine_confined(given, templates=TEMPLATES, confines=Confines(memory=32 * 2**20))
    assert "could not be tried: it took more than 32 MB of memory" in found.message


def test_waiting_is_ended_in_words() -> None:
    given = draft(Family.LETTERS, "Hello")
    (found,) = examine_confined(given, templates=TEMPLATES, confines=Confines(wall_seconds=0))
    assert "it was not done after 0 seconds" in found.message


def test_a_missing_layout_is_no_fault_of_the_template(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"layout .* is missing"):
        examine_confined(draft(Family.LETTERS, "Hello"), templates=tmp_path)


def test_a_text_of_any_size_is_answered() -> None:
    given = replace(draft(Family.LETTERS, ""), text="x" * 5_000_000)
    (found,) = examine_confined(given, templates=TEMPLATES)
    assert "at most 40000 are allowed" in found.message


def test_the_process_knows_neither_settings_nor_database() -> None:
    told = subprocess.run(
        [
            sys.executable, "-c",
            "import json, sys, urgentaction.letters.confined; print(json.dumps(sorted(sys.modules)))",
        ],
        capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(path for path in sys.path if path)},
    )  # fmt: skip
    tops = {name.partition(".")[0] for name in json.loads(told.stdout)}
    assert tops.isdisjoint({"django", "celery", "psycopg", "redis", "httpx"})
