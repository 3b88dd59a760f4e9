"""The words for what an update leads to: approvals, starts, reasons. Values in, translated text out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from urgentaction.cases.vocabulary import Status, label
from urgentaction.console.vocabulary import reader_language
from urgentaction.triggers.decision import Action, Approval, Reason, ReasonCode, Start, TriggerDecision

_REASONS: Mapping[ReasonCode, Promise] = {
    ReasonCode.FIRST_STATUS: gettext_lazy("It is the case’s first status."),
    ReasonCode.STATUS_UNCHANGED: gettext_lazy("The status was the same before."),
    ReasonCode.INTAKE: gettext_lazy("A case only reported or verified calls for no letter yet."),
    ReasonCode.INTAKE_TOO_LATE: gettext_lazy("The case has moved on, so this does not change its status."),
    ReasonCode.STALE: gettext_lazy("The case is known as of a later day."),
    ReasonCode.RUMOUR: gettext_lazy("It is a rumour."),
    ReasonCode.CASE_CLOSED: gettext_lazy("The case is closed: somebody has to look first."),
    ReasonCode.NOBODY_REACHED: gettext_lazy(
        "No earlier alert reached anybody, so this is the first anybody hears of it."
    ),
    ReasonCode.MORE_URGENT: gettext_lazy("It is more urgent than before, so everybody hears."),
    ReasonCode.NEW_DANGER: gettext_lazy("The danger is a different one and hours count, so everybody hears."),
    ReasonCode.CUT_SHORT: gettext_lazy("An alert is still going out and its call still stands, so everybody hears."),
    ReasonCode.FOLLOWS_UP: gettext_lazy(
        "It follows up on an earlier alert, and goes to exactly those whom that reached."
    ),
    ReasonCode.GOES_ON: gettext_lazy("Others in the case are still at risk, so the letter does not end the action."),
    ReasonCode.NOTHING_TO_FOLLOW: gettext_lazy("No earlier alert reached anybody, so there is nobody to tell."),
    ReasonCode.GRAVE: gettext_lazy("It is grave: nothing goes out by itself."),
    ReasonCode.AFTER_GRAVE: gettext_lazy("The status before was grave, so no standing approval counts."),
}


def reasons(decision: TriggerDecision) -> list[str]:
    """Why the rules decided as they did."""
    return [words for reason in decision.reasons if (words := _reason(reason))]


def _reason(reason: Reason) -> str:
    if reason.code is ReasonCode.STATUS_CHANGED:
        before = ", ".join(label(Status(one), reader_language()) for one in reason.values["from"].split(","))
        return _("The status before was: %(before)s.") % {"before": before}
    return str(_REASONS.get(reason.code, ""))


def approval(decision: TriggerDecision) -> str:
    """Who has to agree."""
    if decision.approval is None:
        return _("Nothing goes out, so nobody has to agree.")
    if decision.approval is Approval.NONE_WITH_STANDING:
        by = _value(decision.reasons, ReasonCode.STANDING_APPROVAL, "by")
        return _("Nobody now: a standing approval covers it (%(by)s).") % {"by": by}
    if decision.approval is Approval.TWO:
        return _("Two different people; you can’t be the only one.")
    return _("One person, and not you.")


def start(decision: TriggerDecision) -> str:
    """What sets it going, and when."""
    if not decision.makes_alert:
        return _("Nothing is sent.")
    if decision.action is Action.DRAFT_ONLY:
        return _("Only a draft: it goes out if somebody starts it.")
    parts = [_("By itself") if decision.sends_automatically else _("After approval")]
    if decision.hold_minutes:
        held = ngettext("held %(n)s minute", "held %(n)s minutes", decision.hold_minutes)
        parts.append(held % {"n": decision.hold_minutes} + " " + _("in which anyone can stop it"))
    else:
        parts.append(_("at once"))
    plans = (decision.official_plan, decision.supporter_plan)
    if any(plan is not None and plan.start is not Start.WITH_ALERT for plan in plans):
        parts.append(_("part of it only drafted, for a person to start"))
    return ", ".join(parts) + "."


def _value(given: Iterable[Reason], code: ReasonCode, name: str) -> str:
    return next((reason.values.get(name, "") for reason in given if reason.code is code), "")
