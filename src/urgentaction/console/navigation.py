"""The main menu: which pages stand in it, in which order, and for whom."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from urgentaction.accounts.models import Role


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. `here` is what a page of its family puts into its context to have the entry marked."""

    here: str
    route: str
    label: Promise
    least: Role = Role.VIEWER


MENU = (
    Entry("now", "console:now", _("Now")),
    Entry("cases", "console:cases", _("Cases")),
    Entry("alerts", "console:alerts", _("Alerts")),
    Entry("tasks", "console:tasks", _("Tasks")),
    Entry("directory", "console:directory", _("Directory")),
    Entry("library", "console:templates", _("Templates")),
    Entry("supporters", "console:supporters", _("Supporters"), Role.EDITOR),
    Entry("people", "console:people", _("People"), Role.ADMINISTRATOR),
    Entry("operations", "console:operations", _("Settings")),
)
