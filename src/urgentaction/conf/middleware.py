"""What every answer goes through, and forms whose token is not the one we gave.

The Content-Security-Policy allows nothing but our own files, no inline script.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

from urgentaction.console import keeping
from urgentaction.public import errors

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class ContentSecurityPolicy:
    """Adds the header, unless a view has set a policy of its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response


class WordsForUnserved:
    """An address of the console that only takes a form, opened by hand: a page that says so, not an empty one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        is_empty = response.status_code == HTTPStatus.METHOD_NOT_ALLOWED and not response.content
        if not is_empty or not request.path_info.startswith("/console/"):
            return response
        said = errors.not_served(request)
        said.headers["Allow"] = response.headers.get("Allow", "")
        return said


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form with a wrong token does nothing (`CSRF_FAILURE_VIEW`).

    Logging in gives new tokens, so pages from before have old ones. What such a page of the console's sends is given
    back with a new one, for a person to send again; from anywhere else it is refused.
    """
    if keeping.is_from_our_pages(request) and keeping.can_be_kept(request):
        return keeping.kept(request, status=HTTPStatus.FORBIDDEN)
    return errors.csrf_failure(request, reason)
