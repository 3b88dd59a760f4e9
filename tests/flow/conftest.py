"""The pipeline in this process, against the sandbox gateways over real sockets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction.deliveries.gateways import close_gateways


@pytest.fixture(scope="session")
def sandbox_program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProgram]:
    program = SandboxProgram.start(tmp_path_factory.mktemp("sandbox"))
    yield program
    program.stop()


@pytest.fixture
def sandbox(sandbox_program: SandboxProgram, settings: object) -> Iterator[SandboxProgram]:
    """The sandbox without any scripted trouble, and our adapters pointed at it."""
    sandbox_program.forget_script()
    settings.GATEWAYS = sandbox_program.gateway_options()  # type: ignore[attr-defined]
    settings.BACKOFF_SCALE = 0.0001  # type: ignore[attr-defined]
    close_gateways()
    yield sandbox_program
    close_gateways()


@pytest.fixture
def world(transactional_db: None) -> World:
    """A case, its officials and supporters, and standing approvals for what is automatic."""
    return World.make()
