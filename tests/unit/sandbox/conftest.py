"""One sandbox and one web server for a file of tests; each test uses addresses of its own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from tests.unit.sandbox.running import Hooks, Sandbox, letter_pdf, listening, running

_numbers = count()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running(tmp_path_factory.mktemp("sandbox") / "data") as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared: Sandbox) -> Iterator[Sandbox]:
    yield shared
    shared.http.delete("/script").raise_for_status()


@pytest.fixture
def hooks() -> Iterator[Hooks]:
    with listening() as hooks:
        hooks.documents["/letter.pdf"] = (200, "application/pdf", letter_pdf())
        yield hooks


@pytest.fixture
def number() -> str:
    """A reserved number that no other test of this run has used; there are a hundred in each area code."""
    used = next(_numbers)
    return f"+1{202 + used // 100}55501{used % 100:02d}"
