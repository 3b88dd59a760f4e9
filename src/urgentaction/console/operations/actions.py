"""What staff may change in settings. Each action is one call of a room's verb, one message, and back."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from urgentaction.accounts.models import ApiToken, Role, User
from urgentaction.accounts.service import make_token, revoke_token
from urgentaction.alerts.standing import grant_standing_approval, revoke_standing_approval
from urgentaction.channels.contract import Mode
from urgentaction.console.permissions import acting, may, sensitive
from urgentaction.console.responses import attempt, found_or_404, page, there_or_404
from urgentaction.core.errors import InvalidInput
from urgentaction.deliveries.pausing import pause_by_hand, resume_by_hand
from urgentaction.deliveries.trying import try_gateway
from urgentaction.incidents.checks import Part, all_findings
from urgentaction.incidents.findings import Level
from urgentaction.incidents.oncall import NotTold
from urgentaction.incidents.service import drill

from . import forms, pages, reading

UNUSABLE = 422


@require_POST
@may(Role.EDITOR)
def test_gateway(request: HttpRequest, name: str) -> HttpResponse:
    """Ask it whether it would take messages; what it says stands on its page."""
    trial = found_or_404(lambda: try_gateway(name, by=acting(request)))
    return pages.gateway_page(request, name, trial=trial)


@require_POST
@may(Role.APPROVER)
def pause(request: HttpRequest, name: str) -> HttpResponse:
    """Take it out of use."""
    form = forms.PauseForm(request.POST)
    if not form.is_valid():
        return pages.gateway_page(request, name, form=form, status=UNUSABLE)

    def deed() -> str:
        pause_by_hand(name, reason=form.cleaned_data["reason"], by=acting(request))
        return _("%(name)s is paused. What only it can carry waits; nothing is lost.") % {"name": name}

    found_or_404(lambda: reading.entry_called(name))
    attempt(request, deed)
    return redirect("console:gateway", name=name)


@require_POST
@may(Role.APPROVER)
def resume(request: HttpRequest, name: str) -> HttpResponse:
    """Let it go on."""

    def deed() -> str:
        if resume_by_hand(name, by=acting(request)):
            return _("%(name)s goes on; what waited for it is tried at once.") % {"name": name}
        return _("%(name)s was not held back by anything.") % {"name": name}

    found_or_404(lambda: reading.entry_called(name))
    attempt(request, deed)
    return redirect("console:gateway", name=name)


@require_POST
@may(Role.APPROVER)
def grant(request: HttpRequest) -> HttpResponse:
    """A standing approval in the name of whoever is logged in, and of nobody else."""
    form = forms.GrantForm(request.POST)
    if form.is_valid():
        rule, until = form.cleaned_data["rule"], form.cleaned_data["until"]
        try:
            grant_standing_approval(rule, by=_name(request), actor=acting(request), until=until)
        except InvalidInput as wrong:
            form.refuse(wrong)
        else:
            done = _("From now on alerts of rule %(rule)s start by themselves, in your name.") % {"rule": rule}
            attempt(request, lambda: done)
            return redirect("console:standing-approvals")
    return pages.approvals_page(request, form=form, status=UNUSABLE)


@require_POST
@may(Role.APPROVER)
def revoke_approval(request: HttpRequest, approval_id: uuid.UUID) -> HttpResponse:
    """Take one back, whoever gave it: to stop is always allowed."""
    found = found_or_404(lambda: reading.approval_numbered(approval_id))

    def deed() -> str:
        revoke_standing_approval(found.rule, actor=acting(request), by=found.by)
        words = _("Taken back: %(rule)s by %(by)s. Its alerts wait for a person again; what has started goes on.")
        return words % {"rule": found.rule, "by": found.by}

    attempt(request, deed)
    return redirect("console:standing-approvals")


@require_POST
@may(Role.ADMINISTRATOR)
@sensitive
def make(request: HttpRequest) -> HttpResponse:
    """Make a token and show it, this once. No redirect: the secret must not wait anywhere for the next page.

    It outlives the session that made it, so whoever found one open gets none.
    """
    form = forms.TokenForm(request.POST)
    if form.is_valid():
        given = form.cleaned_data
        try:
            made = make_token(given["name"], scopes=given["scopes"], lifetime=form.lifetime, by=acting(request))
        except InvalidInput as wrong:
            form.refuse(wrong)
        else:
            return pages.tokens_page(request, made=made)
    return pages.tokens_page(request, form=form, status=UNUSABLE)


@require_POST
@may(Role.ADMINISTRATOR)
def revoke(request: HttpRequest, token_id: uuid.UUID) -> HttpResponse:
    """It opens nothing any more."""
    there_or_404(ApiToken.objects.filter(id=token_id))

    def deed() -> str:
        token = revoke_token(token_id, by=acting(request))
        return _("%(name)s is revoked: the token opens nothing any more.") % {"name": token.name}

    attempt(request, deed)
    return redirect("console:tokens")


@require_POST
@may(Role.APPROVER)
def test_on_call(request: HttpRequest) -> HttpResponse:
    """Call the people on call, for real."""
    form = forms.DrillForm(request.POST)
    if not form.is_valid():
        return pages.on_call_page(request, form=form, status=UNUSABLE)

    def deed() -> str:
        try:
            way = drill(by=acting(request))
        except NotTold as failure:
            raise InvalidInput.of("", _("Nobody was reached: %(why)s") % {"why": failure}) from failure
        return _("Called by %(way)s. Ask them whether it arrived.") % {"way": way}

    attempt(request, deed)
    return redirect("console:on-call")


@require_POST
@may(Role.EDITOR)
def look(request: HttpRequest) -> HttpResponse:
    """Look at a part of the set-up, and say what was found. Changes nothing; a POST because it takes a while."""
    form = forms.LookForm(request.POST)
    part = Part(form.cleaned_data["part"]) if form.is_valid() else Part.PROGRAMS
    findings = all_findings(must_run=settings.MODE is Mode.LIVE, parts=(part,))
    context = {
        "part": part.value,
        "findings": sorted(findings, key=lambda one: list(Level).index(one.level), reverse=True),
        "fails": sum(one.level is Level.FAIL for one in findings),
        "warnings": sum(one.level is Level.WARN for one in findings),
        **pages.HERE,
    }
    return page(request, "console/operations/self_check.html", context)


def _name(request: HttpRequest) -> str:
    user = request.user
    return user.get_full_name() or user.username if isinstance(user, User) else ""
