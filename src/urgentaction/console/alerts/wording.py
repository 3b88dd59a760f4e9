"""What alerts, their kinds and states are called on screen. Words only; every one of them translatable."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from urgentaction.alerts.deciding import Hindrance
from urgentaction.alerts.models import AlertKind, AlertState
from urgentaction.alerts.plan import Audience
from urgentaction.channels.contract import Channel
from urgentaction.triggers.decision import LetterKind, Level, NoticeKind

STATES: Mapping[str, Promise] = {
    AlertState.DRAFT: _("draft"),
    AlertState.AWAITING_APPROVAL: _("awaiting approval"),
    AlertState.HELD: _("held"),
    AlertState.RUNNING: _("running"),
    AlertState.FINISHED: _("finished"),
    AlertState.REJECTED: _("rejected"),
    AlertState.WITHDRAWN: _("withdrawn"),
    AlertState.EXPIRED: _("expired"),
}
KINDS: Mapping[str, Promise] = {
    AlertKind.FIRST_APPEAL: _("first appeal"),
    AlertKind.FURTHER_INFORMATION: _("further information"),
    AlertKind.WHEREABOUTS_REQUEST: _("request for the whereabouts"),
    AlertKind.STOP_ACTION: _("stop action"),
    AlertKind.SUCCESSOR: _("successor letter"),
    AlertKind.MANUAL: _("composed by hand"),
}
LEVELS: Mapping[int, Promise] = {
    Level.HOURS: _("1 – hours count: faxes go day and night"),
    Level.DAY: _("2 – within a day"),
    Level.WEEK: _("3 – within a week"),
    Level.NEWS: _("4 – news"),
    Level.GRAVE: _("5 – grave: two people approve"),
}
LETTERS: Mapping[str, Promise] = {
    LetterKind.FIRST_APPEAL: _("first appeal"),
    LetterKind.FURTHER_INFORMATION: _("further information"),
    LetterKind.WHEREABOUTS_REQUEST: _("request for the whereabouts"),
    LetterKind.STOP_ACTION: _("stop action: a letter of thanks"),
    LetterKind.SUCCESSOR: _("successor letter"),
}
NOTICES: Mapping[str, Promise] = {
    NoticeKind.APPEAL: _("appeal"),
    NoticeKind.UPDATE: _("further information"),
    NoticeKind.GOOD_NEWS: _("good news"),
    NoticeKind.CLOSING: _("closing notice"),
}
AUDIENCES: Mapping[str, Promise] = {
    Audience.BOTH: _("officials and supporters"),
    Audience.OFFICIALS: _("officials only"),
    Audience.SUPPORTERS: _("supporters only"),
}
CHANNELS: Mapping[str, Promise] = {
    Channel.FAX: _("fax (officials)"),
    Channel.EMAIL: _("email (officials and supporters)"),
    Channel.SMS: _("SMS (supporters)"),
}
ROLES: Mapping[str, Promise] = {"to": _("addressed"), "cc": _("copied in")}
HINDRANCES: Mapping[str, Promise] = {
    Hindrance.NOT_WAITING: _("It does not wait for a decision any more."),
    Hindrance.NOT_SUBMITTED: _("It is still being composed. Its author sends it for approval first."),
    Hindrance.STALE: _("Its case has a newer status, so it would be stale. Reject it and compose another one."),
    Hindrance.OWN_DRAFT: _("You drafted it, so another person has to approve it."),
    Hindrance.FAMILY: _("Record first that the family was informed; then supporters may hear of it."),
}
