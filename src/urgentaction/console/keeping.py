"""What somebody sent when they were logged out, or with the token of a page from before they logged in anew.

Nothing of it is done, and nothing is stored: it goes back into the page that answers, so that they can log in in
another window and send it again. A night's text is not lost to a session that ran out.
"""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from .responses import page

TOKEN = "csrfmiddlewaretoken"  # noqa: S105 - a field's name
#: Only the console's own forms: those of logging in hold passwords, which no page repeats.
NAMESPACE = "console"


def can_be_kept(request: HttpRequest) -> bool:
    """Whether this is a form of the console's own, sent from one of its pages."""
    match = request.resolver_match
    is_ours = match is not None and match.namespace == NAMESPACE
    is_part = "HX-Request" in request.headers
    is_secret = any("password" in name for name in request.POST)
    return request.method == "POST" and is_ours and not is_part and not is_secret and bool(request.POST)


def is_from_our_pages(request: HttpRequest) -> bool:
    """What the browser says of where a form came from; no page elsewhere can make it say this."""
    origin = request.headers.get("Origin", "")
    ours = {f"{request.scheme}://{request.get_host()}", *settings.CSRF_TRUSTED_ORIGINS}
    return origin in ours and request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"


def kept(request: HttpRequest, *, status: int) -> HttpResponse:
    """The page that holds what was sent, says that nothing was done, and sends it again at the press of a button."""
    fields = [(name, value) for name, values in request.POST.lists() if name != TOKEN for value in values]
    context = {
        "fields": fields,
        "texts": [value for _, value in fields if len(value.split()) > 1],
        "files": [one.name for files in request.FILES.lists() for one in files[1]],
        "again": request.get_full_path(),
    }
    return page(request, "console/kept.html", context, status=status)
