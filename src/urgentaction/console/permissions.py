"""Who may open what: every view of the console says which role it needs, and nothing else decides it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, cast

from allauth.account.decorators import reauthentication_required
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from urgentaction.accounts.models import Role, User
from urgentaction.console.keeping import can_be_kept, kept

View = Callable[..., HttpResponseBase]

#: From least to most; each includes those before it. `integration` is for tokens and opens no page.
LADDER = (Role.VIEWER, Role.EDITOR, Role.APPROVER, Role.ADMINISTRATOR)
#: Where a second factor is set up.
FACTORS = "mfa_index"


def is_at_least(user: User | AnonymousUser, least: Role) -> bool:
    """Whether the user's role includes `least`."""
    if not isinstance(user, User) or not user.is_active or user.role not in LADDER:
        return False
    return LADDER.index(Role(user.role)) >= LADDER.index(least)


def may(least: Role, *, before_factor: bool = False) -> Callable[[View], View]:
    """A view for users with this role: strangers are sent to log in, others get 403.

    Whoever's role wants a second factor and has none is led to set one up, and to nothing else: `before_factor` marks
    the few views that this takes. A live part that is fetched by a page gets 401 or 403, and its page reloads. What a
    stranger sent is done by nobody, and given back to them (`keeping`).

    The role stands on the view as `needs`, which is how a test finds a view that forgot to ask.
    """

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            user = request.user
            if not isinstance(user, User):
                return _stranger(request)
            if not is_at_least(user, least):
                raise PermissionDenied(f"needs the role {least}")
            if user.lacks_factor and not before_factor:
                if _is_part(request):
                    raise PermissionDenied("needs a second factor")
                return redirect(FACTORS)
            return view(request, *args, **kwargs)

        guarded.needs = least  # type: ignore[attr-defined]
        return guarded

    return decorate


def _is_part(request: HttpRequest) -> bool:
    return "HX-Request" in request.headers


def _stranger(request: HttpRequest) -> HttpResponseBase:
    if _is_part(request):
        return HttpResponse(status=401)
    if can_be_kept(request):
        return kept(request, status=401)
    return redirect_to_login(request.get_full_path())


def sensitive(view: View) -> View:
    """A view that changes something sensitive: within the last five minutes they have shown again that it is them.

    Whoever has not is asked first, and what they posted is done afterwards. Looking (GET) is free. Goes below `may`.
    """
    return cast(View, reauthentication_required(allow_get=True)(view))


def acting(request: HttpRequest) -> str:
    """The person behind a request, as the audit log names them."""
    return f"user:{request.user.pk}"
