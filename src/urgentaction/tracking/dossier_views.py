"""What a dossier says: plain values, in the order in which they are printed. Pure.

No supporter is in them, neither by name nor by address: supporters are counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonEntry:
    """A person as the dossier's readers may see them. `confidential` holds every spelling, where they may see it."""

    key: str
    shown: str
    is_minor: bool
    status: str
    consents: tuple[str, str, str]  # what the government, the public and supporters are shown
    confidential: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateEntry:
    """A status update."""

    as_of: date
    status: str
    confidence: str
    place: str
    persons: tuple[str, ...]
    reported_at: datetime
    recorded_at: datetime
    recorded_by: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventEntry:
    """A line of the case's history."""

    at: datetime
    alert: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalEntry:
    """A yes or no. `at` is when; a standing one was given in advance."""

    by: str
    answer: str
    at: datetime
    comment: str = ""
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterEntry:
    """A frozen letter.

    Attributes:
        supersedes, superseded_by: numbers of the alerts with those letters.
        text_number: of the printed text, from 1; 0 where it is withheld.
        files: names of the files attached to the dossier.
        is_intact: what is stored still has the hashes it was frozen with.
    """

    to: str
    office: str
    role: str
    language: str
    kind: str
    subject: str
    frozen_at: datetime
    sha256: str
    text_sha256: str
    fax_sha256: str
    supersedes: str
    superseded_by: tuple[str, ...]
    text_number: int
    files: tuple[str, ...]
    is_intact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptEntry:
    """One try at a gateway. `local` is when it began by the clock of the office."""

    number: int
    started_at: datetime
    ended_at: datetime
    local: str
    gateway: str
    outcome: str
    code: str
    text: str
    gateway_ref: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptEntry:
    """What a gateway reported later."""

    received_at: datetime
    occurred_at: datetime | None
    gateway: str
    kind: str
    code: str
    text: str
    effect: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryEntry:
    """One message to one official over one channel. `address` is as printed, never as dialled."""

    id: int
    to: str
    office: str
    role: str
    channel: str
    address: str
    step: int
    state: str
    reason: str
    accepted_at: datetime | None
    settled_at: datetime | None
    attempts: tuple[AttemptEntry, ...]
    receipts: tuple[ReceiptEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportersEntry:
    """How many supporters' messages of one channel stand in one state."""

    channel: str
    state: str
    messages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertEntry:
    """An alert with everything that came of it."""

    number: str
    kind: str
    level: int | None
    state: str
    stop_reason: str
    rule: str
    drafted_by: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    deadline_at: datetime | None
    approvals: tuple[ApprovalEntry, ...]
    letters: tuple[LetterEntry, ...]
    deliveries: tuple[DeliveryEntry, ...]
    supporters: tuple[SupportersEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEntry:
    """Something left for a person, and what came of it."""

    alert: str
    title: str
    created_at: datetime
    done_at: datetime | None
    done_by: str
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TextEntry:
    """A frozen text, printed once however many letters carry it."""

    number: int
    sha256: str
    subject: str
    language: str
    text: str
    sent_as: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """Everything on record about one case.

    Attributes:
        made_at: the moment printed on the cover; the only thing in it that is not on record.
        withheld: letters that name somebody who does not agree to that any more, left out of this dossier.
    """

    reference: str
    title: str
    status: str
    confidence: str
    as_of: date | None
    place: str
    group_size: int
    countries: tuple[str, ...]
    organisation: str
    mode: str
    made_at: datetime
    made_by: str
    is_confidential: bool
    persons: tuple[PersonEntry, ...]
    updates: tuple[UpdateEntry, ...]
    events: tuple[EventEntry, ...]
    alerts: tuple[AlertEntry, ...]
    tasks: tuple[TaskEntry, ...]
    texts: tuple[TextEntry, ...]
    withheld: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosure:
    """A file that goes into the dossier as it is."""

    name: str
    words: str
    content: bytes
