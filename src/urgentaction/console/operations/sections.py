"""What stands under Settings: the sections of its first page, and the way back to it."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from urgentaction.accounts.models import Role, User
from urgentaction.console.permissions import is_at_least


@dataclass(frozen=True, slots=True)
class Section:
    """One section; `least` is the role of its first page, which asks for itself."""

    route: str
    title: Promise
    text: Promise
    least: Role = Role.VIEWER


SECTIONS = (
    Section(
        "console:gateways", _("Gateways"), _("The ways out: whether each works, what it did lately, pause and try.")
    ),
    Section("console:rules", _("Rules"), _("What an update leads to, in words.")),
    Section(
        "console:rules-try",
        _("Try other rules"),
        _("What other rules would have done with the updates of the past."),
        Role.EDITOR,
    ),
    Section(
        "console:standing-approvals",
        _("Standing approvals"),
        _("Which alerts start by themselves, and who answers for it."),
    ),
    Section("console:on-call", _("On call"), _("Who is called when something stands still."), Role.EDITOR),
    Section(
        "console:self-check", _("Self-check"), _("What is wrong with the set-up, and how to put it right."), Role.EDITOR
    ),
    Section("console:organisation", _("Organisation"), _("Who writes: letterhead, signatory; mode and versions.")),
    Section("console:audit", _("Audit log"), _("Who did what, and proof that nobody changed it."), Role.APPROVER),
    Section("console:tokens", _("API tokens"), _("Which programs may report and ask."), Role.ADMINISTRATOR),
)


def sections_for(user: User | AnonymousUser) -> list[Section]:
    """Those that the user may open."""
    return [section for section in SECTIONS if is_at_least(user, section.least)]
