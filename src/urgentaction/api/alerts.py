"""Operations on alerts: read them and what became of each delivery, compose one, stop one.

Approving is not among them on purpose: a yes is a person's, given in the console or on the command line.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Annotated

from django.http import HttpRequest, HttpResponse
from ninja import Field, Header, Query, Router

from urgentaction import pipeline
from urgentaction.accounts.models import Scope
from urgentaction.alerts.models import Alert, AlertState
from urgentaction.alerts.plan import Audience, compose_plan
from urgentaction.alerts.queries import alert_called
from urgentaction.cases.queries import case_called
from urgentaction.channels.contract import Channel
from urgentaction.core.errors import NotFound
from urgentaction.deliveries.models import Role
from urgentaction.deliveries.rules import State
from urgentaction.tracking.queries import deliveries_of
from urgentaction.triggers.decision import LetterKind, NoticeKind

from . import answers, presenting
from .auth import Bearer, caller, name_of
from .idempotency import Answer, once
from .parsing import AlertNumber, Day, PageSize, Reason, Reference, Strict, refuse_strange_query

router = Router(tags=["alerts"])

LONGEST_DEADLINE_HOURS = 90 * 24


class AlertIn(Strict):
    """An alert that a person composed."""

    case: Reference
    audience: Audience
    channels: list[Channel] = Field(min_length=1, max_length=len(Channel))
    level: Annotated[int, Field(strict=True, ge=1, le=5)]
    deadline_hours: Annotated[int, Field(strict=True, ge=1, le=LONGEST_DEADLINE_HOURS)] | None = None
    letter_kind: LetterKind | None = None
    notice_kind: NoticeKind | None = None
    letters_dated_on: Day | None = None


class WithdrawIn(Strict):
    """Why an alert is stopped."""

    reason: Reason


class AlertQuery(Strict):
    """Which alerts."""

    number: AlertNumber | None = Field(None, description="exactly this one; a number has a slash, so it is no path")
    case: Reference | None = None
    state: AlertState | None = None
    after: uuid.UUID | None = Field(None, description="the `next` of the page before")
    limit: PageSize = 50


class DeliveryQuery(Strict):
    """Which deliveries."""

    role: Role | None = None
    state: State | None = None
    after: Annotated[int, Field(ge=0, le=2**63 - 1)] = Field(0, description="the `next` of the page before")
    limit: PageSize = 100


@router.get(
    "", auth=Bearer(Scope.ALERTS_READ), response={200: answers.AlertPage, **answers.PROBLEMS}, operation_id="listAlerts"
)
def list_alerts(request: HttpRequest, query: Query[AlertQuery]) -> answers.AlertPage:
    """Alerts, latest first; `?number=UA-2015-0117/2` finds one by its number. Needs `alerts:read`."""
    refuse_strange_query(request, AlertQuery)
    rows = presenting.alerts_listed()
    if query.number is not None:
        rows = rows.filter(number=query.number.upper())
    if query.case is not None:
        rows = rows.filter(case=case_called(query.case))
    if query.state is not None:
        rows = rows.filter(state=query.state)
    if query.after is not None:
        rows = rows.filter(id__lt=query.after)
    found, following = presenting.page_of(rows, limit=query.limit)
    return answers.AlertPage(items=presenting.alerts_whole(found), next=str(following) if following else None)


@router.post(
    "",
    auth=Bearer(Scope.ALERTS_WRITE),
    response={201: answers.AlertOut, **answers.PROBLEMS},
    operation_id="composeAlert",
)
def compose_alert(
    request: HttpRequest,
    wanted: AlertIn,
    idempotency_key: Annotated[
        str | None, Header(alias="Idempotency-Key", pattern=r"^[\x21-\x7e]+$", min_length=1, max_length=200)
    ] = None,  # read by `idempotency`; named here for the OpenAPI document
) -> HttpResponse:
    """Draft an alert outside the rules. It waits for a person's approval, always. Needs `alerts:write`."""
    del idempotency_key
    plan = compose_plan(
        wanted.audience,
        channels=wanted.channels,
        level=wanted.level,
        letter_kind=wanted.letter_kind,
        notice_kind=wanted.notice_kind,
    )
    token = caller(request)

    def deed() -> Answer:
        alert = pipeline.send_manual_alert(
            wanted.case,
            plan,
            level=wanted.level,
            deadline=timedelta(hours=wanted.deadline_hours) if wanted.deadline_hours else None,
            by=name_of(token),
            dated_on=wanted.letters_dated_on,
        )
        return Answer(201, _whole(alert.id).model_dump(mode="json"))

    return once(request, token, deed).response()


@router.get(
    "/{uuid:alert_id}",
    auth=Bearer(Scope.ALERTS_READ),
    response={200: answers.AlertOut, **answers.PROBLEMS},
    operation_id="getAlert",
)
def get_alert(request: HttpRequest, alert_id: uuid.UUID) -> answers.AlertOut:  # noqa: ARG001
    """One alert with its progress. Needs `alerts:read`."""
    return _whole(alert_id)


@router.post(
    "/{uuid:alert_id}/withdraw",
    auth=Bearer(Scope.ALERTS_WRITE),
    response={200: answers.AlertOut, **answers.PROBLEMS},
    operation_id="withdrawAlert",
)
def withdraw_alert(request: HttpRequest, alert_id: uuid.UUID, why: WithdrawIn) -> answers.AlertOut:
    """Stop an alert: from this moment nothing more of it is sent. 409 if it is over. Needs `alerts:write`."""
    alert = alert_called(str(alert_id))
    pipeline.withdraw(alert.id, reason=why.reason, by=name_of(caller(request)))
    return _whole(alert.id)


@router.get(
    "/{uuid:alert_id}/deliveries",
    auth=Bearer(Scope.ALERTS_READ),
    response={200: answers.DeliveryPage, **answers.PROBLEMS},
    operation_id="listDeliveries",
)
def list_deliveries(request: HttpRequest, alert_id: uuid.UUID, query: Query[DeliveryQuery]) -> answers.DeliveryPage:
    """What became of every delivery of an alert, with each attempt. No addresses. Needs `alerts:read`."""
    refuse_strange_query(request, DeliveryQuery)
    page = deliveries_of(
        alert_called(str(alert_id)), after_id=query.after, limit=query.limit, role=query.role, state=query.state
    )
    return answers.DeliveryPage(items=[presenting.delivery(view) for view in page.items], next=page.next)


def _whole(alert_id: uuid.UUID) -> answers.AlertOut:
    found: list[Alert] = list(presenting.alerts_listed().filter(id=alert_id))
    if not found:
        raise NotFound.of("alert", f"there is no alert {alert_id}; GET /api/v1/alerts lists them")
    return presenting.alerts_whole(found)[0]
