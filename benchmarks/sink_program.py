"""The sink as a child of this process: started, asked, ended. It ends with its parent, however that ends."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from types import TracebackType
from typing import Any, Self

_PATIENCE = 5.0


class SinkProgram:
    """A running sink; `port` is where it takes mail, on 127.0.0.1. As a context manager it ends at the end."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.sink"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for us; it ends when its standard input does
        )
        self.port = int(self._answer()["port"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def counts(self) -> dict[str, Any]:
        """Connections, MAIL, RCPT, DATA, messages, bytes, reads, and the seconds from first DATA to last dot."""
        return self._ask("counts")

    def reset(self) -> None:
        """Begin again at nothing."""
        self._ask("reset")

    def look(self, *, is_on: bool) -> None:
        """Keep recipients and Message-IDs from now on, or no longer; that costs it time."""
        self._ask(f"look {'on' if is_on else 'off'}")

    def looked(self) -> dict[str, Any]:
        """What `look` kept: messages, message_ids, recipients, repeats (by Message-ID), different."""
        return self._ask("looked")

    def sample(self) -> bytes:
        """The first message since `look`, as it came over the wire; empty where none has come."""
        return base64.b64decode(self._ask("sample")["message"])

    def slow_down(self, seconds: float) -> None:
        """Let it wait so long before it answers to each message."""
        self._ask(f"delay {seconds}")

    def stop(self) -> None:
        """End it. Harmless if repeated."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _ask(self, command: str) -> dict[str, Any]:
        if self.process.stdin is None:
            raise AssertionError("the sink has no standard input")
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line:
            raise RuntimeError(f"the sink has ended by itself (exit code {self.process.poll()})")
        answer: dict[str, Any] = json.loads(line)
        if problem := answer.get("error"):
            raise ValueError(str(problem))
        return answer
