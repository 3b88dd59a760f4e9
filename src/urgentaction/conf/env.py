"""Typed configuration, read once from the environment; a fault stops the program at boot and names the variable.

`VARIABLES` is the whole list: what is not in it is not read anywhere. `URGENTACTION_ENV_FILE` may name a file of
`NAME=value` lines that is read first (the embedded set-up writes one under `var/`); the environment wins over it.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from environs import Env, EnvError

from urgentaction.channels.contract import Mode
from urgentaction.conf.gateways_file import Tables, gateways_file
from urgentaction.core.encryption import KeyRing
from urgentaction.core.errors import ConfigurationError
from urgentaction.incidents.oncall import Contacts


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable: what it is for, its default (None: required), and whether it is a secret."""

    help: str
    default: str | None = ""
    is_secret: bool = False


VARIABLES: Mapping[str, Variable] = {
    "URGENTACTION_MODE": Variable("`sandbox` (only reserved test addresses and hosts) or `live`", "sandbox"),
    "URGENTACTION_SECRET_KEY": Variable("signs sessions and cookies; 50 random characters", None, is_secret=True),
    "URGENTACTION_FIELD_KEYS": Variable("key ring `id:base64,…` for encrypted fields", None, is_secret=True),
    "URGENTACTION_INDEX_KEY": Variable("base64 of 32 bytes: blind index and signed links", None, is_secret=True),
    "URGENTACTION_PUBLIC_URL": Variable("where people and gateways reach this service", "http://127.0.0.1:8000"),
    "URGENTACTION_ALLOWED_HOSTS": Variable("host names the web process answers to, comma separated", ""),
    "URGENTACTION_DEBUG": Variable("show tracebacks in the browser; never in live mode", "false"),
    "URGENTACTION_CLOCK_OFFSET_SECONDS": Variable("moves the clock, for drills; refused in live mode", "0"),
    "URGENTACTION_CRASH_AT": Variable("makes a process die at a named point, for drills; refused in live mode", ""),
    "URGENTACTION_BACKOFF_SCALE": Variable("shortens retry pauses, for drills; 1 in live mode", "1"),
    "URGENTACTION_SECOND_FACTOR": Variable(
        "`required` of approvers and administrators, or `optional`, to try things; refused in live mode", "required"
    ),
    "URGENTACTION_LEASE_SECONDS": Variable("how long a worker may hold a delivery", "120"),
    "URGENTACTION_MAIL_WINDOW": Variable("mails committed as `sending` at a time: most a kill can leave unknown", "50"),
    "URGENTACTION_CLAIM_SIZE": Variable("deliveries claimed at a time", "100"),
    "URGENTACTION_SWEEP_SECONDS": Variable("pause between two sweeps", "5"),
    "URGENTACTION_ALLOW_HOSTS": Variable("hosts allowed in sandbox mode besides loopback (container names)", ""),
    "URGENTACTION_GATEWAY_TIMEOUT_SECONDS": Variable("how long a gateway may take to answer", "20"),
    "URGENTACTION_WATCH_SECONDS": Variable("pause between two looks of the watchman", "15"),
    "URGENTACTION_ONCALL_URL": Variable("webhook that calls the people on call (JSON by POST)", "", is_secret=True),
    "URGENTACTION_ONCALL_MAIL": Variable("their addresses, comma separated; needs URGENTACTION_ONCALL_SMTP", ""),
    "URGENTACTION_ONCALL_SMTP": Variable(
        "a mail server of its own for them, smtps://user:password@host:465", "", is_secret=True
    ),
    "URGENTACTION_ORGANISATION": Variable("TOML file that describes the sending organisation", ""),
    "URGENTACTION_GATEWAYS_FILE": Variable("TOML file with more gateways, their weights and limits", ""),
    "URGENTACTION_SMTP_HOST": Variable("mail submission host", "127.0.0.1"),
    "URGENTACTION_SMTP_PORT": Variable("mail submission port", "587"),
    "URGENTACTION_SMTP_USERNAME": Variable("", ""),
    "URGENTACTION_SMTP_PASSWORD": Variable("", "", is_secret=True),
    "URGENTACTION_SMTP_TLS": Variable("`starttls`, `tls` or `none` (sandbox only)", "starttls"),
    "URGENTACTION_MAIL_FROM": Variable("sender address of letters and notices", "alerts@urgentaction.invalid"),
    "URGENTACTION_MAIL_BOUNCES": Variable("domain of the return path", "bounces.urgentaction.invalid"),
    "URGENTACTION_TELNYX_BASE_URL": Variable("fax API", "https://api.telnyx.com"),
    "URGENTACTION_TELNYX_API_KEY": Variable("", "", is_secret=True),
    "URGENTACTION_TELNYX_CONNECTION_ID": Variable("", ""),
    "URGENTACTION_TELNYX_PUBLIC_KEY": Variable("base64 Ed25519 key that signs the fax callbacks", ""),
    "URGENTACTION_TELNYX_SENDER": Variable("our fax number, E.164", ""),
    "URGENTACTION_TWILIO_BASE_URL": Variable("SMS API", "https://api.twilio.com"),
    "URGENTACTION_TWILIO_ACCOUNT_SID": Variable("", ""),
    "URGENTACTION_TWILIO_AUTH_TOKEN": Variable("", "", is_secret=True),
    "URGENTACTION_TWILIO_MESSAGING_SERVICE_SID": Variable("either this", ""),
    "URGENTACTION_TWILIO_SENDER": Variable("or a sending number, E.164", ""),
    "DATABASE_URL": Variable("postgresql://…; PostgreSQL 18 or later", None, is_secret=True),
    "REDIS_URL": Variable("redis://…; Redis or Valkey, not shared with a cache", None, is_secret=True),
}


