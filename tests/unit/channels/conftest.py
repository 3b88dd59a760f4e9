"""Hostile servers as fixtures, and the short timeouts to meet them with."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest

from tests.unit.channels.hostile import HttpScript, Server, SmtpScript, http_dialogue, smtp_dialogue
from tests.unit.channels.samples import config
from urgentaction.channels import http
from urgentaction.channels.email.smtp import gateway as smtp_gateway
from urgentaction.channels.options import Options

SMTP_OPTIONS = {"host": "127.0.0.1", "tls": "none"}


@pytest.fixture(autouse=True)
def short_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "READ_SECONDS", 0.4)
    monkeypatch.setattr(smtp_gateway, "REPLY_SECONDS", 0.4)
    monkeypatch.setattr(smtp_gateway, "DOT_SECONDS", 0.4)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """For what nobody waits for: a busy machine must not look like a silent server."""
    monkeypatch.setattr(smtp_gateway, "REPLY_SECONDS", 20.0)
    monkeypatch.setattr(smtp_gateway, "DOT_SECONDS", 20.0)


@pytest.fixture
def impatient(patient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """For what never comes, where the others are patient."""
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


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[socket.socket], None]], Server]]:
    """A server out of what it does with each connection."""
    servers: list[Server] = []

    def begin(dialogue: Callable[[socket.socket], None]) -> Server:
        servers.append(Server(dialogue))
        return servers[-1]

    yield begin
    for server in servers:
        server.close()


@pytest.fixture
def mailer() -> Iterator[Callable[..., smtp_gateway.SmtpGateway]]:
    """An SMTP gateway for a port, with one connection unless told otherwise, and without the live-dial guard."""
    built: list[smtp_gateway.SmtpGateway] = []

    def build(port: int, **options: str) -> smtp_gateway.SmtpGateway:
        given = config("smtp", {**SMTP_OPTIONS, "port": str(port), "connections": "1", **options})
        built.append(smtp_gateway.SmtpGateway(Options(given, smtp_gateway.KIND.options)))
        return built[-1]

    yield build
    for gateway in built:
        gateway.close()
