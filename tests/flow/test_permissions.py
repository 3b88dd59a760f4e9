"""Every route of the console with every role, held against docs/permissions.md.

Nothing here knows a route by name: a new one is covered as soon as it has a URL and a row in the tables. Made-up ids
do for all of them, because who may do something is decided before anything is looked up.
"""

from __future__ import annotations

import re
from collections import Counter
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import NoReverseMatch, get_resolver, reverse

from tests.architecture.walk import Route, routes
from tests.flow.callers import confirm_it_is_them, staff
from tests.flow.world import World
from urgentaction.accounts.models import Role, User
from urgentaction.console.permissions import LADDER

pytestmark = pytest.mark.django_db

TABLES = Path(__file__).resolve().parents[2] / "docs" / "permissions.md"
ROW = re.compile(r"^\| `([a-z0-9_-]+)` \|[^|]*\| (\w+) \|$", re.MULTILINE)
EVERYBODY = "everybody"
CONSOLE = "console:"


def name_of(route: Route) -> str:
    return route.name.removeprefix(CONSOLE)


ROUTES = {name_of(route): route for route in routes(get_resolver()) if route.path.startswith("/console/")}
ROWS = ROW.findall(TABLES.read_text(encoding="utf-8"))
LEAST = dict(ROWS)
OURS = sorted(ROUTES.keys() & LEAST.keys())


def is_allowed(role: Role | None, name: str) -> bool:
    if LEAST[name] == EVERYBODY:
        return True
    return role in LADDER and LADDER.index(role) >= LADDER.index(Role(LEAST[name]))


def is_sent_to_log_in(answer: Any) -> bool:
    at_login = reverse(settings.LOGIN_URL)
    return bool(answer.status_code == HTTPStatus.FOUND and answer.headers["Location"].partition("?")[0] == at_login)


def knock(client: Client, route: Route) -> dict[str, Any]:
    """The answers to GET and POST; a method that the route does not have is left out."""
    answers = {"GET": client.get(route.path), "POST": client.post(route.path)}
    return {name: one for name, one in answers.items() if one.status_code != HTTPStatus.METHOD_NOT_ALLOWED}


class TestTables:
    def test_every_route_of_the_console_is_in_the_tables(self) -> None:
        assert set(ROUTES) - set(LEAST) == set(), "add a row to docs/permissions.md"

    def test_every_row_is_a_route(self) -> None:
        assert set(LEAST) - set(ROUTES) == set(), "the route is gone; so should its row be"

    def test_no_route_is_listed_twice(self) -> None:
        assert [name for name, count in Counter(name for name, _ in ROWS).items() if count > 1] == []

    def test_every_row_names_a_role(self) -> None:
        assert set(LEAST.values()) <= {EVERYBODY, *LADDER}

    def test_every_line_of_a_table_is_read(self) -> None:
        lines = [line for line in TABLES.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
        assert len(lines) == len(ROWS), "a row has to look like: | `name` | what | role |"


class TestRefused:
    @pytest.mark.parametrize("name", [name for name in OURS if LEAST[name] != EVERYBODY])
    def test_a_stranger_is_sent_to_log_in(self, name: str) -> None:
        answers = knock(Client(), ROUTES[name])
        assert answers
        for method, answer in answers.items():
            assert is_sent_to_log_in(answer), (method, answer.status_code)

    @pytest.mark.parametrize("role", list(Role))
    def test_a_role_is_refused_what_is_not_its_own(self, role: Role) -> None:
        client = staff(role)
        for name in OURS:
            if not is_allowed(role, name):
                answers = knock(client, ROUTES[name])
                assert answers, name
                assert {method: one.status_code for method, one in answers.items()} == dict.fromkeys(answers, 403), name


class TestAllowed:
    @pytest.mark.parametrize("role", LADDER)
    def test_a_role_may_do_what_is_its_own(self, role: Role) -> None:
        World.make().start()
        client = staff(role)
        for name in OURS:
            if is_allowed(role, name):
                client.force_login(User.objects.get(role=role))  # what went before may have ended the session
                confirm_it_is_them(client)
                for method, answer in knock(client, ROUTES[name]).items():
                    assert answer.status_code not in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}, (name, method)
                    assert not is_sent_to_log_in(answer) or name == "account_logout", (name, method)

    @pytest.mark.parametrize("role", LADDER)
    def test_pages_that_need_nothing_open(self, role: Role) -> None:
        client = staff(role)
        for name in OURS:
            route = ROUTES[name]
            if is_allowed(role, name) and route.name.startswith(CONSOLE) and route.path == _bare(route):
                answer = client.get(route.path)
                assert answer.status_code in {HTTPStatus.OK, HTTPStatus.METHOD_NOT_ALLOWED}, name

    @pytest.mark.parametrize("role", [Role.APPROVER, Role.ADMINISTRATOR])
    def test_without_a_second_factor_nothing_opens_but_setting_one_up(self, role: Role) -> None:
        user = User.objects.create_user("new", "new@staff.invalid", "x", role=role.value)
        client = Client()
        client.force_login(user)
        shut = [name for name in OURS if LEAST[name] != EVERYBODY and not _is_for_setting_up(ROUTES[name])]
        assert "now" in shut
        for name in shut:
            if is_allowed(role, name):
                for method, answer in knock(client, ROUTES[name]).items():
                    assert answer.status_code == HTTPStatus.FOUND, (name, method)
                    assert answer.headers["Location"] == "/console/account/factors/", (name, method)


def _bare(route: Route) -> str:
    """The route's path, if it has no variables; else an empty text."""
    try:
        return reverse(route.name)
    except NoReverseMatch:
        return ""


def _is_for_setting_up(route: Route) -> bool:
    """One's own account is what stays open."""
    return route.path.startswith("/console/account/") or route.path == "/console/logout/"
