"""The tasks that alerts leave for people, in words: a draft waits, an office is vacant, a letter failed."""

from __future__ import annotations

from collections.abc import Mapping

from urgentaction.alerts.agreed import LETTER, NOTICE, Change
from urgentaction.alerts.models import Alert, AlertState
from urgentaction.alerts.plan import AlertPlan
from urgentaction.cases.models import Case, StatusUpdate
from urgentaction.cases.vocabulary import label
from urgentaction.core.errors import DecryptionError, TemplateError
from urgentaction.core.phrases import Phrase
from urgentaction.directory.models import Official
from urgentaction.triggers.decision import OfficialsAudience, TriggerDecision

from .models import HumanTaskKind
from .people import open_task

WAITS = Phrase(
    "Alert %(number)s waits for a decision (%(status)s, %(confidence)s)", status="status", confidence="confidence"
)
DECIDE = Phrase.typed("Read it: `urgentaction alert show %(number)s`. Then `alert approve` or `alert reject`.")
VACANT = Phrase("Nobody is recorded as holding the office “%(office)s” (alert %(number)s)")
FILL = Phrase.typed("No letter goes there. Add the official to the directory, import it, and send a manual alert.")
REMAINDER = Phrase("%(case)s: %(count)s persons lost their running appeal")
REPORT_THEM = Phrase.typed(
    "The update concerned others of the group. For %(persons)s report their own "
    "status (`urgentaction case update %(case)s --person …`) or send a manual alert."
)
MANUAL_WAITS = Phrase("Alert %(number)s (manual) waits for approval")
APPROVE = Phrase.typed("Another person than its author runs `urgentaction alert approve %(number)s`.")
CHANGED = Phrase("Alert %(number)s was not sent: it has changed since it was approved")
READ_AGAIN = Phrase.typed("Read and approve it again: `urgentaction alert show %(number)s`. %(changes)s.")
SHUT_OUT = Phrase("Alert %(number)s waits again: who approved it has been locked out")
NO_STANDING = Phrase("Alert %(number)s waits for a decision: its standing approval was taken back")
DECIDE_ANEW = Phrase.typed("Another person reads and approves it: `urgentaction alert show %(number)s`.")
LETTER_FAILED = Phrase("Alert %(number)s was stopped: a letter can't be made")
MEND = Phrase("%(fault)s Then report the update again or send a manual alert.")
CONSENT_GONE = Phrase(
    "Alert %(number)s names somebody who does not agree to that any more; its unsent part is withdrawn"
)
CORRECT = Phrase.typed("%(fault)s Correct the case's texts, import them, and send a manual alert.")
NAMES_SOMEBODY = Phrase(
    "The published letter %(slug)s is not shown any more: it names somebody whom the public may not know"
)
PUBLISH_ANEW = Phrase.typed("%(fault)s Then publish it anew, and `urgentaction letter unpublish` this one.")
NAMES_UNREADABLE = Phrase("The names of case %(case)s can't be read, so consent can't be checked")
THEY_WAIT = Phrase("%(fault)s Its messages wait, and are tried again by themselves.")


def alert_waits(alert: Alert, decision: TriggerDecision) -> None:
    """A draft that waits for a person is a task for one."""
    if alert.state == AlertState.HELD:
        return
    open_task(
        HumanTaskKind.DECIDE,
        key=f"decide:{alert.id}",
        title=WAITS(number=alert.number, status=label(decision.status), confidence=label(decision.confidence)),
        advice=DECIDE(number=alert.number),
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
            title=VACANT(office=addressee.office, number=alert.number),
            advice=FILL(),
            alert=alert,
        )


def others_lost_their_appeal(case: Case, update: StatusUpdate, decision: TriggerDecision) -> None:
    """A split group: whoever lost a running appeal by news about others needs one of their own."""
    if decision.remainder:
        open_task(
            HumanTaskKind.DECIDE,
            key=f"remainder:{update.id}",
            title=REMAINDER(case=case.reference, count=len(decision.remainder)),
            advice=REPORT_THEM(persons=", ".join(decision.remainder), case=case.reference),
        )


def _ask_again(alert: Alert, *, title: str, advice: str) -> None:
    """Somebody has to say yes or no; also where somebody did before, because what they decided on is another by now."""
    open_task(HumanTaskKind.DECIDE, key=f"decide:{alert.id}", title=title, advice=advice, alert=alert, may_reopen=True)


def manual_alert_waits(alert: Alert) -> None:
    """A composed alert waits for somebody else's yes. Changed after it was sent for approval, it comes back."""
    _ask_again(alert, title=MANUAL_WAITS(number=alert.number), advice=APPROVE(number=alert.number))


def approval_is_void(alert: Alert, found: Mapping[str, Change], *, new_holders: Mapping[str, Official]) -> None:
    """An alert is not what was approved, because something changed during its hold: somebody has to read it again."""
    told = "; ".join(_told(key, change, new_holders.get(key)) for key, change in sorted(found.items())[:_MOST_TOLD])
    more = f"; and {len(found) - _MOST_TOLD} more" if len(found) > _MOST_TOLD else ""
    _ask_again(
        alert, title=CHANGED(number=alert.number), advice=READ_AGAIN(number=alert.number, changes=f"{told}{more}"[:300])
    )


def approver_is_shut_out(alert: Alert) -> None:
    """An alert was held by the yes of somebody who may decide nothing any more."""
    _ask_again(alert, title=SHUT_OUT(number=alert.number), advice=DECIDE_ANEW(number=alert.number))


def standing_approval_is_gone(alert: Alert) -> None:
    """An alert was held by a yes in advance that was taken back before it started."""
    _ask_again(alert, title=NO_STANDING(number=alert.number), advice=DECIDE(number=alert.number))


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
        title=LETTER_FAILED(number=alert.number),
        advice=MEND(fault=str(error)[:300]),
        alert=alert,
    )


def consent_is_missing(alert: Alert, error: TemplateError) -> None:
    """A frozen text names somebody who has taken a consent back: it is sent no more, and says so once."""
    open_task(
        HumanTaskKind.DECIDE,
        key=f"consent:{alert.id}",
        title=CONSENT_GONE(number=alert.number),
        advice=CORRECT(fault=str(error)[:250]),
        alert=alert,
        may_reopen=True,
    )


def published_letter_names_somebody(alert: Alert, slug: str, error: TemplateError) -> None:
    """A published letter names somebody whom the public may not know by name: it is shown no more, and says so once.

    It is called by its alert's number: the name may stand in its address.
    """
    open_task(
        HumanTaskKind.DECIDE,
        key=f"published-name:{slug}",
        title=NAMES_SOMEBODY(slug=alert.number),
        advice=PUBLISH_ANEW(fault=str(error)[:200]),
        alert=alert,
        may_reopen=True,
    )


def names_are_unreadable(alert: Alert, error: DecryptionError) -> None:
    """Nobody can say whom a text may name while the names can't be read: nothing of it goes out until they can."""
    open_task(
        HumanTaskKind.FIX_CONFIGURATION,
        key=f"names:{alert.case_id}",
        title=NAMES_UNREADABLE(case=alert.case.reference),
        advice=THEY_WAIT(fault=str(error)[:250]),
        alert=alert,
        may_reopen=True,
    )
