"""Frozen letters and notices. A row is written once and never changed; a correction is a new row that supersedes.

The database holds to that (migration `frozen`): it refuses every UPDATE and DELETE of these two tables.
"""

from __future__ import annotations

from django.db import models

from urgentaction.alerts.models import Alert
from urgentaction.cases.models import StatusUpdate
from urgentaction.core.ids import uuid7
from urgentaction.directory.models import Official


class Letter(models.Model):
    """The text to one addressee in one language, with its PDF and hash."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="letters")
    official = models.ForeignKey(Official, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=4)
    language = models.CharField(max_length=12)
    kind = models.CharField(max_length=24)
    template_sha256 = models.CharField(max_length=64)
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
