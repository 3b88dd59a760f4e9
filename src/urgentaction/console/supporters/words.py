"""Stored words about supporters as people read them."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

#: Deeds of the audit log that a person's page tells of.
DEEDS: Mapping[str, Promise] = {
    "supporter.confirm": _("confirmed by the link in our mail"),
    "supporter.unsubscribe": _("unsubscribed at their wish, by staff"),
    "supporter.open": _("page opened"),
    "supporter.export": _("everything about them exported"),
    "supporter.erase": _("erased"),
}
