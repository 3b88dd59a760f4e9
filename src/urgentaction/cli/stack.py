"""Everything that runs, on one machine: servers, sandbox, web, workers, beat, watchman.

Owns: their order, their ports, and the environment they share. `urgentaction up`, the demo and the tests that need the
whole thing use it. Nothing of Django is imported here.
Must not: be used in production, where containers or an init system do this (compose.yaml).
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from urgentaction.cli import programs
from urgentaction.cli.bootstrap import (
    FIRST_MIGRATION,
    SETTINGS_MODULE,
    VarFolder,
    is_live,
    keys_for,
    read_ready,
    sandbox_environment,
    servers_for,
)
from urgentaction.cli.programs import WORKERS, Part
from urgentaction.core.errors import ConfigurationError, UrgentActionError
from urgentaction.embedded import PostgresServer, Supervisor, ValkeyServer

POSTGRES, VALKEY = "postgres", "valkey"
_READY_SECONDS = 60.0


class Stack:
    """The whole service as child programs of this one. As a context manager: started, and stopped in reverse order.

    Args:
        var: folder for data, logs and keys.
        port: of the web process; 0 takes a free one.
        parts: which programs to start; the database and the broker are always there.
        env: variables on top of this process's own, for drills (`URGENTACTION_BACKOFF_SCALE`, `DATABASE_URL` …).
        faults: a script of faults for the sandbox.
        with_samples: a database that is new begins with the sample cases.
        durable: see `embedded.SharedServer`; tests may turn it off.

    After `start`, `base_url`, `outbox_url` and `environment` say how to use it. `os.environ.update(stack.environment)`
    before `django.setup()` makes this process a part of it.

    Raises:
        ConfigurationError: live mode (a stack is for trying things out), or the port is taken.
    """

    def __init__(
        self,
        var: Path,
        *,
        port: int = 0,
        parts: Collection[Part] = tuple(Part),
        env: Mapping[str, str] | None = None,
        faults: Path | None = None,
        with_samples: bool = False,
        durable: bool = True,
    ) -> None:
        self.var = VarFolder(var.absolute())
        self.parts = tuple(part for part in Part if part in parts)
        self.environment: dict[str, str] = {**os.environ, **(env or {})}
        if is_live(self.environment):
            raise ConfigurationError(
                "URGENTACTION_MODE is live: start web, workers and beat with your init system or compose.yaml instead."
            )
        if port and not programs.is_free(port):
            raise ConfigurationError(f"Port {port} is taken by another program. End it, or choose another with --port.")
        self._port = port or programs.free_port()
        self._smtp_port, self._http_port = programs.free_port(), programs.free_port()
        self._faults = faults
        self._with_samples = with_samples
        self.base_url = f"http://127.0.0.1:{self._port}"
        #: The sandbox's page, with everything that was taken; empty where no sandbox is among the parts.
        self.outbox_url = f"http://127.0.0.1:{self._http_port}" if Part.SANDBOX in self.parts else ""
        self.servers = servers_for(self.var, self.environment, durable=durable)
        self._children = Supervisor(self.var.logs)
        self._read_up_to: dict[Part, int] = {}
        self._running = ExitStack()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, *, report: Callable[[str], None] = lambda _: None) -> None:
        """Start everything and wait until it is ready.

        Args:
            report: told the name of each part that is about to start.

        Raises:
            ConfigurationError: something is set up wrongly, or another stack runs on the same folder.
            UrgentActionError: a part didn't come up; the message has the end of its log.
        """
        if other := read_ready(self.var.stack_ready):
            raise ConfigurationError(
                f"{self.var.path} is in use: a stack is up at {other.get('base_url')} (process {other['pid']}). "
                "End it, or choose another folder with --var."
            )
        with ExitStack() as starting:
            report("servers")
            self.var.path.mkdir(parents=True, exist_ok=True)
            starting.enter_context(self.servers)
            starting.callback(self._children.stop)
            self._settle_environment()
            if Part.SANDBOX in self.parts:
                report(Part.SANDBOX)
                self._begin(Part.SANDBOX)
            report("migrations")
            self._migrate()
            if Part.SANDBOX in self.parts:
                self._wait(Part.SANDBOX)
            self._use_sandbox()
            self._start_programs(report)
            self._announce()
            starting.callback(self.var.stack_ready.unlink, missing_ok=True)
            self._running = starting.pop_all()

    def stop(self) -> None:
        """End everything, the last started first. Harmless if repeated."""
        self._running.close()

    def kill(self, name: str) -> None:
        """End a part at once, as a crash would. Also takes `postgres` and `valkey`, where they are embedded."""
        if name in (POSTGRES, VALKEY):
            self._server(name).kill()
        else:
            self._children.kill(name)

    def restart(self, name: str, *, is_emptied: bool = False) -> None:
        """Start a part again on the same port, whether it runs or not; returns when it is ready.

        Args:
            is_emptied: `valkey` comes back without anything that it had kept.
        """
        if name not in (POSTGRES, VALKEY):
            part = Part(name)
            if part is Part.SANDBOX:
                self.var.sandbox_ready.unlink(missing_ok=True)
            self._read_up_to[part] = programs.size(self.log(part))
            self._children.restart(part)
            self._wait(part)
            return
        server = self._server(name)
        if server.is_running:
            server.kill()
        if is_emptied and isinstance(server, ValkeyServer):
            server.erase()
        server.start()

    def stopped(self) -> list[str]:
        """What should run and doesn't: parts, and embedded servers."""
        servers = ((POSTGRES, self.servers.postgres), (VALKEY, self.servers.valkey))
        gone = [name for name, server in servers if server is not None and not server.is_running]
        return gone + [str(part) for part in self.parts if not self._children.is_alive(part)]

    def is_alive(self, name: str) -> bool:
        """Whether a part, `postgres` or `valkey` runs."""
        return self._server(name).is_running if name in (POSTGRES, VALKEY) else self._children.is_alive(name)

    def exit_code(self, name: str) -> int | None:
        """How a part ended (128 + signal if one ended it); None while it runs, and for servers."""
        return None if name in (POSTGRES, VALKEY) else self._children.exit_code(name)

    def pid(self, name: str) -> int:
        """The process id of a part."""
        return self._children.pid(name)

    def log(self, name: str) -> Path:
        """Where a part, `postgres` or `valkey` writes what it has to say."""
        return self._server(name).log if name in (POSTGRES, VALKEY) else self._children.log(name)

    # The environment.

    def _settle_environment(self) -> None:
        """What doesn't depend on the sandbox. A variable that was given counts more than our own."""
        given = self.environment
        own = {
            "URGENTACTION_PUBLIC_URL": self.base_url,
            "URGENTACTION_STATIC_ROOT": str(self.var.path / "static"),
            "SANDBOX_SMS_INBOUND_URL": f"{self.base_url}/hooks/twilio/",
            "PYTHONUNBUFFERED": "1",
            **keys_for(self.var, given),
        }
        self.environment = {**own, **{name: value for name, value in given.items() if value}}
        self.environment["URGENTACTION_VAR"] = str(self.var.path)
        self.environment["DJANGO_SETTINGS_MODULE"] = SETTINGS_MODULE
        self.environment["DATABASE_URL"] = self.servers.database_url
        self.environment["REDIS_URL"] = self.servers.redis_url

    def _use_sandbox(self) -> None:
        if ready := read_ready(self.var.sandbox_ready):
            self.environment = sandbox_environment(ready) | self.environment

    # Starting.

    def _migrate(self) -> None:
        done = subprocess.run(programs.MIGRATE, env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            last = "\n".join(f"  {line}" for line in done.stderr.strip().splitlines()[-8:])
            raise UrgentActionError(f"The database could not be brought up to date:\n{last}")
        if self._with_samples and FIRST_MIGRATION in done.stdout:
            subprocess.run(programs.SAMPLES, env=self.environment, capture_output=True, check=True)

    def _start_programs(self, report: Callable[[str], None]) -> None:
        """All at once, then wait for each: they load the same modules, and there may be few cores.

        The watchman comes last: nobody waits for it, and whoever is up has something to be seen by then.
        """
        rest = [part for part in self.parts if part not in {Part.SANDBOX, Part.WATCH}]
        for part in rest:
            report(part)
            self._begin(part)
        for part in rest:
            self._wait(part)
        if Part.WATCH in self.parts:
            report(Part.WATCH)
            self._begin(Part.WATCH)

    def _begin(self, part: Part) -> None:
        if part is Part.SANDBOX:
            self.var.sandbox_ready.unlink(missing_ok=True)
        if part is Part.BEAT:
            self._schedule_folder.mkdir(parents=True, exist_ok=True)
        self._read_up_to[part] = programs.size(self.log(part))
        self._children.start(part, self._command(part), env=self.environment)

    def _command(self, part: Part) -> list[str]:
        if part is Part.SANDBOX:
            return programs.sandbox(
                self.var.path / "sandbox",
                smtp_port=self._smtp_port,
                http_port=self._http_port,
                ready_file=self.var.sandbox_ready,
                faults=self._faults,
            )
        if part is Part.WEB:
            return programs.web(self._port)
        if part is Part.BEAT:
            return programs.beat(self._schedule_folder)
        if part is Part.WATCH:
            return programs.watch()
        return programs.worker(part, host=f"stack-{os.getpid()}")

    def _wait(self, part: Part) -> None:
        """Until it can do its work; the clock and the watchman have nothing to wait for."""
        if part is Part.SANDBOX:
            self._children.wait_ready(part, ready_file=self.var.sandbox_ready, deadline=_READY_SECONDS)
        elif part is Part.WEB:
            self._children.wait_ready(part, predicate=lambda: programs.answers(self._port), deadline=_READY_SECONDS)
        elif part in WORKERS:
            log, start = self.log(part), self._read_up_to[part]
            self._children.wait_ready(
                part, predicate=lambda: programs.says(log, " ready.", since=start), deadline=_READY_SECONDS
            )

    def _announce(self) -> None:
        """Commands in other terminals find the addresses here."""
        ready = {"base_url": self.base_url, "outbox_url": self.outbox_url, "pid": os.getpid()}
        draft = self.var.stack_ready.with_suffix(".new")
        draft.write_text(json.dumps(ready), encoding="utf-8")
        draft.replace(self.var.stack_ready)

    @property
    def _schedule_folder(self) -> Path:
        return self.var.path / "beat"

    def _server(self, name: str) -> PostgresServer | ValkeyServer:
        server = self.servers.postgres if name == POSTGRES else self.servers.valkey
        if server is None:
            raise UrgentActionError(f"{name} is a server of your own; this program neither starts nor stops it.")
        return server
