"""The pipeline in this process, against the sandbox gateways over real sockets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
from django.test import Client

from tests.flow.callers import staff
from tests.flow.planning import long_table
from tests.flow.watching import Sink, begun
from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction.accounts.models import Role
from urgentaction.channels.contract import Mode
from urgentaction.core.enqueue import Queue
from urgentaction.deliveries.gateways import close_gateways
from urgentaction.embedded.servers import Servers
from urgentaction.incidents.oncall import Contacts
from urgentaction.incidents.watchman import Watchman
from urgentaction.pipeline import beat_heart


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


@pytest.fixture
def planner(db: None) -> Iterator[None]:
    """Everything in one transaction that is rolled back, with a long queue: for `planning.keep` and `planning.plan`."""
    with long_table():
        yield


# Members of staff at their browsers, each with the role that the fixture is named for.


@pytest.fixture
def viewer(transactional_db: None) -> Client:
    return staff(Role.VIEWER)


@pytest.fixture
def editor(transactional_db: None) -> Client:
    return staff(Role.EDITOR)


@pytest.fixture
def approver(transactional_db: None) -> Client:
    return staff(Role.APPROVER)


@pytest.fixture
def administrator(transactional_db: None) -> Client:
    return staff(Role.ADMINISTRATOR)


# The watchman.


@pytest.fixture
def sink() -> Iterator[Sink]:
    server = Sink()
    yield server
    server.close()


@pytest.fixture
def watchman(sink: Sink) -> Watchman:
    return begun(Contacts(mode=Mode.SANDBOX, url=sink.url))


@pytest.fixture
def here(db: None) -> World:
    """A world in a transaction that is rolled back: no other program sees it."""
    return World.make()


@pytest.fixture
def alive(db: None, servers: Servers) -> Iterator[redis.Redis]:
    """Every lane has just given a sign, and no message waits."""
    for queue in Queue:
        beat_heart(queue.value)
    with redis.Redis.from_url(servers.redis_url) as broker:
        broker.delete(*(queue.value for queue in Queue))
        yield broker
