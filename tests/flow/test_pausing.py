"""What pauses a gateway, what holds back one delivery alone, and the tasks that people find about either."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections, transaction

from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction import pipeline
from urgentaction.channels.contract import Accepted, Refused, RetryClass, Unknown
from urgentaction.core import clock
from urgentaction.core.errors import Conflict
from urgentaction.deliveries import recording
from urgentaction.deliveries.claim import Claim, Lane, claim, declare_intent
from urgentaction.deliveries.gateways import close_gateways
from urgentaction.deliveries.models import Delivery, GatewayState, HumanTask, HumanTaskKind
from urgentaction.deliveries.pausing import pause_for, pause_gateway, resume_gateway
from urgentaction.deliveries.people import open_task
from urgentaction.deliveries.recording import record
from urgentaction.deliveries.rules import Event
from urgentaction.deliveries.service import close_task, settle_unknown
from urgentaction.supporters.models import Suppression

POLICY = {"smtp": "550 5.7.1 policy of this mailbox"}


def mails() -> list[tuple[str, int]]:
    """State and counted attempts of the supporters' mails, in the order they are claimed."""
    rows = Delivery.objects.filter(channel="email", supporter__isnull=False).order_by("id")
    return list(rows.values_list("state", "attempts"))


def taken(sandbox: SandboxProgram, channel: str, since: int) -> int:
    return sum(entry["channel"] == channel for entry in sandbox.ledger(since))


def newest(sandbox: SandboxProgram) -> int:
    return max((entry["seq"] for entry in sandbox.ledger()), default=0)


def in_hand(channel: str, lane: Lane = Lane.BULK) -> Claim:
    """The first claim of a channel, its intent declared."""
    one = next(one for one in claim(lane, limit=50) if one.channel == channel)
    declare_intent([one], gateway={"fax": "telnyx", "sms": "twilio", "email": "smtp"}[channel])
    return one


def test_a_pause_stops_the_claim_in_hand(world: World, sandbox: SandboxProgram, settings: Any) -> None:
    settings.GATEWAYS = settings.GATEWAYS | {"twilio": settings.GATEWAYS["twilio"] | {"at_once": "1"}}
    close_gateways()
    for person in world.supporters:
        person.wants_sms = True
        person.save()
    sandbox.script(
        {
            "channel": "sms",
            "address": world.supporters[0].phone,
            "steps": [{"http": 429, "code": 20429, "retry_after": 60}],
        }
    )
    world.start()
    seen = newest(sandbox)
    pipeline.send_due(Lane.BULK, seconds=20)
    assert taken(sandbox, "sms", seen) == 0, "the two behind the throttled one were not put to the gateway"
    rows = Delivery.objects.filter(channel="sms").order_by("id")
    assert list(rows.values_list("state", "attempts")) == [("queued", 1), ("queued", 0), ("queued", 0)]
    assert not rows.filter(lease_token__isnull=False).exists()
    assert {state for state, _ in mails()} == {"accepted"}, "the other channel goes on"


def test_throttling_never_lifts_or_shortens_a_pause(world: World, sandbox: SandboxProgram) -> None:
    def throttle(seconds: int) -> None:
        pause_for("twilio", Refused(RetryClass.THROTTLE, "20429", "", timedelta(seconds=seconds)))

    def state() -> GatewayState:
        return GatewayState.objects.get(name="twilio")

    throttle(600)
    longer = state().paused_until
    throttle(1)
    assert state().paused_until == longer
    throttle(1200)
    later = state().paused_until
    assert longer is not None
    assert later is not None
    assert later > longer
    pause_gateway("twilio", reason="contract ends")
    throttle(3600)
    assert (state().paused_until, state().reason) == (None, "contract ends")
    pause_for("twilio", Refused(RetryClass.FIX_FIRST, "20003", "Authenticate", is_about_us=True))
    assert (state().is_paused, state().paused_until, state().reason) == (True, None, "contract ends")
    assert resume_gateway("twilio") is True
    throttle(5)
    assert state().paused_until is not None


