"""What goes on now, with a live part that is fetched again while it is looked at."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from urgentaction.accounts.models import Role
from urgentaction.console.permissions import may
from urgentaction.console.responses import page

from . import reading


@require_safe
@may(Role.VIEWER)
def now(request: HttpRequest) -> HttpResponse:
    """What runs, what waits for somebody, what is unknown."""
    return page(request, "console/now/page.html", {"now": reading.now_page(), "here": "now"})


@require_safe
@may(Role.VIEWER)
def now_live(request: HttpRequest) -> HttpResponse:
    """The live part of `now`."""
    return page(request, "console/now/live.html", {"now": reading.now_page()})
