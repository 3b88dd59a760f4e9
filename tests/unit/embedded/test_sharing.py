"""Several programs on one data folder, and what is left of the servers however they end."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis

from tests.unit.embedded.programs import (
    SECONDS,
    assert_nothing_left,
    first_line,
    needs_proc,
    processes_of,
    program,
)
from urgentaction.embedded import PostgresServer, Servers, ValkeyServer
from urgentaction.embedded.observe import wait_until

pytestmark = needs_proc


def guardian_pid(server: PostgresServer | ValkeyServer) -> int:
    return int((server.data / "guardian.lock").read_text())


def test_programs_starting_at_once_share_the_servers(var: Path) -> None:
    with ExitStack() as stack:
        programs = [stack.enter_context(program(var)) for _ in range(4)]
        urls = {tuple(first_line(process)) for process in programs}
        assert len(urls) == 1
        postmasters = [line for line in processes_of(var) if "bin/postgres -D" in line and "guardian" not in line]
        assert len(postmasters) == 1

        for process in programs[:3]:
            process.kill()
            process.wait(SECONDS)
        [(database_url, redis_url)] = urls
        with psycopg.connect(database_url) as connection, redis.Redis.from_url(redis_url) as client:
            assert connection.execute("SELECT 1").fetchone() == (1,)
            assert client.ping()
    assert_nothing_left(var)


def test_program_that_started_them_may_leave_first(var: Path) -> None:
    first, second = (Servers(var, durable=False) for _ in range(2))
    with second:
        with first:
            pass
        with psycopg.connect(second.database_url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    assert processes_of(var) == []  # at once: the last one out waits for the end


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_nothing_is_left_when_the_program_is_ended(var: Path, number: signal.Signals) -> None:
    with program(var) as process:
        first_line(process)
        assert processes_of(var)
        os.killpg(process.pid, number)  # as the terminal does
        process.wait(SECONDS)
        if number == signal.SIGINT:
            assert processes_of(var) == []  # the program ended in good order
        assert_nothing_left(var)


def test_data_outlives_kill_9(var: Path) -> None:
    with program(var) as process:
        database_url, redis_url = first_line(process)
        with psycopg.connect(database_url) as connection, redis.Redis.from_url(redis_url) as client:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
            client.set("kept", "7")
    with Servers(var, durable=False) as servers:  # comes in while the old servers are on their way out
        assert servers.database_url == database_url
        with psycopg.connect(servers.database_url) as connection, redis.Redis.from_url(servers.redis_url) as client:
            assert connection.execute("SELECT n FROM kept").fetchone() == (7,)
            assert client.get("kept") == b"7"


def test_interrupted_first_start_is_begun_again(var: Path) -> None:
    with program(var) as process:
        draft = var / "postgres" / "cluster.new"
        assert wait_until((draft / "base").exists, seconds=SECONDS)
        process.kill()
        process.wait(SECONDS)
    assert not (var / "postgres" / "cluster").exists()
    with Servers(var, durable=False) as servers, psycopg.connect(servers.database_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert not draft.exists()
    assert_nothing_left(var)


def test_pid_file_of_a_crash_is_not_believed(var: Path) -> None:
    server = PostgresServer(var, durable=False)
    server.start()
    server.kill()
    pid_file = var / "cluster" / "postmaster.pid"
    rest = pid_file.read_text().splitlines(keepends=True)[1:]
    pid_file.write_text("".join([f"{os.getpid()}\n", *rest]))  # the number went to another process: this one
    url = server.start()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    server.stop()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells a child of its parent's death")
def test_killed_guardian_takes_its_server_along(var: Path) -> None:
    for server in (PostgresServer(var / "postgres", durable=False), ValkeyServer(var / "valkey")):
        url = server.start()
        os.kill(guardian_pid(server), signal.SIGKILL)
        assert_nothing_left(server.data)
        assert server.start() == url
        server.stop()


FORK = """
import os, sys
from pathlib import Path
import redis
from urgentaction.embedded import ValkeyServer
server = ValkeyServer(Path(sys.argv[1]))
url = server.start()
if os.fork() == 0:
    server.stop()
    os._exit(0)
os.wait()
print(redis.Redis.from_url(url).ping(), flush=True)
server.stop()
"""


def test_forked_child_does_not_stop_its_parents_server(var: Path) -> None:
    with program(var, code=FORK) as process:
        assert first_line(process) == ["True"]
        process.wait(SECONDS)
    assert processes_of(var) == []


def test_start_and_stop_may_be_repeated(var: Path) -> None:
    server = ValkeyServer(var)
    url = server.start()
    guardian = guardian_pid(server)
    assert server.start() == url
    assert guardian_pid(server) == guardian
    server.stop()
    server.stop()
    assert processes_of(var) == []


def test_copied_data_folder_gets_a_server_of_its_own(var: Path) -> None:
    import shutil

    original = ValkeyServer(var / "one")
    url = original.start()
    shutil.copytree(original.data, var / "two")
    copy = ValkeyServer(var / "two")
    assert urlsplit(copy.start()).port != urlsplit(url).port
    copy.stop()
    assert original.is_running
    original.stop()
