"""What the program needs before Django may be imported: keys, database, broker, gateways.

Owns: the folder `var/` and the keys in it; joining the embedded servers where DATABASE_URL or REDIS_URL is not set;
the variables that point to a sandbox which is running. In live mode nothing is made up: what is missing is named.
Must not: import Django before the environment stands, or print.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from urgentaction.core.errors import ConfigurationError

if TYPE_CHECKING:
    from urgentaction.embedded import Servers

SETTINGS_MODULE = "urgentaction.conf.settings"
#: What `keys.env` may hold, and how many random bytes each is made of.
KEYS = {"URGENTACTION_SECRET_KEY": 40, "URGENTACTION_FIELD_KEYS": 32, "URGENTACTION_INDEX_KEY": 32}
LIVE = "live"
#: While this one is not applied, the database is new.
FIRST_MIGRATION = "core.0001_clock"


@dataclass(frozen=True, slots=True)
class VarFolder:
    """The folder with everything that a run leaves behind; only its owner may look into the parts that matter."""

    path: Path

    @classmethod
    def chosen(cls, option: Path | None = None) -> VarFolder:
        """The one named by `--var`, else by URGENTACTION_VAR, else `./var`."""
        return cls((option or Path(os.environ.get("URGENTACTION_VAR") or "var")).absolute())

    def serving(self) -> VarFolder:
        """Where commands act: on a demo that runs inside this folder while there is one, else on the folder itself.

        Whoever names a database means that one, whatever runs here.
        """
        if os.environ.get("DATABASE_URL") or _env_file_names_servers():
            return self
        demo = VarFolder(self.path / "demo" / "run")
        return demo if read_ready(demo.stack_ready) else self

    @property
    def keys(self) -> Path:
        """Keys made for the sandbox."""
        return self.path / "keys.env"

    @property
    def sandbox_ready(self) -> Path:
        """Written by the sandbox while it runs."""
        return self.path / "sandbox" / "ready.json"

    @property
    def stack_ready(self) -> Path:
        """Written by `urgentaction up` while it runs."""
        return self.path / "stack.json"

    @property
    def logs(self) -> Path:
        """One file for each program."""
        return self.path / "log"


def is_live(environ: Mapping[str, str]) -> bool:
    """Whether real people can be reached; then nothing is made up for convenience."""
    return environ.get("URGENTACTION_MODE", "") == LIVE


def keys_for(var: VarFolder, environ: Mapping[str, str]) -> dict[str, str]:
    """The keys that the environment does not bring, from `keys.env`; made there once in sandbox mode.

    Raises:
        ConfigurationError: live mode, and a key is not set; or `keys.env` can't be used.
    """
    missing = [name for name in KEYS if not environ.get(name)]
    if not missing:
        return {}
    if environ.get("URGENTACTION_ENV_FILE"):
        return {}  # the settings read that file themselves, and say what it lacks
    if is_live(environ):
        raise ConfigurationError(
            f"{', '.join(missing)} must be set in live mode; keys are never made up there. `.env.example` says how to "
            "make them. Keep a copy apart: lost keys are lost data."
        )
    stored = _read_keys(var.keys) if var.keys.exists() else {}
    if any(not stored.get(name) for name in missing):
        stored = {name: stored.get(name) or environ.get(name) or _new_key(name) for name in KEYS}
        _write_private(var.keys, "".join(f"{name}={value}\n" for name, value in stored.items()))
    return {name: stored[name] for name in missing}


def _new_key(name: str) -> str:
    if name == "URGENTACTION_SECRET_KEY":
        return secrets.token_urlsafe(KEYS[name])
    encoded = base64.b64encode(secrets.token_bytes(KEYS[name])).decode()
    return f"k1:{encoded}" if name == "URGENTACTION_FIELD_KEYS" else encoded


def _read_keys(file: Path) -> dict[str, str]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigurationError(f"{file} can't be read: {error.strerror}. It belongs to whoever made it.") from error
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def _write_private(file: Path, text: str) -> None:
    """All of it or nothing, for the owner's eyes only; whoever comes second keeps what the first has written."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f"{file.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
            stream.write(text)
        draft.replace(file)
    except OSError as error:
        raise ConfigurationError(f"{error.filename} can't be written: {error.strerror}. Choose --var.") from error


