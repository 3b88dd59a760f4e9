"""Model fields that keep their value encrypted in the database, and the blind index beside them.

A value is sealed when its row is written and opened when it is read, both through the instance, because the row's
id is part of what the seal covers. Hence the rules that a developer meets: the row needs its primary key before it is
saved (ours are made in Python), and `QuerySet.update()` or a filter on the field is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from django.core.exceptions import FieldError
from django.db import models
from django.db.models.query_utils import DeferredAttribute

from .encryption import blind_index, key_ring

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

    _TextField = models.Field[str, str]
    _IndexField = models.BinaryField[bytes | None, bytes | None]
else:  # generic for type checkers only
    _TextField = models.Field
    _IndexField = models.BinaryField


class Sealed(bytes):
    """Ciphertext as it stands in the database."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<sealed>"


class _OpeningAttribute(DeferredAttribute):
    """Opens the seal on first access, so that a row whose secrets nobody reads costs no decryption.

    Having `__set__` makes it a data descriptor: Python then asks it also for values that the instance holds.
    """

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        if instance is None:
            return self
        attname = self.field.attname
        value = instance.__dict__[attname] if attname in instance.__dict__ else super().__get__(instance, cls)
        if isinstance(value, Sealed):
            value = key_ring().decrypt(value, context=_context(instance, self.field))
            instance.__dict__[attname] = value
        return value

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.field.attname] = value


def _context(instance: models.Model, field: Any) -> str:
    if instance.pk is None:
        raise FieldError(f"{type(instance).__name__} needs its id before {field.name} can be encrypted.")
    return f"{instance._meta.db_table}/{field.column}/{instance.pk}"


class EncryptedTextField(_TextField):
    """Text of any length, stored as AES-GCM ciphertext. Empty text stays empty (stored as no bytes)."""

    description = "Encrypted text"
    descriptor_class = _OpeningAttribute

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("default", "")
        kwargs.setdefault("blank", True)
        super().__init__(*args, **kwargs)

    def get_internal_type(self) -> str:
        return "BinaryField"

    def get_lookup(self, lookup_name: str) -> NoReturn:  # noqa: ARG002 - Django's signature
        raise FieldError(f"{self.name} is encrypted and can't be searched; use its blind index.")

    def from_db_value(self, value: Any, _expression: Any, _connection: BaseDatabaseWrapper) -> Sealed | str | None:
        if value is None:
            return None
        return Sealed(value) if len(value) else ""

    def pre_save(self, model_instance: models.Model, add: bool) -> Sealed | None:  # noqa: ARG002, FBT001 - Django's signature
        value = model_instance.__dict__.get(self.attname)
        if value is None or isinstance(value, Sealed):
            return value
        text = str(value)
        return Sealed(key_ring().encrypt(text, context=_context(model_instance, self)) if text else b"")

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:  # noqa: FBT001, FBT002
        value = super().get_db_prep_value(value, connection, prepared)
        if value is None:
            return None
        if not isinstance(value, Sealed):
            raise FieldError(f"{self.name} is encrypted: set it on the instance and save that.")
        return connection.Database.Binary(bytes(value))

    def value_to_string(self, obj: models.Model) -> NoReturn:  # noqa: ARG002 - Django's signature
        raise FieldError(f"{self.name} is encrypted and is not part of plain dumps; use pg_dump.")


class BlindIndexField(_IndexField):
    """The keyed hash of another field of the same row, written together with it; NULL where that is empty.

    Args:
        source: the name of the encrypted field.
        purpose: what `core.encryption.blind_index` is told; the same purpose makes values comparable across tables.
    """

    def __init__(self, *, source: str, purpose: str, **kwargs: Any) -> None:
        self.source = source
        self.purpose = purpose
        kwargs.update(null=True, editable=False, max_length=32)
        super().__init__(**kwargs)

    def deconstruct(self) -> tuple[str, str, Any, dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        for implied in ("null", "editable", "max_length"):
            kwargs.pop(implied, None)
        kwargs.update(source=self.source, purpose=self.purpose)
        return str(name), path, args, kwargs

    def pre_save(self, model_instance: models.Model, add: bool) -> bytes | None:  # noqa: ARG002, FBT001 - Django's signature
        value = getattr(model_instance, self.source)
        index = blind_index(self.purpose, value) if value else None
        setattr(model_instance, self.attname, index)
        return index


def is_indexed(row: models.Model) -> bool:
    """Whether every blind index of a stored row is what today's key makes of its value.

    Raises:
        DecryptionError: a value can't be read under today's key ring.
    """
    fields = [field for field in row._meta.fields if isinstance(field, BlindIndexField)]
    stored = ((getattr(row, field.source), getattr(row, field.attname), field.purpose) for field in fields)
    return all(bytes(index) == blind_index(purpose, value) for value, index, purpose in stored if index is not None)
