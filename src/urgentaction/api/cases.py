"""Operations on cases: read them, and report what happened."""

from __future__ import annotations

import uuid
from typing import Annotated

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja import Field, Header, Path, Query, Router

from urgentaction import pipeline
from urgentaction.accounts.models import Scope
from urgentaction.cases.models import Case
from urgentaction.cases.queries import case_called
from urgentaction.cases.service import UpdateText
from urgentaction.core import clock
from urgentaction.core.errors import InvalidInput
from urgentaction.tracking.audience import audience_counts

from . import answers, presenting
from .auth import Bearer, caller, name_of
from .idempotency import Answer, once
from .parsing import (
    ConfidenceWord,
    Day,
    Line,
    Moment,
    PageSize,
    Paragraphs,
    PersonKey,
    Reference,
    StatusWord,
    Strict,
    YesOrNo,
    refuse_strange_query,
)

router = Router(tags=["cases"])

CaseReference = Annotated[Reference, Path()]


class UpdateIn(Strict):
    """What happened, where, as of when, how sure."""

    status: StatusWord
    confidence: ConfidenceWord
    place: Line = ""
    as_of: Day = Field(description="the day it was so")
    reported_at: Moment | None = Field(None, description="when you were told; now, if left out")
    persons: list[PersonKey] = Field([], max_length=200, description="whom it is about; empty: everybody in the case")
    source: Line = Field("", description="a label that is safe to show to staff")
    note: Paragraphs = Field("", description="for staff; stored encrypted, never answered")
    family_informed: Annotated[bool, Field(strict=True)] = False
    letters_dated_on: Day | None = Field(None, description="printed on the letters; the day of freezing, if left out")

    def told(self) -> UpdateText:
        """As the pipeline takes it."""
        return UpdateText(
            status=self.status,
            confidence=self.confidence,
            as_of=self.as_of,
            reported_at=self.reported_at or clock.now(),
            place=self.place,
            person_keys=tuple(self.persons),
            source_label=self.source,
            note=self.note,
            is_family_informed=self.family_informed,
        )


class UpdateQuery(Strict):
    """How to report."""

    dry_run: YesOrNo = Field(False, description="explain what would happen; write nothing")


class PageQuery(Strict):
    """Which part of a list."""

    after: uuid.UUID | None = Field(None, description="the `next` of the page before")
    limit: PageSize = 100


@router.get(
    "", auth=Bearer(Scope.CASES_READ), response={200: answers.CasePage, **answers.PROBLEMS}, operation_id="listCases"
)
def list_cases(request: HttpRequest, page: Query[PageQuery]) -> answers.CasePage:
    """Cases, latest first. Needs `cases:read`."""
    refuse_strange_query(request, PageQuery)
    rows = Case.objects.order_by("-id")
    if page.after is not None:
        rows = rows.filter(id__lt=page.after)
    found, following = presenting.page_of(rows, limit=page.limit)
    return answers.CasePage(items=[presenting.case_brief(case) for case in found], next=_text(following))


@router.get(
    "/{reference}",
    auth=Bearer(Scope.CASES_READ),
    response={200: answers.CaseOut, **answers.PROBLEMS},
    operation_id="getCase",
)
def get_case(request: HttpRequest, reference: CaseReference) -> answers.CaseOut:  # noqa: ARG001
    """One case; its persons as the public may see them. Needs `cases:read`."""
    return presenting.case_whole(case_called(reference))


@router.get(
    "/{reference}/updates",
    auth=Bearer(Scope.CASES_READ),
    response={200: answers.UpdatePage, **answers.PROBLEMS},
    operation_id="listUpdates",
)
def list_updates(request: HttpRequest, reference: CaseReference, page: Query[PageQuery]) -> answers.UpdatePage:
    """A case's updates, latest first, without their notes. Needs `cases:read`."""
    refuse_strange_query(request, PageQuery)
    rows = presenting.updates_of(case_called(reference))
    if page.after is not None:
        rows = rows.filter(id__lt=page.after)
    found, following = presenting.page_of(rows, limit=page.limit)
    return answers.UpdatePage(items=[presenting.status_update(row) for row in found], next=_text(following))


@router.post(
    "/{reference}/updates",
    auth=Bearer(Scope.UPDATES_WRITE),
    response={200: answers.DryRunOut, 201: answers.UpdateOut, **answers.PROBLEMS},
    operation_id="reportUpdate",
)
def report_update(
    request: HttpRequest,
    reference: CaseReference,
    query: Query[UpdateQuery],
    told: UpdateIn,
    idempotency_key: Annotated[
        str | None, Header(alias="Idempotency-Key", pattern=r"^[\x21-\x7e]+$", min_length=1, max_length=200)
    ] = None,  # read by `idempotency`; named here for the OpenAPI document
) -> HttpResponse | answers.DryRunOut:
    """Report what happened. Whoever must hear of it is decided and drafted in the same transaction.

    Send an `Idempotency-Key`: the same key with the same request makes one update, however often it arrives. With
    `dry_run=true` nothing is written and 200 explains what would happen. Needs `updates:write`.
    """
    del idempotency_key
    refuse_strange_query(request, UpdateQuery)
    text = told.told()
    if query.dry_run:
        return _explained(reference, text)
    token = caller(request)

    def deed() -> Answer:
        done = pipeline.report_update(reference, text, by=name_of(token), dated_on=told.letters_dated_on)
        return Answer(201, presenting.reported(done).model_dump(mode="json"))

    return once(request, token, deed).response()


@transaction.atomic
def _explained(reference: str, text: UpdateText) -> answers.DryRunOut:
    case, decision = pipeline.dry_run(reference, text)
    known = set(case.persons.values_list("key", flat=True))
    if missing := sorted(set(text.person_keys) - known):
        raise InvalidInput.of("persons", f"{', '.join(missing)}: not in {case.reference}")
    counts = audience_counts(case, decision)
    return answers.DryRunOut(case=case.reference, decision=presenting.decision(decision, counts=counts))


def _text(following: uuid.UUID | None) -> str | None:
    return str(following) if following is not None else None
