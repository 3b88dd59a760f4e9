"""What the tests of the importers share: spoiling a file, and hearing what an import says of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from urgentaction.accounts.models import AuditEntry
from urgentaction.cases.models import Case, CaseAddressee, CaseCountry, CaseText, Person
from urgentaction.core.errors import InvalidInput
from urgentaction.core.tables import _IMPORT_LOCK
from urgentaction.directory.models import ContactPoint, Office, Official
from urgentaction.supporters.models import Supporter

BY = "cli:tester"
_TABLES = (Office, Official, ContactPoint, Case, CaseText, CaseCountry, CaseAddressee, Person, Supporter, AuditEntry)


def change(path: Path, old: str, new: str) -> Path:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8", newline="")
    return path


def faults(call: Callable[[], object]) -> dict[str, str]:
    """What an import complains of, after a look whether it left anything behind."""
    before = rows_everywhere()
    with pytest.raises(InvalidInput) as caught:
        call()
    assert rows_everywhere() == before
    return {problem.field: problem.message for problem in caught.value.problems}


def rows_everywhere() -> dict[str, int]:
    return {model.__name__: model._default_manager.count() for model in _TABLES}


@contextmanager
def another_import_running() -> Iterator[None]:
    """Another session holds what an import has to hold."""
    wanted = ("host", "port", "user", "password", "dbname")
    parameters = {key: value for key, value in connection.get_connection_params().items() if key in wanted}
    with psycopg.connect(**parameters) as other:
        answer = other.execute("SELECT pg_try_advisory_xact_lock(%s)", [_IMPORT_LOCK]).fetchone()
        assert answer == (True,), "the test itself holds it: its own transaction has imported something"
        yield
