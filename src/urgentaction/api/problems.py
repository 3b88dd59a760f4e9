"""How the API says no: problem details (RFC 9457), the same form for every error it can give.

Owns the mapping from our errors to HTTP. Must not put anything into an answer that the caller did not send or may not
see: no traceback, no query, no address.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus

from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from urgentaction.channels.contract import ForgedCallback
from urgentaction.core.errors import (
    ConfigurationError,
    Conflict,
    InvalidInput,
    NotAllowed,
    NotFound,
    Problem,
    TemplateError,
)

Handler = Callable[[HttpRequest, Exception | type[Exception]], HttpResponse]

log = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"

#: Our errors → status and the last part of `type`. The first match counts: special ones before general ones.
KINDS: tuple[tuple[type[Exception], HTTPStatus, str], ...] = (
    (NotFound, HTTPStatus.NOT_FOUND, "not-found"),
    (Conflict, HTTPStatus.CONFLICT, "conflict"),
    (InvalidInput, HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-input"),
    (NotAllowed, HTTPStatus.FORBIDDEN, "not-allowed"),
    (ForgedCallback, HTTPStatus.FORBIDDEN, "forged-callback"),
)
TITLES: Mapping[str, str] = {
    "not-found": "There is no such thing",
    "conflict": "Its present state forbids this",
    "invalid-input": "The input can't be used",
    "not-allowed": "The token may not do this",
    "forged-callback": "The callback's signature does not hold",
}
UNAUTHORISED = "Send a live token: `Authorization: Bearer uat_…`. `urgentaction token create` makes one."
BUSY_SECONDS = 5


def problem(
    status: HTTPStatus,
    detail: str,
    *,
    kind: str = "",
    problems: Iterable[Problem] = (),
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """A problem answer.

    Args:
        detail: one or two sentences that the caller can act on.
        kind: last part of the `type` URN; empty for one that HTTP itself names (`about:blank`).
        problems: what is wrong with which field, for inputs.
    """
    body = {
        "type": f"urn:urgentaction:problem:{kind}" if kind else "about:blank",
        "title": TITLES.get(kind, status.phrase),
        "status": status.value,
        "detail": detail,
        "problems": [{"field": one.field, "message": one.message} for one in problems],
    }
    response = JsonResponse(body, status=status, content_type=CONTENT_TYPE, json_dumps_params={"ensure_ascii": False})
    for name, value in (headers or {}).items():
        response.headers[name] = value
    response.headers["Cache-Control"] = "no-store"
    return response


def from_error(error: Exception) -> HttpResponse | None:
    """The answer for an error of ours; None for one that is nobody's but a programmer's."""
    for known, status, kind in KINDS:
        if isinstance(error, known):
            problems = error.problems if isinstance(error, InvalidInput) else ()
            return problem(status, str(error), kind=kind, problems=problems)
    if isinstance(error, OperationalError):
        return problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "The database is busy or away. Nothing was written; try again, with the same Idempotency-Key.",
            headers={"Retry-After": str(BUSY_SECONDS)},
        )
    if isinstance(error, ConfigurationError):
        log.error("set up wrongly: %s", error)
        return problem(
            HTTPStatus.SERVICE_UNAVAILABLE, "This part of the service is not set up; its staff can read why."
        )
    if isinstance(error, TemplateError):
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), kind="invalid-input")
    return None


def unexpected(request: HttpRequest, error: Exception) -> HttpResponse:
    """A fault of ours: logged with its traceback, told without it."""
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "Something broke here, and it was logged. Nothing was written.")


def install(api: NinjaAPI) -> None:
    """Answer every error of the API in this form."""
    handlers: Mapping[type[Exception], Handler] = {
        AuthenticationError: _unauthorised,
        ValidationError: _invalid,
        HttpError: _http,
        Http404: _missing,
        Exception: _ours,
    }
    for known, handler in handlers.items():
        api.add_exception_handler(known, handler)


def _unauthorised(_request: HttpRequest, _error: Exception | type[Exception]) -> HttpResponse:
    return problem(HTTPStatus.UNAUTHORIZED, UNAUTHORISED, headers={"WWW-Authenticate": 'Bearer realm="urgentaction"'})


def _ours(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
    if isinstance(error, type):  # Ninja's signature allows a bare class
        error = error()
    return from_error(error) or unexpected(request, error)


def _http(_request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
    if not isinstance(error, HttpError):
        raise TypeError(f"{type(error).__name__} is no HttpError")
    status = HTTPStatus(error.status_code)
    if status is HTTPStatus.BAD_REQUEST:
        return problem(status, "The body is not one JSON value (RFC 8259) with every name used once; correct it.")
    return problem(status, str(error))


def _missing(request: HttpRequest, _error: Exception | type[Exception]) -> HttpResponse:
    return problem(HTTPStatus.NOT_FOUND, f"There is nothing at {request.path}; see /api/v1/openapi.json.")


def _invalid(_request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
    if not isinstance(error, ValidationError):
        raise TypeError(f"{type(error).__name__} is no ValidationError")
    found = [Problem(_field_of(entry["loc"]), _words_of(entry)) for entry in error.errors]
    detail = "; ".join(str(one) for one in found[:10])
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, kind="invalid-input", problems=found)


def _field_of(where: Iterable[object]) -> str:
    """`("body", "told", "persons", 0)` → `persons.0`: the argument's name in our code is nothing to the caller."""
    source, *rest = where
    parts = [str(part) for part in rest]
    if source == "body" and len(parts) == 1:
        return "body"
    return ".".join(parts[1:] if source in ("body", "query") and len(parts) > 1 else parts)


def _words_of(entry: Mapping[str, object]) -> str:
    match entry["type"]:
        case "extra_forbidden":
            return "is not known here; check the spelling or leave it out"
        case "missing":
            return "is needed"
        case "model_attributes_type":
            return "should be a JSON object, with its fields by name"
    words = str(entry["msg"])
    return words.removeprefix("Value error, ").replace("Input should", "should")
