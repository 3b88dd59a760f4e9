"""The whole service as programs of its own, on the database of these tests: web, workers, beat, sandbox gateways.

What a test changes in the database, the service sees, and the other way round. Its broker is its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from django.db import connection

from tests.sandbox_program import read_ledger
from urgentaction.cli.demo import DRILL
from urgentaction.cli.programs import Part
from urgentaction.cli.stack import Stack

#: Nobody looks for what stands still: these tests say themselves what does not come about.
PARTS = tuple(part for part in Part if part is not Part.WATCH)


@dataclass(frozen=True, slots=True)
class Service:
    """A running service, and what its gateways took."""

    stack: Stack

    @property
    def base_url(self) -> str:
        return self.stack.base_url

    def script(self, *rules: dict[str, Any]) -> None:
        """Tell the sandbox its troubles."""
        answer = httpx.post(f"{self.stack.outbox_url}/script", json={"rules": list(rules)}, trust_env=False)
        assert answer.is_success, answer.text

    def outbox(self) -> list[dict[str, Any]]:
        """Everything that the gateways took so far."""
        return read_ledger(self.stack.outbox_url)


@contextmanager
def running(folder: Path, database_url: str) -> Iterator[Service]:
    """Start it; end it.

    Args:
        folder: for its files and logs.
        database_url: of the server on which Django has made this run's database.
    """
    name = quote(str(connection.settings_dict["NAME"]))
    environment = {
        **DRILL,
        "URGENTACTION_SECOND_FACTOR": "required",
        "DATABASE_URL": urlsplit(database_url)._replace(path=f"/{name}").geturl(),
    }
    stack = Stack(folder, parts=PARTS, env=environment, durable=False)
    stack.start()
    try:
        yield Service(stack)
        assert stack.stopped() == [], f"ended by themselves; their logs are in {stack.var.logs}"
    finally:
        for part in stack.parts:  # nobody needs an orderly end here, and it would take a while
            if stack.is_alive(part):
                stack.kill(part)
        stack.stop()
