from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.embedded.programs import (
    SECONDS,
    assert_nothing_left,
    first_line,
    needs_proc,
    processes_of,
    program,
)
from urgentaction.core.errors import ConfigurationError, UrgentActionError
from urgentaction.embedded import Supervisor
from urgentaction.embedded.observe import wait_until

#: Says that it is up, then waits; its command line names the folder, so that it can be found.
WAIT = "import signal, sys, pathlib; pathlib.Path(sys.argv[1]).touch(); signal.pause()"
#: The same, but SIGTERM doesn't move it.
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + WAIT
#: The same, with one child in its group and one that has left for a session of its own.
FAMILY = f"""
import subprocess, sys
for name, is_alone in (("child", False), ("runaway", True)):
    subprocess.Popen([sys.executable, "-c", {STUBBORN!r}, sys.argv[1] + name], start_new_session=is_alone)
{STUBBORN}
"""


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    with Supervisor(tmp_path / "log") as supervisor:
        yield supervisor
    if Path("/proc/self").exists():
        assert processes_of(tmp_path) == []


def start(supervisor: Supervisor, name: str, code: str, ready: Path) -> None:
    supervisor.start(name, [sys.executable, "-c", code, str(ready)])
    supervisor.wait_ready(name, ready_file=ready)


def test_child_writes_to_its_log_and_gets_its_environment(supervisor: Supervisor, tmp_path: Path) -> None:
    code = "import os, sys; print(os.environ['WHO'], 'HOME' in os.environ, flush=True); sys.exit('wrong')"
    supervisor.start("greeter", [sys.executable, "-c", code], env={"WHO": "안녕", "PYTHONUTF8": "1"})
    assert wait_until(lambda: not supervisor.is_alive("greeter"), seconds=SECONDS)
    assert (tmp_path / "log" / "greeter.log").read_text(encoding="utf-8") == "안녕 False\nwrong\n"
    assert supervisor.exit_code("greeter") == 1


def test_child_is_alive_until_it_is_stopped(supervisor: Supervisor, tmp_path: Path) -> None:
    start(supervisor, "one", WAIT, tmp_path / "one")
    start(supervisor, "two", WAIT, tmp_path / "two")
    assert supervisor.alive() == ["one", "two"]
    supervisor.stop()
    assert supervisor.alive() == []


def test_children_are_stopped_in_reverse_order(supervisor: Supervisor, tmp_path: Path) -> None:
    record = tmp_path / "record"
    code = """
import pathlib, signal, sys
def leave(*_):
    with open(sys.argv[2], "a") as record:
        print(sys.argv[3], file=record)
    sys.exit()
signal.signal(signal.SIGTERM, leave)
pathlib.Path(sys.argv[1]).touch()
signal.pause()
"""
    for name in ("web", "worker", "beat"):
        ready = tmp_path / name
        supervisor.start(name, [sys.executable, "-c", code, str(ready), str(record), name])
        supervisor.wait_ready(name, ready_file=ready)
    supervisor.stop()
    assert record.read_text().split() == ["beat", "worker", "web"]


@needs_proc
def test_stubborn_family_is_stopped_whole(supervisor: Supervisor, tmp_path: Path) -> None:
    start(supervisor, "family", FAMILY, tmp_path / "ready")
    for name in ("child", "runaway"):
        assert wait_until((tmp_path / f"ready{name}").exists, seconds=SECONDS)
    supervisor.stop(timeout=0.2)
    assert processes_of(tmp_path) == []


@needs_proc
def test_family_does_not_outlive_its_head(supervisor: Supervisor, tmp_path: Path) -> None:
    start(supervisor, "family", FAMILY, tmp_path / "ready")
    os.kill(supervisor.pid("family"), signal.SIGKILL)
    assert_nothing_left(tmp_path)
    assert supervisor.exit_code("family") == 128 + signal.SIGKILL


def test_kill_and_restart(supervisor: Supervisor, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    start(supervisor, "worker", STUBBORN, ready)
    before = supervisor.pid("worker")
    supervisor.kill("worker")
    assert not supervisor.is_alive("worker")
    ready.unlink()
    supervisor.restart("worker")
    supervisor.wait_ready("worker", ready_file=ready)
    assert supervisor.pid("worker") != before
    supervisor.restart("worker", timeout=0.1)  # while it runs
    assert supervisor.alive() == ["worker"]
    supervisor.stop(timeout=0.1)


def test_port_and_predicate_are_waited_for(supervisor: Supervisor, tmp_path: Path) -> None:
    with socket.socket() as reserved:  # bound but not listening: connections are refused, and nobody else gets it
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        code = f"""
import signal, socket
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
server.bind(("127.0.0.1", {port}))
server.listen()
print("listening", flush=True)
signal.pause()
"""
        supervisor.start("web", [sys.executable, "-c", code])
        log = tmp_path / "log" / "web.log"
        supervisor.wait_ready("web", port=port, predicate=lambda: "listening" in log.read_text())


def test_child_that_ends_early_is_reported_with_its_log(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start("worker", [sys.executable, "-c", "raise SystemExit('no such queue: urgnet')"])
    with pytest.raises(UrgentActionError, match="worker ended with 1 before it was ready") as raised:
        supervisor.wait_ready("worker", ready_file=tmp_path / "never")
    assert "no such queue: urgnet" in str(raised.value)
    assert str(tmp_path / "log" / "worker.log") in str(raised.value)


def test_child_that_is_never_ready_is_reported(supervisor: Supervisor, tmp_path: Path) -> None:
    start(supervisor, "web", WAIT, tmp_path / "up")
    with pytest.raises(UrgentActionError, match=r"web wasn't ready after 0\.1 s"):
        supervisor.wait_ready("web", ready_file=tmp_path / "never", deadline=0.1)


def test_unknown_program_and_unknown_child_are_named(supervisor: Supervisor) -> None:
    with pytest.raises(ConfigurationError, match="there is no program nosuchprogram"):
        supervisor.start("x", ["nosuchprogram"])
    with pytest.raises(UrgentActionError, match="No child 'y' was started; there are: none"):
        supervisor.kill("y")


def test_name_is_for_one_child_at_a_time(supervisor: Supervisor, tmp_path: Path) -> None:
    start(supervisor, "web", WAIT, tmp_path / "up")
    with pytest.raises(UrgentActionError, match="web is running already"):
        supervisor.start("web", ["true"])


PARENT = f"""
import signal, sys
from pathlib import Path
from urgentaction.embedded import Supervisor
folder = Path(sys.argv[1])
with Supervisor(folder / "log", grace=0.2) as supervisor:
    supervisor.start("family", [sys.executable, "-c", {FAMILY!r}, str(folder / "ready")])
    supervisor.wait_ready("family", ready_file=folder / "ready")
    print("up", flush=True)
    signal.pause()
"""


@needs_proc
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_family_goes_when_the_supervising_program_is_ended(tmp_path: Path, number: signal.Signals) -> None:
    with program(tmp_path, code=PARENT) as process:
        first_line(process)
        assert len(processes_of(tmp_path)) >= 3
        process.send_signal(number)
        process.wait(SECONDS)
        assert_nothing_left(tmp_path)


@needs_proc
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells a child of its parent's death")
def test_child_goes_with_a_killed_guardian(supervisor: Supervisor, tmp_path: Path) -> None:
    start(supervisor, "worker", STUBBORN, tmp_path / "ready")
    os.kill(supervisor._children["worker"].guardian.pid, signal.SIGKILL)
    assert_nothing_left(tmp_path)
