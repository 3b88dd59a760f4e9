"""A proof of a letter or notice to one's own address: marked TEST, counted nowhere, and past no guard."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.flow.callers import staff, text
from tests.flow.composing import composed
from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction.accounts.models import AuditEntry, Role, User
from urgentaction.channels.contract import Channel
from urgentaction.core import clock
from urgentaction.deliveries.models import Delivery, GatewayState
from urgentaction.deliveries.proofs import marked
from urgentaction.supporters.by_hand import suppress_by_hand

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def editor() -> Client:
    return staff(Role.EDITOR, "edith")


def mails_of(sandbox: SandboxProgram) -> list[dict[str, Any]]:
    return [entry for entry in sandbox.ledger() if entry["to"] == "edith@staff.invalid"]


def test_it_comes_to_oneself_marked_and_counts_for_nothing(
    world: World, editor: Client, sandbox: SandboxProgram
) -> None:
    alert = composed(editor, world)
    before, path = len(mails_of(sandbox)), f"/console/alerts/{alert.id}/proof/"
    said = text(editor.post(path, {"letter": str(world.president.id), "to": "x@y.invalid"}, follow=True))
    assert "on its way to edith@staff.invalid, marked TEST" in said
    editor.post(path, {"notice": "email-en"})
    editor.post(path, {"notice": "sms-en"})
    mails = mails_of(sandbox)[before:]
    assert len(mails) == 3
    assert not Delivery.objects.exists()
    assert AuditEntry.objects.filter(action="alert.proof", subject=f"alert:{alert.id}").count() == 3
    alert.refresh_from_db()
    assert (alert.state, alert.frozen_at) == ("draft", None)


def test_the_guard_stands_in_its_way_too(world: World, editor: Client, sandbox: SandboxProgram) -> None:
    alert = composed(editor, world)
    User.objects.filter(username="edith").update(email="edith@gmail.com")
    said = text(editor.post(f"/console/alerts/{alert.id}/proof/", {"notice": "email-en"}, follow=True))
    assert "Sandbox mode" in said
    assert not any(entry["to"] == "edith@gmail.com" for entry in sandbox.ledger())
    assert not AuditEntry.objects.filter(action="alert.proof").exists()


def test_a_paused_gateway_is_not_gone_around(world: World, editor: Client, sandbox: SandboxProgram) -> None:
    alert, before = composed(editor, world), len(mails_of(sandbox))
    GatewayState.objects.update_or_create(name="smtp", defaults={"is_paused": True, "changed_at": clock.now()})
    said = text(editor.post(f"/console/alerts/{alert.id}/proof/", {"notice": "email-en"}, follow=True))
    assert "No mail gateway may carry it just now" in said
    assert "No gateway for email works at this moment" in said
    assert len(mails_of(sandbox)) == before


def test_a_suppressed_address_gets_none(world: World, editor: Client, sandbox: SandboxProgram) -> None:
    alert, before = composed(editor, world), len(mails_of(sandbox))
    suppress_by_hand(Channel.EMAIL, "edith@staff.invalid", by="cli:test", why="asked")
    said = text(editor.post(f"/console/alerts/{alert.id}/proof/", {"notice": "email-en"}, follow=True))
    assert "suppression list" in said
    assert len(mails_of(sandbox)) == before


def test_what_is_not_there_is_said(world: World, editor: Client) -> None:
    alert = composed(editor, world)
    said = text(editor.post(f"/console/alerts/{alert.id}/proof/", {"notice": "fax-en"}, follow=True))
    assert "no such letter or notice" in said


def test_the_mark_stands_above_everything_else() -> None:
    assert marked("<html><body class='x'><p>Dear</p>", "TEST <1>") == (
        "<html><body class='x'><p><strong>TEST &lt;1&gt;</strong></p><p>Dear</p>"
    )
    assert marked("Dear", "TEST").startswith("<p><strong>TEST</strong></p>")
