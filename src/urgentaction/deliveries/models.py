"""Deliveries, their attempts, their counts, what is left for people, and the gateways' state.

A delivery holds no address and no name: both are resolved when it is claimed. Its id is a number the database gives,
because a hundred thousand rows are made by one INSERT … SELECT. States and their transitions are in `rules.py`.
"""

from __future__ import annotations

from enum import StrEnum

from django.db import models

from urgentaction.alerts.models import Alert
from urgentaction.channels.contract import Channel
from urgentaction.core.ids import uuid7
from urgentaction.directory.models import ContactPoint, Official
from urgentaction.letters.models import Letter, Notice
from urgentaction.supporters.models import Supporter

from .rules import State


class Role(StrEnum):
    """In which part the recipient hears of it."""

    TO = "to"
    CC = "cc"
    SUPPORTER = "supporter"


class Delivery(models.Model):
    """One recipient × one channel × one alert."""

    id = models.BigAutoField(primary_key=True)
    # Other indexes begin with the alert, and with alert and supporter (docs/performance.md). What a mailing's rows hang
    # on is not looked up for each of a hundred thousand of them: the statement that makes them has just read it, and
    # a trigger keeps it from being deleted (ADR 0018).
    alert = models.ForeignKey(
        Alert, on_delete=models.PROTECT, related_name="deliveries", db_index=False, db_constraint=False
    )
    role = models.CharField(max_length=10, choices=[(r.value, r.value) for r in Role])
    official = models.ForeignKey(Official, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    supporter = models.ForeignKey(
        Supporter, null=True, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    contact_point = models.ForeignKey(
        ContactPoint, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    letter = models.ForeignKey(Letter, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    notice = models.ForeignKey(
        Notice, null=True, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    channel = models.CharField(max_length=8, choices=[(c.value, c.value) for c in Channel])
    step = models.PositiveSmallIntegerField(default=1)  # place in the official's plan
    again = models.PositiveSmallIntegerField(default=0, db_default=0)  # how often a person has had it sent once more
    step_until = models.DateTimeField(null=True)  # without success by then, the plan's next step begins
    priority = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=12, choices=[(s.value, s.value) for s in State])
    reason = models.CharField(max_length=200, blank=True)  # why it stands where it stands, for people
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()  # not before; the next try
    expires_at = models.DateTimeField(null=True)  # not after
    attempts = models.PositiveSmallIntegerField(default=0)
    refusals = models.PositiveSmallIntegerField(default=0)  # the counted ones since the last success
    questions = models.PositiveSmallIntegerField(default=0)  # asked about the present unknown
    repeats = models.PositiveSmallIntegerField(default=0)  # sent again without knowing
    retry_class = models.CharField(max_length=10, blank=True)  # of the latest refusal
    gateway = models.CharField(max_length=40, blank=True)
    gateway_ref = models.CharField(max_length=200, blank=True)
    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    intent_at = models.DateTimeField(null=True)  # when `sending` was committed
    accepted_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)  # when a terminal state was reached
    escalated_at = models.DateTimeField(null=True)  # what follows from its failure or lateness has been done

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["alert", "supporter", "channel"],
                name="delivery_once_supporter",
                condition=models.Q(supporter__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["alert", "official", "channel", "contact_point", "again"],
                name="delivery_once_official",
                condition=models.Q(official__isnull=False),
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=models.Q(official__isnull=False, supporter__isnull=True)
                | models.Q(official__isnull=True, supporter__isnull=False),
                name="delivery_one_recipient",
            ),
        ]
        indexes = [
            models.Index(fields=["priority", "due_at", "id"], name="delivery_due", condition=models.Q(state="queued")),
            # Officials first: their worker must not read past a hundred thousand supporters to find them.
            models.Index(
                fields=["priority", "due_at", "id"],
                name="delivery_due_official",
                condition=models.Q(state="queued") & ~models.Q(role="supporter"),
            ),
            # A mailing is claimed window by window (`windows`).
            models.Index(
                fields=["notice", "due_at", "id"],
                name="delivery_due_notice",
                condition=models.Q(state="queued", role="supporter", channel="email"),
            ),
            # What is claimed singly of supporters must not be looked for among a hundred thousand mails.
            models.Index(
                fields=["priority", "due_at", "id"],
                name="delivery_due_single",
                condition=models.Q(state="queued", role="supporter") & ~models.Q(channel="email"),
            ),
            models.Index(fields=["expires_at"], name="delivery_expiry", condition=models.Q(state="queued")),
            models.Index(
                fields=["lease_until"], name="delivery_lease", condition=models.Q(state__in=["leased", "sending"])
            ),
            models.Index(fields=["due_at"], name="delivery_unknown", condition=models.Q(state="unknown")),
            # Mail is named by our own reference wherever it is reported: its gateway's names are kept, not looked for.
            models.Index(
                fields=["gateway_ref"],
                name="delivery_ref",
                condition=~models.Q(gateway_ref="") & ~models.Q(channel="email"),
            ),
            # Whole keys, so that counting reads the index alone; equal ones are stored once, and so cost no more.
            models.Index(fields=["alert", "state", "channel", "role"], name="delivery_alert_state"),
            # Failed and late steps are looked for every few seconds; supporters have none.
            models.Index(fields=["state", "step_until"], name="delivery_step", condition=~models.Q(role="supporter")),
        ]

    def __str__(self) -> str:
        return f"delivery {self.id}"


class Attempt(models.Model):
    """One try at the gateway, written when it ended. `number` is the delivery's attempt counter."""

    delivery = models.ForeignKey(
        Delivery, on_delete=models.CASCADE, related_name="tries", db_index=False, db_constraint=False
    )
    number = models.PositiveSmallIntegerField()
    gateway = models.CharField(max_length=40)
    channel = models.CharField(max_length=8, blank=True, db_default="")  # the delivery's, so that mail is told apart
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    outcome = models.CharField(max_length=10)  # accepted, refused, unknown
    retry_class = models.CharField(max_length=10, blank=True)
    code = models.CharField(max_length=60, blank=True)
    text = models.CharField(max_length=300, blank=True)
    gateway_ref = models.CharField(max_length=200, blank=True)
    is_fault = models.BooleanField(default=False)  # the gateway's own: the breaker counts these

    class Meta:
        constraints = [models.UniqueConstraint(fields=["delivery", "number"], name="attempt_once")]
        indexes = [
            models.Index(fields=["gateway", "ended_at"], name="attempt_recent"),
            # A receipt about an earlier try names it by its gateway's name for it; mail is named by our reference.
            models.Index(
                fields=["gateway_ref"],
                name="attempt_ref",
                condition=~models.Q(gateway_ref="") & ~models.Q(channel="email"),
            ),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.delivery_id}"


class Tally(models.Model):
    """How many deliveries of a large alert stood where, at a moment. Ask `tallying`: it counts again when due."""

    alert = models.OneToOneField(Alert, on_delete=models.CASCADE, related_name="+", primary_key=True)
    counts = models.JSONField()  # [[role, channel, state, deliveries], …]
    counted_at = models.DateTimeField()
    seconds = models.FloatField()  # what counting took
    due_at = models.DateTimeField()  # not counted again before

    def __str__(self) -> str:
        return f"tally of {self.alert_id} at {self.counted_at:%H:%M:%S}"


class HumanTaskKind(StrEnum):
    """What a machine could not do."""

    REACH_OFFICIAL = "reach_official"  # nothing left in the plan: post it, phone the office
    SETTLE_UNKNOWN = "settle_unknown"  # find out whether it arrived, then say so
    FIX_CONFIGURATION = "fix_configuration"
    READ_REPLY = "read_reply"
    DECIDE = "decide"  # a draft waits
    REPLACE_CONTACT = "replace_contact"  # a number or address is dead: find the one that is right now


class HumanTask(models.Model):
    """Something left for a person, with what to do in words."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=20, choices=[(k.value, k.value) for k in HumanTaskKind])
    alert = models.ForeignKey(Alert, null=True, on_delete=models.PROTECT, related_name="human_tasks")
    delivery = models.ForeignKey(Delivery, null=True, on_delete=models.PROTECT, related_name="human_tasks")
    key = models.CharField(max_length=120)  # the same trouble makes one open task, however often it is met
    title = models.CharField(max_length=200)
    advice = models.CharField(max_length=400)
    priority = models.PositiveSmallIntegerField(default=2)  # its alert's; 1 is most urgent
    due_at = models.DateTimeField(null=True)  # its alert's deadline; later it helps nobody
    created_at = models.DateTimeField()
    taken_by = models.CharField(max_length=80, blank=True)  # who said "I do it", so that two don't
    taken_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    done_by = models.CharField(max_length=80, blank=True)
    result = models.CharField(max_length=400, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["key"], name="human_task_open_once", condition=models.Q(done_at__isnull=True)
            ),
        ]
        indexes = [
            models.Index(fields=["done_at", "created_at"], name="human_task_open"),
            models.Index(fields=["key"], name="human_task_key"),
            models.Index(
                fields=["priority", "due_at", "id"],
                name="human_task_urgency",
                condition=models.Q(done_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.title


class GatewayState(models.Model):
    """Whether a gateway may be used now: paused (by a person, by itself), or broken (`breaker`).

    What only such a gateway can carry stays queued, attempts unburned.
    """

    name = models.CharField(max_length=40, primary_key=True)
    paused_until = models.DateTimeField(null=True)  # NULL with is_paused: until a person says so
    is_paused = models.BooleanField(default=False)
    reason = models.CharField(max_length=300, blank=True)
    changed_at = models.DateTimeField()
    broken_since = models.DateTimeField(null=True)  # NULL: it works, as far as we know
    broken_until = models.DateTimeField(null=True)  # then one worker may try it again
    broken_why = models.CharField(max_length=300, blank=True)
    breaks = models.PositiveSmallIntegerField(default=0)  # in a row, without a success in between
    mended_at = models.DateTimeField(null=True)  # faults before that are forgotten

    def __str__(self) -> str:
        return f"{self.name} {'paused' if self.is_paused else 'open'}"


class Heartbeat(models.Model):
    """Written by a task that came through the broker and a worker: proof that the whole chain lives."""

    name = models.CharField(max_length=40, primary_key=True)
    beat_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} {self.beat_at:%H:%M:%S}"
