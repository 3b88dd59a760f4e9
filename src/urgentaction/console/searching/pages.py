"""One search over everything that has a name or number; people who support us are not among it."""

from __future__ import annotations

import re

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from urgentaction.accounts.models import Role
from urgentaction.console.permissions import is_at_least, may
from urgentaction.console.responses import page

from . import reading

#: What is longer was pasted by mistake.
LONGEST = 200
#: A mail address, or a telephone number with its country code: somebody's, and not to stand in an address bar.
_PERSONAL = re.compile(r"\S+@\S+\.\S+|\+[0-9][0-9 ()./-]{6,}")


@require_safe
@may(Role.VIEWER)
def search(request: HttpRequest) -> HttpResponse:
    """What fits `q`, in groups. A supporter's address is not searched, and not kept in the page's own address."""
    asked = " ".join(request.GET.get("q", "").replace("\0", "").split())[:LONGEST]
    if _PERSONAL.search(asked):
        return redirect(f"{reverse('console:search')}?people=1")
    is_too_short = len(asked) < reading.SHORTEST and not (asked.isascii() and asked.isdigit())
    groups = [] if is_too_short else reading.found_for(asked)
    context = {
        "asked": asked,
        "groups": groups,
        "is_too_short": bool(asked) and is_too_short,
        "is_about_people": "people" in request.GET,
        "may_look_up": is_at_least(request.user, Role.EDITOR),
    }
    return page(request, "console/searching/page.html", context)
