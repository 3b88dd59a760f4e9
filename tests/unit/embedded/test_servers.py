from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.unit.embedded.programs import assert_nothing_left, needs_proc, processes_of
from urgentaction.core.errors import ConfigurationError, UrgentActionError
from urgentaction.embedded import PostgresServer, Servers, ValkeyServer, wheels


def scalar(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def test_database_is_ready_to_use(servers: Servers) -> None:
    with psycopg.connect(servers.database_url) as connection:
        connection.execute("CREATE TABLE names (name text)")
        connection.execute("INSERT INTO names VALUES ('홍길동')")
        assert connection.execute("SELECT upper('é'), name FROM names").fetchone() == ("É", "홍길동")
    assert urlsplit(servers.database_url).path == "/urgentaction"


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("server_encoding", "UTF8"),
        ("TimeZone", "UTC"),
        ("max_connections", "100"),
        ("listen_addresses", "127.0.0.1"),
        ("server_version_num", "18"),
    ],
)
def test_database_is_set_up(servers: Servers, setting: str, value: str) -> None:
    assert str(scalar(servers.database_url, f"SHOW {setting}")).startswith(value)


def test_role_may_make_a_database_for_tests_but_is_no_superuser(servers: Servers) -> None:
    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE test_urgentaction")
        connection.execute("DROP DATABASE test_urgentaction")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT pg_read_file('/etc/passwd')")


@pytest.mark.parametrize("user", ["urgentaction", "postgres"])
def test_database_refuses_whoever_lacks_the_password(servers: Servers, user: str) -> None:
    port = urlsplit(servers.database_url).port
    for password in ("", "guess"):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(f"postgresql://{user}:{password}@127.0.0.1:{port}/postgres")


def test_broker_is_ready_to_use(servers: Servers) -> None:
    with redis.Redis.from_url(servers.redis_url) as client:
        assert client.set("key", "value")
        assert client.get("key") == b"value"
        settings = client.config_get("*")
    assert settings["maxmemory-policy"] == "noeviction"
    assert settings["appendonly"] == "yes"
    assert settings["bind"] == "127.0.0.1"


def test_broker_refuses_whoever_lacks_the_password(servers: Servers) -> None:
    port = urlsplit(servers.redis_url).port
    with redis.Redis(port=port or 0, retry=Retry(NoBackoff(), 0)) as client, pytest.raises(redis.AuthenticationError):
        client.ping()


def test_passwords_are_for_their_owner_only(servers: Servers) -> None:
    for server in (servers.postgres, servers.valkey):
        assert server is not None
        password = urlsplit(server.start()).password
        assert password
        holders = [
            path
            for path in server.data.iterdir()
            if path.is_file() and password in path.read_text(encoding="utf-8", errors="replace")
        ]
        assert server.data / "server.json" in holders
        assert {stat.S_IMODE(path.stat().st_mode) for path in holders} == {0o600}


@needs_proc
def test_passwords_are_in_no_command_line(servers: Servers) -> None:
    assert servers.postgres is not None
    running = "\n".join(processes_of(servers.postgres.data.parent))
    assert "postgres" in running
    for url in (servers.database_url, servers.redis_url):
        assert str(urlsplit(url).password) not in running


def test_data_and_urls_outlive_a_restart(var: Path) -> None:
    with Servers(var) as first:
        with psycopg.connect(first.database_url) as connection:
            connection.execute("CREATE TABLE kept (n int)")
            connection.execute("INSERT INTO kept VALUES (7)")
        with redis.Redis.from_url(first.redis_url) as client:
            client.set("kept", "7")
    assert first.postgres is not None
    assert not first.postgres.is_running
    with Servers(var) as second:
        assert (second.database_url, second.redis_url) == (first.database_url, first.redis_url)
        assert scalar(second.database_url, "SELECT n FROM kept") == 7
        with redis.Redis.from_url(second.redis_url) as client:
            assert client.get("kept") == b"7"


