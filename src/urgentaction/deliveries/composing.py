"""What a person composes, step by step, with the tasks that tell others of it. Each step is one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.db import transaction

from urgentaction.alerts import drafting
from urgentaction.alerts.drafting import Composition, Target
from urgentaction.alerts.models import Alert
from urgentaction.alerts.service import locked
from urgentaction.cases.service import lock_case
from urgentaction.core.errors import Conflict
from urgentaction.core.phrases import say

from . import announcing
from .people import close_decision, hold_decision
from .reasons import CHANGED


@transaction.atomic
def compose_draft(reference: str, composed: Composition, *, by: str, draft_id: uuid.UUID | None = None) -> Alert:
    """Write down a draft that only its author is asked about; `submit_draft` sends it for approval.

    Args:
        draft_id: chosen when the form was opened. The draft with this id is returned if it is there already: a button
            pressed twice makes one.

    Raises:
        NotFound, InvalidInput: nothing was written.
        Conflict: the id is another alert's, or of a draft that says something else than this.
    """
    case = lock_case(reference)
    there = Alert.objects.filter(id=draft_id).select_related("case").first() if draft_id else None
    if there is None:
        return drafting.draft_manual(case, composed, by=by, draft_id=draft_id)
    if there.drafted_by != by or there.case_id != case.id:
        raise Conflict.of("alert", say("this form was sent before; open a new one"))
    if not drafting.is_composed_so(there, composed):
        raise Conflict.of(
            "alert",
            say("this form was sent before, as %(number)s; change that draft, or open a new one", number=there.number),
        )
    return there


@transaction.atomic
def change_draft(alert_id: uuid.UUID, composed: Composition, *, by: str) -> Alert:
    """Compose it anew: approvals are taken back, it has to be sent for approval. Raises Conflict, InvalidInput."""
    hold_decision(locked(alert_id))
    alert = drafting.change_draft(alert_id, composed, by=by)
    close_decision(alert, by=by, result=CHANGED)
    return alert


@transaction.atomic
def address_draft(alert_id: uuid.UUID, targets: Sequence[Target], *, by: str) -> Alert:
    """Name the officials that a rule left for a person to choose. Raises Conflict, InvalidInput."""
    return drafting.address_draft(alert_id, targets, by=by)


@transaction.atomic
def submit_draft(alert_id: uuid.UUID, *, by: str) -> Alert:
    """Send a composed draft for approval, and say so to others. Raises Conflict."""
    alert = drafting.submit_draft(alert_id, by=by)
    announcing.manual_alert_waits(alert)
    return alert


@transaction.atomic
def compose_and_submit(reference: str, composed: Composition, *, by: str) -> Alert:
    """Both at once. Raises NotFound, InvalidInput."""
    draft = drafting.draft_manual(lock_case(reference), composed, by=by)
    alert = drafting.submit_draft(draft.id, by=by)
    announcing.manual_alert_waits(alert)
    return alert
