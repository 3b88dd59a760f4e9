"""Error pages: what went wrong and what to do, without anything of the request, the user or the database in them."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_noop as _

WORDS: Mapping[HTTPStatus, tuple[str, str]] = {
    HTTPStatus.BAD_REQUEST: (
        _("This request can't be read"),
        _("Go back, reload the page and try again."),
    ),
    HTTPStatus.FORBIDDEN: (
        _("You may not do this"),
        _("Your role does not allow it, or the page was open for too long. Reload it, or ask an administrator."),
    ),
    HTTPStatus.NOT_FOUND: (
        _("There is nothing here"),
        _("The link may be old or cut off. Check it, or start from the front page."),
    ),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        _("This address only takes a form"),
        _("Nothing was done. Go back, or start from the front page."),
    ),
    HTTPStatus.TOO_MANY_REQUESTS: (
        _("Too many tries"),
        _("Wait a few minutes, then try again."),
    ),
    HTTPStatus.INTERNAL_SERVER_ERROR: (
        _("Something broke here"),
        _("It was logged. What had been saved before is safe. Try again in a moment."),
    ),
}
#: A form whose token does not hold: of a stranger as well as of staff, so nothing is said of roles.
STALE_FORM = (
    _("This form can't be taken any more"),
    _("Nothing was done. Go back, reload the page and send it again; the browser has to accept this site's cookie."),
)


def bad_request(_request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001
    """400."""
    return _page(HTTPStatus.BAD_REQUEST)


def forbidden(_request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001
    """403."""
    return _page(HTTPStatus.FORBIDDEN)


def csrf_failure(_request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 - Django's signature
    """403 for a form without its token."""
    return _page(HTTPStatus.FORBIDDEN, STALE_FORM)


def not_found(_request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001
    """404."""
    return _page(HTTPStatus.NOT_FOUND)


def not_served(_request: HttpRequest) -> HttpResponse:
    """405."""
    return _page(HTTPStatus.METHOD_NOT_ALLOWED)


def too_many(_request: HttpRequest) -> HttpResponse:
    """429."""
    return _page(HTTPStatus.TOO_MANY_REQUESTS)


def server_error(_request: HttpRequest) -> HttpResponse:
    """500. Rendered without request and context processors: they may be what broke."""
    return _page(HTTPStatus.INTERNAL_SERVER_ERROR)


def _page(status: HTTPStatus, words: tuple[str, str] | None = None) -> HttpResponse:
    title, advice = words or WORDS[status]
    context = {
        "status": status.value,
        "title": gettext(title),
        "advice": gettext(advice),
        "mode": settings.MODE.value,
        "language": get_language() or "en",
    }
    answer = HttpResponse(render_to_string("public/error.html", context), status=status)
    # A cache may keep a 404 by itself: of a letter under embargo, past the embargo's end.
    answer.headers["Cache-Control"] = "no-store"
    return answer
