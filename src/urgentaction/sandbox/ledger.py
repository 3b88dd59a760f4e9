"""What the gateways accepted (`ledger.jsonl`) and what else happened (`events.jsonl`).

The ledger is the tests' oracle: append-only, and an entry is on the disk before the client hears that its message was
taken. Several that come at once share one sync. Events are for people and are not synced.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .journal import Writer, cut_torn_line, lines


class LedgerError(Exception):
    """A ledger can't be read. The message names file and line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One message a gateway took responsibility for.

    Attributes:
        seq: 1, 2, 3 … through all restarts.
        at: when (UTC).
        channel: `email`, `fax` or `sms`.
        to: address or number.
        ref: the gateway's own name: queue id, message SID, fax id.
        message_id, client_state, callback_url: what the client gave to be recognised by; empty where it gave none.
        attempt_seen: 1 for the first message with this reference to this address, 2 for its repetition …
        sha256: of the raw mail, the SMS text, or the fax request's body.
        file: below the data folder.
        line: fax only: `t30`, or why nothing can really be transmitted.
    """

    seq: int
    at: datetime
    channel: str
    to: str
    ref: str
    message_id: str = ""
    client_state: str = ""
    callback_url: str = ""
    attempt_seen: int = 1
    sha256: str = ""
    file: str = ""
    line: str = ""

    @property
    def reference(self) -> str:
        """By what the client can recognise the message; the gateway's own name if it gave nothing."""
        # A URL's fragment carries the callback's retry settings, not the message's identity.
        return self.message_id or self.client_state or self.callback_url.partition("#")[0] or self.ref

    def to_json(self) -> dict[str, Any]:
        """The line's fields, with `reference` added for the reader's convenience."""
        plain = {name: getattr(self, name) for name in _FIELDS}
        return {**plain, "at": self.at.isoformat(), "reference": self.reference}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Entry:
        """The opposite of `to_json`."""
        known = {name: value for name, value in stored.items() if name != "reference"}
        return cls(**{**known, "at": datetime.fromisoformat(stored["at"])})


_FIELDS = tuple(each.name for each in fields(Entry))


def read(path: Path) -> Iterator[Entry]:
    """Yields the entries in order. A torn last line (the machine stopped while writing) is left out.

    Raises:
        LedgerError: a line before the last one can't be read.
    """
    if not path.exists():
        return
    for number, line, is_whole in lines(path):
        try:
            entry = Entry.from_json(json.loads(line))
        except (ValueError, TypeError, KeyError) as error:
            if not is_whole:
                return
            raise LedgerError(f"{path}, line {number}: not a ledger entry ({error})") from error
        if not is_whole:
            return
        yield entry


class Ledger:
    """The writing end. One process at a time owns a file; methods belong to one event loop."""

    def __init__(self, path: Path) -> None:
        """Opens or goes on with `path`; a torn last line, which nobody was told about, is cut off."""
        self.path = path
        self.entries: list[Entry] = list(read(path))
        self._seen = Counter((entry.channel, entry.to, entry.reference) for entry in self.entries)
        self._next = self.entries[-1].seq + 1 if self.entries else 1
        cut_torn_line(path)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._waiting: list[tuple[Entry, asyncio.Future[Entry]]] = []
        self._flush: asyncio.Task[None] | None = None

    async def append(self, *, channel: str, to: str, ref: str, **details: str) -> Entry:
        """Writes an entry and returns once it is on the disk. Raises OSError where the disk refuses."""
        entry = Entry(seq=self._next, at=datetime.now(UTC), channel=channel, to=to, ref=ref, **details)  # type: ignore[arg-type]
        key = (channel, to, entry.reference)
        self._next += 1
        self._seen[key] += 1
        entry = replace(entry, attempt_seen=self._seen[key])
        done: asyncio.Future[Entry] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, done))
        if self._flush is None:
            self._flush = asyncio.create_task(self._write_waiting())
        # A client that hangs up cancels its own waiting only: the entry is written all the same.
        return await asyncio.shield(done)

    async def _write_waiting(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                content = b"".join(json.dumps(entry.to_json()).encode() + b"\n" for entry, _ in batch)
                try:
                    await asyncio.to_thread(self._write_and_sync, content)
                except OSError as error:
                    for _, done in batch:
                        done.set_exception(error)
                else:
                    self.entries.extend(entry for entry, _ in batch)
                    for entry, done in batch:
                        done.set_result(entry)
        finally:
            self._flush = None

    def _write_and_sync(self, content: bytes) -> None:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(self._file, rest) :]
        os.fsync(self._file)

    def since(self, seq: int) -> list[Entry]:
        """Entries after number `seq`, in order."""
        return [entry for entry in self.entries if entry.seq > seq]

    def close(self) -> None:
        """Closes the file; everything acknowledged is on the disk already."""
        os.close(self._file)


class Events:
    """Refusals, faults and callbacks: appended to a file, kept in memory for the pages."""

    def __init__(self, path: Path) -> None:
        self.refusals: list[dict[str, Any]] = []
        self._by_ref: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self._writer = Writer(path)
        for _, line, _ in lines(path):
            self._keep(json.loads(line))

    def record(self, kind: str, *, channel: str = "", to: str = "", ref: str = "", **details: object) -> None:
        """Writes down that something happened now. `details` must fit JSON."""
        event = {"at": datetime.now(UTC).isoformat(), "kind": kind, "channel": channel, "to": to, "ref": ref, **details}
        self._writer.write(event)
        self._keep(event)

    def _keep(self, event: dict[str, Any]) -> None:
        if event["ref"]:
            self._by_ref[event["ref"]].append(event)
        if event["kind"] == "refused":
            event["number"] = len(self.refusals) + 1
            self.refusals.append(event)

    def of(self, ref: str) -> list[dict[str, Any]]:
        """What happened to one accepted message, oldest first."""
        return list(self._by_ref.get(ref, ()))

    def close(self) -> None:
        """Closes the file."""
        self._writer.close()
