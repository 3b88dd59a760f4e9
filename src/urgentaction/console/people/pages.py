"""Staff, one of them, and asking somebody in: the administrator's pages."""

from __future__ import annotations

import uuid

import django_filters
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from urgentaction.accounts.invitations import invite
from urgentaction.accounts.models import Role, User
from urgentaction.accounts.people import STAFF_ROLES
from urgentaction.console.listing import listed
from urgentaction.console.permissions import acting, may, sensitive
from urgentaction.console.reading import names_of
from urgentaction.console.responses import found_or_404, page
from urgentaction.core import clock
from urgentaction.core.errors import InvalidInput
from urgentaction.deliveries.invitations import check_address

from . import reading
from .forms import InviteForm, ReasonForm, RoleForm, add_problems


class PeopleFilter(django_filters.FilterSet):
    """By name, role, and whether they may log in."""

    called = django_filters.CharFilter(label=gettext_lazy("Name"), field_name="username", lookup_expr="icontains")
    role = django_filters.ChoiceFilter(
        label=gettext_lazy("Role"),
        choices=[(role.value, role.value) for role in STAFF_ROLES],
        empty_label=gettext_lazy("any"),
    )
    may_log_in = django_filters.TypedChoiceFilter(
        label=gettext_lazy("May log in"),
        field_name="is_active",
        choices=[("", gettext_lazy("any")), ("yes", gettext_lazy("yes")), ("no", gettext_lazy("no"))],
        coerce=lambda chosen: chosen == "yes",
    )

    class Meta:
        model = User
        fields = ("called", "role", "may_log_in")


@require_safe
@may(Role.ADMINISTRATOR)
def people(request: HttpRequest) -> HttpResponse:
    """Who may log in, as what, and who has been asked in."""
    sorts = {"name": ("username",), "role": ("role", "username"), "login": ("last_login", "username")}
    found = listed(request, reading.staff(), filters=PeopleFilter, sorts=sorts, default="name", nulls=("last_login",))
    invitations = list(reading.open_invitations())
    context = {
        "list": found,
        "invitations": invitations,
        "names": names_of(one.invited_by for one in invitations),
        "at": clock.now(),
        "here": "people",
    }
    return page(request, "console/people/list.html", context)


@require_safe
@may(Role.ADMINISTRATOR)
def person(request: HttpRequest, user_id: uuid.UUID) -> HttpResponse:
    """One account: its role, factors and sessions, what was done to it, and what can be."""
    found = found_or_404(lambda: reading.person(user_id))
    history = list(reading.history_of(found))
    context = {
        "person": found,
        "is_own": request.user.pk == found.pk,
        "factors": reading.factors_of(found),
        "sessions": reading.sessions_of(found),
        "history": history,
        "names": names_of(entry.actor for entry in history),
        "role_form": RoleForm(initial={"role": found.role}),
        "lock_form": ReasonForm(auto_id="lock_%s"),
        "reset_form": ReasonForm(auto_id="reset_%s"),
        "here": "people",
    }
    return page(request, "console/people/person.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@may(Role.ADMINISTRATOR)
@sensitive
def invite_page(request: HttpRequest) -> HttpResponse:
    """Ask somebody in by mail."""
    form = InviteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        asked = form.cleaned_data
        try:
            check_address(asked["email"])
            invite(asked["email"], role=asked["role"], language=asked["language"], by=acting(request))
        except InvalidInput as refusal:
            add_problems(form, refusal)
        else:
            messages.success(request, _("The invitation is on its way. It shows below until it is used."))
            return redirect("console:people")
    status = 422 if form.is_bound else 200
    return page(request, "console/people/invite.html", {"form": form, "here": "people"}, status=status)
