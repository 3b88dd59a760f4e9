"""The gateways file: more gateways than the environment describes, and weights and limits for all of them.

Owns reading it and laying it over what the environment says. TOML, one table a gateway; docs/gateways.md explains the
keys. What a key may contain is checked where it is used: reserved keys by `channels.roster`, the others by the gateway.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from urgentaction.channels.options import EVERY_KEY, FILE_KEYS, NAME, SHARED
from urgentaction.core.errors import ConfigurationError

Tables = dict[str, dict[str, str]]

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def gateways_file(path: Path, environ: Mapping[str, str]) -> Tables:
    """The file's tables by gateway, all values as text.

    Args:
        environ: where a value such as "$BACKUP_SMTP_PASSWORD" is looked up; "$$" stands for a "$" at the beginning.

    Raises:
        ConfigurationError: there is no such file, it is no TOML, or a name or value can't be used. File, gateway and
            key are named, values never are: some are secret.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"URGENTACTION_GATEWAYS_FILE: {path} can't be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"URGENTACTION_GATEWAYS_FILE: {path} is not UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"URGENTACTION_GATEWAYS_FILE: {path} is not TOML: {error}.") from error
    tables: Tables = {}
    for name, table in content.items():
        if not isinstance(table, dict):
            raise ConfigurationError(f"{path}: {name!r} stands in no table; write [gateway] above it.")
        if not NAME.fullmatch(name):
            raise ConfigurationError(f"{path}: [{name}] is no name; use 1 to 40 small letters, digits and hyphens.")
        tables[name] = {key: _text(value, environ, f"{path}: [{name}] {key}") for key, value in table.items()}
        for key in sorted(SHARED & table.keys()):
            raise ConfigurationError(f"{path}: [{name}] {key}: URGENTACTION_{key.upper()} sets it for all gateways.")
        if FILE_KEYS in table:
            raise ConfigurationError(f"{path}: [{name}] has no option {FILE_KEYS!r}.")
    return tables


def laid_over(configured: Mapping[str, Mapping[str, str]], tables: Mapping[str, Mapping[str, str]]) -> Tables:
    """The gateways of the environment with the file's tables laid over them, and behind them the file's own gateways.

    Which keys are the file's is noted in each, so that a message about one can say where to look.
    """
    merged = {name: dict(options) for name, options in configured.items()}
    shared = {key: value for options in configured.values() for key, value in options.items() if key in SHARED}
    for name, table in tables.items():
        is_new = name not in merged
        below = shared if is_new else merged[name]
        merged[name] = {**below, **table, FILE_KEYS: EVERY_KEY if is_new else " ".join(table)}
    return merged


def _text(value: object, environ: Mapping[str, str], where: str) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise ConfigurationError(f"{where}: is neither text nor a number.")
    if not value.startswith("$"):
        return value
    if value.startswith("$$"):
        return value[1:]
    name = value[1:]
    if not _VARIABLE.fullmatch(name):
        raise ConfigurationError(f"{where}: begins with $, but names no environment variable; write $$ for a plain $.")
    if not environ.get(name):
        raise ConfigurationError(f"{where}: the environment variable {name} is not set.")
    return environ[name]
