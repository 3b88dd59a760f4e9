"""One's own account: what there is, language and time zone, and the sessions."""

from __future__ import annotations

from typing import cast

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.http import require_POST, require_safe

from urgentaction.accounts import people
from urgentaction.accounts.models import Role, User
from urgentaction.accounts.service import record_audit
from urgentaction.console.permissions import acting, may, sensitive
from urgentaction.console.responses import page

from . import reading
from .forms import PreferencesForm


@require_safe
@may(Role.VIEWER, before_factor=True)
def account(request: HttpRequest) -> HttpResponse:
    """Who I am here, and where I am logged in."""
    user = _user(request)
    form = PreferencesForm(initial={"language": user.language, "time_zone": user.time_zone})
    return _shown(request, form)


@require_POST
@may(Role.VIEWER, before_factor=True)
def preferences(request: HttpRequest) -> HttpResponse:
    """Language and time zone."""
    form = PreferencesForm(request.POST)
    if not form.is_valid():
        return _shown(request, form, status=422)
    chosen = form.cleaned_data
    people.choose_language_and_zone(_user(request), language=chosen["language"], time_zone=chosen["time_zone"])
    with override(chosen["language"]):
        messages.success(request, _("Saved. Every page follows it from now on."))
    return redirect("console:account")


@require_POST
@may(Role.VIEWER, before_factor=True)
def end_session(request: HttpRequest, session_id: int) -> HttpResponse:
    """End one of my sessions."""
    row = UserSession.objects.filter(pk=session_id, user=_user(request)).first()
    if row is None:
        raise Http404
    row.end()
    record_audit(acting(request), "user.end-session", acting(request))
    messages.success(request, _("That session is ended."))
    return redirect("console:account")


@require_POST
@may(Role.VIEWER, before_factor=True)
@sensitive
def end_others(request: HttpRequest) -> HttpResponse:
    """Log me out everywhere but here."""
    user = _user(request)
    people.end_own_sessions(user)
    update_session_auth_hash(request, user)
    UserSession.objects.create_from_request(request)
    messages.success(request, _("You are logged out everywhere else."))
    return redirect("console:account")


def _shown(request: HttpRequest, form: PreferencesForm, *, status: int = 200) -> HttpResponse:
    user = _user(request)
    context = {
        "form": form,
        "factors": reading.factors_of(user),
        "sessions": reading.sessions_of(user, current=request.session.session_key),
        "here": "account",
    }
    return page(request, "console/people/account.html", context, status=status)


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)
