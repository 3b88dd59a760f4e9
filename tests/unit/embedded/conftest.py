"""One PostgreSQL and one Valkey for the tests that only use them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from urgentaction.embedded import Servers


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with Servers(tmp_path_factory.mktemp("servers") / "var", durable=False) as running:
        yield running


@pytest.fixture
def var(tmp_path: Path) -> Path:
    """A folder that doesn't exist yet, with a space and Korean letters in its path."""
    return tmp_path / "긴급 행동" / "var"
