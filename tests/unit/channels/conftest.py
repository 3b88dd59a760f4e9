"""Hostile servers as fixtures, and the short timeouts to meet them with."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.unit.channels.hostile import HttpScript, Server, SmtpScript, http_dialogue, smtp_dialogue
from urgentaction.channels import http
from urgentaction.channels.email.smtp import gateway as smtp_gateway

SMTP_OPTIONS = {"host": "127.0.0.1", "tls": "none"}


@pytest.fixture(autouse=True)
def short_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "READ_SECONDS", 0.4)
    monkeypatch.setattr(smtp_gateway, "REPLY_SECONDS", 0.4)
    monkeypatch.setattr(smtp_gateway, "DOT_SECONDS", 0.4)


@pytest.fixture
def start() -> Iterator[Callable[[SmtpScript | HttpScript], Server]]:
    servers: list[Server] = []

    def begin(script: SmtpScript | HttpScript) -> Server:
        dialogue = smtp_dialogue(script) if isinstance(script, SmtpScript) else http_dialogue(script)
        servers.append(Server(dialogue))
        return servers[-1]

    yield begin
    for server in servers:
        server.close()