@needs_proc
def test_path_may_be_very_long(tmp_path: Path) -> None:
    var = tmp_path
    while len(bytes(var)) < 800:
        var = var / "a folder with a long name"
    with Servers(var, durable=False) as servers:
        assert scalar(servers.database_url, "SELECT 1") == 1
    assert_nothing_left(tmp_path)


def test_path_too_long_for_postgres_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="too long a path"):
        PostgresServer(tmp_path / "/".join(["long" * 30] * 10)).start()


def test_servers_of_ones_own_are_used(tmp_path: Path) -> None:
    mine = ("postgresql://me@db/ua", "redis://broker/0")
    with Servers(tmp_path / "var", database_url=mine[0], redis_url=mine[1]) as servers:
        assert (servers.database_url, servers.redis_url) == mine
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize(
    ("given", "setting"),
    [((None, "redis://x"), "DATABASE_URL"), (("postgresql://x", ""), "REDIS_URL")],
)
def test_missing_wheels_are_named_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: tuple[str | None, str | None], setting: str
) -> None:
    monkeypatch.setattr(wheels, "find_spec", lambda _name: None)
    database_url, redis_url = given
    servers = Servers(tmp_path / "var", database_url=database_url, redis_url=redis_url)
    with pytest.raises(ConfigurationError) as raised, servers:
        pass
    assert "pip install urgentaction[embedded]" in str(raised.value)
    assert setting in str(raised.value)


def test_first_server_is_stopped_if_the_second_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    servers = Servers(tmp_path / "var", durable=False)

    def fail(_server: ValkeyServer) -> str:
        raise UrgentActionError("no broker today")

    monkeypatch.setattr(ValkeyServer, "start", fail)
    with pytest.raises(UrgentActionError, match="no broker today"), servers:
        pass
    assert servers.postgres is not None
    assert not servers.postgres.is_running


def test_log_is_shown_when_a_server_does_not_start(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path, durable=False)
    server.start()
    server.stop()
    (tmp_path / "cluster" / "PG_VERSION").write_text("11\n")
    with pytest.raises(UrgentActionError, match="initialized by PostgreSQL version 11"):
        server.start()
    assert not server.is_running


def test_taken_port_is_given_up(var: Path) -> None:
    import socket

    server = ValkeyServer(var)
    port = urlsplit(server.start()).port
    server.stop()
    with socket.create_server(("127.0.0.1", port or 0)):
        url = server.start()
        server.stop()
    assert urlsplit(url).port != port


def test_lost_password_file_is_made_anew(var: Path) -> None:
    for server in (PostgresServer(var / "postgres", durable=False), ValkeyServer(var / "valkey")):
        before = server.start()
        server.stop()
        (server.data / "server.json").unlink()
        after = server.start()  # logs in with the new password
        server.stop()
        assert urlsplit(after).password != urlsplit(before).password


def test_broker_can_come_back_empty(var: Path) -> None:
    server = ValkeyServer(var)
    url = server.start()
    with redis.Redis.from_url(url) as client:
        client.set("key", "value")
        with pytest.raises(UrgentActionError, match="is running"):
            server.erase()
        server.kill()
        assert not server.is_running
        server.erase()
        assert server.start() == url
        assert client.get("key") is None
    server.stop()


@needs_proc
def test_kill_ends_busy_sessions_too(var: Path) -> None:
    server = PostgresServer(var, durable=False)
    url = server.start()

    def count_for_ever() -> None:
        with psycopg.connect(url, application_name="busy") as connection:
            connection.execute("SELECT count(*) FROM generate_series(1, 1000000000000) AS n WHERE n % 2 = 0")

    with ThreadPoolExecutor(1) as pool, psycopg.connect(url, autocommit=True) as watcher:
        busy = pool.submit(count_for_ever)
        query = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'busy' AND state = 'active'"
        while watcher.execute(query).fetchone() is None:
            assert not busy.done()
        server.kill()
        assert processes_of(var) == []
        with pytest.raises(psycopg.OperationalError):
            busy.result()
    assert server.start() == url
    server.stop()
