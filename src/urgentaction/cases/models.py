"""Cases, their persons, countries, addressees and sources, and the chain of status updates.

`Case.version` is the fence: it rises with every update that supersedes, and no alert of an older version is sent.
Only `service.record_update` writes it.
"""

from __future__ import annotations

from django.db import models

from urgentaction.core.fields import BlindIndexField, EncryptedTextField
from urgentaction.core.ids import uuid7
from urgentaction.directory.models import Office

from .vocabulary import Confidence, CountryRole, Status

STATUSES = [(s.value, s.value) for s in Status]
CONFIDENCES = [(c.value, c.value) for c in Confidence]


class Case(models.Model):
    """One person or group at risk. Texts are `{language: text}`."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    reference = models.CharField(max_length=20, unique=True)  # UA-2015-0117
    titles = models.JSONField()
    subjects = models.JSONField(default=dict)  # the "Re:" line; carries only what is public
    group_size = models.PositiveIntegerField(default=1)
    status = models.CharField(max_length=24, choices=STATUSES, blank=True)
    confidence = models.CharField(max_length=12, choices=CONFIDENCES, blank=True)
    place = models.CharField(max_length=120, blank=True)
    status_as_of = models.DateField(null=True, blank=True)
    version = models.PositiveIntegerField(default=0)
    background_url = models.URLField(blank=True)
    embargo_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.reference


class CaseText(models.Model):
    """The case's own paragraphs in one language, as sections of one Markdown text (see letters.content)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="texts")
    language = models.CharField(max_length=12)
    markdown = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "language"], name="case_text_once")]

    def __str__(self) -> str:
        return f"{self.case_id} {self.language}"


class CaseCountry(models.Model):
    """A country and the part it plays in the case."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="countries")
    country = models.CharField(max_length=2)
    role = models.CharField(max_length=12, choices=[(r.value, r.value) for r in CountryRole])

    class Meta:
        verbose_name_plural = "case countries"
        constraints = [models.UniqueConstraint(fields=["case", "country", "role"], name="case_country_once")]

    def __str__(self) -> str:
        return f"{self.country} ({self.role})"


class CaseAddressee(models.Model):
    """An office that letters of this case go to (`to`) or are copied to (`cc`), in order."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="addressees")
    office = models.ForeignKey(Office, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=4, choices=[("to", "to"), ("cc", "cc")])
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["case", "office"], name="case_addressee_once")]

    def __str__(self) -> str:
        return f"{self.role} {self.office_id}"


class Person(models.Model):
    """A member of the case. What each audience may be told is decided by the consent recorded here, nowhere else."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="persons")
    key = models.SlugField(max_length=40)  # stable within the case: `person-1`
    confidential_name = EncryptedTextField()
    name_index = BlindIndexField(source="confidential_name", purpose="name")
    confidential_spellings = EncryptedTextField()  # other scripts and transcriptions of that name, one a line
    public_name = models.CharField(max_length=120, blank=True)
    pseudonym = models.CharField(max_length=120, blank=True)
    descriptions = models.JSONField(default=dict)  # {language: "a man from North Hamgyong"}
    pronoun = models.CharField(max_length=12, blank=True)
    is_minor = models.BooleanField(default=False)
    status = models.CharField(max_length=24, choices=STATUSES, blank=True)
    # Which form each audience sees: `name`, `pseudonym` or `description`.
    shown_to_government = models.CharField(max_length=12, default="description")
    shown_to_public = models.CharField(max_length=12, default="description")
    shown_to_supporters = models.CharField(max_length=12, default="description")
    consent_at = models.DateTimeField(null=True, blank=True)
    consent_note = EncryptedTextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "key"], name="person_key_once")]

    def __str__(self) -> str:
        return f"{self.case_id} {self.key}"


class Source(models.Model):
    """Where news of a case comes from."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="sources")
    label = models.CharField(max_length=120)  # safe to show to staff
    note = EncryptedTextField()

    def __str__(self) -> str:
        return self.label


class StatusUpdate(models.Model):
    """What happened, where, as of when, reported when, by which source, how sure. Never changed afterwards."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="updates")
    status = models.CharField(max_length=24, choices=STATUSES)
    previous_status = models.CharField(max_length=24, choices=STATUSES, blank=True)
    confidence = models.CharField(max_length=12, choices=CONFIDENCES)
    place = models.CharField(max_length=120, blank=True)
    as_of = models.DateField()
    reported_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    recorded_by = models.CharField(max_length=80)
    source = models.ForeignKey(Source, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    note = EncryptedTextField()
    persons = models.ManyToManyField(Person, blank=True, related_name="+")
    is_family_informed = models.BooleanField(default=False)
    supersedes = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    case_version = models.PositiveIntegerField()  # the case's version once this update stood
    decision = models.JSONField(default=dict)  # what the triggers decided, with reasons

    class Meta:
        indexes = [models.Index(fields=["case", "recorded_at"], name="update_case_time")]

    def __str__(self) -> str:
        return f"{self.status} as of {self.as_of}"
