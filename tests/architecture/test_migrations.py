"""The migrations describe the models."""

from __future__ import annotations

import io
import re

import pytest
from django.core.management import call_command
from django.db import connection

from tests.architecture.layout import ROOT
from urgentaction.deliveries.models import Delivery


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    said = io.StringIO()
    try:
        call_command("makemigrations", check=True, dry_run=True, stdout=said, stderr=said)
    except SystemExit:
        pytest.fail(f"Run `urgentaction manage makemigrations`:\n{said.getvalue()}", pytrace=False)


@pytest.mark.django_db
def test_whoever_restores_a_backup_is_told_to_skip_the_numbers_of_deliveries() -> None:
    """Message-IDs, callbacks and links are made of them, so one that was given may never be given to another."""
    told = re.search(r"setval\('(\w+)'.* FROM (\w+)", (ROOT / "docs" / "production.md").read_text(encoding="utf-8"))
    assert told
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [Delivery._meta.db_table])
        assert cursor.fetchone() == (f"public.{told[1]}",)
    assert told[2] == Delivery._meta.db_table
