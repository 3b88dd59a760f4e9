"""Where things lie, for the tests in this folder. Reads files only."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "urgentaction"
WORKERS_FOLDER = ROOT / "workers"


@functools.cache
def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def contracts() -> dict[str, dict[str, Any]]:
    """The import contracts by id."""
    return {contract["id"]: contract for contract in pyproject()["tool"]["importlinter"]["contracts"]}


def layers() -> list[frozenset[str]]:
    """The rooms as import-linter is told them, the highest first; rooms of one line don't know each other."""
    lines: Sequence[str] = contracts()["rooms"]["layers"]
    return [frozenset(re.findall(r"\w+", line)) for line in lines]


def height() -> dict[str, int]:
    """How high a room stands: 0 for `core`."""
    return {room: level for level, line in enumerate(reversed(layers())) for room in line}


def room_of(module: str) -> str | None:
    """`urgentaction.cases.models` is in `cases`; anything else is in no room of ours."""
    top, _, rest = module.partition(".")
    return rest.partition(".")[0] or None if top == "urgentaction" else None


def python_files(*folders: Path) -> Iterator[Path]:
    for folder in folders:
        yield from sorted(path for path in folder.rglob("*.py") if "migrations" not in path.parts)


@functools.cache
def project_files() -> tuple[Path, ...]:
    """Every file that belongs to the project: what git tracks or would add; without git, what is no build product."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode == 0:
        found = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        skipped = {".venv", "var", "dist"}
        found = []
        for folder, inner, names in os.walk(ROOT):
            inner[:] = [name for name in inner if name not in skipped and "cache" not in name]
            found += [Path(folder) / name for name in names]
    return tuple(path for path in found if path.is_file())


def text_of(path: Path) -> str | None:
    """The text of a file, or None where it is not text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None
