"""The page that the link of an invitation leads to. The token in the link is its guard."""

from __future__ import annotations

from typing import cast

from allauth.account.internal.flows.reauthentication import reauthenticate_by_password
from allauth.account.utils import perform_login
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import override
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from urgentaction.accounts.invitations import accept, invitation_for
from urgentaction.accounts.models import Invitation, User
from urgentaction.console.permissions import FACTORS
from urgentaction.console.responses import page, private
from urgentaction.core.errors import InvalidInput, NotAllowed

from .forms import JoinForm, add_problems


@sensitive_post_parameters("password", "again")
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows the form and uses nothing up, because mail filters follow links; POST makes the account."""
    invitation = invitation_for(token)
    if invitation is None:
        return _void(request)
    with override(invitation.language):
        form = JoinForm(request.POST or None, is_for_password=invitation.user is not None)
        if request.method == "POST" and form.is_valid():
            chosen = form.cleaned_data
            try:
                user = accept(token, username=chosen.get("username", ""), password=chosen["password"])
            except NotAllowed:
                return _void(request)
            except InvalidInput as refusal:
                add_problems(form, refusal)
            else:
                return _let_in(request, user)
        return _asked(request, form, invitation)


def _asked(request: HttpRequest, form: JoinForm, invitation: Invitation) -> HttpResponse:
    context = {"form": form, "invitation": invitation}
    return page(request, "console/people/join.html", context, status=422 if form.is_bound else 200)


def _void(request: HttpRequest) -> HttpResponse:
    """Used, taken back, sent anew, too old or never ours: all look the same."""
    return page(request, "console/people/join_void.html", {}, status=410)


def _let_in(request: HttpRequest, user: User) -> HttpResponse:
    """Log them in; who has a second factor is asked for it first, who needs one sets it up without a password again."""
    if request.user.is_authenticated:
        logout(request)
    following = reverse(FACTORS) if user.lacks_factor else None
    response = cast(HttpResponse, perform_login(request, user, redirect_url=following))
    if request.user.is_authenticated:
        reauthenticate_by_password(request)
    return private(response)
