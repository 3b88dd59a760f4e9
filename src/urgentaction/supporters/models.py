"""Supporters, and suppression: addresses that must get nothing, kept as keyed hashes so that they outlive erasure."""

from __future__ import annotations

from enum import StrEnum

from django.db import models

from urgentaction.core.fields import BlindIndexField, EncryptedTextField
from urgentaction.core.ids import uuid7

from .rules import SuppressionReason

__all__ = [
    "HandedInTable",
    "SegmentCounts",
    "SignUpRequest",
    "Supporter",
    "Suppression",
    "SuppressionReason",
    "TableState",
]


class Supporter(models.Model):
    """Somebody who asked to be told. Name and addresses are encrypted; `wants_*` is their consent per channel."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = EncryptedTextField()
    email = EncryptedTextField()
    email_index = BlindIndexField(source="email", purpose="email")
    phone = EncryptedTextField()  # E.164
    phone_index = BlindIndexField(source="phone", purpose="phone")
    language = models.CharField(max_length=12)
    time_zone = models.CharField(max_length=64, default="UTC")
    wants_email = models.BooleanField(default=False)
    wants_sms = models.BooleanField(default=False)
    may_override_quiet_hours = models.BooleanField(default=False)
    quiet_from = models.TimeField(null=True, blank=True)  # no SMS from … until …, in their time zone
    quiet_until = models.TimeField(null=True, blank=True)
    consented_at = models.DateTimeField()
    consent_source = models.CharField(max_length=120)
    created_at = models.DateTimeField()
    erased_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["email_index"], name="supporter_email_once"),
            models.UniqueConstraint(fields=["phone_index"], name="supporter_phone_once"),
        ]
        indexes = [models.Index(fields=["language", "id"], name="supporter_in_language")]

    def __str__(self) -> str:
        return f"supporter {self.id}"


class Suppression(models.Model):
    """One address on one channel that gets nothing. Lifted, not deleted: the history stays.

    At most one row of an address is not lifted; it counts until it expires. One that has expired, or gives way to a
    stronger reason, is lifted too when the next one comes.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    channel = models.CharField(max_length=8)
    address_index = models.BinaryField(max_length=32)
    reason = models.CharField(max_length=16, choices=[(r.value, r.value) for r in SuppressionReason])
    source = models.CharField(max_length=120)  # `gateway said 5.1.1`, `reply STOP`, `cli:ada: …`; nothing personal
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.CharField(max_length=80, blank=True)
    lift_reason = models.CharField(max_length=400, blank=True)  # in words, without names

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["channel", "address_index"],
                condition=models.Q(lifted_at__isnull=True),
                name="suppression_once",
            )
        ]
        indexes = [models.Index(fields=["address_index", "created_at"], name="suppression_history")]

    def __str__(self) -> str:
        return f"{self.channel} suppressed: {self.reason}"


class SignUpRequest(models.Model):
    """Somebody typed an address into the form; a confirmation mail is due. Gone as soon as a gateway has the mail.

    It is no supporter, and nothing finds it by its address. What was typed is sealed; the mail's link carries it on.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    sealed = EncryptedTextField()  # a `sign_up.SignUp` as JSON
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["due_at"], name="sign_up_due")]

    def __str__(self) -> str:
        return f"sign-up {self.id}"


class TableState(StrEnum):
    """A handed-in table's way: it is checked, decided on by a person, taken in."""

    HANDED_IN = "handed_in"  # waits to be checked
    REFUSED = "refused"  # something in it is wrong; nothing of it was written
    CHECKED = "checked"  # waits for a person's yes
    AGREED = "agreed"  # waits to be taken in
    TAKEN = "taken"
    DROPPED = "dropped"  # by a person, or because nobody decided in time


class HandedInTable(models.Model):
    """A table of supporters that came through the console. Its text is sealed, and gone once it is taken or not wanted.

    `handing_in` owns it. What stays is who handed in what, and the report: row numbers and columns, never cells.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=120)  # of the file
    sha256 = models.CharField(max_length=64)
    sealed = EncryptedTextField()
    state = models.CharField(max_length=10, choices=[(s.value, s.value) for s in TableState])
    lines = models.PositiveIntegerField()  # about as many rows
    report = models.JSONField(default=dict)  # see `handing_in.Report`
    handed_in_by = models.CharField(max_length=80)
    handed_in_at = models.DateTimeField()
    begun_at = models.DateTimeField(null=True, blank=True)  # a worker is at it since then
    decided_by = models.CharField(max_length=80, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["handed_in_at"], name="handed_in_open", condition=models.Q(ended_at__isnull=True))
        ]

    def __str__(self) -> str:
        return f"table {self.id}: {self.state}"


class SegmentCounts(models.Model):
    """How many supporters there were of each kind, at a moment; one row. Ask `segments`: it counts again when due."""

    name = models.CharField(max_length=8, primary_key=True)
    counts = models.JSONField()  # see `segments.Group`
    counted_at = models.DateTimeField()
    seconds = models.FloatField()  # what counting took
    due_at = models.DateTimeField()  # not counted again before

    def __str__(self) -> str:
        return f"supporters counted at {self.counted_at:%H:%M:%S}"
