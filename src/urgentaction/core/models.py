"""What the whole service has one of."""

from __future__ import annotations

from django.db import models


class LiveSince(models.Model):
    """The one row of a database whose alerts are meant for real people. Without it they are drills."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    at = models.DateTimeField()
    by = models.CharField(max_length=80)  # as the audit log names people

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="live_since_once")]

    def __str__(self) -> str:
        return f"live since {self.at:%Y-%m-%d %H:%M} UTC, by {self.by}"
