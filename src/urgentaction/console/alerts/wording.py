"""What alerts, their kinds and states are called on screen. Words only; every one of them translatable."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from urgentaction.alerts.deciding import Hindrance
from urgentaction.alerts.plan import Audience
from urgentaction.channels.contract import Channel
from urgentaction.triggers.decision import Level

LEVELS: Mapping[int, Promise] = {
    Level.HOURS: _("1 – hours count: faxes go day and night"),
    Level.DAY: _("2 – within a day"),
    Level.WEEK: _("3 – within a week"),
    Level.NEWS: _("4 – news"),
    Level.GRAVE: _("5 – grave: two people approve"),
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
HINDRANCES: Mapping[str, Promise] = {
    Hindrance.NOT_WAITING: _("It does not wait for a decision any more."),
    Hindrance.NOT_SUBMITTED: _("It is still being composed. Its author sends it for approval first."),
    Hindrance.STALE: _("Its case has a newer status, so it would be stale. Reject it and compose another one."),
    Hindrance.OWN_DRAFT: _("You drafted it, so another person has to approve it."),
    Hindrance.NOT_ADDRESSED: _("Nobody is addressed yet: name the officials whom this letter goes to."),
    Hindrance.FAMILY: _("Record first that the family was informed; then supporters may hear of it."),
}
