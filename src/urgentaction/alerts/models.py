"""Alerts, whom they address, and who approved them.

An alert is sent only while its state is `running` and its `fence` equals its case's version; both are checked in the
statement that claims a delivery, so stopping an alert is one row's update.
"""

from __future__ import annotations

from enum import StrEnum

from django.contrib.postgres.fields import ArrayField
from django.db import models

from urgentaction.cases.models import Case, StatusUpdate
from urgentaction.core.ids import uuid7
from urgentaction.directory.models import Official


class AlertState(StrEnum):
    """An alert's life. Only RUNNING is sent."""

    DRAFT = "draft"
    AWAITING_APPROVAL = "awaiting_approval"
    HELD = "held"  # approved; anyone can still stop it until `hold_until`
    RUNNING = "running"
    FINISHED = "finished"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class AlertKind(StrEnum):
    """What kind of call it is."""

    FIRST_APPEAL = "first_appeal"
    FURTHER_INFORMATION = "further_information"
    WHEREABOUTS_REQUEST = "whereabouts_request"
    STOP_ACTION = "stop_action"
    SUCCESSOR = "successor"
    MANUAL = "manual"


class Alert(models.Model):
    """One call to act on one case."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    number = models.CharField(max_length=32, unique=True)  # UA-2015-0117/2
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="alerts")
    update = models.ForeignKey(StatusUpdate, null=True, blank=True, on_delete=models.PROTECT, related_name="alerts")
    predecessors = models.ManyToManyField("self", symmetrical=False, blank=True, related_name="successors")
    kind = models.CharField(max_length=24, choices=[(k.value, k.value) for k in AlertKind])
    level = models.PositiveSmallIntegerField(null=True, blank=True)
    priority = models.PositiveSmallIntegerField()  # 1 is most urgent; orders the claims
    state = models.CharField(max_length=20, choices=[(s.value, s.value) for s in AlertState])
    fence = models.PositiveIntegerField()
    rule = models.CharField(max_length=60)
    ruleset_digest = models.CharField(max_length=64, blank=True)
    plan = models.JSONField()  # alerts.plan.AlertPlan: channels, audiences, letter and notice kinds
    languages = ArrayField(models.CharField(max_length=12))
    deadline_at = models.DateTimeField(null=True, blank=True)
    dated_on = models.DateField(null=True, blank=True)  # printed on letters; the day of freezing if NULL
    drafted_by = models.CharField(max_length=80)  # who composed it as it stands: can't be the only one to approve it
    approvals_needed = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    hold_until = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    frozen_at = models.DateTimeField(null=True, blank=True)  # letters and notices stand
    expanded_at = models.DateTimeField(null=True, blank=True)  # every delivery row stands
    stopped_at = models.DateTimeField(null=True, blank=True)
    stop_reason = models.CharField(max_length=200, blank=True)
    swept_at = models.DateTimeField(null=True, blank=True)  # after stopping: unsent rows marked
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["state", "created_at"], name="alert_state"),
            models.Index(fields=["case", "created_at"], name="alert_case"),
        ]

    def __str__(self) -> str:
        return self.number


class AlertTarget(models.Model):
    """An official this alert addresses, resolved when it was drafted."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="targets")
    official = models.ForeignKey(Official, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=4, choices=[("to", "to"), ("cc", "cc")])
    position = models.PositiveSmallIntegerField()
    language = models.CharField(max_length=12)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["alert", "official"], name="alert_target_once")]

    def __str__(self) -> str:
        return f"{self.role} {self.official_id}"


class Approval(models.Model):
    """One person's yes or no to one alert."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="approvals")
    by = models.CharField(max_length=80)
    is_yes = models.BooleanField()
    comment = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    agreed = models.JSONField(null=True, blank=True)  # alerts.agreed.Agreed: what it was a yes to; NULL: given before

    class Meta:
        constraints = [models.UniqueConstraint(fields=["alert", "by"], name="approval_once")]

    def __str__(self) -> str:
        return f"{'yes' if self.is_yes else 'no'} by {self.by}"


class StandingApproval(models.Model):
    """A named person's revocable yes in advance to everything one rule decides."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    rule = models.CharField(max_length=60)
    by = models.CharField(max_length=80)
    granted_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.rule} by {self.by}"
