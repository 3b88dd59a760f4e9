"""The API put together: operations, the form of its errors, and the guards that stand before every operation."""

from __future__ import annotations

import functools
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, reverse
from ninja import NinjaAPI, Router

from urgentaction.core.errors import NotFound

from . import alerts, answers, cases
from .auth import Bearer, caller
from .parsing import BODY_LIMIT, StrictParser, refuse_body
from .problems import CONTENT_TYPE, install, problem

View = Callable[..., HttpResponse]

DESCRIPTION = """
Report what happened to a case, and see what became of every delivery that followed.

Every operation asks for `Authorization: Bearer uat_…` with the scope it names. Every refusal is a problem details
document (RFC 9457, `application/problem+json`), with `problems` naming the fields at fault.
"""


class Api(NinjaAPI):
    """NinjaAPI whose OpenAPI document tells the media type that problems really have."""

    def get_openapi_schema(self, **kwargs: Any) -> Any:
        """The document, with refusals as application/problem+json."""
        schema = super().get_openapi_schema(**kwargs)
        for operations in schema["paths"].values():
            for operation in operations.values():
                for status, response in operation["responses"].items():
                    if int(status) >= 400:
                        response["content"] = {CONTENT_TYPE: response["content"]["application/json"]}
        return schema


api = Api(
    title="urgentaction",
    version="1",
    description=DESCRIPTION,
    urls_namespace="api",
    docs_url=None,
    openapi_url="/openapi.json",
    parser=StrictParser(),
)
install(api)


@api.get("/", auth=Bearer(), response={200: answers.Index, **answers.PROBLEMS}, operation_id="index", url_name="index")
def index(request: HttpRequest) -> answers.Index:
    """Where you are, and what your token may do. Any live token will do."""
    return answers.Index(mode=settings.MODE, openapi=reverse("api:openapi-json"), scopes=sorted(caller(request).scopes))


api.add_router("/cases", cases.router)
api.add_router("/alerts", alerts.router)

_elsewhere = Router()
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@_elsewhere.api_operation(_METHODS, "/{path:rest}", auth=Bearer(), include_in_schema=False, url_name="elsewhere")
def elsewhere(request: HttpRequest, rest: str) -> HttpResponse:  # noqa: ARG001
    """What no other operation matched. It asks for a token too, so that strangers can't map the API by its answers."""
    raise NotFound.of("path", f"there is nothing at {rest!r}; see {reverse('api:openapi-json')}")


api.add_router("", _elsewhere)  # the last one: routes are tried in order


def _guarded(view: View) -> View:
    """Refuse a body before it is read, and give what Django answers by itself the form of a problem."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if refusal := refuse_body(request, limit=BODY_LIMIT, must_be_json=True):
            return refusal
        response = view(request, *args, **kwargs)
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            allowed = ", ".join(sorted(response.headers["Allow"].split(", ")))
            detail = f"{request.method} is not offered here; use {allowed}."
            return problem(HTTPStatus.METHOD_NOT_ALLOWED, detail, headers={"Allow": allowed})
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return guarded


def guarded_urls() -> tuple[list[URLPattern | URLResolver], str, str]:
    """The API's routes for `path()`, each behind its guard."""
    patterns, app_name, namespace = api.urls
    for pattern in patterns:
        if not isinstance(pattern, URLPattern):
            raise TypeError(f"{pattern} is no route but a tree of them; guard its leaves")
        pattern.callback = _guarded(pattern.callback)
    return patterns, app_name, namespace
