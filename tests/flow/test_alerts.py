"""Who may start an alert, and who may stop it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction import pipeline
from urgentaction.accounts.models import AuditEntry
from urgentaction.accounts.service import verify_audit
from urgentaction.alerts.drafting import Target
from urgentaction.alerts.models import Alert, AlertState, StandingApproval
from urgentaction.alerts.plan import AlertPlan
from urgentaction.cases.vocabulary import Status
from urgentaction.channels.contract import Channel
from urgentaction.core.errors import Conflict, InvalidInput, NotAllowed
from urgentaction.deliveries import composing
from urgentaction.deliveries.models import Delivery, HumanTask
from urgentaction.triggers.decision import OfficialPlan, OfficialsAudience, SupporterPlan

MAIL_TO_OFFICIALS = AlertPlan(
    officials=OfficialPlan(to=(Channel.EMAIL,), cc=(Channel.EMAIL,)), officials_audience=OfficialsAudience.ALL
)


def test_without_a_standing_approval_somebody_has_to_say_yes(world: World, sandbox: SandboxProgram) -> None:
    StandingApproval.objects.all().delete()
    alert = world.update(Status.RETURN_IMMINENT).alerts[0]
    assert alert.state == AlertState.AWAITING_APPROVAL
    pipeline.advance_alert(alert.id)
    assert not Delivery.objects.exists()
    assert HumanTask.objects.filter(kind="decide", done_at=None).count() == 1
    with pytest.raises(NotAllowed, match="another person"):
        pipeline.approve(alert.id, by="cli:test")
    assert pipeline.approve(alert.id, by="user:duty").state == AlertState.HELD
    pipeline.advance_alert(alert.id)
    assert Alert.objects.get(id=alert.id).state == AlertState.RUNNING
    assert not HumanTask.objects.filter(kind="decide", done_at=None).exists()


def test_a_held_alert_waits_and_can_be_stopped_or_let_go(world: World, sandbox: SandboxProgram) -> None:
    StandingApproval.objects.all().delete()
    alert = world.update(Status.RETURN_IMMINENT).alerts[0]
    pipeline.approve(alert.id, by="user:duty", hold=timedelta(minutes=10))
    pipeline.advance_alert(alert.id)
    pipeline.sweep_all()
    assert Alert.objects.get(id=alert.id).state == AlertState.HELD
    pipeline.let_go(alert.id, by="user:duty")
    pipeline.advance_alert(alert.id)
    assert Alert.objects.get(id=alert.id).state == AlertState.RUNNING


def test_a_grave_update_needs_two_people_and_never_reaches_supporters_by_itself(
    world: World, sandbox: SandboxProgram
) -> None:
    world.start()
    world.send()
    made = world.update(Status.DIED).alerts
    assert {alert.approvals_needed for alert in made} == {2}
    assert all(alert.state != AlertState.HELD for alert in made)
    notices = next(alert for alert in made if AlertPlan.from_json(alert.plan).supporters)
    with pytest.raises(Conflict, match="family"):
        pipeline.approve(notices.id, by="user:one")
    letters = next(alert for alert in made if AlertPlan.from_json(alert.plan).officials)
    assert not letters.targets.exists(), "the new target is named by a person"
    with pytest.raises(Conflict, match="addressed to nobody yet"):
        pipeline.approve(letters.id, by="user:one")
    composing.address_draft(letters.id, [Target(world.president, "to")], by="user:editor")
    assert pipeline.approve(letters.id, by="user:one").state == AlertState.AWAITING_APPROVAL
    assert pipeline.approve(letters.id, by="user:one").state == AlertState.AWAITING_APPROVAL
    assert pipeline.approve(letters.id, by="user:two").state == AlertState.HELD


def test_a_yes_taken_back_stops_a_running_alert(world: World, sandbox: SandboxProgram) -> None:
    StandingApproval.objects.all().delete()
    alert = world.update(Status.RETURN_IMMINENT).alerts[0]
    pipeline.approve(alert.id, by="user:duty")
    pipeline.advance_alert(alert.id)
    pipeline.take_back_approval(alert.id, by="user:duty")
    assert Alert.objects.get(id=alert.id).state == AlertState.WITHDRAWN
    assert world.send() == 0


def test_a_manual_alert_needs_another_person_than_its_author(world: World, sandbox: SandboxProgram) -> None:
    alert = pipeline.send_manual_alert(
        world.case.reference, MAIL_TO_OFFICIALS, level=2, deadline=timedelta(hours=24), by="user:author"
    )
    with pytest.raises(NotAllowed, match="another person"):
        pipeline.approve(alert.id, by="user:author")
    world.update(Status.DETAINED)
    with pytest.raises(Conflict, match="withdrawn"):
        pipeline.approve(alert.id, by="user:other")


def test_a_manual_alert_goes_where_its_plan_says(world: World, sandbox: SandboxProgram) -> None:
    world.update(Status.DETAINED)
    Alert.objects.all().update(state="withdrawn")
    alert = pipeline.send_manual_alert(
        world.case.reference, MAIL_TO_OFFICIALS, level=2, deadline=None, by="user:author"
    )
    pipeline.approve(alert.id, by="user:other")
    pipeline.advance_alert(alert.id)
    assert world.states(alert) == {"to email": ["queued"], "cc email": ["queued"]}


def test_an_alert_to_nobody_is_refused(world: World) -> None:
    with pytest.raises(InvalidInput, match="nobody would hear"):
        pipeline.send_manual_alert(world.case.reference, AlertPlan(), level=2, deadline=None, by="user:author")


def test_a_plan_survives_its_json_column() -> None:
    plan = AlertPlan(
        letter_kind="first_appeal",
        officials=OfficialPlan(to=(Channel.FAX, Channel.EMAIL), cc=(), office_hours=(Channel.FAX,)),
        officials_audience=OfficialsAudience.ALL,
        notice_kind="appeal",
        supporters=SupporterPlan(channels=(Channel.SMS,), override_quiet_hours_where_allowed=True),
        concerned=("person-1",),
    )
    assert AlertPlan.from_json(plan.to_json()) == plan


def test_everything_that_was_done_is_in_a_chain_that_shows_tampering(world: World, sandbox: SandboxProgram) -> None:
    alert = world.start()
    pipeline.withdraw(alert.id, reason="test", by="user:duty")
    actions = list(AuditEntry.objects.order_by("id").values_list("action", flat=True))
    assert actions == ["case.update", "alert.draft", "alert.start", "alert.withdrawn"]
    assert verify_audit() == (4, None)
    second = AuditEntry.objects.order_by("id")[1]
    AuditEntry.objects.filter(id=second.id).update(actor="user:somebody-else")
    assert verify_audit() == (2, second.id)
