"""What an administrator may do with an account. Each is one verb, one message, and back; who acts has just shown again
that it is them (`sensitive`)."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from urgentaction.accounts import invitations, people
from urgentaction.accounts.models import Invitation, Role
from urgentaction.console.permissions import acting, may, sensitive
from urgentaction.console.responses import attempt, found_or_404, there_or_404
from urgentaction.console.vocabulary import called
from urgentaction.pipeline import staffing
from urgentaction.pipeline.staffing import Restaffed

from . import reading


@require_POST
@may(Role.ADMINISTRATOR)
@sensitive
def give_role(request: HttpRequest, user_id: uuid.UUID) -> HttpResponse:
    """Another role."""

    def deed() -> str:
        done = staffing.give_role(user_id, request.POST.get("role", ""), by=acting(request))
        called_now = called("staff-role", done.user.role)
        return _with_rules(_("%(name)s is now: %(role)s.") % {"name": done.user.username, "role": called_now}, done)

    return _act(request, user_id, deed)


@require_POST
@may(Role.ADMINISTRATOR)
@sensitive
def lock(request: HttpRequest, user_id: uuid.UUID) -> HttpResponse:
    """Shut somebody out."""

    def deed() -> str:
        done = staffing.lock_out(user_id, why=request.POST.get("why", ""), by=acting(request))
        return _with_rules(_("%(name)s is locked out, and logged out everywhere.") % {"name": done.user.username}, done)

    return _act(request, user_id, deed)


@require_POST
@may(Role.ADMINISTRATOR)
@sensitive
def unlock(request: HttpRequest, user_id: uuid.UUID) -> HttpResponse:
    """Let somebody in again."""

    def deed() -> str:
        user = people.unlock_user(user_id, by=acting(request))
        return _("%(name)s may log in again.") % {"name": user.username}

    return _act(request, user_id, deed)


@require_POST
@may(Role.ADMINISTRATOR)
@sensitive
def end_all_sessions(request: HttpRequest, user_id: uuid.UUID) -> HttpResponse:
    """Log somebody out everywhere."""

    def deed() -> str:
        user = people.end_sessions(user_id, by=acting(request))
        return _("%(name)s is logged out everywhere.") % {"name": user.username}

    return _act(request, user_id, deed)


@require_POST
@may(Role.ADMINISTRATOR)
@sensitive
def reset(request: HttpRequest, user_id: uuid.UUID) -> HttpResponse:
    """Forget somebody's second factor."""

    def deed() -> str:
        user = people.reset_factors(user_id, why=request.POST.get("why", ""), by=acting(request))
        return _("The second factor of %(name)s is forgotten; they are logged out everywhere.") % {
            "name": user.username
        }

    return _act(request, user_id, deed)


@require_POST
@may(Role.ADMINISTRATOR)
@sensitive
def new_password(request: HttpRequest, user_id: uuid.UUID) -> HttpResponse:
    """Send somebody a link to choose a new password."""

    def deed() -> str:
        invitations.offer_new_password(user_id, by=acting(request))
        return _("A mail with a link is on its way; the link works once, for four hours.")

    return _act(request, user_id, deed)


@require_POST
@may(Role.ADMINISTRATOR)
@sensitive
def send_invitation_again(request: HttpRequest, invitation_id: uuid.UUID) -> HttpResponse:
    """With a new link; the old one is void."""
    there_or_404(Invitation.objects.filter(id=invitation_id))

    def deed() -> str:
        invitations.send_again(invitation_id, by=acting(request))
        return _("It is sent again, with a new link; the old one is void.")

    attempt(request, deed)
    return redirect("console:people")


@require_POST
@may(Role.ADMINISTRATOR)
@sensitive
def take_invitation_back(request: HttpRequest, invitation_id: uuid.UUID) -> HttpResponse:
    """Its link opens nothing any more."""
    there_or_404(Invitation.objects.filter(id=invitation_id))

    def deed() -> str:
        invitations.withdraw_invitation(invitation_id, by=acting(request))
        return _("Taken back. Its link opens nothing any more.")

    attempt(request, deed)
    return redirect("console:people")


def _act(request: HttpRequest, user_id: uuid.UUID, deed: Callable[[], str]) -> HttpResponse:
    found_or_404(lambda: reading.person(user_id))
    attempt(request, deed)
    return redirect("console:person", user_id=user_id)


def _with_rules(said: str, done: Restaffed) -> str:
    """With what else it took back."""
    if done.rules:
        back = _("Their standing approvals are taken back: %(rules)s. Alerts of these rules wait for a person.")
        said = f"{said} {back % {'rules': ', '.join(done.rules)}}"
    if done.waiting:
        again = _("Alerts that they approved wait for approval again: %(alerts)s.")
        said = f"{said} {again % {'alerts': ', '.join(done.waiting)}}"
    return said
