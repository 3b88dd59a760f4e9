"""Those who call the web faces in tests: tokens with scopes, staff with roles."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from allauth.account.internal.userkit import user_id_to_str
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.test import Client

from urgentaction.accounts.models import FACTOR_ROLES, Role, Scope, User
from urgentaction.accounts.service import make_token

REFERENCE = "UA-2026-0001"
UPDATES = f"/cases/{REFERENCE}/updates"
IMMINENT = {"status": "return_imminent", "confidence": "confirmed", "place": "Tumen", "as_of": "2026-10-20"}
DETAINED = {"status": "detained", "confidence": "confirmed", "place": "Dongxing", "as_of": "2026-10-10"}
MANUAL = {"case": REFERENCE, "audience": "both", "channels": ["email", "sms"], "level": 2}

PASSWORD = "a long enough phrase for tests"


@dataclass(slots=True)
class Caller:
    """A program with a token."""

    scopes: tuple[Scope, ...] = tuple(Scope)
    client: Client = field(default_factory=Client)
    prefix: str = ""
    secret: str = ""

    def __post_init__(self) -> None:
        token, self.secret = make_token("test", scopes=self.scopes, lifetime=timedelta(hours=1), by="cli:test")
        self.prefix = token.prefix

    def get(self, path: str, **query: str) -> Any:
        return self.client.get(f"/api/v1{path}", query, headers=self._headers())

    def post(self, path: str, body: object, *, key: str = "", **rest: Any) -> Any:
        headers = self._headers() | ({"Idempotency-Key": key} if key else {})
        return self.client.post(f"/api/v1{path}", body, content_type="application/json", headers=headers, **rest)

    def call(self, method: str, path: str, *, content: str = "", content_type: str = "application/json") -> Any:
        return self.client.generic(
            method, f"/api/v1{path}", content, content_type=content_type, headers=self._headers()
        )

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}


def staff(role: Role, name: str = "") -> Client:
    """A browser in which somebody with this role is logged in, with a second factor where the role wants one."""
    username = name or role.value
    user = User.objects.create_user(username, f"{username}@staff.invalid", PASSWORD, role=role.value)
    if role in FACTOR_ROLES:
        give_app(user)
    client = Client()
    client.force_login(user)
    return client


def text(answer: Any, status: int = 200) -> str:
    """A page as it was answered, once its status is the one expected."""
    assert answer.status_code == status, answer.content[:600]
    page: str = answer.content.decode()
    return page


def line(answer: Any, *, status: int = 200) -> str:
    """A page in one line, blanks as one."""
    return re.sub(r"\s+", " ", text(answer, status))


def give_app(user: User) -> str:
    """Set up an authenticator app for somebody, and return its secret."""
    secret: str = generate_totp_secret()
    TOTP.activate(user, secret)
    return secret


def code_of(secret: str, *, step: int = 0) -> str:
    """What an app with this secret shows now, or one step (30 s) before or after: each is good once."""
    counter = list(yield_hotp_counters_from_time())[1 + step]
    return str(format_hotp_value(hotp_value(secret, counter)))


def confirm_it_is_them(client: Client) -> None:
    """As if they had just shown again that it is them."""
    session = client.session
    user_id = session["_auth_user_id"]
    session["account_authentication_methods_user"] = user_id_to_str(User.objects.get(pk=user_id))
    session["account_authentication_methods"] = [{"method": "mfa", "at": time.time(), "reauthenticated": True}]
    session.save()


def assert_problem(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["type"]
    assert body["title"]
    assert body["detail"]
    return body


def fields(body: dict[str, Any]) -> set[str]:
    return {problem["field"] for problem in body["problems"]}
