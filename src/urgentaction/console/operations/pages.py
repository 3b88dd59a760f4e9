"""The pages of settings: gateways, standing approvals, tokens, on-call contacts, organisation, self-check.

Rules and the audit log have files of their own, `rules` and `audit`.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from urgentaction.accounts.models import ApiToken, Role
from urgentaction.console.listing import listed
from urgentaction.console.permissions import is_at_least, may
from urgentaction.console.reading import names_of
from urgentaction.console.responses import found_or_404, page
from urgentaction.core import clock

from . import forms, reading
from .sections import sections_for

HERE = {"here": "operations"}


@require_safe
@may(Role.VIEWER)
def operations(request: HttpRequest) -> HttpResponse:
    """The sections, and what in them wants to be looked at."""
    context = {"sections": sections_for(request.user), "notes": reading.notes(), **HERE}
    return page(request, "console/operations/page.html", context)


@require_safe
@may(Role.VIEWER)
def gateways(request: HttpRequest) -> HttpResponse:
    """Every gateway and its state."""
    return page(request, "console/operations/gateways.html", {"gateways": reading.gateways(), **HERE})


@require_safe
@may(Role.VIEWER)
def gateway(request: HttpRequest, name: str) -> HttpResponse:
    """One gateway."""
    return gateway_page(request, name)


def gateway_page(
    request: HttpRequest, name: str, *, form: forms.PauseForm | None = None, trial: Any = None, status: int = 200
) -> HttpResponse:
    """One gateway's page, also with what came of a try, or with a form that has to be filled in again."""
    found = found_or_404(lambda: reading.gateway_called(name))
    context = {
        "gateway": found,
        "pause_form": form or forms.PauseForm(),
        "trial": trial,
        "may_test": is_at_least(request.user, Role.EDITOR),
        "may_pause": is_at_least(request.user, Role.APPROVER),
        **HERE,
    }
    return page(request, "console/operations/gateway.html", context, status=status)


@require_safe
@may(Role.VIEWER)
def standing_approvals(request: HttpRequest) -> HttpResponse:
    """Standing approvals, in force and over."""
    return approvals_page(request)


def approvals_page(request: HttpRequest, *, form: forms.GrantForm | None = None, status: int = 200) -> HttpResponse:
    """The list, and the form to give one."""
    sorts = {"rule": ("rule", "id"), "by": ("by", "id"), "granted": ("granted_at", "id")}
    found = listed(request, reading.approvals(), filters=reading.ApprovalFilters, sorts=sorts, default="-granted")
    lines = reading.approval_lines(found.items)
    context = {
        "list": found,
        "lines": lines,
        "has_orphans": any(line.is_orphan for line in lines),
        "form": form or forms.GrantForm(initial={"rule": request.GET.get("rule", "")}),
        "waiting": reading.rules_without_approval(),
        "may_change": is_at_least(request.user, Role.APPROVER),
        **HERE,
    }
    return page(request, "console/operations/standing_approvals.html", context, status=status)


@require_safe
@may(Role.ADMINISTRATOR)
def tokens(request: HttpRequest) -> HttpResponse:
    """API tokens, alive and over."""
    return tokens_page(request)


def tokens_page(
    request: HttpRequest, *, form: forms.TokenForm | None = None, made: Any = None, status: int = 200
) -> HttpResponse:
    """The list, the form to make one, and, once, the one just made: `made` is its row and its secret."""
    sorts = {
        "name": ("name", "id"),
        "made": ("created_at", "id"),
        "until": ("expires_at", "id"),
        "used": ("last_used_at", "id"),
    }
    found = listed(
        request,
        ApiToken.objects.defer("token_hash"),
        filters=reading.TokenFilters,
        sorts=sorts,
        default="-made",
        nulls=("last_used_at",),
    )
    context = {"list": found, "form": form or forms.TokenForm(), "made": made, "at": clock.now(), **HERE}
    return page(request, "console/operations/tokens.html", context, status=status)


@require_safe
@may(Role.EDITOR)
def on_call(request: HttpRequest) -> HttpResponse:
    """Who is called."""
    return on_call_page(request)


def on_call_page(request: HttpRequest, *, form: forms.DrillForm | None = None, status: int = 200) -> HttpResponse:
    """The contacts, the latest test calls, and the form for another."""
    drills = reading.history_of("oncall:contacts")
    context = {
        "contacts": reading.contacts(),
        "drills": drills,
        "names": names_of(one.actor for one in drills),
        "form": form or forms.DrillForm(),
        "may_call": is_at_least(request.user, Role.APPROVER),
        **HERE,
    }
    return page(request, "console/operations/on_call.html", context, status=status)


@require_safe
@may(Role.VIEWER)
def organisation(request: HttpRequest) -> HttpResponse:
    """Who writes, and what runs here."""
    context = {"who": reading.organisation_facts(), "versions": reading.versions(), "url": settings.PUBLIC_URL, **HERE}
    return page(request, "console/operations/organisation.html", context)


@require_safe
@may(Role.EDITOR)
def self_check(request: HttpRequest) -> HttpResponse:
    """What can be looked at."""
    return page(request, "console/operations/self_check.html", HERE)
