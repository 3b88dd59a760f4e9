"""What the API answers: shapes only, one class for each thing. No name of a supporter, no address, no sealed note."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any, Literal

from ninja import Schema
from pydantic import Field

from urgentaction.alerts.models import AlertKind, AlertState
from urgentaction.cases.vocabulary import Confidence, CountryRole, Status
from urgentaction.channels.contract import Channel, Mode
from urgentaction.deliveries.models import Role
from urgentaction.deliveries.rules import State
from urgentaction.triggers.decision import Action, Approval, ReasonCode


class FieldProblem(Schema):
    """One thing wrong with an input."""

    field: str
    message: str


class ProblemDetails(Schema):
    """RFC 9457. `problems` names the fields at fault; it is empty where no field is."""

    type: str
    title: str
    status: int
    detail: str
    problems: list[FieldProblem]


class Index(Schema):
    """Where one is."""

    service: Literal["urgentaction"] = "urgentaction"
    mode: Mode
    openapi: str
    scopes: list[str]


class AlertBrief(Schema):
    """An alert in a line."""

    id: uuid.UUID
    number: str
    kind: AlertKind
    level: int | None
    state: AlertState


class DecisionOut(Schema):
    """What the trigger rules decided, as words of the vocabulary (`reasons`) and in plain English (`explanation`)."""

    rule: str
    action: Action
    level: int | None
    priority: int
    approval: Approval | None
    sends_automatically: bool
    hold_minutes: int
    deadline_hours: int | None
    supersedes_case: bool
    withdraws: list[str] = Field(description="numbers of the alerts whose unsent deliveries are withdrawn")
    reasons: list[ReasonCode]
    explanation: list[str]


class UpdateOut(Schema):
    """What came of reporting an update."""

    id: uuid.UUID
    case: str
    case_version: int
    status: Status
    confidence: Confidence
    as_of: date
    recorded_at: datetime
    decision: DecisionOut
    alerts: list[AlertBrief]
    withdrawn: list[AlertBrief]


class DryRunOut(Schema):
    """What reporting it would do. Nothing was written."""

    dry_run: Literal[True] = True
    case: str
    decision: DecisionOut


class CaseBrief(Schema):
    """A case in a line."""

    id: uuid.UUID
    reference: str
    title: str
    group_size: int
    status: Status | None
    confidence: Confidence | None
    place: str
    status_as_of: date | None
    version: int


class CountryOut(Schema):
    """A country and its part in the case."""

    country: str
    role: CountryRole


class PersonOut(Schema):
    """A person as the public may see them, by the consent on record."""

    key: str
    shown_as: str
    is_minor: bool
    status: Status | None


class AddresseeOut(Schema):
    """An office that letters of the case go to."""

    office: str
    role: Literal["to", "cc"]
    official: str | None = Field(description="who holds it today; null where nobody is recorded")


class CaseOut(CaseBrief):
    """A case."""

    titles: dict[str, str]
    background_url: str
    embargo_until: datetime | None
    countries: list[CountryOut]
    persons: list[PersonOut]
    addressees: list[AddresseeOut]
    alerts: list[AlertBrief]


class StatusUpdateOut(Schema):
    """One update of a case. The note that may belong to it is for the console only."""

    id: uuid.UUID
    status: Status
    previous_status: Status | None
    confidence: Confidence
    place: str
    as_of: date
    reported_at: datetime
    recorded_at: datetime
    recorded_by: str
    source: str
    persons: list[str]
    is_family_informed: bool
    case_version: int
    rule: str
    action: str
    alerts: list[str]


class ApprovalOut(Schema):
    """One person's yes or no."""

    by: str
    is_yes: bool
    at: datetime
    is_revoked: bool


class ProgressOut(Schema):
    """How many deliveries of a role and channel are in a state."""

    role: Role
    channel: Channel
    state: State
    deliveries: int


class AlertOut(AlertBrief):
    """An alert."""

    case: str
    update: uuid.UUID | None
    rule: str
    priority: int
    languages: list[str]
    drafted_by: str
    approvals_needed: int
    approvals: list[ApprovalOut]
    created_at: datetime
    hold_until: datetime | None
    started_at: datetime | None
    deadline_at: datetime | None
    stopped_at: datetime | None
    stop_reason: str
    finished_at: datetime | None
    predecessors: list[str]
    progress: list[ProgressOut]
    open_tasks: int


class AttemptOut(Schema):
    """One try at a gateway."""

    n: int
    outcome: str
    retry_class: str
    code: str
    text: str
    gateway_ref: str
    started_at: datetime
    ended_at: datetime


class DeliveryOut(Schema):
    """One recipient on one channel. `recipient` is an official's name, or an opaque name for a supporter."""

    id: int
    role: Role
    recipient: str
    channel: Channel
    step: int
    state: State
    reason: str
    due_at: datetime
    accepted_at: datetime | None
    settled_at: datetime | None
    gateway: str
    gateway_ref: str
    attempts: list[AttemptOut]


class CasePage(Schema):
    """Cases, latest first. Pass `next` as `after` to go on; null at the end."""

    items: list[CaseBrief]
    next: str | None


class UpdatePage(Schema):
    """Updates of a case, latest first."""

    items: list[StatusUpdateOut]
    next: str | None


class AlertPage(Schema):
    """Alerts, latest first."""

    items: list[AlertOut]
    next: str | None


class DeliveryPage(Schema):
    """Deliveries of an alert: officials first, each with all their steps, then supporters."""

    items: list[DeliveryOut]
    next: int | None


#: What every operation may answer besides its own, for the OpenAPI document.
PROBLEMS: dict[int, Any] = dict.fromkeys((400, 401, 403, 404, 405, 409, 413, 415, 422, 500, 503), ProblemDetails)
