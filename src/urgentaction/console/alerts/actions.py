"""What staff may do with an alert from its page. Each action is one call of the pipeline, one message, and back."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from urgentaction import pipeline
from urgentaction.accounts.models import Role
from urgentaction.alerts.models import Alert
from urgentaction.alerts.queries import alert_called
from urgentaction.console.permissions import acting, may
from urgentaction.console.responses import attempt, found_or_404
from urgentaction.core.errors import InvalidInput

LONGEST_HOLD = timedelta(hours=24)
LONGEST_TEXT = 200


@require_POST
@may(Role.APPROVER)
def approve(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    """One person's yes, with a hold in which anyone can still stop it."""

    def deed(alert: Alert) -> str:
        done = pipeline.approve(alert.id, by=acting(request), hold=_hold(request), comment=_text(request, "comment"))
        if done.state == "held":
            return _("Approved. It starts when its hold is over.")
        return _("Your approval is recorded; another person's is still needed.")

    return _act(request, alert_id, deed)


@require_POST
@may(Role.APPROVER)
def reject(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    """One person's no."""

    def deed(alert: Alert) -> str:
        pipeline.reject(alert.id, by=acting(request), comment=_needed(request, "comment"))
        return _("Rejected. Nothing of it will be sent.")

    return _act(request, alert_id, deed)


@require_POST
@may(Role.EDITOR)
def withdraw(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    """Stop it, whatever it is doing."""

    def deed(alert: Alert) -> str:
        pipeline.withdraw(alert.id, reason=_needed(request, "reason"), by=acting(request))
        return _("Withdrawn. Nothing more of it is sent from this moment on.")

    return _act(request, alert_id, deed)


@require_POST
@may(Role.APPROVER)
def let_go(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    """End the hold."""

    def deed(alert: Alert) -> str:
        pipeline.let_go(alert.id, by=acting(request))
        return _("Let go. It starts now.")

    return _act(request, alert_id, deed)


def _act(request: HttpRequest, alert_id: uuid.UUID, deed: Callable[[Alert], str]) -> HttpResponse:
    """Do it and say what came of it. A refusal is a message on the same page, not an error page."""
    alert = found_or_404(lambda: alert_called(str(alert_id)))
    attempt(request, lambda: deed(alert))
    return redirect("console:alert", alert_id=alert.id)


def _hold(request: HttpRequest) -> timedelta:
    given = request.POST.get("hold_minutes", "")
    most = int(LONGEST_HOLD.total_seconds() // 60)
    if not (given.isascii() and given.isdigit() and len(given) < 6 and int(given) <= most):
        raise InvalidInput.of("hold_minutes", f"give whole minutes from 0 to {most}")
    return timedelta(minutes=int(given))


def _text(request: HttpRequest, name: str) -> str:
    given = " ".join(request.POST.get(name, "").split())
    if not given.isprintable():
        raise InvalidInput.of(name, "contains a control character; write plain text")
    return given[:LONGEST_TEXT]


def _needed(request: HttpRequest, name: str) -> str:
    given = _text(request, name)
    if not given:
        raise InvalidInput.of(name, "say why; it stays with the alert")
    return given
