"""What the views of the console share: pages that no cache keeps, refusals as messages, looking a thing up or 404."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from urgentaction.console.phrasing import refusal_in_words
from urgentaction.core.errors import InvalidInput, NotAllowed, NotFound

Found = TypeVar("Found")
Answer = TypeVar("Answer", bound=HttpResponseBase)


def page(request: HttpRequest, template: str, context: Mapping[str, Any], *, status: int = 200) -> HttpResponse:
    """A page that stays in no cache, the browser's own included."""
    return private(render(request, template, dict(context), status=status))


def private(response: Answer) -> Answer:
    """The same answer, marked so that no cache keeps it."""
    response.headers["Cache-Control"] = "no-store"
    return response


def found_or_404(look_up: Callable[[], Found]) -> Found:
    """What `look_up` returns; its NotFound becomes a 404 page."""
    try:
        return look_up()
    except NotFound as error:
        raise Http404 from error


def there_or_404(rows: QuerySet[Any]) -> None:
    """Go on only if there is one; before a deed on something whose page says the same."""
    if not rows.exists():
        raise Http404


def attempt(request: HttpRequest, deed: Callable[[], str]) -> bool:
    """Do it and leave its words as a message for the next page; a refusal is a message too, never an error page.

    Returns whether it was done. Conflict and NotFound within the deed count as refusals.
    """
    try:
        messages.success(request, deed())
    except (InvalidInput, NotAllowed, NotFound) as refusal:
        messages.error(request, refusal_in_words(refusal))
        return False
    return True
