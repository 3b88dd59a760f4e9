"""Users, invitations, API tokens and the audit log. The log is only ever added to: see `service.record_audit`."""

from __future__ import annotations

from enum import StrEnum

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac
from django.utils.functional import cached_property

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


#: These may not act without a second factor.
FACTOR_ROLES = frozenset({Role.APPROVER, Role.ADMINISTRATOR})


class User(AbstractUser):
    """A member of staff."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(unique=True)
    role = models.CharField(max_length=16, choices=[(r.value, r.value) for r in Role], default=Role.VIEWER.value)
    language = models.CharField(max_length=8, choices=settings.LANGUAGES, default="en")
    time_zone = models.CharField(max_length=64, default="UTC")  # IANA
    sessions_ended = models.PositiveIntegerField(default=0)  # how often all of them were; part of what a session proves

    @cached_property
    def has_factor(self) -> bool:
        """Whether there is a second factor: an authenticator app or a passkey. Recovery codes alone are none.

        Whoever is logged in brings it along (`console.people.backend`), without a query of its own.
        """
        theirs = self.authenticator_set  # type: ignore[attr-defined] # allauth's table, which has no types
        return bool(theirs.exclude(type="recovery_codes").exists())

    @property
    def lacks_factor(self) -> bool:
        """The role wants a second factor, and there is none."""
        return settings.SECOND_FACTOR_REQUIRED and self.role in FACTOR_ROLES and not self.has_factor

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """What a session carries and is worth nothing without: follows the password, and ended sessions."""
        proof = f"{self.password}|{self.sessions_ended}"
        return salted_hmac("urgentaction.accounts.session", proof, secret=secret, algorithm="sha256").hexdigest()


class Invitation(models.Model):
    """Somebody was asked by mail to become a member of staff, or (with a user) to choose a new password.

    The link carries the id and which sending it is, signed; sending it again makes older links void. A row stays when
    it is used or taken back: it says who let whom in.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, blank=True, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=16, choices=[(r.value, r.value) for r in Role])
    language = models.CharField(max_length=8, choices=settings.LANGUAGES, default="en")
    invited_by = models.CharField(max_length=80)  # as in the audit log
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    sendings = models.PositiveIntegerField(default=1)
    due_at = models.DateTimeField(null=True, blank=True)  # until a gateway has the mail: when it is tried (again)
    tries = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    problem = models.CharField(max_length=120, blank=True)  # why the mail was refused: a code
    accepted_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                condition=models.Q(accepted_at=None, withdrawn_at=None),
                name="one_open_invitation",
            )
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(due_at__isnull=False), name="invitation_due"),
        ]

    def __str__(self) -> str:
        return f"{self.email} ({self.role})"


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
