from __future__ import annotations

import pytest
from django.core.exceptions import FieldError
from django.db import connection

from urgentaction.core import clock
from urgentaction.core.encryption import blind_index
from urgentaction.core.errors import DecryptionError
from urgentaction.supporters.models import Supporter

pytestmark = pytest.mark.django_db


def supporter(**values: object) -> Supporter:
    now = clock.now()
    given = {
        "name": "김민서",
        "email": "min@supporters.invalid",
        "language": "ko",
        "consented_at": now,
        "created_at": now,
    }
    return Supporter.objects.create(**{**given, "consent_source": "form", **values})


def stored(row: Supporter, column: str) -> bytes:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM supporters_supporter WHERE id = %s", [row.id])
        return bytes(cursor.fetchone()[0])


def test_the_database_never_sees_the_name() -> None:
    row = supporter()
    assert "김민서".encode() not in stored(row, "name")
    assert b"supporters.invalid" not in stored(row, "email")
    assert Supporter.objects.get(id=row.id).name == "김민서"


def test_rows_made_in_bulk_are_encrypted_and_indexed_too() -> None:
    now = clock.now()
    made = Supporter(name="A", email="a@supporters.invalid", language="en", consented_at=now, created_at=now)
    Supporter.objects.bulk_create([made])
    found = Supporter.objects.get(email_index=blind_index("email", "A@supporters.invalid"))
    assert (found.id, found.email) == (made.id, "a@supporters.invalid")


def test_a_ciphertext_copied_to_another_row_does_not_open() -> None:
    one, other = supporter(), supporter(email="other@supporters.invalid")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE supporters_supporter SET name = %s WHERE id = %s", [stored(one, "name"), other.id])
    with pytest.raises(DecryptionError, match="another row"):
        _ = Supporter.objects.get(id=other.id).name


def test_saving_again_without_reading_keeps_the_value() -> None:
    row = Supporter.objects.get(id=supporter().id)
    row.language = "en"
    row.save()
    assert Supporter.objects.get(id=row.id).name == "김민서"


def test_updates_and_filters_on_an_encrypted_column_are_refused() -> None:
    supporter()
    with pytest.raises(FieldError, match="set it on the instance"):
        Supporter.objects.update(name="plain")
    with pytest.raises(FieldError, match="use its blind index"):
        Supporter.objects.filter(name="김민서").exists()
