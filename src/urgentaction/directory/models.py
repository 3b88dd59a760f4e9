"""Offices, officials and contact points. What is printed and what is dialled are two different columns."""

from __future__ import annotations

from django.db import models

from urgentaction.channels.contract import Channel
from urgentaction.core.ids import uuid7

from .kinds import AddressedAs, CheckMethod, CheckResult, Health, OfficeKind


class Office(models.Model):
    """A post: its name and address per language. Texts are `{language: text}`; English is always there."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.SlugField(max_length=80, unique=True)
    country = models.CharField(max_length=2)  # ISO 3166-1 alpha-2
    # Chooses the form of address where the holder has no salutation of their own; empty: there is none to choose.
    kind = models.CharField(max_length=32, choices=[(k.value, k.value) for k in OfficeKind], blank=True)
    names = models.JSONField()
    postal_address = models.JSONField(default=dict)  # {language: [line, …]}
    time_zone = models.CharField(max_length=64)
    preferred_language = models.CharField(max_length=12, default="en")
    opens = models.TimeField(null=True, blank=True)
    closes = models.TimeField(null=True, blank=True)
    workdays = models.CharField(max_length=7, default="12345")  # ISO weekdays, Monday is 1
    holidays = models.JSONField(default=list)  # whose public holidays close it (`US-NY`); empty: its country's
    # The mission through which the office can be reached as well: letters go there when nothing else has worked.
    care_of = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return str(self.names.get("en", self.slug))


class Official(models.Model):
    """Who holds an office, from when to when, and how they are addressed in each language."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.SlugField(max_length=80, unique=True)
    office = models.ForeignKey(Office, on_delete=models.PROTECT, related_name="officials")
    names = models.JSONField()  # {language: name}
    honorifics = models.JSONField(default=dict)
    salutations = models.JSONField(default=dict)  # {language: "Dear President Park"}
    # Empty: the form that fits everybody.
    addressed_as = models.CharField(max_length=8, choices=[(a.value, a.value) for a in AddressedAs], blank=True)
    holds_from = models.DateField(null=True, blank=True)
    holds_until = models.DateField(null=True, blank=True)

    def __str__(self) -> str:
        return str(self.names.get("en", self.slug))


class ContactPoint(models.Model):
    """Where an office is reached.

    `printed_value` is what letters show, as published; empty where nothing was published. `dial_value` is what is
    dialled or mailed: E.164 or an address. In sandbox mode only reserved test values are ever dialled.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    office = models.ForeignKey(Office, on_delete=models.CASCADE, related_name="contact_points")
    channel = models.CharField(max_length=8, choices=[(c.value, c.value) for c in Channel])
    printed_value = models.CharField(max_length=120, blank=True)
    dial_value = models.CharField(max_length=254)
    rank = models.PositiveSmallIntegerField(default=1)  # 1 is tried first
    health = models.CharField(max_length=12, choices=[(h.value, h.value) for h in Health], default=Health.UNVERIFIED)
    health_note = models.CharField(max_length=200, blank=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    verified_how = models.CharField(max_length=200, blank=True)
    # Not used any more, because a person or an import said so; nobody looks for a replacement. Deliveries point at it.
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["office", "channel", "dial_value"], name="contact_point_once"),
            models.CheckConstraint(
                condition=models.Q(retired_at=None) | models.Q(health=Health.DEAD.value),
                name="contact_point_retired_is_dead",
            ),
        ]
        ordering = ["office", "channel", "rank"]

    def __str__(self) -> str:
        return f"{self.channel} of {self.office_id}"


class ContactPointCheck(models.Model):
    """Who checked a contact point, how, when, and what came of it. Added to, never changed.

    The contact point's health and `verified_*` follow from it (`contact_points.record_check`).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    contact_point = models.ForeignKey(ContactPoint, on_delete=models.CASCADE, related_name="checks", db_index=False)
    at = models.DateTimeField()
    by = models.CharField(max_length=80)  # as the audit log names them
    method = models.CharField(max_length=16, choices=[(m.value, m.value) for m in CheckMethod])
    result = models.CharField(max_length=8, choices=[(r.value, r.value) for r in CheckResult])
    url = models.URLField(max_length=400, blank=True)
    note = models.CharField(max_length=400, blank=True)

    class Meta:
        indexes = [models.Index(fields=["contact_point", "-at"], name="check_latest")]

    def __str__(self) -> str:
        return f"{self.method} of {self.contact_point_id}: {self.result}"
