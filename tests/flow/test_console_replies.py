"""What people wrote back, as staff reads it: the words on one page alone, and what may be made of them."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.test import Client

from tests.flow.callers import text
from tests.flow.world import World
from urgentaction.accounts.models import AuditEntry
from urgentaction.core import clock
from urgentaction.deliveries.models import HumanTaskKind
from urgentaction.deliveries.people import open_task
from urgentaction.receipts.models import Receipt
from urgentaction.supporters.models import Suppression

pytestmark = pytest.mark.django_db(transaction=True)


class TestReplies:
    @pytest.fixture
    def task_id(self, world: World) -> uuid.UUID:
        Receipt.objects.create(
            gateway="twilio", event_id="SM1:inbound", kind="inbound", address=world.supporters[0].phone,
            raw="From=%2B44&Body=please+leave+me+alone", received_at=clock.now(),
        )  # fmt: skip
        return open_task(
            HumanTaskKind.READ_REPLY, key="reply:twilio:SM1:inbound", title="Somebody answered a text message",
            advice="Read it.",
        ).id  # fmt: skip

    def test_words_are_shown_on_the_reply_s_own_page(
        self, world: World, editor: Client, task_id: uuid.UUID, settings: Any, sandbox: Any
    ) -> None:
        listed = text(editor.get("/console/supporters/replies/"))
        assert "Somebody answered a text message" in listed
        assert "leave me alone" not in listed
        assert f"…{world.supporters[0].id.hex[-8:]}" in listed
        assert "please leave me alone" in text(editor.get(f"/console/supporters/replies/{task_id}/"))
        assert AuditEntry.objects.filter(action="reply.open").exists()

    def test_a_reply_is_taken_for_a_stop(self, world: World, editor: Client, task_id: uuid.UUID, sandbox: Any) -> None:
        done = text(editor.post(f"/console/supporters/replies/{task_id}/stop/", follow=True))
        assert "Taken for a STOP" in done
        assert "Nothing waits to be read" in done
        row = Suppression.objects.get()
        assert (row.channel, row.reason) == ("sms", "stop")
        assert bytes(row.address_index) == bytes(world.supporters[0].phone_index or b"")
        again = editor.post(f"/console/supporters/replies/{task_id}/stop/", follow=True)
        assert "was closed by" in text(again)

    def test_a_reply_is_filed(self, editor: Client, task_id: uuid.UUID) -> None:
        path = f"/console/supporters/replies/{task_id}/file/"
        assert "Say it in a few words" in text(editor.post(path, {"result": ""}))
        assert "Filed." in text(editor.post(path, {"result": "answered by phone"}, follow=True))
        assert "answered by phone" in text(editor.get("/console/supporters/replies/?done=yes"))
