"""Several gateways on a channel: shares, failing over on a definite refusal, and leaving alone what does not work."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction import pipeline
from urgentaction.alerts.models import Alert
from urgentaction.core import clock
from urgentaction.deliveries import breaker, ways
from urgentaction.deliveries.claim import Lane
from urgentaction.deliveries.gateways import close_gateways
from urgentaction.deliveries.models import Attempt, Delivery, GatewayState, HumanTask
from urgentaction.deliveries.pausing import pause_gateway
from urgentaction.tracking.queries import gateway_states


@pytest.fixture
def dead_port() -> Iterator[int]:
    """A port on which nobody listens, kept by us so that nobody else does."""
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        yield kept.getsockname()[1]


@pytest.fixture
def two(settings: Any, sandbox: SandboxProgram) -> dict[str, dict[str, str]]:
    """A second gateway for mail and for SMS, which both work."""
    options = sandbox.gateway_options()
    options["backup-mail"] = {**options["smtp"], "kind": "smtp", "weight": "0"}
    options["backup-sms"] = {**options["twilio"], "kind": "twilio", "weight": "0"}
    settings.GATEWAYS = options
    close_gateways()
    return options


def at(port: int, options: dict[str, dict[str, str]], settings: Any) -> None:
    """The first mail gateway is somewhere else now."""
    settings.GATEWAYS = options | {"smtp": options["smtp"] | {"port": str(port)}}
    close_gateways()


def mail_by() -> list[tuple[str, str, int]]:
    rows = Delivery.objects.filter(channel="email", supporter__isnull=False).order_by("id")
    return list(rows.values_list("state", "gateway", "refusals"))


def let_trials_come() -> None:
    GatewayState.objects.filter(broken_since__isnull=False).update(broken_until=clock.read_database_now())


def test_a_gateway_that_is_down_costs_nobody_anything_where_there_is_another(
    world: World, two: dict[str, dict[str, str]], settings: Any, dead_port: int
) -> None:
    at(dead_port, two, settings)
    world.start()
    world.send()
    assert mail_by() == [("accepted", "backup-mail", 0)] * 3
    state = GatewayState.objects.get(name="smtp")
    assert state.broken_since is not None, "and it is left alone now"
    tries = Attempt.objects.filter(gateway="smtp")
    assert tries.exists()
    assert set(tries.values_list("outcome", "is_fault")) == {("refused", True)}


def test_what_one_mail_gateway_refuses_for_now_leaves_by_the_one_that_stands_by(
    world: World, two: dict[str, dict[str, str]], sandbox: SandboxProgram
) -> None:
    greylisted = world.supporters[0]
    sandbox.script({"channel": "email", "address": greylisted.email, "steps": [{"smtp": "450 4.7.1 greylisted"}]})
    world.start()
    world.send()
    row = Delivery.objects.get(channel="email", supporter=greylisted)
    assert (row.state, row.gateway) == ("accepted", "backup-mail")
    assert [(one.gateway, one.outcome) for one in row.tries.order_by("number")] == [
        ("smtp", "refused"),
        ("backup-mail", "accepted"),
    ]


def test_without_another_gateway_they_wait_uncounted_and_go_when_it_is_back(
    world: World, sandbox: SandboxProgram, settings: Any, dead_port: int
) -> None:
    settings.BACKOFF_SCALE = 1.0
    good = sandbox.gateway_options()
    at(dead_port, good, settings)
    world.start()
    for _ in range(6):
        Delivery.objects.filter(state="queued").update(due_at=clock.database_now())
        world.send()
    assert {(state, refusals) for state, _, refusals in mail_by()} == {("queued", 0)}
    assert Attempt.objects.filter(gateway="smtp").count() <= 6, "a gateway that is down is not knocked at by everybody"
    (shown,) = [one for one in gateway_states() if one.name == "smtp"]
    assert shown.is_broken
    assert "connection" in shown.broken_why.lower()

    let_trials_come()
    world.send()
    assert GatewayState.objects.get(name="smtp").breaks == 2, "the check said that it is still down; no message went"
    settings.GATEWAYS = good
    close_gateways()
    let_trials_come()
    Delivery.objects.filter(state="queued").update(due_at=clock.database_now())
    world.send()
    world.send()
    assert {(state, refusals) for state, _, refusals in mail_by()} == {("accepted", 0)}
    state = GatewayState.objects.get(name="smtp")
    assert (state.broken_since, state.breaks) == (None, 0)


def test_two_workers_never_both_try_a_broken_gateway(world: World, sandbox: SandboxProgram, settings: Any) -> None:
    settings.BACKOFF_SCALE = 1.0
    breaker.broke("smtp", "no connection", is_trial=False)
    assert breaker.begin_trial("smtp") is False, "its pause is not over"
    let_trials_come()
    assert breaker.begin_trial("smtp") is True
    assert breaker.begin_trial("smtp") is False
    breaker.broke("smtp", "met by another worker", is_trial=False)
    assert GatewayState.objects.get(name="smtp").breaks == 1, "one breakdown is counted once"


def test_a_text_message_of_unknown_fate_is_never_given_to_another_gateway(
    world: World, two: dict[str, dict[str, str]], sandbox: SandboxProgram, settings: Any
) -> None:
    settings.GATEWAYS = {name: options | {"gateway_timeout_seconds": "1"} for name, options in two.items()}
    close_gateways()
    sandbox.script(
        {"channel": "sms", "address": world.supporters[0].phone, "steps": [{"timeout_after_acceptance": True}]}
    )
    seen = len([entry for entry in sandbox.ledger() if entry["channel"] == "sms"])
    world.start()
    pipeline.send_due(Lane.BULK, seconds=20)
    row = Delivery.objects.get(channel="sms")
    assert (row.state, row.gateway) == ("unknown", "twilio")
    pipeline.send_due(Lane.BULK, seconds=20)
    assert len([entry for entry in sandbox.ledger() if entry["channel"] == "sms"]) == seen + 1


def test_refused_by_one_account_it_goes_by_the_other_and_staff_hear_of_it(
    world: World, two: dict[str, dict[str, str]], settings: Any
) -> None:
    settings.GATEWAYS = two | {"twilio": two["twilio"] | {"auth_token": "wrong"}}
    close_gateways()
    world.start()
    world.send()
    row = Delivery.objects.get(channel="sms")
    assert (row.state, row.gateway, row.refusals) == ("accepted", "backup-sms", 0)
    assert GatewayState.objects.get(name="twilio").is_paused
    assert HumanTask.objects.filter(kind="fix_configuration", done_at=None).exists()


def test_a_gateway_that_is_set_up_wrongly_stops_nobody_else(
    world: World, sandbox: SandboxProgram, settings: Any
) -> None:
    options = sandbox.gateway_options()
    del options["telnyx"]["api_key"]
    settings.GATEWAYS = options
    close_gateways()
    alert = world.start()
    world.send()
    states = world.states(alert)
    assert states["to fax"] == ["queued"]
    assert states["supporter email"] == ["accepted"] * 3
    state = GatewayState.objects.get(name="telnyx")
    assert state.is_paused
    assert "URGENTACTION_TELNYX_API_KEY" in state.reason


def test_what_waits_for_a_full_gateway_holds_up_nothing_less_urgent(
    world: World, two: dict[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Greylisted by the one, and the other takes no more just now: the first one is there for everybody else."""
    urgent, other = world.start(), World.make(number=2).start()
    of_urgent = Delivery.objects.filter(alert=urgent, channel="email", supporter__isnull=False)
    of_urgent.update(gateway="smtp", retry_class="soon")
    Alert.objects.filter(id=other.id).update(priority=2)
    monkeypatch.setitem(ways._full_until, "backup-mail", time.monotonic() + 60)
    pipeline.send_due(Lane.BULK, seconds=5)
    of_other = Delivery.objects.filter(alert=other, channel="email", supporter__isnull=False)
    assert set(of_other.values_list("state", "gateway")) == {("accepted", "smtp")}
    assert set(of_urgent.values_list("state", flat=True)) == {"queued"}
    del ways._full_until["backup-mail"]
    pipeline.send_due(Lane.BULK, seconds=5)
    assert set(of_urgent.values_list("state", "gateway")) == {("accepted", "backup-mail")}


