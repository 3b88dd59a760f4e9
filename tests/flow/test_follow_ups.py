"""Who hears the rest of a story: exactly those who may have heard the part before, whatever happened in between."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connections, transaction

from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction import pipeline
from urgentaction.alerts.agreed import Part
from urgentaction.alerts.models import Alert, AlertState, StandingApproval
from urgentaction.alerts.plan import AlertPlan, compose_plan
from urgentaction.alerts.plan import Audience as AlertAudience
from urgentaction.alerts.standing import grant_standing_approval, revoke_standing_approval
from urgentaction.cases.models import Case
from urgentaction.cases.vocabulary import Status
from urgentaction.channels.contract import Channel
from urgentaction.core import clock
from urgentaction.core.errors import Conflict
from urgentaction.deliveries import sweep
from urgentaction.deliveries.claim import Lane, claim, declare_intent
from urgentaction.deliveries.models import Delivery, HumanTask
from urgentaction.deliveries.queries import reached_by
from urgentaction.letters import views
from urgentaction.letters.models import Letter
from urgentaction.triggers.decision import OfficialPlan, OfficialsAudience


def follow(world: World, status: Status = Status.FATE_UNKNOWN) -> Alert:
    alert = world.update(status).alerts[0]
    pipeline.sweep_all()
    pipeline.advance_alert(alert.id)
    alert.refresh_from_db()
    return alert


def told(alert: Alert) -> set[object]:
    return {row.supporter_id or row.official_id for row in Delivery.objects.filter(alert=alert)}


def test_a_letter_is_cited_by_the_day_that_is_printed_on_it(world: World) -> None:
    """It is the day of its addressee; in Seoul another one than by UTC until nine in the morning."""
    first = world.start()
    Alert.objects.filter(id=first.id).update(frozen_at=datetime(2026, 11, 20, 16, 0, tzinfo=UTC))
    second = world.update(Status.FATE_UNKNOWN).alerts[0]
    cited = views.alert(second, dated_on=date(2026, 11, 22), kind="whereabouts_request").previous_dated_on
    assert cited == date(2026, 11, 21)


def test_a_chain_of_quick_updates_never_loses_the_audience(world: World, sandbox: SandboxProgram) -> None:
    world.start(Status.EXTRADITION_IMMINENT)
    world.send()
    overtaken = world.start(Status.RETURN_IMMINENT)
    everybody = told(overtaken)
    last = follow(world)
    assert told(last) == everybody, "the alert in between reached nobody; those reached before it must hear the rest"
    assert last.state == AlertState.RUNNING


def composed(world: World, plan: AlertPlan) -> Alert:
    """An alert that a person composed, approved and sent."""
    alert = pipeline.send_manual_alert(
        world.case.reference, plan, level=2, deadline=timedelta(days=2), by="user:editor"
    )
    pipeline.approve(alert.id, by="user:approver")
    pipeline.advance_alert(alert.id)
    world.send()
    alert.refresh_from_db()
    assert alert.expanded_at is not None
    return alert


def test_an_alert_to_officials_alone_takes_the_supporters_nothing_away(world: World, sandbox: SandboxProgram) -> None:
    first = world.start(Status.EXTRADITION_IMMINENT)
    world.send()
    Alert.objects.filter(id=first.id).update(state=AlertState.FINISHED)
    composed(world, compose_plan(AlertAudience.OFFICIALS, channels=[Channel.EMAIL], level=2))
    assert told(follow(world)) == told(first), "they had the appeal, so they must hear how it goes on"


@pytest.mark.parametrize("state", [AlertState.RUNNING, AlertState.FINISHED])
def test_an_alert_to_a_few_readers_takes_the_others_nothing_away(
    world: World, sandbox: SandboxProgram, state: AlertState
) -> None:
    friend = world.supporters[1]
    friend.language = "ko"
    friend.save()
    first = world.start(Status.EXTRADITION_IMMINENT)
    world.send()
    Alert.objects.filter(id=first.id).update(state=AlertState.FINISHED)
    plan = compose_plan(AlertAudience.SUPPORTERS, channels=[Channel.EMAIL], level=2, readers=["ko"])
    second = composed(world, plan)
    assert told(second) == {friend.id}
    Alert.objects.filter(id=second.id).update(state=state)
    assert told(follow(world)) == told(first)


def test_an_alert_stopped_half_way_does_not_lose_those_reached_before_it(world: World, sandbox: SandboxProgram) -> None:
    first = world.start(Status.EXTRADITION_IMMINENT)
    world.send()
    second = world.start(Status.RETURN_IMMINENT)
    one = Delivery.objects.get(alert=second, supporter=world.supporters[1])
    Delivery.objects.filter(id=one.id).update(state="accepted", accepted_at=clock.now())
    assert told(follow(world)) == told(first)


def test_what_a_person_composes_follows_the_latest_alert_and_not_the_one_that_was_overtaken(
    world: World, sandbox: SandboxProgram
) -> None:
    first = world.start(Status.EXTRADITION_IMMINENT)
    one = Delivery.objects.get(alert=first, supporter=world.supporters[1])
    Delivery.objects.filter(id=one.id).update(state="accepted", accepted_at=clock.now())
    second = world.start(Status.RETURN_IMMINENT)
    world.send()
    plan = compose_plan(AlertAudience.BOTH, channels=[Channel.EMAIL, Channel.FAX], level=2, follows_up=True)
    assert told(composed(world, plan)) == told(second)


def test_a_mail_whose_fate_is_unknown_counts_as_reached_and_is_not_repeated_when_stale(
    world: World, sandbox: SandboxProgram
) -> None:
    friend = world.supporters[1]
    sandbox.script({"channel": "email", "address": friend.email, "steps": ["drop_before_reply"]})
    first = world.start()
    world.send()
    row = Delivery.objects.get(alert=first, supporter=friend)
    assert row.state == "unknown"
    last = follow(world)
    pipeline.sweep_all()
    row.refresh_from_db()
    assert (row.state, row.repeats) == ("unknown", 0)
    assert friend.id in told(last)


def test_a_try_that_the_gateway_never_took_reached_nobody(world: World, sandbox: SandboxProgram) -> None:
    first = world.start()
    held = [one for one in claim(Lane.BULK, limit=10) if one.channel == Channel.SMS]
    declare_intent(held, gateway="twilio")
    Delivery.objects.filter(id=held[0].id).update(lease_until=clock.database_now())
    sweep.give_up_expired_sends()
    pipeline.sweep_all()
    assert Delivery.objects.get(id=held[0].id).state == "queued"
    assert list(Delivery.objects.get(id=held[0].id).tries.values_list("outcome", "code")) == [("refused", "not-taken")]
    assert not reached_by([first.id]).exists()


def test_the_cc_list_of_a_follow_up_names_nobody_who_gets_nothing(world: World, sandbox: SandboxProgram) -> None:
    sandbox.script(
        {
            "channel": "email",
            "address": "minister@office.invalid",
            "steps": [{"smtp": "550 5.1.1 no"}],
            "then": "repeat",
        }
    )
    world.start()
    world.send()
    last = follow(world)
    letter = Letter.objects.get(alert=last)
    assert letter.official_id == world.president.id
    assert "The minister" not in letter.text


def test_copies_alone_still_show_whom_the_letter_is_addressed_to(world: World, sandbox: SandboxProgram) -> None:
    sandbox.script(
        {
            "channel": "email",
            "address": "president@office.invalid",
            "steps": [{"smtp": "550 5.1.1 no"}],
            "then": "repeat",
        },
    )
    first = world.start()
    world.send()
    Delivery.objects.filter(alert=first, role="to").update(state="failed")
    last = follow(world)
    letter = Letter.objects.get(alert=last)
    assert letter.official_id == world.minister.id
    assert "Dear president" in letter.text


def test_whoever_took_the_office_over_hears_the_rest(world: World, sandbox: SandboxProgram) -> None:
    world.start()
    world.send()
    office = world.president.office
    day = clock.now().date()
    office.officials.update(holds_until=day - timedelta(days=2))
    successor = office.officials.create(
        slug="successor",
        names={"en": "The successor"},
        salutations={"en": "Dear successor"},
        holds_from=day - timedelta(days=2),
    )
    assert successor.id in told(follow(world))


def test_a_vacant_office_holds_up_nobody_and_becomes_a_task(world: World, sandbox: SandboxProgram) -> None:
    world.minister.holds_until = clock.now().date() - timedelta(days=2)
    world.minister.save()
    alert = world.start()
    assert world.states(alert)["to email"] == ["queued"]
    assert "cc email" not in world.states(alert)
    task = HumanTask.objects.get(key=f"vacant:{alert.id}:minister")
    assert "Add the official to the directory" in task.advice


def test_a_revoked_standing_approval_lets_a_person_decide_about_what_is_held(
    world: World, sandbox: SandboxProgram
) -> None:
    held = world.update(Status.DETAINED).alerts[0]
    assert held.state == AlertState.HELD
    with transaction.atomic():
        revoke_standing_approval("at-risk", actor="cli:test")
    Alert.objects.update(hold_until=clock.database_now())
    pipeline.sweep_all()
    held.refresh_from_db()
    assert (held.state, held.approvals_needed) == (AlertState.AWAITING_APPROVAL, 1)
    task = HumanTask.objects.get(kind="decide", alert=held, done_at=None)
    assert "standing approval" in task.title
    grant_standing_approval("at-risk", by="another", actor="cli:test")
    pipeline.sweep_all()
    held.refresh_from_db()
    assert held.state == AlertState.AWAITING_APPROVAL, "a yes in advance given afterwards is none to this one"
    assert pipeline.approve(held.id, by="user:bob").state == AlertState.HELD, "a person can let it go"


def test_a_revoked_standing_approval_stops_nothing_that_has_started(world: World, sandbox: SandboxProgram) -> None:
    """So it is promised where it is revoked; half a mailing helps nobody."""
    running = world.start(Status.RETURN_IMMINENT)
    with transaction.atomic():
        revoke_standing_approval("imminent", actor="cli:test")
    assert world.send() == Delivery.objects.filter(alert=running).count()
    assert "withdrawn" not in {state for states in world.states(running).values() for state in states}


def test_a_standing_approval_that_ran_out_later_still_counts(world: World, sandbox: SandboxProgram) -> None:
    world.start()
    StandingApproval.objects.update(expires_at=clock.now())
    assert world.send() == 7


def test_an_official_whose_letter_came_too_late_becomes_a_task_before_the_alert_is_over(
    world: World, sandbox: SandboxProgram
) -> None:
    alert = world.start()
    Delivery.objects.update(expires_at=clock.database_now())
    pipeline.sweep_all()
    pipeline.sweep_all()
    assert HumanTask.objects.filter(kind="reach_official").count() == 2
    assert Alert.objects.get(id=alert.id).state == AlertState.FINISHED


def test_one_broken_row_does_not_stop_the_sweeper(
    world: World, sandbox: SandboxProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = world.update(Status.RETURN_IMMINENT).alerts[0]
    other_case = Case.objects.create(reference="UA-2026-0002", titles={"en": "Other"}, created_at=clock.now())
    Alert.objects.create(
        number="UA-2026-0002/1", case=other_case, kind="manual", priority=2, state="held", fence=0, rule="manual",
        plan=AlertPlan(officials=OfficialPlan(to=(Channel.EMAIL,)), officials_audience=OfficialsAudience.ALL).to_json(),
        languages=["en"], drafted_by="cli:test", created_at=clock.now(), hold_until=clock.now(), approvals_needed=0,
    )  # fmt: skip
    StandingApproval.objects.create(rule="manual", by="x", granted_at=clock.now())

    def fail(alert: Alert, _plan: AlertPlan) -> dict[str, Part]:
        if alert.id == broken.id:
            raise RuntimeError("a font broke")
        return {}

    monkeypatch.setattr("urgentaction.letters.service.freeze_letters", fail)
    found = pipeline.sweep_all()
    assert found["failed"] == 1
    assert Alert.objects.get(number="UA-2026-0002/1").state in {AlertState.RUNNING, AlertState.FINISHED}


def test_the_task_for_a_letter_that_can_not_be_made_stays_open(world: World, sandbox: SandboxProgram) -> None:
    world.case.texts.update(markdown="## who\nOnly this.\n")
    alert = world.update(Status.RETURN_IMMINENT).alerts[0]
    for _ in range(3):
        pipeline.sweep_all()
    assert HumanTask.objects.get(key=f"template:{alert.id}").done_at is None


def test_a_row_put_back_after_its_alert_was_stopped_is_withdrawn(world: World, sandbox: SandboxProgram) -> None:
    alert = world.start()
    world.send()
    pipeline.withdraw(alert.id, reason="enough", by="user:duty")
    pipeline.sweep_all()
    fax = Delivery.objects.get(alert=alert, channel="fax")
    Delivery.objects.filter(id=fax.id).update(state="queued")
    pipeline.sweep_all()
    fax.refresh_from_db()
    assert (fax.state, fax.reason) == ("withdrawn", "alert stopped: enough")


def test_an_alert_does_not_wait_for_ever_for_receipts_that_never_come(world: World, sandbox: SandboxProgram) -> None:
    alert = world.start()
    world.send()
    pipeline.sweep_all()
    assert Alert.objects.get(id=alert.id).state == AlertState.RUNNING
    Delivery.objects.filter(alert=alert).update(expires_at=clock.now() - timedelta(days=2))
    pipeline.sweep_all()
    assert Alert.objects.get(id=alert.id).state == AlertState.FINISHED


def test_a_draft_that_nobody_approved_in_time_is_over(world: World, sandbox: SandboxProgram) -> None:
    StandingApproval.objects.all().delete()
    alert = world.update(Status.RETURN_IMMINENT).alerts[0]
    Alert.objects.update(deadline_at=clock.now() - timedelta(minutes=1))
    pipeline.sweep_all()
    alert.refresh_from_db()
    assert alert.state == AlertState.EXPIRED
    assert not HumanTask.objects.filter(kind="decide", done_at=None).exists()


def test_what_was_approved_in_time_starts_although_its_hold_ends_after_the_deadline(
    world: World, sandbox: SandboxProgram
) -> None:
    """Before, it was over during its hold, in silence, because nobody had approved it."""
    StandingApproval.objects.all().delete()
    alert = world.update(Status.RETURN_IMMINENT).alerts[0]
    pipeline.approve(alert.id, by="user:second", hold=timedelta(minutes=30))
    now = clock.now()
    Alert.objects.update(created_at=now - timedelta(hours=48), deadline_at=now - timedelta(minutes=1))
    pipeline.sweep_all()
    alert.refresh_from_db()
    assert alert.state == AlertState.HELD
    Alert.objects.update(hold_until=clock.database_now())
    pipeline.sweep_all()
    alert.refresh_from_db()
    assert alert.state == AlertState.RUNNING


def test_what_was_approved_and_could_not_start_for_too_long_is_over(world: World, sandbox: SandboxProgram) -> None:
    """Nobody swept for two days, and the letters would be stale by now."""
    alert = world.update(Status.RETURN_IMMINENT).alerts[0]
    then = clock.now() - timedelta(hours=49)
    Alert.objects.update(created_at=then, deadline_at=then + timedelta(hours=48), hold_until=then)
    pipeline.sweep_all()
    alert.refresh_from_db()
    assert (alert.state, alert.stop_reason) == (AlertState.EXPIRED, "its deadline passed before it could start")


def test_an_update_and_a_withdrawal_at_the_same_moment_never_wait_for_each_other(
    world: World, sandbox: SandboxProgram
) -> None:
    errors: list[Exception] = []

    def run(step: object) -> None:
        try:
            step()  # type: ignore[operator]
        except Conflict:
            pass  # the other was first
        except Exception as error:  # noqa: BLE001 - whatever a thread met is what the test is about
            errors.append(error)
        finally:
            connections.close_all()

    for round_number in range(6):
        status = (Status.RETURN_IMMINENT, Status.EXECUTION_IMMINENT)[round_number % 2]
        alert = world.start(status)
        other = (Status.EXTRADITION_IMMINENT, Status.DETAINED)[round_number % 2]
        steps = (
            lambda other=other: world.update(other),
            lambda alert=alert: pipeline.withdraw(alert.id, reason="race", by="user:duty"),
        )
        threads = [threading.Thread(target=run, args=(step,)) for step in steps]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert errors == []
