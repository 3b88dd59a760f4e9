"""Everything started and ended as a person does it: by `urgentaction up`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.sandbox_program import die_with_parent

UPDATE = ["case", "update", "UA-2026-0001", "--as-of", "2026-11-20", "--confidence", "confirmed"]
IMMINENT = [*UPDATE, "--status", "return_imminent", "--place", "Tumen"]


def own_environment(var: Path) -> dict[str, str]:
    kept = ("PATH", "HOME", "LANG", "LC_ALL")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"URGENTACTION_VAR": str(var)}


def run(var: Path, *line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "urgentaction.cli.main", *line],
        env=own_environment(var), capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_everything_up_and_down_again(tmp_path: Path, project: Path) -> None:
    """The whole stack as `urgentaction up` starts it: commands beside it reach it, and Ctrl-C leaves nothing behind."""
    var = tmp_path / "var"
    with subprocess.Popen(
        [sys.executable, "-m", "urgentaction.cli.main", "up", "--port", "0", "--json"],
        env=own_environment(var), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        preexec_fn=die_with_parent,  # noqa: PLW1509 - no thread runs here; a crashed test run must leave nothing behind
    ) as stack:  # fmt: skip
        try:
            assert stack.stdout is not None
            told = json.loads(_one_document(stack.stdout))
            assert told["mode"] == "sandbox"
            samples = project / "samples"
            assert run(var, "import", "directory", str(samples / "directory.toml")).returncode == 0
            assert run(var, "import", "cases", str(samples / "cases" / "UA-2015-0117")).returncode == 0
            assert run(var, "approval", "grant", "imminent", "--by", "Ada").returncode == 0
            update = ["case", "update", "UA-2015-0117", "--status", "return_imminent", "--as-of", "2015-11-24"]
            made = run(var, *update, "--confidence", "confirmed", "--place", "Tumen", "--json")
            assert made.returncode == 0, made.stderr
            watched = run(var, "deliveries", "UA-2015-0117/1", "--watch", "--json")
            last = json.loads(watched.stdout.splitlines()[-1])[0]
            assert last["state"] == "finished", watched.stderr
            assert {count["state"] for count in last["counts"]} == {"accepted", "delivered"}
            doctor = json.loads(run(var, "doctor", "--json").stdout)
            assert doctor["is_well"], doctor
            assert json.loads(run(var, "incidents", "--json").stdout) == []
            assert "is in use" in run(var, "up", "--port", "0").stderr
        finally:
            stack.send_signal(signal.SIGINT)
            try:
                ended = stack.wait(60)
            except subprocess.TimeoutExpired:
                stack.kill()
                raise
        assert ended == 0
    deadline = time.monotonic() + 20
    while _mentioning(str(var)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _mentioning(str(var)) == []
    assert not (var / "stack.json").exists()


def _one_document(stream: Any) -> str:
    """The lines of one indented JSON document."""
    lines = []
    for line in stream:
        lines.append(line)
        if line == "}\n":
            break
    return "".join(lines)


def _mentioning(words: str) -> list[str]:
    """Command lines of processes that have these words in them."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:  # it has just ended
            continue
        if words in line:
            found.append(line)
    return found
