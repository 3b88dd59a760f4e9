"""Both servers at once, or those of one's own.

Must not: read the environment; the caller passes on what DATABASE_URL and REDIS_URL say.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from urgentaction.embedded.postgres import PostgresServer
from urgentaction.embedded.valkey import ValkeyServer


class Servers:
    """The database and the broker for as long as a `with` block lasts.

    Args:
        data: folder for the embedded servers' data, usually `var`.
        database_url: use this database instead of starting one (empty counts as not given).
        redis_url: use this broker instead of starting one (empty counts as not given).
        durable: see `SharedServer`.

    Raises (on entering):
        ConfigurationError: a server has to be started, and its wheel isn't installed or `data` can't be used.
        UrgentActionError: a server didn't come up.
    """

    def __init__(
        self, data: Path, *, database_url: str | None = None, redis_url: str | None = None, durable: bool = True
    ) -> None:
        self.database_url = database_url or ""
        self.redis_url = redis_url or ""
        #: The embedded server, or None if the caller named one of his own.
        self.postgres = None if database_url else PostgresServer(data / "postgres", durable=durable)
        self.valkey = None if redis_url else ValkeyServer(data / "valkey", durable=durable)
        self._running = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            if self.postgres is not None:
                self.database_url = self.postgres.start()
                starting.callback(self.postgres.stop)
            if self.valkey is not None:
                self.redis_url = self.valkey.start()
                starting.callback(self.valkey.stop)
            self._running = starting.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()
