"""Incidents: one row for each trouble from when it was found until it was over. No names, no addresses."""

from __future__ import annotations

from django.db import models

from urgentaction.core.ids import uuid7


class Incident(models.Model):
    """A trouble that stood long enough to be told. At most one open one for each key."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key = models.CharField(max_length=120)  # names the trouble: `worker:bulk`, `decision:UA-2015-0117/2`
    part = models.CharField(max_length=60)
    code = models.CharField(max_length=40)  # diagnosis.Code
    severity = models.CharField(max_length=10)
    what = models.CharField(max_length=400)
    advice = models.CharField(max_length=400)
    first_seen_at = models.DateTimeField()
    opened_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    tellings = models.PositiveSmallIntegerField(default=0)  # the first call and the reminders
    told_at = models.DateTimeField(null=True)  # the latest of them
    told_how = models.CharField(max_length=20, blank=True)
    end_told_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=80, blank=True)
    acknowledged_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["key"], name="incident_open_once", condition=models.Q(closed_at__isnull=True)
            ),
        ]
        indexes = [models.Index(fields=["opened_at"], name="incident_opened")]

    def __str__(self) -> str:
        return self.key
