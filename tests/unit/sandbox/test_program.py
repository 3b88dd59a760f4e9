"""Starting, refusing to start, and ending."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.sandbox.running import command, environment, eventually, running


def run(data: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(data, *arguments), env=environment(**env), capture_output=True, text=True, timeout=30, check=False
    )


def test_it_says_where_it_listens_and_ends_cleanly(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--script", str(script(tmp_path))) as sandbox:
        assert sandbox.ready["pid"] == sandbox.process.pid
        assert sandbox.http.get("/script").json()["rules"][0]["address"] == "+12025550123"
        for port in (sandbox.ready["smtp_port"], int(sandbox.ready["http_url"].rpartition(":")[2])):
            with pytest.raises(OSError, match=r"refused|assign"):  # a listener on every address would answer here, too
                socket.create_connection(("127.0.0.2", port), timeout=5)
        ready = tmp_path / "data.ready.json"
        assert ready.exists()
    assert sandbox.process.returncode == 0
    assert not ready.exists(), "nobody may take a stopped sandbox for a running one"


def script(folder: Path) -> Path:
    path = folder / "faults.toml"
    path.write_text('[[rules]]\nchannel = "fax"\naddress = "+12025550123"\nsteps = ["busy"]\n')
    return path


def test_requests_that_hang_on_purpose_do_not_hold_it_up(tmp_path: Path) -> None:
    with running(tmp_path / "data") as sandbox:
        sandbox.script("sms", "*", "timeout_after_acceptance")
        connection = socket.create_connection(("127.0.0.1", int(sandbox.ready["http_url"].rpartition(":")[2])))
        smtp = sandbox.smtp()
        with connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 200")
            sandbox.process.terminate()
            sandbox.process.wait(timeout=10)
        smtp.close()
    assert sandbox.process.returncode == 0


def test_the_signing_key_stays_the_same_in_one_folder(tmp_path: Path) -> None:
    keys = []
    for _ in range(2):
        with running(tmp_path / "data", env={"SANDBOX_TELNYX_SEED": ""}) as sandbox:
            keys.append(sandbox.ready["telnyx_public_key"])
    assert keys[0] == keys[1]
    assert (tmp_path / "data" / "telnyx.seed").stat().st_mode & 0o077 == 0


def test_it_does_not_listen_to_the_world(tmp_path: Path) -> None:
    result = run(tmp_path / "data", "--host", "0.0.0.0")
    assert result.returncode == 78
    assert "loopback only" in result.stderr


def test_unless_it_is_told_that_the_network_is_closed(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--host", "0.0.0.0", "--allow-host", "web") as sandbox:
        assert sandbox.http.get("/healthz").status_code == 200
        answer = sandbox.sms("+12025550101", "http://worker:8000/hook")
        assert answer.json()["code"] == 21609


@pytest.mark.parametrize(
    ("arguments", "env", "complaint"),
    [
        (["--smtp-auth"], {}, "--smtp-tls"),
        (["--script", "missing.toml"], {}, "missing.toml"),
        ([], {"SANDBOX_TELNYX_SEED": "zz"}, "SANDBOX_TELNYX_SEED"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, arguments: list[str], env: dict[str, str], complaint: str) -> None:
    result = run(tmp_path / "data", *arguments, **env)
    assert result.returncode == 78
    assert complaint in result.stderr
    assert "Traceback" not in result.stderr


def test_a_wrong_script_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "faults.toml"
    path.write_text('[[rules]]\nchannel = "fax"\naddress = "x"\nsteps = [{ smtp = "550 no" }]\n')
    result = run(tmp_path / "data", "--script", str(path))
    assert result.returncode == 78
    assert "rules[0].steps[0].smtp: unknown for fax" in result.stderr


def test_a_taken_port_is_explained(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run(tmp_path / "data", "--smtp-port", str(port))
    assert result.returncode == 78
    assert f"can't listen on 127.0.0.1 port {port}" in result.stderr


def test_it_ends_with_the_program_that_started_it(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    argv = command(tmp_path / "data", "--exit-with-parent", "--ready-file", str(ready))
    parent = subprocess.Popen(
        [sys.executable, "-c", f"import subprocess; subprocess.run({argv!r})"],
        env=environment(),
        stdout=subprocess.DEVNULL,
    )
    eventually(ready.exists)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    eventually(lambda: not ready.exists())  # the last thing it does
