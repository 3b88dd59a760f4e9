"""Gunicorn's hooks: `gunicorn --config=python:urgentaction.conf.gunicorn urgentaction.conf.wsgi`."""

from __future__ import annotations

import os

import django


def on_starting(_server: object) -> None:
    """Start no pages that say sandbox over a live database, or the other way round: people decide by what they say."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "urgentaction.conf.settings")
    django.setup()
    from urgentaction.core import live  # noqa: PLC0415 - it has a model: Django is set up first

    live.refuse_to_start()
