"""The tasks that alerts leave for people, in words: a draft waits, an office is vacant, a letter failed."""

from __future__ import annotations

from collections.abc import Mapping

from urgentaction.alerts.agreed import LETTER, NOTICE, Change
from urgentaction.alerts.models import Alert, AlertState
from urgentaction.alerts.plan import AlertPlan
from urgentaction.cases.models import Case, StatusUpdate
from urgentaction.cases.vocabulary import label
from urgentaction.core.errors import DecryptionError, TemplateError
from urgentaction.directory.models import Official
from urgentaction.triggers.decision import OfficialsAudience, TriggerDecision

from .models import HumanTaskKind
from .people import open_task


def alert_waits(alert: Alert, decision: TriggerDecision) -> None:
    """A draft that waits for a person is a task for one."""
    if alert.state == AlertState.HELD:
        return
    open_task(
        HumanTaskKind.DECIDE,
        key=f"decide:{alert.id}",
        title=f"Alert {alert.number} waits for a decision ({label(decision.status)}, {label(decision.confidence)})",
        advice=f"Read it: `urgentaction alert show {alert.number}`. Then `alert approve` or `alert reject`.",
        alert=alert,
    )


def offices_are_vacant(alert: Alert) -> None:
    """An addressed office that nobody is recorded as holding must not hold up the others."""
    if AlertPlan.from_json(alert.plan).officials_audience in (OfficialsAudience.NONE, OfficialsAudience.NEW_TARGET):
        return
    reached = alert.targets.values("official__office_id")
    for addressee in alert.case.addressees.exclude(office_id__in=reached).select_related("office"):
        open_task(
            HumanTaskKind.REACH_OFFICIAL,
            key=f"vacant:{alert.id}:{addressee.office.slug}",
            title=f"Nobody is recorded as holding the office “{addressee.office}” (alert {alert.number})",
            advice="No letter goes there. Add the official to the directory, import it, and send a manual alert.",
            alert=alert,
        )


def others_lost_their_appeal(case: Case, update: StatusUpdate, decision: TriggerDecision) -> None:
    """A split group: whoever lost a running appeal by news about others needs one of their own."""
    if decision.remainder:
        open_task(
            HumanTaskKind.DECIDE,
            key=f"remainder:{update.id}",
            title=f"{case.reference}: {len(decision.remainder)} persons lost their running appeal",
            advice=(
                f"The update concerned others of the group. For {', '.join(decision.remainder)} report their own "
                f"status (`urgentaction case update {case.reference} --person …`) or send a manual alert."
            ),
        )


def manual_alert_waits(alert: Alert) -> None:
    """A composed alert waits for somebody else's yes."""
    open_task(
        HumanTaskKind.DECIDE,
        key=f"decide:{alert.id}",
        title=f"Alert {alert.number} (manual) waits for approval",
        advice=f"Another person than its author runs `urgentaction alert approve {alert.number}`.",
        alert=alert,
        may_reopen=True,  # changed after it was sent for approval, it comes back
    )


def approval_is_void(alert: Alert, found: Mapping[str, Change], *, new_holders: Mapping[str, Official]) -> None:
    """An alert is not what was approved, because something changed during its hold: somebody has to read it again."""
    told = "; ".join(_told(key, change, new_holders.get(key)) for key, change in sorted(found.items())[:_MOST_TOLD])
    more = f"; and {len(found) - _MOST_TOLD} more" if len(found) > _MOST_TOLD else ""
    open_task(
        HumanTaskKind.DECIDE,
        key=f"decide:{alert.id}",
        title=f"Alert {alert.number} was not sent: it has changed since it was approved",
        advice=f"Read and approve it again: `urgentaction alert show {alert.number}`. {told}{more}."[:400],
        alert=alert,
        may_reopen=True,
    )


#: Of the letters and notices that differ, so many are named.
_MOST_TOLD = 3
_CHANGED = {
    Change.ADDED: "is new",
    Change.MISSING: "is not written any more",
    Change.HOLDER: "is to somebody who holds the office no more",
    Change.LANGUAGE: "is in another language now",
    Change.TEMPLATE: "has another template now",
    Change.TEXT: "has another text now (the case's text, a consent, the directory)",
}


def _told(key: str, change: Change, holder: Official | None) -> str:
    if not key.startswith(LETTER):
        channel, _, language = key.removeprefix(NOTICE).partition("-")
        return f"The notice by {channel} ({language}) {_CHANGED[change]}"
    before = Official.objects.select_related("office").filter(id=key.removeprefix(LETTER)).first()
    to = str(before.office) if before is not None else "an official"
    if holder is not None:
        return f"The letter to “{to}” is now to {holder}"
    return f"The letter to “{to}” {_CHANGED[change]}"


def letter_failed(alert: Alert, error: TemplateError) -> None:
    """An alert was stopped because a template can't be rendered: it says what to mend."""
    open_task(
        HumanTaskKind.FIX_CONFIGURATION,
        key=f"template:{alert.id}",
        title=f"Alert {alert.number} was stopped: a letter can't be made",
        advice=f"{error} Then report the update again or send a manual alert.",
        alert=alert,
    )


def consent_is_missing(alert: Alert, error: TemplateError) -> None:
    """A frozen text names somebody who has taken a consent back: it is sent no more, and says so once."""
    open_task(
        HumanTaskKind.DECIDE,
        key=f"consent:{alert.id}",
        title=f"Alert {alert.number} names somebody who does not agree to that any more; its unsent part is withdrawn",
        advice=f"{str(error)[:250]} Correct the case's texts, import them, and send a manual alert.",
        alert=alert,
        may_reopen=True,
    )


def published_letter_names_somebody(alert: Alert, slug: str, error: TemplateError) -> None:
    """A published letter names somebody whom the public may not know by name: it is shown no more, and says so once."""
    open_task(
        HumanTaskKind.DECIDE,
        key=f"published-name:{slug}",
        title=f"The published letter {slug} is not shown any more: it names somebody whom the public may not know",
        advice=f"{str(error)[:200]} Then publish it anew, and `urgentaction letter unpublish` this one.",
        alert=alert,
        may_reopen=True,
    )


def names_are_unreadable(alert: Alert, error: DecryptionError) -> None:
    """Nobody can say whom a text may name while the names can't be read: nothing of it goes out until they can."""
    open_task(
        HumanTaskKind.FIX_CONFIGURATION,
        key=f"names:{alert.case_id}",
        title=f"The names of case {alert.case.reference} can't be read, so consent can't be checked",
        advice=f"{str(error)[:250]} Its messages wait, and are tried again by themselves.",
        alert=alert,
        may_reopen=True,
    )
