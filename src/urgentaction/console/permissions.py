"""Who may open what: every view of the console says which role it needs, and nothing else decides it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from urgentaction.accounts.models import Role, User

View = Callable[..., HttpResponseBase]

#: From least to most; each includes those before it. `integration` is for tokens and opens no page.
LADDER = (Role.VIEWER, Role.EDITOR, Role.APPROVER, Role.ADMINISTRATOR)


def is_at_least(user: User | AnonymousUser, least: Role) -> bool:
    """Whether the user's role includes `least`."""
    if not isinstance(user, User) or not user.is_active or user.role not in LADDER:
        return False
    return LADDER.index(Role(user.role)) >= LADDER.index(least)


def may(least: Role) -> Callable[[View], View]:
    """A view for users with this role: strangers are sent to log in, others get 403.

    The role stands on the view as `needs`, which is how a test finds a view that forgot to ask.
    """

    def decorate(view: View) -> View:
        @login_required
        @functools.wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not is_at_least(request.user, least):
                raise PermissionDenied(f"needs the role {least}")
            return view(request, *args, **kwargs)

        guarded.needs = least  # type: ignore[attr-defined]
        return guarded

    return decorate


def acting(request: HttpRequest) -> str:
    """The person behind a request, as the audit log names them."""
    return f"user:{request.user.pk}"
