"""What goes wrong for hours and then is mended: everything goes out, and nobody's tries were used up."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection

from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction import pipeline
from urgentaction.core import clock
from urgentaction.deliveries.gateways import close_gateways
from urgentaction.deliveries.models import Attempt, Delivery, GatewayState, HumanTask
from urgentaction.deliveries.pausing import resume_gateway

HOUR = 3600


@pytest.fixture
def at_hour(settings: Any) -> Iterator[Callable[[float], None]]:
    """Move this process's and the database's clock to so many hours from now."""

    def move(hours: float) -> None:
        settings.CLOCK_OFFSET_SECONDS = hours * HOUR
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('urgentaction.clock_offset', %s, false)", [f"{hours * HOUR}s"])

    yield move
    move(0)


@pytest.fixture
def nowhere() -> Iterator[int]:
    """A port on which nobody listens, kept by us so that nobody else does."""
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        yield kept.getsockname()[1]


def taken_of(sandbox: SandboxProgram, since: int) -> list[str]:
    return sorted(entry["to"] for entry in sandbox.ledger(since))


def newest(sandbox: SandboxProgram) -> int:
    return max((entry["seq"] for entry in sandbox.ledger()), default=0)


def test_a_day_without_any_gateway_drains_to_the_last_one(
    world: World, sandbox: SandboxProgram, settings: Any, at_hour: Callable[[float], None], nowhere: int
) -> None:
    settings.BACKOFF_SCALE = 1.0
    good = sandbox.gateway_options()
    dead = {
        "smtp": good["smtp"] | {"port": str(nowhere)},
        "telnyx": good["telnyx"] | {"base_url": f"http://127.0.0.1:{nowhere}/telnyx"},
        "twilio": good["twilio"] | {"base_url": f"http://127.0.0.1:{nowhere}/twilio"},
    }
    settings.GATEWAYS = dead
    close_gateways()
    world.more_supporters(30)
    since = newest(sandbox)
    alert = world.start()
    for half in range(24 * 2):
        at_hour(half / 2)
        pipeline.sweep_all()
        world.send()
    assert taken_of(sandbox, since) == []
    met = Attempt.objects.filter(outcome="refused", is_fault=True).values_list("gateway", flat=True)
    assert set(met) == set(good), "each of them was met while it was down"
    assert GatewayState.objects.filter(broken_since__isnull=False, name="smtp").exists()
    rows = Delivery.objects.filter(alert=alert)
    assert set(rows.values_list("state", "refusals")) == {("queued", 0)}

    settings.GATEWAYS = good
    close_gateways()
    for minute in range(10):
        at_hour(24 + minute / 10)
        pipeline.sweep_all()
        world.send()
    assert set(rows.values_list("state", flat=True)) == {"accepted"}
    assert len(taken_of(sandbox, since)) == rows.count(), "each once"


def test_a_passing_refusal_of_two_per_cent_loses_nobody(
    world: World, sandbox: SandboxProgram, at_hour: Callable[[float], None]
) -> None:
    people = world.more_supporters(197)
    for person in people[::50]:
        steps = [{"smtp": "451 4.7.1 try later"}] * 3
        sandbox.script({"channel": "email", "address": person.email, "steps": steps})
    since = newest(sandbox)
    alert = world.start()
    for round_ in range(6):
        at_hour(round_ * 3)
        world.send()
    mails = Delivery.objects.filter(alert=alert, channel="email")
    assert set(mails.values_list("state", flat=True)) == {"accepted"}
    assert sorted(mails.values_list("attempts", flat=True))[-4:] == [4, 4, 4, 4], "four of two hundred came back thrice"
    taken = [entry["to"] for entry in sandbox.ledger(since) if entry["channel"] == "email"]
    assert len(taken) == len(set(taken)) == mails.count()
    assert not GatewayState.objects.filter(broken_since__isnull=False).exists()


_WRONG_KEY = {"telnyx": {"api_key": "wrong"}, "twilio": {"auth_token": "wrong"}}


@pytest.mark.parametrize(("gateway", "channel"), [("smtp", "email"), ("telnyx", "fax"), ("twilio", "sms")])
def test_refused_credentials_pause_the_gateway_and_nothing_is_burned(
    world: World, sandbox: SandboxProgram, settings: Any, gateway: str, channel: str
) -> None:
    good = sandbox.gateway_options()
    if gateway == "smtp":
        refusal = {"smtp": "530 5.7.0 Authentication required", "at": "mail"}
        sandbox.script({"channel": "email", "address": "b+*", "steps": [refusal], "then": "repeat"})
    else:
        settings.GATEWAYS = good | {gateway: good[gateway] | _WRONG_KEY[gateway]}
        close_gateways()
    world.more_supporters(25)
    alert = world.start()
    for _ in range(3):
        Delivery.objects.filter(state="queued").update(due_at=clock.database_now())
        pipeline.sweep_all()
        world.send()
    rows = Delivery.objects.filter(alert=alert, channel=channel)
    assert set(rows.values_list("state", "refusals")) == {("queued", 0)}
    assert Attempt.objects.filter(gateway=gateway).count() <= 2, "one refusal is enough to stop, for each lane"
    assert GatewayState.objects.get(name=gateway).is_paused
    assert HumanTask.objects.filter(kind="fix_configuration", title__contains=gateway, done_at=None).exists()

    settings.GATEWAYS = good
    sandbox.forget_script()
    close_gateways()
    assert resume_gateway(gateway) is True
    world.send()
    assert set(rows.values_list("state", "refusals")) == {("accepted", 0)}
