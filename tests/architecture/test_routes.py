"""Every route asks who is calling, or stands on the short public list in `urgentaction.conf.urls`."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.http import HttpResponse, HttpResponseBase
from django.test import Client, override_settings
from django.urls import get_resolver, include, path, reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from tests.architecture.walk import Route, routes
from urgentaction.conf.urls import PUBLIC_ROUTES

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
REFUSALS = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


ROUTES = sorted(set(routes(get_resolver())), key=lambda route: (route.path, route.name or ""))
GUARDED = [route for route in ROUTES if not route.is_public]


def is_refused(response: HttpResponseBase) -> bool:
    if response.status_code in REFUSALS:
        return True
    if response.status_code != HTTPStatus.FOUND:
        return False
    return urlsplit(response.headers["Location"]).path == urlsplit(reverse(settings.LOGIN_URL)).path


def let_in(route: Route) -> dict[str, int]:
    """The methods by which a stranger gets further than a refusal, with the status of each answer."""
    client = Client(raise_request_exception=True)
    base = urlsplit(settings.PUBLIC_URL)
    answers = {
        method: client.generic(
            method,
            route.path,
            content_type="application/json",
            secure=base.scheme == "https",
            headers={"host": base.netloc},
        )
        for method in METHODS
    }
    unserved = {HTTPStatus.METHOD_NOT_ALLOWED}
    served = {method: answer for method, answer in answers.items() if answer.status_code not in unserved}
    assert served, "no method is served at all"
    return {method: answer.status_code for method, answer in served.items() if not is_refused(answer)}


@pytest.mark.django_db
@pytest.mark.parametrize("route", GUARDED, ids=lambda route: f"{route.path} [{route.name}]")
def test_a_stranger_is_turned_away(route: Route) -> None:
    assert let_in(route) == {}, "let a stranger in; add the guard, or the name to PUBLIC_ROUTES with a reason"


def test_an_open_route_is_seen() -> None:
    open_view = require_safe(lambda request, number: HttpResponse("welcome"))
    closed_view = csrf_exempt(lambda request, key: HttpResponse(status=HTTPStatus.FORBIDDEN))
    inner = [path("open/<int:number>/", open_view, name="open"), path("closed/<uuid:key>/", closed_view, name="closed")]
    with override_settings(ROOT_URLCONF=(path("inner/", include((inner, "rooms"))),)):
        found = {route.name: route for route in routes(get_resolver())}
        assert found["rooms:open"].path == "/inner/open/1/"
        assert let_in(found["rooms:open"]) == {"GET": 200, "HEAD": 200}
        assert let_in(found["rooms:closed"]) == {}


def test_there_is_something_to_guard() -> None:
    assert GUARDED


def test_the_public_list_names_only_routes_that_exist() -> None:
    assert {route.name for route in ROUTES} >= PUBLIC_ROUTES


def test_the_public_list_stays_short() -> None:
    # 14 for readers, supporters and gateways; logging in takes two, by password and by passkey, and being asked in one.
    assert len(PUBLIC_ROUTES) <= 17


def test_no_nameless_route_is_public() -> None:
    assert not [name for name in PUBLIC_ROUTES if not name.rpartition(":")[2]]
