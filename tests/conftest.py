"""What every test has: real servers of its own run, on loopback, gone when it ends."""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dj_database_url
import hypothesis
import pytest
from django.test import TransactionTestCase

from tests.emptying import empty_database
from tests.in_memory import quick_folder
from urgentaction.core.enqueue import close_connections
from urgentaction.embedded.servers import Servers

# Started in the background or by `nohup`, this process ignores SIGINT or SIGHUP, and so would every program that a test
# starts and then ends by one of them. What is set here makes theirs the default again.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Nothing is timed: where others work too, an example takes as long as it takes. The rest is as Hypothesis has it, in CI
# the same examples each time.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")

pytest_plugins = ["tests.network_guard"]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """File after file. pytest-django keeps what has no database for the end, and with it what takes longest."""
    items.sort(key=lambda item: item.path)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """What is imported and collected stays to the end, so the collector of garbage need not look at it each time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """PostgreSQL and Valkey from their wheels, with data folders of this run."""
    with quick_folder(tmp_path_factory.mktemp("servers")) as folder, Servers(folder, durable=False) as running:
        yield running
        close_connections()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(servers: Servers) -> None:
    """Point Django at this run's database before the first connection is made."""
    from django.conf import settings
    from django.db import connections

    parsed: dict[str, Any] = dict(dj_database_url.parse(servers.database_url))
    wanted = {key: parsed[key] for key in ("HOST", "PORT", "USER", "PASSWORD", "NAME")}
    settings.DATABASES["default"].update(wanted)
    connections.databases["default"].update(wanted)


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """The database goes with its server; dropping it before would fail where somebody is still connected."""
    return True


@pytest.fixture(scope="session", autouse=True)
def _emptied_quickly() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", empty_database)
        yield


@pytest.fixture(autouse=True)
def _hints(request: pytest.FixtureRequest) -> None:
    """Hints go to this run's broker where there is one; a test without a database sends none."""
    if "servers" in request.fixturenames or "django_db_setup" in request.fixturenames:
        from django.conf import settings

        running: Servers = request.getfixturevalue("servers")
        settings.REDIS_URL = running.redis_url


@pytest.fixture(scope="session")
def project() -> Path:
    """The project's top folder."""
    return Path(__file__).resolve().parents[1]