def test_shares_follow_the_weights(world: World, two: dict[str, dict[str, str]], settings: Any) -> None:
    settings.GATEWAYS = two | {"backup-mail": two["backup-mail"] | {"weight": "10"}}
    settings.MAIL_WINDOW = 1
    close_gateways()
    world.more_supporters(40)
    world.start()
    world.send()
    by = [gateway for _, gateway, _ in mail_by()]
    assert 5 <= by.count("backup-mail") <= len(by) - 5, f"half and half of {len(by)}, by chance"


def test_a_paused_gateway_takes_nothing_and_nobody_waits_for_it(world: World, two: dict[str, dict[str, str]]) -> None:
    pause_gateway("smtp", reason="by hand")
    world.start()
    world.send()
    assert mail_by() == [("accepted", "backup-mail", 0)] * 3


def test_a_window_is_broken_off_when_the_gateway_dies_in_it(
    world: World, sandbox: SandboxProgram, settings: Any, dead_port: int
) -> None:
    at(dead_port, sandbox.gateway_options(), settings)
    world.more_supporters(10)
    world.start()
    pipeline.send_due(Lane.BULK, seconds=20)
    tried = Attempt.objects.filter(gateway="smtp").count()
    assert tried == breaker.IN_A_ROW, "the rest of the window was given back untried"
    assert not Delivery.objects.filter(state__in=["leased", "sending", "unknown"]).exists()
