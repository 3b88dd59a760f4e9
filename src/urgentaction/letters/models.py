"""Frozen letters and notices. A row is written once and never changed; a correction is a new row that supersedes.

The database holds to that (migration `frozen`): it refuses every UPDATE and DELETE of these two tables.
"""

from __future__ import annotations

from django.db import models

from urgentaction.alerts.models import Alert
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
