"""What a command makes up for itself, and what it refuses to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from urgentaction.cli.bootstrap import VarFolder, gateways_for, keys_for, read_ready, sandbox_environment, servers_for
from urgentaction.conf.env import VARIABLES
from urgentaction.core.errors import ConfigurationError

READY = {
    "smtp_host": "127.0.0.1",
    "smtp_port": 2525,
    "telnyx_url": "http://127.0.0.1:8025/telnyx",
    "telnyx_public_key": "a2V5",
    "twilio_url": "http://127.0.0.1:8025/twilio",
}


def test_keys_are_made_once_and_only_for_their_owner(tmp_path: Path) -> None:
    var = VarFolder(tmp_path / "var")
    first = keys_for(var, {})
    assert set(first) == {"URGENTACTION_SECRET_KEY", "URGENTACTION_FIELD_KEYS", "URGENTACTION_INDEX_KEY"}
    assert keys_for(var, {}) == first
    assert var.keys.stat().st_mode & 0o777 == 0o600


def test_made_keys_are_accepted_by_the_settings(tmp_path: Path) -> None:
    from urgentaction.conf.env import load

    keys = keys_for(VarFolder(tmp_path), {})
    config = load({**keys, "DATABASE_URL": "postgresql://u@127.0.0.1/d", "REDIS_URL": "redis://127.0.0.1/0"})
    assert len(config.index_key) == 32


def test_a_key_that_is_given_is_not_replaced(tmp_path: Path) -> None:
    var = VarFolder(tmp_path)
    given = {"URGENTACTION_SECRET_KEY": "mine"}
    assert "URGENTACTION_SECRET_KEY" not in keys_for(var, given)


def test_with_all_keys_given_nothing_is_written(tmp_path: Path) -> None:
    given = dict.fromkeys(("URGENTACTION_SECRET_KEY", "URGENTACTION_FIELD_KEYS", "URGENTACTION_INDEX_KEY"), "x")
    assert keys_for(VarFolder(tmp_path / "var"), given) == {}
    assert not (tmp_path / "var").exists()


def test_live_mode_makes_nothing_up(tmp_path: Path) -> None:
    live = {"URGENTACTION_MODE": "live"}
    with pytest.raises(ConfigurationError, match="URGENTACTION_FIELD_KEYS"):
        keys_for(VarFolder(tmp_path), live)
    with pytest.raises(ConfigurationError, match="DATABASE_URL and REDIS_URL"):
        servers_for(VarFolder(tmp_path), live)
    assert list(tmp_path.iterdir()) == []


def test_the_sandbox_fills_variables_that_exist() -> None:
    found = sandbox_environment(READY)
    assert found.keys() <= VARIABLES.keys()
    assert found["URGENTACTION_SMTP_PORT"] == "2525"
    assert found["URGENTACTION_SMTP_TLS"] == "none"
    assert found["URGENTACTION_TELNYX_PUBLIC_KEY"] == "a2V5"


def test_a_running_sandbox_becomes_the_gateways_unless_others_are_named(tmp_path: Path) -> None:
    var = VarFolder(tmp_path)
    var.sandbox_ready.parent.mkdir()
    var.sandbox_ready.write_text(json.dumps({**READY, "pid": os.getpid()}))
    found = gateways_for(var, {"URGENTACTION_SMTP_HOST": "localhost"})
    assert "URGENTACTION_SMTP_HOST" not in found
    assert found["URGENTACTION_TWILIO_BASE_URL"] == READY["twilio_url"]
    assert gateways_for(var, {"URGENTACTION_MODE": "live"}) == {}


def test_what_a_dead_program_left_counts_for_nothing(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    file = tmp_path / "ready.json"
    file.write_text(json.dumps({"pid": process.pid}))
    assert read_ready(file) is None


def test_commands_act_on_a_running_demo_unless_a_database_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo = VarFolder(tmp_path / "demo" / "run")
    demo.path.mkdir(parents=True)
    demo.stack_ready.write_text(json.dumps({"pid": os.getpid()}))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("URGENTACTION_ENV_FILE", raising=False)
    assert VarFolder(tmp_path).serving() == demo
    monkeypatch.setenv("DATABASE_URL", "postgresql://u@127.0.0.1/ours")
    assert VarFolder(tmp_path).serving() == VarFolder(tmp_path)


@pytest.mark.parametrize("text", ["", "no json", "[]", "3"])
def test_half_written_files_count_for_nothing(tmp_path: Path, text: str) -> None:
    file = tmp_path / "ready.json"
    file.write_text(text)
    assert read_ready(file) is None
