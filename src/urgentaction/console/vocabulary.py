"""What every stored code is called on the console: one phrase for each value, in one place, translatable.

`{{ alert.state|word:"alert-state" }}` in a template (filter in `templatetags/words.py`), `called("alert-state", …)` in
Python. A test holds each family against its enum, so that a new value can't reach a page without a name. Case statuses,
confidence and countries' roles have names of their own in `cases.vocabulary`, since letters use them too; deeds of the
audit log are in `console.deeds`. Words only; decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from babel import Locale
from babel.core import UnknownLocaleError
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from urgentaction.accounts.models import Role as StaffRole
from urgentaction.alerts.models import AlertKind, AlertState
from urgentaction.cases.queries import Shown
from urgentaction.cases.vocabulary import LANGUAGES
from urgentaction.channels.contract import Channel, ReceiptKind, RetryClass
from urgentaction.deliveries.models import HumanTaskKind, Role
from urgentaction.deliveries.rules import State
from urgentaction.directory.kinds import AddressedAs, CheckMethod, CheckResult, Health, OfficeKind
from urgentaction.incidents.rules import Severity
from urgentaction.letters.lint import Severity as FindingSeverity
from urgentaction.letters.models import TemplateState
from urgentaction.supporters.models import TableState
from urgentaction.supporters.rules import SuppressionReason
from urgentaction.triggers.decision import (
    Action,
    Approval,
    LetterKind,
    NoticeKind,
    OfficialsAudience,
    Order,
    Start,
    SupportersAudience,
)

from .deeds import DEEDS

Words = Mapping[str, Promise]

STATES: Words = {
    State.QUEUED: _("waiting"),
    State.LEASED: _("taken up"),
    State.SENDING: _("being sent"),
    State.ACCEPTED: _("accepted"),
    State.DELIVERED: _("delivered"),
    State.FAILED: _("failed"),
    State.UNKNOWN: _("unknown"),
    State.WITHDRAWN: _("withdrawn"),
    State.EXPIRED: _("too late"),
    State.SUPPRESSED: _("suppressed"),
}
MEANINGS: Words = {
    State.QUEUED: _("It waits for its turn. Nothing of it has left since the last try."),
    State.LEASED: _("A worker has taken it up and will hand it to a gateway within seconds, or give it back."),
    State.SENDING: _("It is on the wire right now: it may already be arriving."),
    State.ACCEPTED: _("A gateway took it. Whether it arrived is not reported yet; of mail it never is."),
    State.DELIVERED: _("It arrived. Nothing that comes later takes that back."),
    State.FAILED: _("It did not arrive, and this delivery is not tried any more."),
    State.UNKNOWN: _("Nobody can say whether it arrived. It is not sent again until somebody knows."),
    State.WITHDRAWN: _("It was stopped before it left."),
    State.EXPIRED: _("The deadline passed before it could be sent."),
    State.SUPPRESSED: _("The recipient asked for no messages, or the address may not be used."),
}
#: Columns of a progress table (`console.reading.COLUMNS`).
COLUMNS: Words = {
    "waiting": _("waiting"),
    "accepted": _("accepted"),
    "delivered": _("delivered"),
    "unknown": _("unknown"),
    "failed": _("failed"),
    "stopped": _("stopped"),
}
ROLES: Words = {Role.TO: _("official"), Role.CC: _("copy to"), Role.SUPPORTER: _("supporters")}
#: An official's part in an alert.
PARTS: Words = {Role.TO: _("addressed"), Role.CC: _("copied in")}
CHANNELS: Words = {Channel.EMAIL: _("email"), Channel.FAX: _("fax"), Channel.SMS: _("SMS")}
#: What came of a try. A fault is the gateway's own, not the recipient's, and counted by itself.
OUTCOMES: Words = {
    "accepted": _("taken by the gateway"),
    "refused": _("refused"),
    "unknown": _("no answer: unknown"),
    "fault": _("the gateway's own fault"),
}
RETRY_CLASSES: Words = {
    RetryClass.SOON: _("a passing fault: tried again in seconds to minutes"),
    RetryClass.BUSY: _("the line is engaged: tried again after 3, 6, 12 … minutes"),
    RetryClass.LATER: _("nobody answers: tried again in a quarter of an hour to hours"),
    RetryClass.THROTTLE: _("the gateway asked us to slow down; the recipient is not to blame"),
    RetryClass.FIX_FIRST: _("our set-up or document must be put right first; no try is used up"),
    RetryClass.NEVER: _("this address will not work"),
    RetryClass.OPT_OUT: _("the person said stop"),
}
RECEIPT_KINDS: Words = {
    ReceiptKind.PROGRESS: _("on its way"),
    ReceiptKind.DELIVERED: _("delivered"),
    ReceiptKind.FAILED: _("failed"),
    ReceiptKind.OPTED_OUT: _("said stop"),
    ReceiptKind.OPTED_IN: _("said start"),
    ReceiptKind.INBOUND: _("a message for us"),
}
TASK_KINDS: Words = {
    HumanTaskKind.REACH_OFFICIAL: _("Reach an official"),
    HumanTaskKind.SETTLE_UNKNOWN: _("Find out whether it arrived"),
    HumanTaskKind.FIX_CONFIGURATION: _("Put our set-up right"),
    HumanTaskKind.READ_REPLY: _("Read a message"),
    HumanTaskKind.DECIDE: _("Decide on an alert"),
    HumanTaskKind.REPLACE_CONTACT: _("Replace a number or address"),
}
ALERT_STATES: Words = {
    AlertState.DRAFT: _("draft"),
    AlertState.AWAITING_APPROVAL: _("awaiting approval"),
    AlertState.HELD: _("held"),
    AlertState.RUNNING: _("running"),
    AlertState.FINISHED: _("finished"),
    AlertState.REJECTED: _("rejected"),
    AlertState.WITHDRAWN: _("withdrawn"),
    AlertState.EXPIRED: _("expired"),
}
ALERT_KINDS: Words = {
    AlertKind.FIRST_APPEAL: _("first appeal"),
    AlertKind.FURTHER_INFORMATION: _("further information"),
    AlertKind.WHEREABOUTS_REQUEST: _("request for the whereabouts"),
    AlertKind.STOP_ACTION: _("stop action"),
    AlertKind.SUCCESSOR: _("successor letter"),
    AlertKind.MANUAL: _("composed by hand"),
}
LETTERS: Words = {
    LetterKind.FIRST_APPEAL: _("first appeal"),
    LetterKind.FURTHER_INFORMATION: _("further information"),
    LetterKind.WHEREABOUTS_REQUEST: _("request for the whereabouts"),
    LetterKind.STOP_ACTION: _("stop action: a letter of thanks"),
    LetterKind.SUCCESSOR: _("successor letter"),
}
NOTICES: Words = {
    NoticeKind.APPEAL: _("appeal"),
    NoticeKind.UPDATE: _("further information"),
    NoticeKind.GOOD_NEWS: _("good news"),
    NoticeKind.CLOSING: _("closing notice"),
}
ACTIONS: Words = {
    Action.APPEAL: _("appeal to everybody"),
    Action.FOLLOW_UP: _("follow-up to those reached before"),
    Action.DRAFT_ONLY: _("draft only"),
    Action.RECORD_ONLY: _("written down, nothing is sent"),
}
APPROVALS: Words = {
    Approval.NONE_WITH_STANDING: _("none where a standing approval is in force, else one person"),
    Approval.ONE: _("one person"),
    Approval.TWO: _("two different people"),
}
OFFICIALS: Words = {
    OfficialsAudience.ALL: _("all officials of the case"),
    OfficialsAudience.REACHED_BEFORE: _("officials reached before"),
    OfficialsAudience.NEW_TARGET: _("who holds the person now; somebody chooses"),
    OfficialsAudience.NONE: _("nobody"),
}
SUPPORTERS: Words = {
    SupportersAudience.ALL_OPTED_IN: _("everybody who opted in"),
    SupportersAudience.REACHED_BEFORE: _("only those reached before"),
}
#: Whether an alert starts without anybody, as a replayed decision has it.
STARTS: Words = {"by_itself": _("starts by itself"), "by_hand": _("waits")}
#: How a part of an alert is carried out.
MANNERS: Words = {
    Order.PARALLEL: _("by all at once"),
    Order.CASCADE: _("by one after the other"),
    Start.WITH_ALERT: _("with the alert"),
    Start.BY_HAND: _("started by a person"),
    Start.FAMILY_INFORMED: _("started by a person once the family knows"),
}
SHOWN: Words = {
    Shown.NAME: _("by name"),
    Shown.PSEUDONYM: _("by pseudonym"),
    Shown.DESCRIPTION: _("by description"),
}
STAFF_ROLES: Words = {
    StaffRole.VIEWER: _("viewer"),
    StaffRole.EDITOR: _("editor"),
    StaffRole.APPROVER: _("approver"),
    StaffRole.ADMINISTRATOR: _("administrator"),
    StaffRole.INTEGRATION: _("a program"),
}
OFFICES: Words = {
    OfficeKind.HEAD_OF_STATE: _("head of state"),
    OfficeKind.MONARCH: _("monarch"),
    OfficeKind.HEAD_OF_GOVERNMENT: _("head of government"),
    OfficeKind.MINISTER: _("minister"),
    OfficeKind.JUDGE: _("judge"),
    OfficeKind.AMBASSADOR: _("ambassador"),
    OfficeKind.PRISON_DIRECTOR: _("prison director"),
    OfficeKind.PARTY_SECRETARY: _("party secretary"),
    OfficeKind.HUMAN_RIGHTS_COMMISSIONER: _("human rights commissioner"),
}
ADDRESSED_AS: Words = {
    "": _("the form that fits everybody"),
    AddressedAs.WOMAN: _("a woman"),
    AddressedAs.MAN: _("a man"),
}
HEALTH: Words = {
    Health.WORKING: _("working"),
    Health.UNVERIFIED: _("not verified"),
    Health.FAILING: _("doubtful"),
    Health.DEAD: _("dead"),
}
CHECK_METHODS: Words = {
    CheckMethod.PHONE_CALL: _("phone call (a contact)"),
    CheckMethod.TEST_MESSAGE: _("test message (a contact)"),
    CheckMethod.LETTERHEAD: _("letterhead"),
    CheckMethod.WEBSITE: _("official web site"),
    CheckMethod.PUBLICATION: _("gazette or printed directory"),
    CheckMethod.PARTNER: _("another organisation"),
    CheckMethod.BOUNCE: _("something came back"),
}
CHECK_RESULTS: Words = {
    CheckResult.RIGHT: _("it is right"),
    CheckResult.WRONG: _("it is wrong"),
    CheckResult.UNCLEAR: _("unclear"),
}
SEVERITIES: Words = {Severity.CRITICAL: _("critical"), Severity.WARNING: _("warning")}
FINDINGS: Words = {FindingSeverity.ERROR: _("error"), FindingSeverity.WARNING: _("warning")}
TEMPLATE_STATES: Words = {
    TemplateState.DRAFT: _("draft"),
    TemplateState.IN_REVIEW: _("in review"),
    TemplateState.LIVE: _("in force"),
    TemplateState.REJECTED: _("rejected"),
    TemplateState.RETIRED: _("retired"),
}
SUPPRESSION_REASONS: Words = {
    SuppressionReason.SOFT_BOUNCE: _("refused again and again"),
    SuppressionReason.HARD_BOUNCE: _("the address does not exist"),
    SuppressionReason.MANUAL: _("staff decided"),
    SuppressionReason.UNSUBSCRIBED: _("unsubscribed"),
    SuppressionReason.STOP: _("answered STOP"),
    SuppressionReason.COMPLAINT: _("complained"),
    SuppressionReason.ERASED: _("asked to be forgotten"),
}
TABLE_STATES: Words = {
    TableState.HANDED_IN: _("being checked"),
    TableState.REFUSED: _("refused"),
    TableState.CHECKED: _("waits for your yes"),
    TableState.AGREED: _("being taken in"),
    TableState.TAKEN: _("taken in"),
    TableState.DROPPED: _("dropped"),
}

#: Every family by the name that templates use.
FAMILIES: Mapping[str, Words] = {
    "state": STATES,
    "meaning": MEANINGS,
    "column": COLUMNS,
    "role": ROLES,
    "part": PARTS,
    "channel": CHANNELS,
    "outcome": OUTCOMES,
    "retry": RETRY_CLASSES,
    "receipt": RECEIPT_KINDS,
    "task": TASK_KINDS,
    "alert-state": ALERT_STATES,
    "alert-kind": ALERT_KINDS,
    "letter": LETTERS,
    "notice": NOTICES,
    "text-kind": {**NOTICES, **LETTERS},
    "action": ACTIONS,
    "approval": APPROVALS,
    "officials": OFFICIALS,
    "supporters": SUPPORTERS,
    "start": STARTS,
    "manner": MANNERS,
    "shown": SHOWN,
    "staff-role": STAFF_ROLES,
    "office": OFFICES,
    "addressed-as": ADDRESSED_AS,
    "health": HEALTH,
    "check-method": CHECK_METHODS,
    "check-result": CHECK_RESULTS,
    "severity": SEVERITIES,
    "finding": FINDINGS,
    "template-state": TEMPLATE_STATES,
    "suppression": SUPPRESSION_REASONS,
    "table-state": TABLE_STATES,
    "deed": DEEDS,
}


def called(family: str, value: str) -> str:
    """What a stored value is called, in the reader's language; the value itself where it is none of the family's."""
    return str(FAMILIES[family].get(value, value))


def reader_language() -> str:
    """The reader's language, as far as the vocabulary of cases has it; else English."""
    base = (get_language() or "en").partition("-")[0]
    return base if base in LANGUAGES else "en"


def in_reader_language(texts: Mapping[str, str]) -> str:
    """A text of `{language: text}` in the reader's language, else in English, else in any."""
    return texts.get(reader_language()) or texts.get("en") or next(iter(texts.values()), "")


def language_name(tag: str) -> str:
    """A language in the reader's own: `zh-Hans` → “Simplified Chinese”; its tag where there is no name."""
    return _language_name(tag, get_language() or "en")


def country_name(code: str) -> str:
    """A country in the reader's language; its code where there is no name."""
    return str(_locale_of(get_language() or "en").territories.get(code, code))


# What follows is the same for ever, and Babel takes 0.1 ms for each name. Bounded, since tags come from addresses too.


@lru_cache(maxsize=1000)
def _language_name(tag: str, reader: str) -> str:
    try:
        return Locale.parse(tag, sep="-").get_display_name(_locale_of(reader)) or tag
    except (UnknownLocaleError, ValueError):
        return tag


@lru_cache(maxsize=100)
def _locale_of(language: str) -> Locale:
    return Locale.parse(language, sep="-")
