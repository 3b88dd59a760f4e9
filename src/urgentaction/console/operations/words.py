"""Words for what rules, tokens and findings are made of, as staff read them."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from urgentaction.accounts.models import Scope

SCOPES: Mapping[Scope, Promise] = {
    Scope.CASES_READ: _("read cases and their updates"),
    Scope.UPDATES_WRITE: _("report what happened (may start alerts where a standing approval is in force)"),
    Scope.ALERTS_READ: _("read alerts and how far they are"),
    Scope.ALERTS_WRITE: _("draft alerts and withdraw them"),
}

LEVELS: Mapping[int, Promise] = {
    1: _("1, hours count"),
    2: _("2, within a day"),
    3: _("3, within a week"),
    4: _("4, news"),
    5: _("5, grave"),
}

OUTCOME: Mapping[str, Promise] = {
    "rule": _("Rule"),
    "action": _("Action"),
    "level": _("Level"),
    "letter": _("Letter"),
    "officials": _("Officials"),
    "notice": _("Notice"),
    "supporters": _("Supporters"),
    "approval": _("Approval"),
    "start": _("Starts"),
    "hold_minutes": _("Hold, minutes"),
    "deadline_hours": _("Deadline, hours"),
    "withdraws": _("Withdraws what is unsent"),
}

TOTALS: Mapping[str, Promise] = {
    "alerts": _("Alerts and drafts"),
    "by_itself": _("start by themselves"),
    "one": _("wait for one person"),
    "two": _("wait for two people"),
    "nothing": _("Nothing to send"),
}
