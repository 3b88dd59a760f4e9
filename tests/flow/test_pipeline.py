from __future__ import annotations

import pytest

from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction import pipeline
from urgentaction.alerts.models import AlertState
from urgentaction.cases.vocabulary import Status
from urgentaction.deliveries.claim import Lane, claim
from urgentaction.deliveries.models import Attempt, Delivery, HumanTask
from urgentaction.deliveries.send import send_claims
from urgentaction.letters.models import Letter
from urgentaction.supporters.models import Suppression


def test_an_imminent_return_reaches_everybody_on_every_planned_channel(world: World, sandbox: SandboxProgram) -> None:
    seen = len(sandbox.ledger())
    alert = world.start()
    assert world.states(alert) == {
        "to fax": ["queued"],
        "to email": ["queued"],
        "cc email": ["queued"],
        "supporter email": ["queued"] * 3,
        "supporter sms": ["queued"],
    }
    assert world.send() == 7
    assert set(Delivery.objects.values_list("state", flat=True)) == {"accepted"}
    entries = sandbox.ledger()[seen:]
    assert sorted(entry["channel"] for entry in entries) == ["email"] * 5 + ["fax", "sms"]
    assert {entry["to"] for entry in entries} >= {"president@office.invalid", "+12025550101", world.supporters[0].phone}
    assert Attempt.objects.filter(outcome="accepted").count() == 7


def test_doing_every_step_again_changes_nothing(world: World, sandbox: SandboxProgram) -> None:
    alert = world.start()
    letters = set(Letter.objects.values_list("id", "sha256"))
    pipeline.advance_alert(alert.id)
    pipeline.advance_alert(alert.id)
    world.send()
    seen = len(sandbox.ledger())
    assert world.send() == 0
    pipeline.sweep_all()
    assert world.send() == 0
    assert len(sandbox.ledger()) == seen
    assert Delivery.objects.count() == 7
    assert set(Letter.objects.values_list("id", "sha256")) == letters


def test_a_newer_update_stops_what_is_unsent_and_the_follow_up_goes_to_exactly_those_reached(
    world: World, sandbox: SandboxProgram, settings: object
) -> None:
    first = world.start()
    settings.CLAIM_SIZE = 1  # type: ignore[attr-defined]
    sent = pipeline.send_due(Lane.URGENT, seconds=20)
    assert sent == 3
    one = claim(Lane.BULK, limit=1)
    send_claims(one, until=float("inf"))
    reached = set(Delivery.objects.filter(alert=first, state="accepted").values_list("supporter_id", "official_id"))

    followed = world.update(Status.FATE_UNKNOWN)
    assert [alert.id for alert in followed.withdrawn] == [first.id]
    assert world.send() == 0, "nothing of the overtaken alert may be claimed after the update's commit"
    pipeline.advance_alert(first.id)
    pipeline.advance_alert(followed.alerts[0].id)
    states = world.states(first)
    assert states["to fax"] == states["to email"] == states["cc email"] == ["accepted"]
    assert sorted(states["supporter email"] + states["supporter sms"]) == [
        "accepted",
        "withdrawn",
        "withdrawn",
        "withdrawn",
    ]

    told_again = set(Delivery.objects.filter(alert=followed.alerts[0]).values_list("supporter_id", "official_id"))
    assert told_again == reached
    letter = Letter.objects.filter(alert=followed.alerts[0]).first()
    assert letter is not None
    assert letter.kind == "whereabouts_request"


def test_a_rumour_makes_a_draft_and_stops_nothing(world: World, sandbox: SandboxProgram) -> None:
    running = world.start()
    from urgentaction.cases.vocabulary import Confidence

    rumour = world.update(Status.RELEASED, confidence=Confidence.RUMOURED)
    running.refresh_from_db()
    assert running.state == AlertState.RUNNING
    assert not rumour.withdrawn
    assert {alert.state for alert in rumour.alerts} <= {AlertState.DRAFT}
    assert world.send() == 7


