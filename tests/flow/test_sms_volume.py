"""Many text messages: each leaves once, none costs a thread, and a gateway that is too slow for them loses none."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction import pipeline
from urgentaction.channels.contract import Accepted, Outgoing, OutgoingSms
from urgentaction.core import clock
from urgentaction.deliveries.claim import Lane
from urgentaction.deliveries.gateways import gateway_named
from urgentaction.deliveries.models import Delivery, GatewayState
from urgentaction.deliveries.pausing import resume_gateway
from urgentaction.supporters.models import Supporter

MANY = 60


def friends_with_telephones() -> list[Supporter]:
    now = clock.now()
    return Supporter.objects.bulk_create(
        Supporter(
            name=f"Caller {n}",
            phone=f"+1{310 + n // 100}55501{n % 100:02}",
            language="en",
            wants_sms=True,
            consented_at=now,
            consent_source="form",
            created_at=now,
        )
        for n in range(MANY)
    )


def texts_taken(sandbox: SandboxProgram, since: int) -> Counter[str]:
    """How often the gateway took a message to each number."""
    return Counter(entry["to"] for entry in sandbox.ledger(since) if entry["channel"] == "sms")


def newest(sandbox: SandboxProgram) -> int:
    return max((entry["seq"] for entry in sandbox.ledger()), default=0)


def test_a_thousand_messages_leave_without_a_thread_each(sandbox: SandboxProgram) -> None:
    seen, before = newest(sandbox), threading.active_count()
    most = before
    batch: list[Outgoing] = [
        OutgoingSms(reference=f"d-{n}", attempt=1, to=f"+1{400 + n // 100}55501{n % 100:02}", text="Write today.")
        for n in range(1000)
    ]
    refs: dict[str, str] = {}
    for place, outcome in gateway_named("twilio").submit_many(batch, lambda _: True):
        assert isinstance(outcome, Accepted)
        refs[batch[place].to] = outcome.ref
        most = max(most, threading.active_count())
    entries = {entry["to"]: entry["ref"] for entry in sandbox.ledger(seen) if entry["channel"] == "sms"}
    assert entries == refs, "each under its own name"
    assert texts_taken(sandbox, seen).total() == 1000
    assert most == before
    tasks = Path(f"/proc/{sandbox.process.pid}/task")
    if tasks.exists():
        assert len(list(tasks.iterdir())) < 10, "nor does the sandbox take one each"


def test_everybody_who_wants_a_text_is_sent_one(world: World, sandbox: SandboxProgram) -> None:
    people = friends_with_telephones()
    seen = newest(sandbox)
    world.start()
    world.send()
    rows = Delivery.objects.filter(channel="sms", supporter__in=people)
    assert Counter(rows.values_list("state", flat=True)) == {"accepted": MANY}
    taken = texts_taken(sandbox, seen)
    assert {person.phone: taken[person.phone] for person in people} == {person.phone: 1 for person in people}
    assert len(set(rows.values_list("gateway_ref", flat=True))) == MANY


@pytest.mark.parametrize("status", [429, 401])
def test_a_refusal_that_concerns_all_costs_nobody_a_message(
    world: World, sandbox: SandboxProgram, settings: Any, status: int
) -> None:
    settings.BACKOFF_SCALE = 1.0
    people = friends_with_telephones()
    sandbox.script({"channel": "sms", "address": people[25].phone, "steps": [{"http": status, "retry_after": 3600}]})
    seen = newest(sandbox)
    world.start()
    pipeline.send_due(Lane.BULK, seconds=20)
    rows = Delivery.objects.filter(channel="sms", supporter__in=people)
    states = Counter(rows.values_list("state", flat=True))
    assert set(states) == {"accepted", "queued"}, "nothing failed, nothing is in doubt"
    assert states["accepted"] == sum(texts_taken(sandbox, seen)[person.phone] for person in people)
    assert states.total() == MANY
    assert not rows.filter(state="queued", attempts__gt=1).exists()
    assert GatewayState.objects.filter(name="twilio", is_paused=True).exists()
    resume_gateway("twilio")
    rows.filter(state="queued").update(due_at=clock.now())
    world.send()
    assert Counter(rows.values_list("state", flat=True)) == {"accepted": MANY}
    taken = texts_taken(sandbox, seen)
    assert {person.phone: taken[person.phone] for person in people} == {person.phone: 1 for person in people}
