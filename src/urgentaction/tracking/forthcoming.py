"""What an alert sends, as its approver sees it, and whether it is still that. Reads only.

Whom a follow-up reached before is known to deliveries, what would be written to letters; here the two meet.
"""

from __future__ import annotations

import uuid

from urgentaction.alerts.agreed import Agreed
from urgentaction.alerts.drafting import with_holders
from urgentaction.alerts.models import Alert, AlertTarget
from urgentaction.alerts.plan import AlertPlan
from urgentaction.core.errors import Conflict
from urgentaction.core.phrases import say
from urgentaction.deliveries.queries import OFFICIALS, followed_by
from urgentaction.letters import ahead
from urgentaction.letters.ahead import Contents
from urgentaction.letters.content import Audience
from urgentaction.letters.service import LaidOut
from urgentaction.triggers.decision import OfficialsAudience

from .audience import offices_reached


def contents_of(alert: Alert) -> Contents:
    """Every letter and notice: as frozen, or as it would be frozen now."""
    return ahead.contents_of(alert, targets_of(alert))


def targets_of(alert: Alert) -> list[AlertTarget]:
    """The officials who would be written to now: those in office; a follow-up leaves out those whom nothing reached."""
    targets = alert.targets.select_related("official__office")
    if AlertPlan.from_json(alert.plan).officials_audience is OfficialsAudience.REACHED_BEFORE:
        targets = targets.filter(official__office__in=offices_reached(followed_by(alert, roles=OFFICIALS)))
    return with_holders(targets)


def pdf_of(alert: Alert, key: uuid.UUID, *, as_fax: bool) -> bytes:
    """A letter's PDF, or the pages as faxed. Raises NotFound, TemplateError."""
    return ahead.pdf_of(alert, targets_of(alert), key, as_fax=as_fax)


def letter_for(alert: Alert, key: uuid.UUID, audience: Audience) -> LaidOut:
    """A letter as this audience would read it. Raises NotFound, TemplateError."""
    return ahead.letter_for(alert, targets_of(alert), key, audience)


def agree(alert: Alert, *, seen: str) -> Agreed:
    """What a yes to this alert is a yes to.

    A follow-up's officials are all among it, because only when it starts is it certain whom nothing reached.

    Args:
        alert: locked, so that its plan stays what it is; addressed to those in office (`readdress_to_holders`).
        seen: `Contents.digest` of what the person was shown; empty: they take what stands now.

    Raises:
        Conflict: it is not what they saw, or can't be made at all.
    """
    if seen:
        refuse_if_changed(alert, seen=seen)
    return ahead.contents_of(alert, list(alert.targets.select_related("official__office"))).agreed


def refuse_if_changed(alert: Alert, *, seen: str) -> None:
    """Raises Conflict where an alert is not what somebody saw, or can't be made at all.

    Args:
        alert: locked, so that its plan stays what it is.
        seen: `Contents.digest` of what they were shown.
    """
    now = contents_of(alert)
    if now.faults:
        raise Conflict.of("letters", say("it can't be made: %(faults)s", faults=now.faults[0]))
    if now.digest != seen:
        raise Conflict.of(
            "seen",
            say(
                "what alert %(number)s would send has changed since you looked at it; read it again, then decide",
                number=alert.number,
            ),
        )
