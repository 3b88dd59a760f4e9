"""The words for what an update leads to: cautions, approvals, starts, reasons. Values in, translated text out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from urgentaction.cases.vocabulary import Status, label
from urgentaction.console.templatetags.console_lists import moment
from urgentaction.console.vocabulary import called, language_name
from urgentaction.tracking.forecast_views import Caution, Warned
from urgentaction.triggers.decision import Action, Approval, Reason, ReasonCode, Start, TriggerDecision

from .filters import language

_CAUTIONS: Mapping[Caution, Promise] = {
    Caution.LETTER_FAULTY: gettext_lazy("A text can’t be made, and its alert would stop at once: %(why)s"),
    Caution.STALE: gettext_lazy(
        "It is as of %(as_of)s, but the case is already known as of %(latest)s: it is written down and changes nothing."
    ),
    Caution.RUMOUR: gettext_lazy(
        "A rumour sends nothing, stops nothing and leaves the case as it is. It makes a draft to decide on."
    ),
    Caution.FAMILY: gettext_lazy(
        "The family comes first: nothing goes to supporters and nothing is published before an update says that they "
        "know."
    ),
    Caution.REMAINDER: gettext_lazy(
        "%(persons)s: still at risk, and this stops their running appeal. Report their own status next, or compose an "
        "alert for them."
    ),
    Caution.NEW_TARGET: gettext_lazy("Whom the successor letter goes to is for a person to choose."),
    Caution.NOBODY: gettext_lazy("At this moment nobody would hear of it."),
    Caution.VACANT: gettext_lazy("%(office)s: nobody is recorded as holding this office, so no letter goes there."),
    Caution.NO_CONTACT: gettext_lazy(
        "%(office)s: there is no way to reach it that the rule allows. It becomes a task for a person."
    ),
    Caution.UNVERIFIED: gettext_lazy("%(office)s: nobody has verified its %(channel)s."),
    Caution.FAILING: gettext_lazy("%(office)s: its %(channel)s has failed lately."),
    Caution.IN_ENGLISH: gettext_lazy(
        "%(office)s prefers %(preferred)s, but the letter will be in %(language)s: text, template or salutation is "
        "missing."
    ),
    Caution.CONSENT_CHANGED: gettext_lazy(
        "The consent of %(person)s is newer than the last letter: read how it names them."
    ),
    Caution.NO_CONSENT: gettext_lazy("No consent of %(person)s is on record: they appear by description or pseudonym."),
    Caution.EMBARGO: gettext_lazy("The case is under embargo until %(until)s: open letters stay hidden until then."),
    Caution.NO_GATEWAY: gettext_lazy("No gateway for %(channel)s works at this moment: what needs one waits."),
    Caution.PUBLISHED: gettext_lazy(
        "Published letters of this case: %(letters)s. They tell of a change only once you publish this update."
    ),
}
#: What stands out: it keeps somebody from hearing, or it can't be taken back.
_GRAVE = frozenset(
    {Caution.LETTER_FAULTY, Caution.FAMILY, Caution.REMAINDER, Caution.VACANT, Caution.NO_CONTACT, Caution.NO_GATEWAY}
)
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


@dataclass(frozen=True, slots=True)
class Said:
    """A caution in words."""

    words: str
    is_grave: bool


def said(warned: Warned) -> Said:
    """A caution in the reader's language."""
    values: dict[str, Any] = dict(warned.values)
    if "channel" in values:
        values["channel"] = called("channel", values["channel"])
    for name in ("language", "preferred"):
        if name in values:
            values[name] = language_name(values[name])
    if "until" in values:
        values["until"] = moment(parse_datetime(values["until"]))
    return Said(str(_CAUTIONS[warned.caution]) % values, warned.caution in _GRAVE)


def reasons(decision: TriggerDecision) -> list[str]:
    """Why the rules decided as they did."""
    return [words for reason in decision.reasons if (words := _reason(reason))]


def _reason(reason: Reason) -> str:
    if reason.code is ReasonCode.STATUS_CHANGED:
        before = ", ".join(label(Status(one), language()) for one in reason.values["from"].split(","))
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
