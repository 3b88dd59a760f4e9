"""What goes on now, with a live part that is fetched again while it is looked at."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from urgentaction.accounts.models import Role
from urgentaction.console.permissions import acting, is_at_least, may
from urgentaction.console.responses import page

from . import reading


@require_safe
@may(Role.VIEWER)
def now(request: HttpRequest) -> HttpResponse:
    """What runs, what waits for somebody, what is unknown."""
    return page(request, "console/now/page.html", _context(request))


@require_safe
@may(Role.VIEWER)
def now_live(request: HttpRequest) -> HttpResponse:
    """The live part of `now`."""
    return page(request, "console/now/live.html", _context(request))


def _context(request: HttpRequest) -> dict[str, Any]:
    shown = reading.now_page(viewer=acting(request), is_approver=is_at_least(request.user, Role.APPROVER))
    return {"now": shown, "may_acknowledge": is_at_least(request.user, Role.EDITOR), "here": "now"}