def read_ready(file: Path) -> dict[str, Any] | None:
    """What a running program says of itself; None if there is none, or the one that wrote it is gone."""
    try:
        ready = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    if not isinstance(ready, dict):
        return None
    try:
        os.kill(int(ready.get("pid", 0)), 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass  # it lives, under another user
    return ready


def sandbox_environment(ready: Mapping[str, Any]) -> dict[str, str]:
    """The variables that make the running sandbox our gateways.

    Args:
        ready: what its ready file says.
    """
    from urgentaction.sandbox.config import Config

    known = Config(data=Path())  # the sandbox's own test values
    return {
        "URGENTACTION_SMTP_HOST": str(ready["smtp_host"]),
        "URGENTACTION_SMTP_PORT": str(ready["smtp_port"]),
        "URGENTACTION_SMTP_TLS": "none",
        "URGENTACTION_TELNYX_BASE_URL": str(ready["telnyx_url"]),
        "URGENTACTION_TELNYX_API_KEY": known.telnyx_api_key,
        "URGENTACTION_TELNYX_CONNECTION_ID": "sandbox",
        "URGENTACTION_TELNYX_PUBLIC_KEY": str(ready["telnyx_public_key"]),
        "URGENTACTION_TELNYX_SENDER": "+12025550100",
        "URGENTACTION_TWILIO_BASE_URL": str(ready["twilio_url"]),
        "URGENTACTION_TWILIO_ACCOUNT_SID": known.twilio_account_sid,
        "URGENTACTION_TWILIO_AUTH_TOKEN": known.twilio_auth_token,
        "URGENTACTION_TWILIO_SENDER": "+12025550101",
    }


def gateways_for(var: VarFolder, environ: Mapping[str, str]) -> dict[str, str]:
    """The running sandbox as gateways, in sandbox mode and where the environment names none of its own."""
    ready = read_ready(var.sandbox_ready)
    if ready is None or is_live(environ):
        return {}
    return {name: value for name, value in sandbox_environment(ready).items() if not environ.get(name)}


def servers_for(var: VarFolder, environ: Mapping[str, str], *, durable: bool = True) -> Servers:
    """The embedded servers for whatever DATABASE_URL and REDIS_URL don't name. Enter it to start or join them.

    Raises:
        ConfigurationError: live mode, and one of the two is not set.
    """
    missing = [name for name in ("DATABASE_URL", "REDIS_URL") if not environ.get(name)]
    if missing and is_live(environ):
        raise ConfigurationError(f"{' and '.join(missing)} must be set in live mode: name servers of your own.")
    from urgentaction.embedded import Servers

    return Servers(
        var.path, database_url=environ.get("DATABASE_URL"), redis_url=environ.get("REDIS_URL"), durable=durable
    )


@contextlib.contextmanager
def environment(var: VarFolder) -> Iterator[Servers | None]:
    """The environment of a command, put into `os.environ`; the embedded servers stay up as long as the block lasts.

    Yields:
        the embedded servers, or None where both URLs name servers of one's own.

    Raises:
        ConfigurationError: something is missing that can't be made up.
    """
    with contextlib.ExitStack() as running:
        os.environ.update(keys_for(var, os.environ))
        servers = None
        if not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")) and not _env_file_names_servers():
            servers = running.enter_context(servers_for(var, os.environ))
            os.environ.update(DATABASE_URL=servers.database_url, REDIS_URL=servers.redis_url)
        os.environ.update(gateways_for(var, os.environ))
        if stack := read_ready(var.stack_ready):
            os.environ.setdefault("URGENTACTION_PUBLIC_URL", str(stack["base_url"]))
        os.environ["DJANGO_SETTINGS_MODULE"] = SETTINGS_MODULE
        yield servers


def _env_file_names_servers() -> bool:
    name = os.environ.get("URGENTACTION_ENV_FILE")
    if not name or not Path(name).is_file():
        return False
    names = _read_keys(Path(name))
    return all(names.get(url) or os.environ.get(url) for url in ("DATABASE_URL", "REDIS_URL"))


@contextlib.contextmanager
def django(
    var: VarFolder, *, tell: Callable[[str], None] = lambda _: None, in_any_mode: bool = False
) -> Iterator[None]:
    """Django, ready to be used: the environment stands, and an embedded database is brought up to date first.

    A new one begins with the samples, so that there is something to try.

    Args:
        tell: hears what was done on the way.
        in_any_mode: also where the database is of the other mode.

    Raises:
        ConfigurationError: the environment is incomplete; or the database is live and this program is not, or the
            other way round.
    """
    with environment(var) as servers:
        start_django()
        if servers is not None and servers.postgres is not None and FIRST_MIGRATION in migrate_if_needed():
            from urgentaction.cli.samples import load_samples

            if loaded := load_samples():
                tell(f"First run: a database was made in {var.path}, with the sample cases {', '.join(loaded)}.")
        if not in_any_mode:
            from urgentaction.core.live import refuse_other_mode

            refuse_other_mode()
        yield


def start_django() -> None:
    """Load the settings and the rooms, quietly: a terminal is no log.

    Raises:
        ConfigurationError: a variable is missing or wrong; it is named.
    """
    import logging

    import django as framework

    framework.setup()
    logging.getLogger().setLevel(logging.WARNING)


def migrate_if_needed() -> list[str]:
    """Bring the database up to date; asks first, because most of the time it is. Returns what was missing."""
    from urgentaction.core.schema import pending_migrations

    pending = pending_migrations()
    if pending:
        from django.core.management import call_command

        call_command("migrate", interactive=False, verbosity=0)
    return pending
