"""The corpus in `hostile/`: whatever somebody saves as a template is stopped, in words, before it takes time or memory.

The limits of the process are only this test's own net: a template that falls into it has got through the sandbox.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.letters import hostile_process

CORPUS = Path(__file__).parent / "hostile"
ORDINARY_FRONT = "{{ case.re_line }}"


class Rendering:
    """The program that renders, kept for all attacks; it forks for each."""

    def __init__(self) -> None:
        self._program = subprocess.Popen(
            [sys.executable, "-m", hostile_process.__name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PYTHONPATH": ":".join(path for path in sys.path if path)},
            text=True,
            encoding="utf-8",
        )

    def of(self, attack: dict[str, Any]) -> dict[str, str]:
        """What became of it: `refused` with the message, `html` if it was rendered, `killed` or `broke`."""
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        many = str(attack.get("unit", "")) * int(attack.get("times", 0))
        parts = {"body": "Hello", "front": ORDINARY_FRONT, "raw": ""} | attack
        filled = {key: str(parts[key]).replace("{unit}", many) for key in ("body", "front", "raw")}
        self._program.stdin.write(json.dumps(filled) + "\n")
        self._program.stdin.flush()
        found: dict[str, str] = json.loads(self._program.stdout.readline())
        return found

    def end(self) -> None:
        self._program.kill()
        self._program.communicate()


@pytest.fixture(scope="module")
def rendering() -> Iterator[Rendering]:
    program = Rendering()
    yield program
    program.end()


def corpus() -> list[Any]:
    return [
        pytest.param(attack, id=f"{path.stem}:{name}")
        for path in sorted(CORPUS.glob("*.toml"))
        for name, attack in tomllib.loads(path.read_text(encoding="utf-8")).items()
    ]


@pytest.mark.parametrize("attack", corpus())
def test_every_attack_is_stopped_in_words(rendering: Rendering, attack: dict[str, Any]) -> None:
    found = rendering.of(attack)
    if "harmless" in attack:
        assert "html" in found, found
        assert [bad for bad in attack["harmless"] if bad in found["html"]] == []
        assert "\n" not in found["subjects"]
        return
    told = found.get("refused", "")
    assert re.match(rf"template {hostile_process.NAME}, line \d+: ", told), found
    assert re.search(attack["says"], told), told
    assert len(told) < 1000, "nobody reads a message of that length"


def test_the_net_holds_where_the_sandbox_would_not(rendering: Rendering) -> None:
    """Without this, a corpus that is never rendered would pass as well."""
    assert "html" in rendering.of({"body": "Hello {{ case.title }}"})
