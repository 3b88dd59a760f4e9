"""The reads of the accounts' pages. Writes nothing, decides nothing."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db.models import QuerySet

from urgentaction.accounts.factors import with_factor
from urgentaction.accounts.models import AuditEntry, Invitation, User
from urgentaction.core.errors import NotFound

#: Invitations and sessions on a page; there are few.
MOST = 100
RECENT = 20


@dataclass(frozen=True, slots=True)
class Session:
    """One browser in which somebody is logged in."""

    id: int
    began: datetime
    address: str
    browser: str
    is_current: bool


def staff() -> QuerySet[User]:
    """Everybody, each with whether they have a second factor."""
    return with_factor(User.objects.all())


def person(user_id: uuid.UUID) -> User:
    """One of them. Raises NotFound."""
    found = staff().filter(id=user_id).first()
    if found is None:
        raise NotFound.of("user", f"there is no member of staff {user_id}")
    return found


def open_invitations() -> QuerySet[Invitation]:
    """What was sent and not used yet, the latest first; those whose time is over stand among them."""
    rows = Invitation.objects.filter(accepted_at=None, withdrawn_at=None).select_related("user")
    return rows.order_by("-created_at")[:MOST]


def factors_of(user: User) -> list[Any]:
    """Authenticator rows, the oldest first; recovery codes among them."""
    return list(Authenticator.objects.filter(user=user).order_by("id"))


def history_of(user: User) -> QuerySet[AuditEntry]:
    """The latest entries of the audit log about somebody's account."""
    return AuditEntry.objects.filter(subject=f"user:{user.id}").order_by("-id")[:RECENT]


def sessions_of(user: User, *, current: str | None = None) -> list[Session]:
    """Where somebody is logged in, the latest first. Rows whose session is over are cleared away on the way."""
    rows: Iterable[Any] = UserSession.objects.purge_and_list(user)
    found = [
        Session(row.pk, row.created_at, row.ip, browser(row.user_agent), row.session_key == current) for row in rows
    ]
    return sorted(found, key=lambda one: (one.is_current, one.began), reverse=True)


def browser(user_agent: str) -> str:
    """What a User-Agent says, as people would: "Firefox on Linux"; the text itself where it says nothing we know."""
    names = {"Edg/": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
    systems = {
        "Android": "Android",
        "iPhone": "iPhone",
        "iPad": "iPad",
        "Windows": "Windows",
        "Mac OS": "Mac",
        "Linux": "Linux",
    }
    name = next((shown for mark, shown in names.items() if mark in user_agent), "")
    system = next((shown for mark, shown in systems.items() if mark in user_agent), "")
    if name and system:
        return f"{name} ({system})"
    return name or system or user_agent[:60] or "?"
