"""Files and functions stay small enough to be read in one go."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.architecture.layout import ROOT, SOURCE, WORKERS_FOLDER, python_files

MOST_LINES_OF_A_FILE = 400
MOST_LINES_OF_A_FUNCTION = 60  # without decorators and docstring; the aim is 40

#: What may be longer, and why. An entry that is no longer needed fails too.
LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}


def files() -> list[Path]:
    return list(python_files(SOURCE, WORKERS_FOLDER, ROOT / "benchmarks", ROOT / "tests"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_files_are_short() -> None:
    lengths = {name_of(path): path.read_text(encoding="utf-8").count("\n") for path in files()}
    long = {name: length for name, length in lengths.items() if length > MOST_LINES_OF_A_FILE}
    assert {name: length for name, length in long.items() if name not in LONG_FILES} == {}, "split it, or say why not"
    assert LONG_FILES.keys() <= long.keys(), "no longer long: take it off the list"


def test_functions_are_short() -> None:
    long = {
        f"{name_of(path)}::{node.name}": lines_of(node)
        for path in files()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and lines_of(node) > MOST_LINES_OF_A_FUNCTION
    }
    assert {name: lines for name, lines in long.items() if name not in LONG_FUNCTIONS} == {}, "split it, or say why not"
    assert LONG_FUNCTIONS.keys() <= long.keys(), "no longer long: take it off the list"
