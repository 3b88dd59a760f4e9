"""Stored words about supporters as people read them."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from urgentaction.supporters.models import TableState
from urgentaction.supporters.rules import SuppressionReason

REASONS: Mapping[str, Promise] = {
    SuppressionReason.SOFT_BOUNCE.value: _("refused again and again"),
    SuppressionReason.HARD_BOUNCE.value: _("the address does not exist"),
    SuppressionReason.MANUAL.value: _("staff decided"),
    SuppressionReason.UNSUBSCRIBED.value: _("unsubscribed"),
    SuppressionReason.STOP.value: _("answered STOP"),
    SuppressionReason.COMPLAINT.value: _("complained"),
    SuppressionReason.ERASED.value: _("asked to be forgotten"),
}
CHANNEL_WORDS: Mapping[str, Promise] = {"email": _("email"), "sms": _("text message"), "fax": _("fax")}
TABLE_WORDS: Mapping[str, Promise] = {
    TableState.HANDED_IN.value: _("being checked"),
    TableState.REFUSED.value: _("refused"),
    TableState.CHECKED.value: _("waits for your yes"),
    TableState.AGREED.value: _("being taken in"),
    TableState.TAKEN.value: _("taken in"),
    TableState.DROPPED.value: _("dropped"),
}
#: Deeds of the audit log that a person's page tells of.
DEEDS: Mapping[str, Promise] = {
    "supporter.confirm": _("confirmed by the link in our mail"),
    "supporter.unsubscribe": _("unsubscribed at their wish, by staff"),
    "supporter.open": _("page opened"),
    "supporter.export": _("everything about them exported"),
    "supporter.erase": _("erased"),
}
