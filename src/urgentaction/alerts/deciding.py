"""Who may say yes to an alert, what stands against it, and how many more are needed. Reads only.

The console shows what the service will answer, because both ask here.
"""

from __future__ import annotations

from enum import StrEnum

from django.db.models import Exists, F, OuterRef, Q

from urgentaction.core.errors import Conflict, NotAllowed
from urgentaction.core.phrases import Code, say
from urgentaction.triggers.decision import OfficialsAudience, Start

from .models import Alert, AlertKind, AlertState, AlertTarget
from .plan import AlertPlan
from .queries import has_enough_approvals

UNDECIDED = (AlertState.DRAFT, AlertState.AWAITING_APPROVAL)


class Hindrance(StrEnum):
    """Why somebody can't approve an alert now."""

    NOT_WAITING = "not_waiting"
    NOT_SUBMITTED = "not_submitted"
    STALE = "stale"
    OWN_DRAFT = "own_draft"
    NOT_ADDRESSED = "not_addressed"
    FAMILY = "family"


def hindrance(alert: Alert, *, by: str) -> Hindrance | None:
    """What stands against this person's yes, role apart; None where nothing does.

    Args:
        alert: with its case and update.
        by: as the audit log names people.
    """
    if alert.state not in UNDECIDED:
        return Hindrance.NOT_WAITING
    if is_being_composed(alert):
        return Hindrance.NOT_SUBMITTED
    if alert.fence != alert.case.version:
        return Hindrance.STALE
    if by == alert.drafted_by and alert.approvals_needed <= 1:
        return Hindrance.OWN_DRAFT
    if is_unaddressed(alert):
        return Hindrance.NOT_ADDRESSED
    return Hindrance.FAMILY if waits_for_family(alert) else None


def unhindered(*, by: str) -> Q:
    """The alerts against which `hindrance` finds nothing for this person, as a condition for the database."""
    composed = Q(state=AlertState.DRAFT, kind=AlertKind.MANUAL)
    own = Q(drafted_by=by, approvals_needed__lte=1)
    # Said the positive way round: denied, a plan without supporters would be neither one nor the other to SQL.
    of_itself = Q(plan__supporters=None) | ~Q(plan__supporters__start=Start.FAMILY_INFORMED.value)
    family_knows = of_itself | Q(update__is_family_informed=True)
    unaddressed = Q(
        ~Exists(AlertTarget.objects.filter(alert=OuterRef("pk"))),
        plan__officials_audience=OfficialsAudience.NEW_TARGET.value,
    )
    return Q(family_knows, state__in=UNDECIDED, fence=F("case__version")) & ~composed & ~own & ~unaddressed


def refuse_if_hindered(alert: Alert, *, by: str) -> None:
    """Raises Conflict or NotAllowed, with what to do, where `hindrance` finds something."""
    match hindrance(alert, by=by):
        case Hindrance.NOT_WAITING:
            raise Conflict.of(
                "state",
                say(
                    "alert %(number)s is %(state)s; only one that waits can be approved",
                    number=alert.number,
                    state=Code.of("alert-state", alert.state),
                ),
            )
        case Hindrance.NOT_SUBMITTED:
            raise Conflict.of(
                "state",
                say("alert %(number)s is still being composed; send it for approval first", number=alert.number),
            )
        case Hindrance.STALE:
            raise Conflict.of(
                "case",
                say("%(reference)s has a newer status; this alert would be stale", reference=alert.case.reference),
            )
        case Hindrance.OWN_DRAFT:
            raise NotAllowed(
                say(
                    "Whoever drafted alert %(number)s can't approve it; another person has to approve it.",
                    number=alert.number,
                )
            )
        case Hindrance.NOT_ADDRESSED:
            raise Conflict.of(
                "targets",
                say("alert %(number)s is addressed to nobody yet; name the officials first", number=alert.number),
            )
        case Hindrance.FAMILY:
            raise Conflict.of(
                "family", say("record first that the family was informed; then supporters may hear of it")
            )


def is_unaddressed(alert: Alert) -> bool:
    """A person names whom it goes to, and nobody has yet: approved so, it would be over without a letter."""
    is_for_a_person = AlertPlan.from_json(alert.plan).officials_audience is OfficialsAudience.NEW_TARGET
    return is_for_a_person and not alert.targets.exists()


def is_being_composed(alert: Alert) -> bool:
    """A person composes it and has not sent it for approval yet. What a rule drafted waits from the beginning."""
    return alert.state == AlertState.DRAFT and alert.kind == AlertKind.MANUAL


def has_approved(alert: Alert, *, by: str) -> bool:
    """Whether this person's yes stands."""
    return alert.approvals.filter(by=by, is_yes=True, revoked_at=None).exists()


def still_needed(alert: Alert) -> int:
    """How many more yeses it takes, one of them at least by somebody who did not draft it; 0: none."""
    given = alert.approvals.filter(is_yes=True, revoked_at=None).count()
    return max(alert.approvals_needed - given, 0 if has_enough_approvals(alert) else 1)


def waits_for_family(alert: Alert) -> bool:
    """Whether it may start only once the family knows, and no update says yet that they do."""
    plan = AlertPlan.from_json(alert.plan)
    if plan.start is not Start.FAMILY_INFORMED or plan.supporters is None:
        return False
    return alert.update is None or not alert.update.is_family_informed