@dataclass(frozen=True, slots=True)
class Config:
    """The environment, checked. Times are seconds."""

    mode: Mode
    secret_key: str
    field_keys: str
    index_key: bytes
    public_url: str
    allowed_hosts: tuple[str, ...]
    is_debug: bool
    clock_offset_seconds: float
    backoff_scale: float
    crash_at: str
    is_second_factor_required: bool
    lease_seconds: int
    mail_window: int
    claim_size: int
    sweep_seconds: int
    organisation_file: str
    database: dict[str, Any]
    redis_url: str
    mail_from: str
    mail_bounces: str
    smtp: dict[str, str]
    telnyx: dict[str, str]
    twilio: dict[str, str]
    gateways_file: Tables
    watch_seconds: int
    oncall: Contacts = field(repr=False)


def load(environ: Mapping[str, str] | None = None) -> Config:
    """Read and check everything. Raises ConfigurationError naming the variable at fault."""
    everything = _with_file(os.environ if environ is None else environ)
    values = _values(everything)
    env = Env()
    before = dict(os.environ)
    try:
        os.environ.update(values)
        return _config(env, everything)
    except EnvError as error:
        raise ConfigurationError(str(error)) from error
    finally:
        os.environ.clear()
        os.environ.update(before)


def _with_file(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment, over the lines of URGENTACTION_ENV_FILE."""
    name = environ.get("URGENTACTION_ENV_FILE")
    if not name:
        return dict(environ)
    path = Path(name)
    if not path.is_file():
        raise ConfigurationError(f"URGENTACTION_ENV_FILE: there is no file {name}.")
    lines = (line.strip() for line in path.read_text().splitlines())
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {key.strip(): value.strip() for key, value in pairs} | dict(environ)


def _values(environ: Mapping[str, str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for variable, described in VARIABLES.items():
        value = environ.get(variable, described.default)
        if value is None or (described.default is None and not value):
            raise ConfigurationError(f"{variable} is not set ({described.help}).")
        values[variable] = value
    return values


def _config(env: Env, everything: Mapping[str, str]) -> Config:
    mode = _mode(env.str("URGENTACTION_MODE"))
    offset = env.float("URGENTACTION_CLOCK_OFFSET_SECONDS")
    is_debug = env.bool("URGENTACTION_DEBUG")
    if mode is Mode.LIVE and offset:
        raise ConfigurationError("URGENTACTION_CLOCK_OFFSET_SECONDS must be 0 in live mode.")
    scale = env.float("URGENTACTION_BACKOFF_SCALE")
    if scale <= 0 or (mode is Mode.LIVE and scale != 1):
        raise ConfigurationError("URGENTACTION_BACKOFF_SCALE must be above 0, and 1 in live mode.")
    if mode is Mode.LIVE and env.str("URGENTACTION_CRASH_AT"):
        raise ConfigurationError("URGENTACTION_CRASH_AT must be empty in live mode.")
    if mode is Mode.LIVE and is_debug:
        raise ConfigurationError("URGENTACTION_DEBUG must be false in live mode.")
    public_url = env.str("URGENTACTION_PUBLIC_URL").rstrip("/")
    parts = urlsplit(public_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError("URGENTACTION_PUBLIC_URL must look like https://alerts.your-organisation.org.")
    if mode is Mode.LIVE and parts.scheme != "https":
        raise ConfigurationError("URGENTACTION_PUBLIC_URL must be https in live mode.")
    hosts: tuple[str, ...] = tuple(env.list("URGENTACTION_ALLOWED_HOSTS")) or (parts.hostname,)
    _check_servers_and_keys(env)
    allow_hosts = env.str("URGENTACTION_ALLOW_HOSTS")
    file_of_gateways = env.str("URGENTACTION_GATEWAYS_FILE")
    return Config(
        mode=mode,
        secret_key=env.str("URGENTACTION_SECRET_KEY"),
        field_keys=env.str("URGENTACTION_FIELD_KEYS"),
        index_key=_index_key(env.str("URGENTACTION_INDEX_KEY")),
        public_url=public_url,
        allowed_hosts=hosts,
        is_debug=is_debug,
        clock_offset_seconds=offset,
        backoff_scale=scale,
        crash_at=env.str("URGENTACTION_CRASH_AT"),
        is_second_factor_required=_is_factor_required(env.str("URGENTACTION_SECOND_FACTOR"), mode),
        lease_seconds=_at_least(env, "URGENTACTION_LEASE_SECONDS", 5),
        mail_window=_at_least(env, "URGENTACTION_MAIL_WINDOW", 1),
        claim_size=_at_least(env, "URGENTACTION_CLAIM_SIZE", 1),
        sweep_seconds=_at_least(env, "URGENTACTION_SWEEP_SECONDS", 1),
        organisation_file=env.str("URGENTACTION_ORGANISATION"),
        database=dict(env.dj_db_url("DATABASE_URL", conn_max_age=600, conn_health_checks=True)),
        redis_url=env.str("REDIS_URL"),
        mail_from=env.str("URGENTACTION_MAIL_FROM"),
        mail_bounces=env.str("URGENTACTION_MAIL_BOUNCES"),
        smtp=_options(env, "SMTP", ("host", "port", "username", "password", "tls"), allow_hosts),
        telnyx=_options(env, "TELNYX", ("base_url", "api_key", "connection_id", "public_key", "sender"), allow_hosts),
        twilio=_options(
            env, "TWILIO", ("base_url", "account_sid", "auth_token", "messaging_service_sid", "sender"), allow_hosts
        ),
        gateways_file=gateways_file(Path(file_of_gateways), everything) if file_of_gateways else {},
        watch_seconds=_at_least(env, "URGENTACTION_WATCH_SECONDS", 1),
        oncall=Contacts(
            mode=mode,
            url=env.str("URGENTACTION_ONCALL_URL"),
            mail=tuple(part.strip() for part in env.str("URGENTACTION_ONCALL_MAIL").split(",") if part.strip()),
            smtp=env.str("URGENTACTION_ONCALL_SMTP"),
            sender=env.str("URGENTACTION_MAIL_FROM"),
            allow_hosts=tuple(part.strip() for part in allow_hosts.split(",")),
        ),
    )


def _mode(text: str) -> Mode:
    try:
        return Mode(text)
    except ValueError:
        raise ConfigurationError(f"URGENTACTION_MODE is {text!r}; write `sandbox` or `live`.") from None


def _is_factor_required(text: str, mode: Mode) -> bool:
    if text not in {"required", "optional"}:
        raise ConfigurationError(f"URGENTACTION_SECOND_FACTOR is {text!r}; write `required` or `optional`.")
    if mode is Mode.LIVE and text != "required":
        raise ConfigurationError("URGENTACTION_SECOND_FACTOR must be `required` in live mode.")
    return text == "required"


def _check_servers_and_keys(env: Env) -> None:
    """What would otherwise be noticed at the first query, the first message, the first address."""
    for name, schemes, example in (
        ("DATABASE_URL", {"postgres", "postgresql"}, "postgresql://user:password@host:5432/database"),
        ("REDIS_URL", {"redis", "rediss"}, "redis://host:6379/0"),
    ):
        if env.str(name).partition("://")[0] not in schemes:
            raise ConfigurationError(f"{name} must look like {example}.")
    KeyRing.parse(env.str("URGENTACTION_FIELD_KEYS"))


def _index_key(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ConfigurationError("URGENTACTION_INDEX_KEY is not base64.") from None
    if len(key) != 32:
        raise ConfigurationError(f"URGENTACTION_INDEX_KEY has {len(key)} bytes; it needs 32.")
    return key


def _at_least(env: Env, name: str, least: int) -> int:
    value: int = env.int(name)
    if value < least:
        raise ConfigurationError(f"{name} is {value}; it must be at least {least}.")
    return value


def _options(env: Env, prefix: str, names: tuple[str, ...], allow_hosts: str) -> dict[str, str]:
    found = {name: env.str(f"URGENTACTION_{prefix}_{name.upper()}") for name in names}
    shared = {"allow_hosts": allow_hosts, "gateway_timeout_seconds": env.str("URGENTACTION_GATEWAY_TIMEOUT_SECONDS")}
    return {name: value for name, value in found.items() if value} | shared
