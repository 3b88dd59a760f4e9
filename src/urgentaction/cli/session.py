"""One run of the command line: where its folder is, how it answers, and Django once a command needs it.

Every command answers through `Session.answer`, so that `--json` holds for all of them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pwd
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from datetime import date, datetime
from enum import Enum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from urgentaction.cli import bootstrap
from urgentaction.core.errors import ConfigurationError, UrgentActionError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


@dataclasses.dataclass(slots=True)
class Session:
    """What the options before and after every command say."""

    var: bootstrap.VarFolder
    is_json: bool = False

    def answer(self, data: object, *shown: RenderableType) -> None:
        """Write a command's result: `data` as JSON, or `shown` for people."""
        if self.is_json:
            write_json(data)
            return
        for renderable in shown:
            # A terminal gets whole words on each line; a file or a pipe gets each sentence on one.
            console().print(renderable, soft_wrap=isinstance(renderable, str) and not console().is_terminal)

    @contextlib.contextmanager
    def django(self, *, in_any_mode: bool = False) -> Iterator[None]:
        """Django and the database for a `with` block.

        Args:
            in_any_mode: also where the database is live and this program is not, or the other way round.

        Raises:
            ConfigurationError: the environment is incomplete, or the database lacks tables or is of the other mode.
            UrgentActionError: the database does not answer.
        """
        with (
            _database_errors_in_words(),
            bootstrap.django(self.served(), tell=self.note, in_any_mode=in_any_mode),
        ):
            yield

    def served(self) -> bootstrap.VarFolder:
        """The folder that this command acts on; says so where that is a running demo's."""
        var = self.var.serving()
        if var != self.var:
            self.note(f"Acting on the demo that runs in {var.path}.")
        return var

    def note(self, line: str) -> None:
        """Something worth knowing that is no part of the answer."""
        if not self.is_json:
            error_console().print(line, style="dim", soft_wrap=not error_console().is_terminal)


_CURRENT: ContextVar[Session] = ContextVar("session")


def begin(session: Session) -> None:
    """Make this the session of the command that is about to run."""
    _CURRENT.set(session)


def current() -> Session:
    """The session of the command that runs."""
    return _CURRENT.get()


@contextlib.contextmanager
def opened() -> Iterator[Session]:
    """The session of the command that runs, with Django ready."""
    session = current()
    with session.django():
        yield session


@contextlib.contextmanager
def _database_errors_in_words() -> Iterator[None]:
    from django.db import InterfaceError, OperationalError, ProgrammingError

    try:
        yield
    except (InterfaceError, OperationalError) as error:
        said = " ".join(str(error).split())
        raise UrgentActionError(
            f"The database doesn't answer ({said}). Look at DATABASE_URL and run `urgentaction doctor`."
        ) from error
    except ProgrammingError as error:
        if "does not exist" not in str(error):
            raise
        raise ConfigurationError(
            "The database lacks tables of this version. Run `urgentaction manage migrate`, then try again."
        ) from error


def login() -> str:
    """The user this process runs as, by the system's accounts. An environment variable could name anybody."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user without a name
        return str(os.getuid())


def actor() -> str:
    """Who acts, as the audit log names people at a terminal."""
    return f"cli:{login()}"


@cache
def console() -> Console:
    """Standard output. Text from the database is text: nothing in it is taken for markup."""
    from rich.console import Console

    return Console(markup=False, highlight=False, emoji=False, soft_wrap=False)


@cache
def error_console() -> Console:
    """Standard error."""
    from rich.console import Console

    return Console(stderr=True, markup=False, highlight=False, emoji=False)


def write_json(data: object, *, indent: int | None = 2) -> None:
    """Write one JSON document to standard output, whatever this project's values are made of."""
    text = json.dumps(data, default=_plain, ensure_ascii=False, indent=indent)
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _plain(value: Any) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (uuid.UUID, Path)):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def printable(text: str) -> str:
    """Text from outside, safe for a terminal: control characters, escape sequences among them, become visible."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "\N{REPLACEMENT CHARACTER}" for letter in text)
