"""The gateways file over the environment: what may stand in it, and that every fault names file, gateway and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from urgentaction.channels.contract import GatewayConfig, Mode
from urgentaction.channels.registry import build
from urgentaction.channels.roster import roster
from urgentaction.conf.env import load
from urgentaction.conf.gateways_file import gateways_file, laid_over
from urgentaction.core.errors import ConfigurationError

KEY = "A" * 43 + "="
REQUIRED = {
    "URGENTACTION_SECRET_KEY": "x" * 50,
    "URGENTACTION_FIELD_KEYS": f"k1:{KEY}",
    "URGENTACTION_INDEX_KEY": KEY,
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
}
EXAMPLE = """\
[smtp]
weight = 30
domain_per_minute = 60

[backup-mail]
kind = "smtp"
weight = 0
per_second = 2.5
host = "127.0.0.1"
port = 2526
tls = "none"
username = "alerts"
password = "$BACKUP_SMTP_PASSWORD"
"""


@pytest.fixture
def written(tmp_path: Path) -> Path:
    return tmp_path / "gateways.toml"


def test_a_second_gateway_and_a_weight_for_the_first(written: Path) -> None:
    written.write_text(EXAMPLE)
    tables = gateways_file(written, {"BACKUP_SMTP_PASSWORD": "s3cret"})
    shared = {"allow_hosts": "", "gateway_timeout_seconds": "20"}
    entries = roster(laid_over({"smtp": {"host": "127.0.0.1", "port": "25", **shared}, "twilio": shared}, tables))
    assert list(entries) == ["smtp", "twilio", "backup-mail"]
    first, backup = entries["smtp"], entries["backup-mail"]
    assert (first.weight, first.domain_per_minute, first.options["port"]) == (30, 60.0, "25")
    assert (backup.kind, backup.weight, backup.per_second, backup.options["port"]) == ("smtp", 0, 2.5, "2526")
    assert backup.options["password"] == "s3cret"
    assert backup.options["gateway_timeout_seconds"] == "20"
    config = GatewayConfig(name=backup.name, kind=backup.kind, mode=Mode.SANDBOX, options=backup.options)
    build(config).close()


def test_the_settings_read_it_and_take_secrets_from_the_environments_file_too(written: Path, tmp_path: Path) -> None:
    written.write_text(EXAMPLE)
    env_file = tmp_path / "env"
    env_file.write_text("BACKUP_SMTP_PASSWORD=from-file\n# a remark\n")
    named = {**REQUIRED, "URGENTACTION_GATEWAYS_FILE": str(written), "URGENTACTION_ENV_FILE": str(env_file)}
    assert load(named).gateways_file["backup-mail"]["password"] == "from-file"
    named["BACKUP_SMTP_PASSWORD"] = "from-environment"
    assert load(named).gateways_file["backup-mail"]["password"] == "from-environment"
    assert load(REQUIRED).gateways_file == {}


def test_without_a_file_nothing_changes() -> None:
    configured = {"smtp": {"host": "127.0.0.1"}, "telnyx": {"sender": "+12025550100"}}
    assert laid_over(configured, {}) == configured


def test_a_dollar_sign_can_be_written(written: Path) -> None:
    written.write_text('[a]\npassword = "$$word"\nusername = "a$b"')
    assert gateways_file(written, {}) == {"a": {"password": "$word", "username": "a$b"}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[smtp", r"gateways.toml is not TOML"),
        ("weight = 3", r"'weight' stands in no table; write \[gateway\] above it"),
        ("[Backup]\nkind = 'smtp'", r"\[Backup\] is no name"),
        ("['a b']\nkind = 'smtp'", r"\[a b\] is no name"),
        ("[a]\npassword = '$NOT_SET'", r"\[a\] password: the environment variable NOT_SET is not set"),
        ("[a]\npassword = '$EMPTY'", r"\[a\] password: the environment variable EMPTY is not set"),
        ("[a]\npassword = '$s3cret word'", r"\[a\] password: begins with \$, but names no environment variable"),
        ("[a]\nhost = ['x']", r"\[a\] host: is neither text nor a number"),
        ("[a]\nhost = true", r"\[a\] host: is neither text nor a number"),
        ("[a]\n[a.b]\nc = 1", r"\[a\] b: is neither text nor a number"),
        ("[a]\nallow_hosts = 'x'", r"\[a\] allow_hosts: URGENTACTION_ALLOW_HOSTS sets it for all gateways"),
        ("[a]\n_file = '*'", r"\[a\] has no option '_file'"),
    ],
)
def test_a_fault_is_named_and_no_value_shown(written: Path, content: str, message: str) -> None:
    written.write_text(content)
    with pytest.raises(ConfigurationError, match=message) as caught:
        gateways_file(written, {"EMPTY": ""})
    assert str(written) in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_file_that_can_not_be_read_is_named(written: Path, tmp_path: Path) -> None:
    for path in (written, tmp_path):
        with pytest.raises(ConfigurationError, match=r"URGENTACTION_GATEWAYS_FILE: .* can't be read"):
            gateways_file(path, {})
    written.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="is not UTF-8"):
        gateways_file(written, {})


def test_messages_name_what_a_person_has_to_change(written: Path) -> None:
    written.write_text("[smtp]\nport = 'http'\n[backup]\nkind = 'smtp'\ntls = 'none'")
    configured = {"smtp": {"host": "127.0.0.1", "tls": "maybe"}}
    entries = roster(laid_over(configured, gateways_file(written, {})))
    expected = {"smtp": "URGENTACTION_SMTP_TLS: is 'maybe'", "backup": r"\[backup\] host: is not set"}
    for name, message in expected.items():
        entry = entries[name]
        with pytest.raises(ConfigurationError, match=f"^{message}"):
            build(GatewayConfig(name=name, kind=entry.kind, mode=Mode.SANDBOX, options=entry.options))
