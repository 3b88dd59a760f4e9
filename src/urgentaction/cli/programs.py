"""The commands of the programs that make up a running service, and how to tell that each is ready.

Must not: start anything itself; that is `stack`.
"""

from __future__ import annotations

import http.client
import socket
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path


class Part(StrEnum):
    """What a stack can consist of; the database and the broker are always there."""

    SANDBOX = "sandbox"
    WEB = "web"
    URGENT = "urgent"
    BULK = "bulk"
    RECEIPTS = "receipts"
    BEAT = "beat"
    WATCH = "watch"


#: Worker → the queues it takes, as in `workers.queues.WORKERS` (a test compares: this room must not import that one).
WORKERS: Mapping[Part, tuple[str, ...]] = {
    Part.URGENT: ("urgent", "upkeep"),
    Part.BULK: ("bulk",),
    Part.RECEIPTS: ("receipts",),
}
_CONCURRENCY = {Part.URGENT: 2, Part.BULK: 2, Part.RECEIPTS: 1}

MIGRATE = (sys.executable, "-m", "django", "migrate", "--noinput", "--verbosity=1")

SAMPLES = (sys.executable, "-m", "urgentaction.cli.first_run")


def web(port: int) -> list[str]:
    """The web process: two workers with a few threads each."""
    command = [sys.executable, "-m", "gunicorn", "urgentaction.conf.wsgi", f"--bind=127.0.0.1:{port}"]
    return [*command, "--config=python:urgentaction.conf.gunicorn", "--workers=2", "--threads=4", "--no-control-socket"]


def worker(part: Part, *, host: str) -> list[str]:
    """A Celery worker. Nobody listens to the events of one machine, so it sends none.

    Args:
        host: what makes its name unique on this broker.
    """
    command = [sys.executable, "-m", "celery", "--app=workers.app", "worker", f"--queues={','.join(WORKERS[part])}"]
    if part is Part.BULK:  # on a machine that has too little for both, a mailing waits for an official's letter
        command = ["nice", "-n", "5", *command]
    command += [f"--concurrency={_CONCURRENCY[part]}", "--pool=prefork", f"--hostname={part}@{host}"]
    return [*command, "--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=INFO"]


def beat(folder: Path) -> list[str]:
    """The clock. Its schedule is a file it can do without."""
    return [
        *(sys.executable, "-m", "celery", "--app=workers.app", "beat", "--loglevel=INFO"),
        *(f"--schedule={folder / 'schedule'}", "--pidfile="),
    ]


def watch() -> list[str]:
    """The watchman."""
    return [sys.executable, "-m", "urgentaction.cli.main", "watch"]


def sandbox(data: Path, *, smtp_port: int, http_port: int, ready_file: Path, faults: Path | None) -> list[str]:
    """The stand-in gateways, on ports that stay the same when it is started again."""
    command = [sys.executable, "-m", "urgentaction.sandbox", f"--data={data}", f"--ready-file={ready_file}"]
    command += [f"--smtp-port={smtp_port}", f"--http-port={http_port}"]
    return [*command, f"--script={faults}"] if faults else command


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on just now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def is_free(port: int) -> bool:
    """Whether a server could listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def answers(port: int) -> bool:
    """Whether a web process has loaded the application: any answer but a fault will do."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status < 500
    except OSError:
        return False
    finally:
        connection.close()


def says(log: Path, words: str, *, since: int) -> bool:
    """Whether a log has these words after its first `since` bytes."""
    if not log.exists():
        return False
    with log.open("rb") as file:
        file.seek(since)
        return words.encode() in file.read()


def size(log: Path) -> int:
    """How much a log holds already, in bytes."""
    return log.stat().st_size if log.exists() else 0
