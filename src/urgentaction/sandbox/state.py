"""What the gateways and the pages share: configuration, ledger, events, faults, callbacks, running work.

Owns the data folder's layout and the background tasks. Nothing of a protocol.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import traceback
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from starlette.requests import Request

from . import t30
from .callbacks import Caller
from .config import Config
from .faults import Faults
from .journal import Journal
from .ledger import Events, Ledger

_SEED_BYTES = 32


@dataclass(slots=True)
class State:
    """One running sandbox."""

    config: Config
    ledger: Ledger
    events: Events
    faults: Faults
    caller: Caller
    telnyx_key: Ed25519PrivateKey
    line: str
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    journals: list[Journal] = field(default_factory=list)

    @property
    def telnyx_public_key(self) -> bytes:
        """The 32 raw bytes with which a client checks webhooks."""
        return self.telnyx_key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def journal(self, name: str) -> Journal:
        """Opens a journal in the data folder; it is closed with the rest."""
        self.journals.append(Journal(self.config.data / name))
        return self.journals[-1]

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs something in the background; a bug in it is shown on stderr and in the events, never lost."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            traceback.print_exception(error, file=sys.stderr)
            self.events.record("internal_error", error=repr(error))

    async def close(self) -> None:
        """Stops background work (the next start takes it up again) and closes the files."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.caller.close()
        for journal in self.journals:
            journal.close()
        self.events.close()
        self.ledger.close()


def open_state(config: Config, faults: Faults) -> State:
    """Opens or makes the data folder."""
    for folder in ("mail", "sms", "fax"):
        (config.data / folder).mkdir(parents=True, exist_ok=True)
    events = Events(config.data / "events.jsonl")
    return State(
        config=config,
        ledger=Ledger(config.data / "ledger.jsonl"),
        events=events,
        faults=faults,
        caller=Caller(config, events),
        telnyx_key=_telnyx_key(config),
        line="t30" if t30.library_name() else t30.MISSING,
    )


def _telnyx_key(config: Config) -> Ed25519PrivateKey:
    """From the configuration, else the one kept in the folder, else a new one that is kept."""
    if config.telnyx_seed is not None:
        return Ed25519PrivateKey.from_private_bytes(config.telnyx_seed)
    path = config.data / "telnyx.seed"
    if not path.exists():
        write_whole(path, os.urandom(_SEED_BYTES))
        path.chmod(0o600)
    return Ed25519PrivateKey.from_private_bytes(path.read_bytes())


def write_whole(path: Path, content: bytes) -> None:
    """Replaces a file in one step: whoever reads it sees the old content or the new, never a part."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(content)
    draft.replace(path)


def write_json(path: Path, content: object) -> None:
    """`write_whole` for JSON."""
    write_whole(path, json.dumps(content, indent=1, ensure_ascii=False).encode())


def stored_json(folder: Path, pattern: str) -> Iterator[dict[str, Any]]:
    """What `write_json` left below a folder, by name."""
    for path in sorted(folder.glob(pattern)):
        yield json.loads(path.read_bytes())


def digest(content: bytes) -> str:
    """SHA-256 in hex."""
    return sha256(content).hexdigest()


async def until_hung_up(request: Request) -> None:
    """Waits until the client of an HTTP request closes its connection; its body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
