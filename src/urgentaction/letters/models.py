"""Frozen letters and notices, and the versions of the templates they are made from.

A letter or notice is written once and never changed; a correction is a new row that supersedes. A template version
keeps its text for good, too: only its state moves. The database itself refuses anything else (migrations `frozen` and
`templates`).
"""

from __future__ import annotations

from enum import StrEnum

from django.db import models
from django.db.models import Q

from urgentaction.alerts.models import Alert
from urgentaction.cases.models import StatusUpdate
from urgentaction.core.ids import uuid7
from urgentaction.directory.models import Official


class TemplateState(StrEnum):
    """Where a template version stands: draft, then in review, then one of the others."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    LIVE = "live"
    REJECTED = "rejected"
    RETIRED = "retired"


class TemplateVersion(models.Model):
    """One text of one template, as a member of staff wrote it. Letters that were made from it point to it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    family = models.CharField(max_length=8)
    kind = models.CharField(max_length=24)
    language = models.CharField(max_length=12)
    number = models.PositiveIntegerField()  # counted from 1 for each family, kind and language
    text = models.TextField()  # the whole file, front matter included
    sha256 = models.CharField(max_length=64)
    author = models.CharField(max_length=80)
    note = models.CharField(max_length=500)  # what was changed and why
    created_at = models.DateTimeField()
    based_on = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    same_as = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="+")  # roll-back
    shipped_sha256 = models.CharField(max_length=64, blank=True)  # of the shipped file as it was then; may be none
    warnings = models.JSONField(default=list)  # what lint said when it was saved
    # The columns below are its state; only they ever change.
    state = models.CharField(
        max_length=10, default=TemplateState.DRAFT.value, choices=[(one.value, one.value) for one in TemplateState]
    )
    submitted_at = models.DateTimeField(null=True, blank=True)
    reviewed_by = models.CharField(max_length=80, blank=True)
    reviewed_at = models.DateTimeField(null=True, blank=True)
    review_comment = models.CharField(max_length=500, blank=True)
    retired_by = models.CharField(max_length=80, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)
    retired_why = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["family", "kind", "language", "number"], name="template_number_once"),
            models.UniqueConstraint(
                fields=["family", "kind", "language"], condition=Q(state="live"), name="template_one_live"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} version {self.number}"

    @property
    def name(self) -> str:
        """`letters/first_appeal/ko`, the same for all versions."""
        return f"{self.family}/{self.kind}/{self.language}"


class Letter(models.Model):
    """The text to one addressee in one language, with its PDF and hash."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="letters")
    official = models.ForeignKey(Official, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=4)
    language = models.CharField(max_length=12)
    kind = models.CharField(max_length=24)
    template_sha256 = models.CharField(max_length=64)
    template_version = models.ForeignKey(  # none: the shipped file with that hash
        TemplateVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    subject = models.CharField(max_length=250)
    text = models.TextField()
    html = models.TextField()
    pdf = models.BinaryField()
    fax_pdf = models.BinaryField(default=b"")  # empty where this letter is not faxed
    fax_repeat_pdf = models.BinaryField(default=b"")  # the same, each page marked as a repeat transmission
    sha256 = models.CharField(max_length=64)  # of `pdf`
    text_sha256 = models.CharField(max_length=64, default="")  # of `text` in UTF-8
    fax_sha256 = models.CharField(max_length=64, default="")  # of `fax_pdf`; empty where there is none
    fax_repeat_sha256 = models.CharField(max_length=64, default="")
    frozen_at = models.DateTimeField()
    # The letter of the same case to the same official that this one comes after and takes the place of.
    supersedes = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="superseded_by"
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["alert", "official", "language"], name="letter_once")]

    def __str__(self) -> str:
        return f"letter {self.id}"


class Notice(models.Model):
    """The message to supporters: one text per language and channel, with marked slots filled per person."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="notices")
    channel = models.CharField(max_length=8)
    language = models.CharField(max_length=12)
    kind = models.CharField(max_length=24)
    template_sha256 = models.CharField(max_length=64)
    template_version = models.ForeignKey(  # none: the shipped file with that hash
        TemplateVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    subject = models.CharField(max_length=250, blank=True)
    text = models.TextField()
    html = models.TextField(blank=True)
    frozen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["alert", "channel", "language"], name="notice_once")]

    def __str__(self) -> str:
        return f"notice {self.id}"


class Publication(models.Model):
    """The decision that everybody may read an alert's letter, at one address, from a moment on; and its end.

    Only `publishing` writes it. What is shown are its editions, one a language.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="publications")
    slug = models.SlugField(max_length=80, unique=True)  # its address; never used again for another
    region = models.CharField(max_length=3, blank=True)  # UN M49
    topic = models.CharField(max_length=24, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC")  # of the date shown
    published_at = models.DateTimeField()
    published_by = models.CharField(max_length=80)
    embargo_until = models.DateTimeField(null=True, blank=True)
    corrects = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="corrections")
    correction = models.JSONField(default=dict)  # {language: what was wrong}
    shown_forms = models.JSONField(default=dict)  # {person's key: the form the public saw}
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.CharField(max_length=80, blank=True)
    withdrawn_why = models.CharField(max_length=400, blank=True)  # in words, without names; not shown

    class Meta:
        indexes = [models.Index(fields=["withdrawn_at", "published_at"], name="publication_shown")]

    def __str__(self) -> str:
        return self.slug


class PublicEdition(models.Model):
    """A letter as the public may read it, in one language: rendered anew for them, then frozen as the letter was."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    publication = models.ForeignKey(Publication, on_delete=models.PROTECT, related_name="editions")
    language = models.CharField(max_length=12)
    title = models.CharField(max_length=300)
    re_line = models.CharField(max_length=250)
    parts = models.JSONField()  # what stands around the body, as `publishing.PublicParts` has it
    html = models.TextField()  # of the body alone, cleaned
    text = models.TextField()
    pdf = models.BinaryField()
    sha256 = models.CharField(max_length=64)  # of `pdf`
    template_sha256 = models.CharField(max_length=64)
    frozen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["publication", "language"], name="public_edition_once")]

    def __str__(self) -> str:
        return f"{self.publication_id} {self.language}"


class PublicUpdate(models.Model):
    """The decision that everybody may know of a status update. A published letter's own update needs none."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    update = models.OneToOneField(StatusUpdate, on_delete=models.PROTECT, related_name="+")
    published_at = models.DateTimeField()
    published_by = models.CharField(max_length=80)

    def __str__(self) -> str:
        return f"public update {self.update_id}"
