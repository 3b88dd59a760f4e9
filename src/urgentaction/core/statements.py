"""Statements that run hundreds of times a second, planned once for each connection.

Django binds parameters on its own side, so that the database plans every statement anew; for a join that touches
fifty rows the planning costs as much as the work. These are sent with their parameters apart and prepared by the
server. For everything else `connection.cursor()` is right.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, LiteralString

import psycopg
from django.db import DatabaseError, InterfaceError, connection


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
    """Run a statement and return all its rows. Otherwise as `run`.

    They come in binary form, which psycopg reads in C. Have moments told as numbers: those alone Django reads itself.
    """
    with _cursor() as cursor, connection.wrap_database_errors:
        return cursor.execute(statement, parameters, prepare=True, binary=True).fetchall()


@contextlib.contextmanager
def by_index() -> Iterator[None]:
    """While this lasts, this connection's statements are planned once, to look rows up and never to read a whole table.

    A prepared plan outlives the moment it was made in. Made while a table is all but empty, it would read it from end
    to end for each of a thousand windows.
    """
    _set("SET enable_seqscan = off; SET enable_bitmapscan = off; SET plan_cache_mode = force_generic_plan")
    try:
        yield
    finally:
        # A connection that is lost comes back without it.
        with contextlib.suppress(DatabaseError, InterfaceError):
            _set("RESET enable_seqscan; RESET enable_bitmapscan; RESET plan_cache_mode")


def _set(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _cursor() -> psycopg.Cursor[tuple[Any, ...]]:
    connection.ensure_connection()
    return psycopg.Cursor(connection.connection)
