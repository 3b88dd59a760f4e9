"""Users, API tokens and the audit log. The log is only ever added to: see `service.record_audit`."""

from __future__ import annotations

from enum import StrEnum

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models

from urgentaction.core.ids import uuid7


class Role(StrEnum):
    """What a user may do; each role includes the ones before it, except `integration`, which is for tokens."""

    VIEWER = "viewer"
    EDITOR = "editor"
    APPROVER = "approver"
    ADMINISTRATOR = "administrator"
    INTEGRATION = "integration"


class Scope(StrEnum):
    """What an API token may do."""

    CASES_READ = "cases:read"
    UPDATES_WRITE = "updates:write"
    ALERTS_READ = "alerts:read"
    ALERTS_WRITE = "alerts:write"


class User(AbstractUser):
    """A member of staff."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(unique=True)
    role = models.CharField(max_length=16, choices=[(r.value, r.value) for r in Role], default=Role.VIEWER.value)


class ApiToken(models.Model):
    """A bearer token. Only its SHA-256 is kept; the token itself is shown once, when it is made."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12)
    token_hash = models.BinaryField(max_length=32, unique=True)
    scopes = ArrayField(models.CharField(max_length=32))
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)  # to some minutes: see `service.token_for`

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class AuditEntry(models.Model):
    """Who did what to what, chained: each entry's hash covers the hash before it."""

    at = models.DateTimeField()
    actor = models.CharField(max_length=80)  # user:<id>, token:<prefix>, cli:<login>, system:<part>
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=80)  # alert:<id>, case:<reference> …
    detail = models.JSONField(default=dict)  # ids and codes, nothing personal
    previous_hash = models.BinaryField(max_length=32)
    hash = models.BinaryField(max_length=32, unique=True)

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["subject", "id"], name="audit_subject"),
            models.Index(fields=["actor", "id"], name="audit_actor"),
            models.Index(fields=["action", "id"], name="audit_action"),
            models.Index(fields=["at"], name="audit_at"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.actor} {self.action} {self.subject}"


class AuditCheck(models.Model):
    """One walk over the audit log, in as many steps as it takes: how far it came, and what it found."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    started_at = models.DateTimeField()
    started_by = models.CharField(max_length=80)
    finished_at = models.DateTimeField(null=True)
    entries = models.PositiveBigIntegerField(default=0)  # read and found right
    last_entry = models.PositiveBigIntegerField(default=0)  # id of the last one of them
    last_hash = models.BinaryField(max_length=32)  # its hash: the chain goes on from there
    broken_entry = models.PositiveBigIntegerField(null=True)  # id of the first one that does not fit
    finding = models.CharField(max_length=200, blank=True)  # why not, in words

    class Meta:
        indexes = [models.Index(fields=["-started_at"], name="audit_check_latest")]

    def __str__(self) -> str:
        return f"audit check of {self.started_at:%Y-%m-%d %H:%M}"
