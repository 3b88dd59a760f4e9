"""Receipts: one row per event of a gateway, stored before it is answered, applied later; the raw body is sealed."""

from __future__ import annotations

from django.db import models

from urgentaction.core.fields import BlindIndexField, EncryptedTextField
from urgentaction.core.ids import uuid7
from urgentaction.deliveries.models import Delivery


class Receipt(models.Model):
    """One event. `(gateway, event_id)` is unique: a repeated callback adds nothing."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    gateway = models.CharField(max_length=40)
    event_id = models.CharField(max_length=200)
    kind = models.CharField(max_length=12)
    ref = models.CharField(max_length=200, blank=True)
    reference = models.CharField(max_length=60, blank=True)
    retry_class = models.CharField(max_length=10, blank=True)
    code = models.CharField(max_length=60, blank=True)
    text = models.CharField(max_length=300, blank=True)  # the gateway's words, never a person's: those stay in `raw`
    address = EncryptedTextField()
    address_index = BlindIndexField(source="address", purpose="phone")  # to find what an erased number sent
    raw = EncryptedTextField()
    occurred_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField()
    delivery = models.ForeignKey(Delivery, null=True, on_delete=models.PROTECT, related_name="receipts")
    applied_at = models.DateTimeField(null=True)
    effect = models.CharField(max_length=200, blank=True)  # what applying it changed, or why nothing
    failures = models.PositiveSmallIntegerField(default=0)  # how often applying it broke
    retry_at = models.DateTimeField(null=True)  # after a failure: not before

    class Meta:
        constraints = [models.UniqueConstraint(fields=["gateway", "event_id"], name="receipt_once")]
        indexes = [
            models.Index(fields=["received_at"], name="receipt_pending", condition=models.Q(applied_at__isnull=True)),
            models.Index(
                fields=["address_index"], name="receipt_address", condition=models.Q(address_index__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.gateway} {self.kind} {self.code}"
