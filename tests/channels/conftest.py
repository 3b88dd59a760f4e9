"""Starts the sandbox program once, and a small server of ours that it calls back."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pikepdf
import pytest

from tests.channels.bench import Bench, Ear, Sandbox, benches
from urgentaction.channels import http
from urgentaction.channels.contract import Gateway
from urgentaction.channels.email.smtp import gateway as smtp_gateway
from urgentaction.channels.registry import KINDS

START_SECONDS = 30.0


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("sandbox")
    ready_file: Path = folder / "ready.json"
    command = [sys.executable, "-m", "urgentaction.sandbox", "--data", str(folder / "data"), "--smtp-port", "0"]
    command += ["--http-port", "0", "--ready-file", str(ready_file), "--smtp-tls", "--smtp-auth", "--exit-with-parent"]
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    ends = time.monotonic() + START_SECONDS
    while not ready_file.exists():
        assert process.poll() is None, (folder / "log.txt").read_text()
        assert time.monotonic() < ends, "the sandbox did not start in time"
        threading.Event().wait(0.05)
    yield Sandbox(json.loads(ready_file.read_text()))
    process.terminate()
    process.wait(timeout=10)


@pytest.fixture(params=sorted(KINDS))
def bench(request: pytest.FixtureRequest, sandbox: Sandbox) -> Bench:
    return benches(sandbox.ready)[request.param]


@pytest.fixture
def gateway(bench: Bench) -> Iterator[Gateway]:
    built = bench.gateway()
    yield built
    built.close()


@pytest.fixture
def ear() -> Iterator[Ear]:
    document = io.BytesIO()
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(595, 842))
        pdf.save(document)
    listening = Ear(document.getvalue())
    with listening.server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield listening
        server.shutdown()
        thread.join(timeout=5)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """For what never answers."""
    monkeypatch.setattr(http, "READ_SECONDS", 1.0)
    monkeypatch.setattr(smtp_gateway, "DOT_SECONDS", 1.0)
