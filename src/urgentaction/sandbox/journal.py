"""Append-only files of JSON lines, written often and synced never: events, and objects that change.

A file for each object, replaced at every change, costs half a millisecond a change; a line costs a hundredth of that.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


def lines(path: Path) -> Iterator[tuple[int, bytes, bool]]:
    """Number, content, and whether it came to its end, of each line."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            yield number, line, line.endswith(b"\n")


def cut_torn_line(path: Path) -> None:
    """Remove a last line that was not written to its end."""
    if path.exists():
        whole = path.read_bytes().rfind(b"\n") + 1
        os.truncate(path, whole)


class Writer:
    """Appends lines, which reach the file together, before anything waited for comes in."""

    def __init__(self, path: Path) -> None:
        """Goes on with `path`; a torn last line is cut off."""
        cut_torn_line(path)
        self._file = path.open("ab")
        self._is_due = False

    def write(self, content: Mapping[str, Any]) -> None:
        """Add a line. `content` must fit JSON."""
        self._file.write(json.dumps(content).encode() + b"\n")
        if self._is_due:
            return
        try:
            asyncio.get_running_loop().call_soon(self.flush)
        except RuntimeError:
            self.flush()  # nobody else will
        else:
            self._is_due = True

    def flush(self) -> None:
        """Hand the lines to the operating system: they outlive this process from here on."""
        self._is_due = False
        if not self._file.closed:
            self._file.flush()

    def close(self) -> None:
        """Flush and close."""
        self._file.close()


class Journal:
    """Objects by name: a line when one appears, and one for each change of its fields."""

    def __init__(self, path: Path) -> None:
        """Opens or goes on with `path`."""
        self._writer = Writer(path)
        self.stored: dict[str, dict[str, Any]] = {}
        for _, line, _ in lines(path):
            entry = json.loads(line)
            self.stored.setdefault(entry["name"], {}).update(entry["fields"])

    def put(self, name: str, fields: Mapping[str, Any]) -> None:
        """Write down a new object, or fields of a known one."""
        self._writer.write({"name": name, "fields": fields})

    def flush(self) -> None:
        """As `Writer.flush`."""
        self._writer.flush()

    def close(self) -> None:
        """As `Writer.close`."""
        self._writer.close()
