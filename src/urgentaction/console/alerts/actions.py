"""What staff may do with an alert from its page. Each action is one call of the pipeline, one message, and back."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from urgentaction import pipeline
from urgentaction.accounts.models import Role, User
from urgentaction.alerts.deciding import is_being_composed
from urgentaction.alerts.models import Alert, AlertState
from urgentaction.alerts.queries import alert_called
from urgentaction.alerts.service import IN_ITS_HOLD
from urgentaction.console.permissions import acting, may
from urgentaction.console.phrasing import in_words
from urgentaction.console.responses import attempt, found_or_404
from urgentaction.core.errors import InvalidInput, SandboxRefusal
from urgentaction.deliveries import composing
from urgentaction.deliveries.proofs import send_proof
from urgentaction.letters.ahead import LetterAhead, NoticeAhead
from urgentaction.tracking import forthcoming

LONGEST_HOLD = timedelta(hours=24)
LONGEST_TEXT = 200


@require_POST
@may(Role.APPROVER)
def approve(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    """One person's yes, with a hold in which anyone can still stop it."""

    def deed(alert: Alert) -> str:
        done = pipeline.approve(
            alert.id,
            by=acting(request),
            hold=_hold(request),
            comment=_text(request, "comment"),
            seen=_needed(request, "seen", _("open “What goes out” and approve what it shows")),
        )
        if done.state == "held":
            return _("Approved. It starts when its hold is over.")
        return _("Your approval is recorded; another person's is still needed.")

    return _act(request, alert_id, deed, otherwise="console:alert-preview")


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
        reason = _needed(request, "reason")
        # Offered in the reader's language; kept in English, as everything that is not in somebody's own words.
        offered = IN_ITS_HOLD()
        reason = offered if reason == in_words(offered) else reason
        pipeline.withdraw(alert.id, reason=reason, by=acting(request))
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


@require_POST
@may(Role.APPROVER)
def take_back(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    """One's own yes becomes none; an alert that lacks it stops."""

    def deed(alert: Alert) -> str:
        done = pipeline.take_back_approval(alert.id, by=acting(request))
        if done.state == AlertState.WITHDRAWN:
            return _("Your approval is taken back. The alert is withdrawn: nothing more of it is sent.")
        return _("Your approval is taken back.")

    return _act(request, alert_id, deed)


@require_POST
@may(Role.EDITOR)
def submit(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    """Send a composed draft for approval."""

    def deed(alert: Alert) -> str:
        composing.submit_draft(alert.id, by=acting(request))
        return _("Sent for approval. Another person decides now; it is among what waits on the first page.")

    return _act(request, alert_id, deed)


@require_POST
@may(Role.EDITOR)
def discard(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    """A draft that nobody has been asked about yet is over."""

    def deed(alert: Alert) -> str:
        if not is_being_composed(alert):
            raise InvalidInput.of("state", _("others have been asked about it already; withdraw it and say why"))
        pipeline.withdraw(alert.id, reason="draft discarded", by=acting(request))
        return _("Discarded. Nothing of it was sent.")

    return _act(request, alert_id, deed)


@require_POST
@may(Role.EDITOR)
def proof(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    """One letter (`letter`: its official) or notice (`notice`: `email-ko`) to the asker's own address, marked TEST."""
    user = request.user
    if not isinstance(user, User):
        raise PermissionDenied

    def deed(alert: Alert) -> str:
        contents = forthcoming.contents_of(alert)
        pdfs: tuple[tuple[str, bytes], ...] = ()
        shown: LetterAhead | NoticeAhead
        if which := request.POST.get("notice", ""):
            shown = contents.notice(which)
        else:
            shown = contents.letter(request.POST.get("letter", ""))
            if not shown.fault:
                pdfs = _pages_of(alert, shown)
        if shown.fault:
            raise InvalidInput.of("letter", shown.fault)
        try:
            send_proof(alert, shown, to=user, by=acting(request), pdfs=pdfs)
        except SandboxRefusal as refusal:
            raise InvalidInput.of("email", str(refusal)) from refusal
        return _("A proof is on its way to %(email)s, marked TEST. It counts for nothing.") % {"email": user.email}

    return _act(request, alert_id, deed, back="console:alert-preview")


def _pages_of(alert: Alert, letter: LetterAhead) -> tuple[tuple[str, bytes], ...]:
    pages = [("letter", forthcoming.pdf_of(alert, letter.key, as_fax=False))]
    if letter.is_faxed:
        pages.append(("fax", forthcoming.pdf_of(alert, letter.key, as_fax=True)))
    return tuple(pages)


def _act(
    request: HttpRequest,
    alert_id: uuid.UUID,
    deed: Callable[[Alert], str],
    *,
    back: str = "console:alert",
    otherwise: str = "",
) -> HttpResponse:
    """Do it and say what came of it, on the page `back`. A refusal is a message too (on `otherwise`), no error page."""
    alert = found_or_404(lambda: alert_called(str(alert_id)))
    is_done = attempt(request, lambda: deed(alert))
    return redirect(back if is_done or not otherwise else otherwise, alert_id=alert.id)


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


def _needed(request: HttpRequest, name: str, otherwise: str = "") -> str:
    given = _text(request, name)
    if not given:
        raise InvalidInput.of(name, otherwise or _("say why; it stays with the alert"))
    return given
