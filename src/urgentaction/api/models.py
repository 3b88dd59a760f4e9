"""Remembered answers to requests that carried an Idempotency-Key."""

from __future__ import annotations

from django.db import models

from urgentaction.accounts.models import ApiToken
from urgentaction.core.ids import uuid7


class IdempotentRequest(models.Model):
    """The first answer to a key, given again to every repetition by the same token."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    token = models.ForeignKey(ApiToken, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=64)  # SHA-256 of method, path and body
    status = models.PositiveSmallIntegerField()
    body = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["token", "key"], name="idempotency_key_once")]

    def __str__(self) -> str:
        return f"{self.key} → {self.status}"