def test_of_two_pauses_at_once_the_longer_wins(world: World, sandbox: SandboxProgram) -> None:
    barrier = threading.Barrier(4)

    def work(seconds: int) -> None:
        barrier.wait()
        with transaction.atomic():
            pause_for("twilio", Refused(RetryClass.THROTTLE, "20429", "", timedelta(seconds=seconds)))
        connections.close_all()

    threads = [threading.Thread(target=work, args=(seconds,)) for seconds in (1, 3600, 60, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    until = GatewayState.objects.get(name="twilio").paused_until
    assert until is not None
    assert until > clock.read_database_now() + timedelta(seconds=3000)


def test_one_mailbox_that_refuses_us_does_not_stop_everybodys_mail(
    world: World, sandbox: SandboxProgram, settings: Any
) -> None:
    settings.CLAIM_SIZE, settings.BACKOFF_SCALE = 1, 1.0
    sandbox.script(
        {"channel": "email", "address": "friend0@supporters.invalid", "steps": [POLICY], "then": "repeat"},
    )
    alert = world.start()
    world.send()
    assert not GatewayState.objects.filter(is_paused=True).exists()
    assert sorted(mails()) == [("accepted", 1), ("accepted", 1), ("queued", 1)]
    assert world.states(alert)["to email"] == ["accepted"]
    held = Delivery.objects.get(supporter=world.supporters[0], channel="email")
    assert (held.refusals, held.retry_class) == (0, "fix-first"), "it counts against nobody"
    wait = held.due_at - clock.read_database_now()
    assert timedelta(minutes=13) < wait <= timedelta(minutes=15)
    assert not Suppression.objects.exists()
    task = HumanTask.objects.get()
    assert (task.kind, task.alert_id) == ("fix_configuration", alert.id)
    assert "5.7.1" in task.title
    assert "gateway resume smtp" in task.advice
    assert "friend0" not in task.title + task.advice

    assert resume_gateway("smtp") is True, "the held one is tried at once"
    assert pipeline.send_due(Lane.BULK, seconds=20) == 1
    held.refresh_from_db()
    assert held.due_at - clock.read_database_now() > timedelta(minutes=50), "the second time it waits an hour"
    assert not GatewayState.objects.filter(is_paused=True).exists()
    assert HumanTask.objects.count() == 1


def test_five_different_ones_in_a_row_speak_against_us(world: World, sandbox: SandboxProgram, settings: Any) -> None:
    settings.MAIL_WINDOW, settings.BACKOFF_SCALE = 1, 1.0
    world.more_supporters(4)
    sandbox.script({"channel": "email", "address": "*@*", "steps": [POLICY], "then": "repeat"})
    world.start()
    world.send()
    refused = Delivery.objects.filter(channel="email", retry_class="fix-first")
    assert GatewayState.objects.get(name="smtp").paused_until is None
    assert GatewayState.objects.get(name="smtp").is_paused
    assert refused.count() == 5, "the rest was not put to the gateway"
    assert HumanTask.objects.filter(key="fix:smtp:5.7.1", done_at=None).count() == 1

    sandbox.forget_script()
    assert resume_gateway("smtp") is True
    world.send()
    assert set(Delivery.objects.filter(channel="email").values_list("state", flat=True)) == {"accepted"}


def test_an_acceptance_in_between_speaks_for_us(world: World, sandbox: SandboxProgram, settings: Any) -> None:
    settings.CLAIM_SIZE, settings.MAIL_WINDOW, settings.BACKOFF_SCALE = 1, 1, 1.0
    world.more_supporters(6)
    refusing = [f"friend{n}@supporters.invalid" for n in range(3)] + [
        f"other{n}@supporters.invalid" for n in range(1, 5)
    ]
    for address in refusing:
        sandbox.script({"channel": "email", "address": address, "steps": [POLICY], "then": "repeat"})
    world.start()
    Delivery.objects.filter(role__in=["to", "cc"]).update(state="delivered")
    rows = list(Delivery.objects.filter(channel="email", state="queued").select_related("supporter"))
    order = ["friend0", "friend1", "friend2", "other0", "other1", "other2", "other3", "other5", "other4"]
    for row in rows:
        place = order.index(row.supporter.email.partition("@")[0]) if row.supporter else 0
        due = clock.read_database_now() - timedelta(minutes=60 - place)
        Delivery.objects.filter(id=row.id).update(due_at=due)
    world.send()
    assert not GatewayState.objects.filter(name="smtp", is_paused=True).exists()
    assert Delivery.objects.filter(channel="email", state="queued").count() == 7


def test_what_blames_our_sender_pauses_at_once(world: World, sandbox: SandboxProgram) -> None:
    sandbox.script({"channel": "sms", "address": world.supporters[0].phone, "steps": [{"http": 400, "code": 21606}]})
    world.start()
    world.send()
    assert GatewayState.objects.get(name="twilio").is_paused
    assert HumanTask.objects.get().key == "fix:twilio:21606"


@pytest.mark.parametrize(("code", "is_paused"), [("account_disabled", True), ("file_format_invalid", False)])
def test_a_code_that_comes_by_receipt_is_judged_likewise(
    world: World,
    sandbox: SandboxProgram,
    code: str,
    is_paused: bool,  # noqa: FBT001
) -> None:
    world.start()
    held = in_hand("fax", Lane.URGENT)
    with transaction.atomic():
        record(held, Accepted("f-1"), gateway="telnyx", started=clock.now())
        row = Delivery.objects.select_for_update().get(id=held.id)
        refusal = Refused(RetryClass.FIX_FIRST, code)
        recording.refused(row, refusal, recording.receipt_event(refusal.retry_class))
        row.save()
    assert (row.state, row.refusals) == ("queued", 0)
    assert GatewayState.objects.filter(name="telnyx", is_paused=True).exists() is is_paused


def test_a_codes_own_limit_counts_what_was_refused_and_not_what_was_throttled(
    world: World, sandbox: SandboxProgram
) -> None:
    world.start()
    held = in_hand("sms")
    Delivery.objects.filter(id=held.id).update(attempts=6)
    row = Delivery.objects.get(id=held.id)
    recording.refused(row, Refused(RetryClass.LATER, "30004", "blocked"), Event.RETRY)
    assert (row.state, row.refusals) == ("queued", 1), "five tries before were throttled"
    row.state = "sending"
    recording.refused(row, Refused(RetryClass.LATER, "30004", "blocked"), Event.RETRY)
    assert (row.state, row.refusals) == ("failed", 2)


def test_a_trouble_that_comes_back_gets_a_new_task(world: World, sandbox: SandboxProgram) -> None:
    refusal = Refused(RetryClass.FIX_FIRST, "20003", "Authenticate", is_about_us=True)
    pause_for("twilio", refusal)
    pause_for("twilio", refusal)
    first = HumanTask.objects.get()
    with transaction.atomic():
        close_task(first.id, by="user:duty", result="new token")
    resume_gateway("twilio")
    pause_for("twilio", refusal)
    pause_for("twilio", refusal)
    again = HumanTask.objects.get(done_at=None)
    assert again.id != first.id
    assert HumanTask.objects.count() == 2


def test_a_task_about_one_event_stays_closed(world: World, sandbox: SandboxProgram) -> None:
    def opened() -> HumanTask:
        return open_task(HumanTaskKind.REACH_OFFICIAL, key="reach:x", title="Reach", advice="Phone.")

    first = opened()
    with transaction.atomic():
        close_task(first.id, by="user:duty", result="posted")
    assert opened().id == first.id
    assert HumanTask.objects.count() == 1


def test_an_unknown_is_settled_and_not_merely_ticked_off(world: World, sandbox: SandboxProgram) -> None:
    world.start()
    held = in_hand("sms")
    with transaction.atomic():
        record(held, Unknown("timeout"), gateway="twilio", started=clock.now())
    row = Delivery.objects.get(id=held.id)
    task = open_task(
        HumanTaskKind.SETTLE_UNKNOWN, key=f"unknown:{row.id}:1", title="Did it?", advice="Ask.", delivery=row
    )
    with pytest.raises(Conflict, match=f"delivery settle {row.id}"), transaction.atomic():
        close_task(task.id, by="user:duty", result="phoned")
    task.refresh_from_db()
    assert task.done_at is None
    reply = open_task(HumanTaskKind.READ_REPLY, key="reply:1", title="An answer", advice="Read it.", delivery=row)
    with transaction.atomic():
        settle_unknown(row.id, arrived=True, by="user:duty", why="she has it")
    task.refresh_from_db()
    assert task.done_by == "user:duty"
    reply.refresh_from_db()
    assert reply.done_at is None, "nobody has read that"
