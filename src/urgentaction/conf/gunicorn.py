"""Gunicorn's hooks: `gunicorn --config=python:urgentaction.conf.gunicorn urgentaction.conf.wsgi`."""

from __future__ import annotations

import logging
import os

import django
from django.db import Error as DatabaseError
from django.db import connection

from urgentaction.core.errors import ConfigurationError

log = logging.getLogger(__name__)


def on_starting(_server: object) -> None:
    """Start no pages that say sandbox over a live database, or the other way round: people decide by what they say.

    Where the database doesn't answer they start all the same; nothing is claimed there either.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "urgentaction.conf.settings")
    django.setup()
    from urgentaction.core import live  # noqa: PLC0415 - it has a model: Django is set up first

    try:
        live.refuse_other_mode()
    except ConfigurationError as error:
        log.critical("%s", error)
        raise SystemExit(error.exit_code) from error
    except DatabaseError:
        log.warning("the database doesn't answer; whether it is live is not known")
    finally:
        connection.close()
