"""Statements that run hundreds of times a second, planned once for each connection.

Django binds parameters on its own side, so that the database plans every statement anew; for a join that touches
fifty rows the planning costs as much as the work. These are sent with their parameters apart and prepared by the
server. For everything else `connection.cursor()` is right.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, LiteralString

import psycopg
from django.db import connection


def run(statement: LiteralString, parameters: Mapping[str, Any]) -> int:
    """Run a statement that returns nothing. Returns how many rows it changed.

    Args:
        statement: with `%(name)s` for parameters; the types of those that could be taken for several are written out.

    Raises:
        django.db.Error: as Django's own cursors do.
    """
    with _cursor() as cursor, connection.wrap_database_errors:
        return cursor.execute(statement, parameters, prepare=True).rowcount


def rows(statement: LiteralString, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Run a statement and return all its rows. Otherwise as `run`."""
    with _cursor() as cursor, connection.wrap_database_errors:
        return cursor.execute(statement, parameters, prepare=True).fetchall()


def _cursor() -> psycopg.Cursor[tuple[Any, ...]]:
    connection.ensure_connection()
    return psycopg.Cursor(connection.connection)