def test_a_hard_bounce_suppresses_a_supporter_and_an_official_becomes_a_task(
    world: World, sandbox: SandboxProgram
) -> None:
    sandbox.script(
        {
            "channel": "email",
            "address": "friend1@supporters.invalid",
            "steps": [{"smtp": "550 5.1.1 no such user"}],
            "then": "repeat",
        },
        {
            "channel": "email",
            "address": "minister@office.invalid",
            "steps": [{"smtp": "550 5.1.1 no such user"}],
            "then": "repeat",
        },
    )
    alert = world.start()
    world.send()
    pipeline.sweep_all()
    bounced = Delivery.objects.get(alert=alert, supporter=world.supporters[1], channel="email")
    assert (bounced.state, bounced.attempts) == ("failed", 1)
    assert [row.reason for row in Suppression.objects.all()] == ["hard_bounce"]
    task = HumanTask.objects.get(kind="reach_official")
    assert "The minister" in task.title
    assert "5.1.1" in task.advice

    again = world.start(Status.EXECUTION_IMMINENT)
    rows = Delivery.objects.filter(alert=again, supporter=world.supporters[1])
    assert [row.state for row in rows] == ["suppressed"]


def test_a_passing_refusal_is_tried_again_until_it_goes_through(world: World, sandbox: SandboxProgram) -> None:
    sandbox.script(
        {"channel": "email", "address": "president@office.invalid", "steps": [{"smtp": "451 4.3.2 try later"}] * 2}
    )
    alert = world.start()
    for _ in range(4):
        world.send()
    row = Delivery.objects.get(alert=alert, role="to", channel="email")
    assert (row.state, row.attempts) == ("accepted", 3)
    assert list(row.tries.order_by("number").values_list("outcome", "code")) == [
        ("refused", "4.3.2"),
        ("refused", "4.3.2"),
        ("accepted", ""),
    ]


def test_silence_after_acceptance_is_unknown_and_settled_by_asking(
    world: World, sandbox: SandboxProgram, settings: object
) -> None:
    sandbox.script({"channel": "sms", "address": world.supporters[0].phone, "steps": ["timeout_after_acceptance"]})
    options = {name: dict(values) for name, values in settings.GATEWAYS.items()}  # type: ignore[attr-defined]
    options["twilio"]["gateway_timeout_seconds"] = "1"
    settings.GATEWAYS = options  # type: ignore[attr-defined]
    alert = world.start()
    world.send()
    row = Delivery.objects.get(alert=alert, channel="sms")
    assert row.state == "unknown"
    pipeline.sweep_all()
    row.refresh_from_db()
    assert row.state in {"accepted", "delivered"}
    assert row.gateway_ref.startswith("SM")
    assert row.attempts == 1


def test_an_address_outside_the_reserved_ranges_is_refused_with_the_reason_on_the_delivery(
    world: World, sandbox: SandboxProgram
) -> None:
    world.president.office.contact_points.filter(channel="fax").update(dial_value="+8227704721")
    seen = len(sandbox.ledger())
    alert = world.start()
    world.send()
    row = Delivery.objects.get(alert=alert, channel="fax")
    assert row.state == "failed"
    assert "sandbox" in row.reason.lower()
    assert "7704721" not in row.reason
    assert all(entry["channel"] != "fax" for entry in sandbox.ledger()[seen:])


def test_a_missing_translation_stops_the_alert_with_a_task_and_writes_no_half(
    world: World, sandbox: SandboxProgram
) -> None:
    world.case.texts.update(markdown="## who\nOnly this.\n")
    alert = world.update(Status.RETURN_IMMINENT).alerts[0]
    pipeline.advance_alert(alert.id)
    alert.refresh_from_db()
    assert alert.state == AlertState.WITHDRAWN
    assert not Letter.objects.exists()
    assert not Delivery.objects.exists()
    assert HumanTask.objects.filter(key=f"template:{alert.id}").exists()


@pytest.mark.parametrize("role", ["supporter", "to"])
def test_a_mail_that_vanished_after_the_final_dot_is_sent_again_with_the_same_message_id(
    world: World, sandbox: SandboxProgram, role: str
) -> None:
    address = "president@office.invalid" if role == "to" else "friend0@supporters.invalid"
    sandbox.script({"channel": "email", "address": address, "steps": ["drop_before_reply"]})
    seen = len(sandbox.ledger())
    alert = world.start()
    world.send()
    supporter = None if role == "to" else world.supporters[0]
    row = Delivery.objects.get(alert=alert, role=role, channel="email", supporter=supporter)
    assert row.state == "unknown"
    pipeline.sweep_all()
    world.send()
    row.refresh_from_db()
    assert (row.state, row.repeats) == ("accepted", 1)
    twice = [entry["message_id"] for entry in sandbox.ledger()[seen:] if entry["to"] == address]
    assert len(twice) == 2
    assert len(set(twice)) == 1
