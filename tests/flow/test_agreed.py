"""What was approved is what is frozen: whatever changes during the hold brings the alert back to its approvers."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.conf import settings
from django.db import transaction

from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction import pipeline
from urgentaction.accounts.models import AuditEntry
from urgentaction.alerts import service as alerts
from urgentaction.alerts.models import Alert, AlertState, StandingApproval
from urgentaction.alerts.plan import AlertPlan
from urgentaction.cases.editing import Consent, change_consent
from urgentaction.cases.models import CaseText, Person
from urgentaction.cases.queries import Shown
from urgentaction.cases.vocabulary import Status
from urgentaction.channels.contract import Channel
from urgentaction.core import clock, crashpoints
from urgentaction.core.errors import Conflict
from urgentaction.deliveries import announcing
from urgentaction.deliveries.models import Attempt, Delivery, HumanTask
from urgentaction.deliveries.people import close_decision
from urgentaction.directory.service import install_official
from urgentaction.letters import templates
from urgentaction.letters.models import Letter, Notice
from urgentaction.letters.source import Family, load_shipped
from urgentaction.letters.versions import TemplateName
from urgentaction.tracking import forthcoming
from urgentaction.triggers.decision import OfficialPlan, OfficialsAudience

NAME = "Hidden Someone"
MAIL = OfficialPlan(to=(Channel.EMAIL,), cc=(Channel.EMAIL,))


@pytest.fixture
def held(world: World, sandbox: SandboxProgram) -> Alert:
    """Approved, its hold over: the next step would freeze it."""
    return approved(world, Status.RETURN_IMMINENT)


def approved(world: World, status: Status) -> Alert:
    StandingApproval.objects.all().delete()
    alert = world.update(status).alerts[0]
    pipeline.approve(alert.id, by="user:duty")
    return alert


def advanced(alert: Alert) -> Alert:
    pipeline.sweep_all()
    pipeline.advance_alert(alert.id)
    alert.refresh_from_db()
    return alert


def edit(old: str = "at the border", new: str = "in the capital") -> None:
    row = CaseText.objects.get()
    assert old in row.markdown
    CaseText.objects.update(markdown=row.markdown.replace(old, new))


def write_template(kind: str, extra: str, family: Family = Family.LETTERS) -> None:
    name = TemplateName(family, kind, "en")
    text = load_shipped(family, kind, "en", root=settings.SHIPPED_TEMPLATES).text
    version = templates.draft_template(name, text=text.rstrip("\n") + extra, by="user:ada", note="a change")
    templates.submit_template(version.id, by="user:ada")
    templates.approve_template(version.id, by="user:bob")


def is_held_back(alert: Alert, why: str) -> str:
    """It waits again, nothing of it stands or left, its approvals are void, and a task says why. Returns the task's."""
    advanced(alert)
    assert alert.state == AlertState.AWAITING_APPROVAL
    assert (alert.started_at, alert.hold_until, alert.frozen_at, alert.expanded_at) == (None, None, None, None)
    assert not Letter.objects.filter(alert=alert).exists()
    assert not Notice.objects.filter(alert=alert).exists()
    assert not Delivery.objects.filter(alert=alert).exists()
    assert not alert.approvals.filter(revoked_at=None).exists()
    task = HumanTask.objects.get(alert=alert, kind="decide", done_at=None)
    assert "changed since it was approved" in task.title
    assert why in task.advice
    assert AuditEntry.objects.filter(action="alert.ask_again", subject=f"alert:{alert.id}").count() == 1
    return task.advice


def goes_out_once_approved_again(alert: Alert) -> Letter:
    pipeline.approve(alert.id, by="user:duty")
    advanced(alert)
    assert alert.state == AlertState.RUNNING
    assert alert.frozen_at is not None
    assert not HumanTask.objects.filter(alert=alert, kind="decide", done_at=None).exists()
    return Letter.objects.get(alert=alert, role="to")


def test_what_was_approved_goes_out(world: World, held: Alert) -> None:
    assert advanced(held).state == AlertState.RUNNING
    assert Letter.objects.filter(alert=held).count() == 2
    assert held.approvals.get().agreed is not None


def test_a_case_text_that_was_edited_is_approved_again(world: World, held: Alert) -> None:
    edit()
    is_held_back(held, "has another text now")
    assert "in the capital" in goes_out_once_approved_again(held).text


def test_a_text_that_was_put_back_is_the_one_that_was_approved(world: World, held: Alert) -> None:
    edit()
    edit("in the capital", "at the border")
    assert advanced(held).state == AlertState.RUNNING


def test_a_section_that_nobody_is_sent_changes_nothing(world: World, held: Alert) -> None:
    edit("They are safe.", "They are well.")
    assert advanced(held).state == AlertState.RUNNING


def test_a_template_that_came_into_force_is_read_first(world: World, held: Alert) -> None:
    write_template("first_appeal", "\n\nWe wait for your answer.\n")
    is_held_back(held, "has another template now")
    assert "We wait for your answer." in goes_out_once_approved_again(held).text


def test_a_template_that_says_the_same_is_no_change(world: World, held: Alert) -> None:
    write_template("first_appeal", "\n{# nothing that anybody reads #}\n")
    assert advanced(held).state == AlertState.RUNNING


def test_the_notice_counts_too(world: World, held: Alert) -> None:
    write_template("appeal", "\n\nTell your friends.\n", Family.NOTICES)
    is_held_back(held, "The notice by email (en) has another template now")


def test_a_consent_that_was_narrowed_holds_and_is_seen_before_anything_goes(
    world: World, sandbox: SandboxProgram
) -> None:
    now = clock.now()
    person = Person.objects.create(
        case=world.case,
        key="p",
        public_name=NAME,
        descriptions={"en": "a man"},
        consent_at=now,
        shown_to_government=Shown.NAME,
        shown_to_public=Shown.NAME,
        shown_to_supporters=Shown.NAME,
    )
    edit("They are held", "[[p]] is held")
    alert = approved(world, Status.RETURN_IMMINENT)
    assert NAME in forthcoming.contents_of(alert).letters[0].text
    less = Consent(
        shown_to_government=Shown.DESCRIPTION,
        shown_to_public=Shown.DESCRIPTION,
        shown_to_supporters=Shown.DESCRIPTION,
        given_at=None,
    )
    change_consent(world.case, person.key, less, by="user:edith")
    assert NAME not in is_held_back(alert, "has another text now")
    letter = goes_out_once_approved_again(alert)
    assert NAME not in letter.text
    assert "man is held" in letter.text


class TestOffice:
    def test_a_new_holder_is_written_to_once_somebody_has_read_it(self, world: World, held: Alert) -> None:
        office = world.president.office
        new = {"names": {"en": "The successor"}, "salutations": {"en": "Dear successor"}}
        install_official(office.id, {**new, "holds_from": clock.today(office.time_zone)}, by="user:edith")
        is_held_back(held, "The letter to “Office of the president” is now to The successor")
        assert "Dear successor" in goes_out_once_approved_again(held).text
        assert not held.targets.filter(official=world.president).exists()

    def test_an_office_that_fell_vacant_is_somebodys_to_decide(self, world: World, held: Alert) -> None:
        office = world.president.office
        office.officials.update(holds_until=clock.today(office.time_zone) - timedelta(days=1))
        is_held_back(held, "is to somebody who holds the office no more")

    def test_what_the_office_prints_is_part_of_the_letter(self, world: World, held: Alert) -> None:
        world.president.office.contact_points.filter(channel="fax").update(printed_value="+1 202 555 0199")
        is_held_back(held, "has another text now")

    def test_a_new_way_to_reach_it_is_not(self, world: World, held: Alert) -> None:
        point = world.president.office.contact_points.get(channel="email")
        point.dial_value = "other@office.invalid"
        point.save(update_fields=["dial_value"])
        assert advanced(held).state == AlertState.RUNNING


class TestTime:
    @pytest.mark.parametrize("hours", [1, 9, 24, 36])
    def test_midnight_alone_holds_nothing_back(self, world: World, held: Alert, hours: int) -> None:
        """The date on the letter goes on, and the last day to act with it."""
        with time_machine.travel(clock.now() + timedelta(hours=hours)):
            pipeline.advance_alert(held.id)
        held.refresh_from_db()
        assert held.frozen_at is not None

    def test_nor_does_it_change_what_an_approver_has_open(self, world: World, sandbox: SandboxProgram) -> None:
        StandingApproval.objects.all().delete()
        alert = world.update(Status.RETURN_IMMINENT).alerts[0]
        digest = forthcoming.contents_of(alert).digest
        with time_machine.travel(clock.now() + timedelta(days=1)):
            assert forthcoming.contents_of(alert).digest == digest

    def test_the_time_to_act_is_given_whole_again(self, world: World, held: Alert) -> None:
        span = held.deadline_at - held.created_at if held.deadline_at else None
        edit()
        is_held_back(held, "")
        assert held.deadline_at is not None
        assert held.deadline_at - held.created_at == span
        goes_out_once_approved_again(held)
        assert held.started_at is not None
        assert held.deadline_at - held.started_at == span


class TestFollowUps:
    def start(self, world: World, sandbox: SandboxProgram, refused: str = "") -> Alert:
        if refused:
            script = {"channel": "email", "address": refused, "steps": [{"smtp": "550 5.1.1 no"}], "then": "repeat"}
            sandbox.script(script)
        first = world.start()
        world.send()
        return first

    def test_one_whom_nothing_reached_in_the_end_drops_out_quietly(self, world: World, sandbox: SandboxProgram) -> None:
        first = self.start(world, sandbox)
        last = approved(world, Status.FATE_UNKNOWN)
        # Taken by the mail server, so the approver read of a copy to the minister; bounced during the hold.
        Delivery.objects.filter(alert=first, role="cc").update(state="failed")
        Attempt.objects.filter(delivery__alert=first, delivery__role="cc").update(outcome="refused", gateway_ref="")
        advanced(last)
        assert last.state == AlertState.RUNNING
        letter = Letter.objects.get(alert=last)
        assert letter.official_id == world.president.id
        assert "The minister" not in letter.text

    def test_one_who_was_reached_after_all_gets_what_was_agreed_to(self, world: World, sandbox: SandboxProgram) -> None:
        first = self.start(world, sandbox)
        tries = Attempt.objects.filter(delivery__alert=first, delivery__role="cc")
        tries.update(outcome="refused", gateway_ref="")
        Delivery.objects.filter(alert=first, role="cc").update(state="failed")
        last = approved(world, Status.FATE_UNKNOWN)
        assert len(forthcoming.contents_of(last).letters) == 1
        tries.update(outcome="unknown")
        advanced(last)
        assert last.state == AlertState.RUNNING
        assert Letter.objects.filter(alert=last).count() == 2

    def test_an_edit_is_noticed_all_the_same(self, world: World, sandbox: SandboxProgram) -> None:
        self.start(world, sandbox)
        last = approved(world, Status.FATE_UNKNOWN)
        edit()
        is_held_back(last, "has another text now")


class TestTwoPeople:
    def grave(self, world: World) -> Alert:
        plan = AlertPlan(officials=MAIL, officials_audience=OfficialsAudience.ALL)
        world.update(Status.DETAINED)
        Alert.objects.update(state="withdrawn")
        return pipeline.send_manual_alert(world.case.reference, plan, level=5, deadline=None, by="user:author")

    def test_who_agreed_to_another_text_has_to_read_it_again(self, world: World, sandbox: SandboxProgram) -> None:
        alert = self.grave(world)
        pipeline.approve(alert.id, by="user:one")
        edit()
        assert pipeline.approve(alert.id, by="user:two").state == AlertState.AWAITING_APPROVAL
        assert AuditEntry.objects.get(action="alert.void_approval").detail["of"] == "user:one"
        assert pipeline.approve(alert.id, by="user:one").state == AlertState.HELD
        assert advanced(alert).state == AlertState.RUNNING

    def test_both_are_asked_again(self, world: World, sandbox: SandboxProgram) -> None:
        alert = self.grave(world)
        pipeline.approve(alert.id, by="user:one")
        pipeline.approve(alert.id, by="user:two")
        edit()
        is_held_back(alert, "has another text now")
        assert pipeline.approve(alert.id, by="user:two").state == AlertState.AWAITING_APPROVAL
        assert pipeline.approve(alert.id, by="user:one").state == AlertState.HELD


def test_what_a_rule_decides_is_made_of_what_stands_when_it_starts(world: World, sandbox: SandboxProgram) -> None:
    alert = world.update(Status.RETURN_IMMINENT).alerts[0]
    assert alert.state == AlertState.HELD
    edit()
    assert advanced(alert).state == AlertState.RUNNING
    assert "in the capital" in Letter.objects.get(alert=alert, role="to").text


def test_approvals_from_before_this_was_kept_are_as_good(world: World, held: Alert) -> None:
    held.approvals.update(agreed=None)
    edit()
    assert advanced(held).state == AlertState.RUNNING


class TestKilled:
    @pytest.fixture
    def dies_at(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Points at which the process dies, once each."""
        points: list[str] = []

        def consider(_wanted: str, point: str, _channel: str) -> None:
            if point in points:
                points.remove(point)
                raise KeyboardInterrupt(point)

        monkeypatch.setattr(settings, "CRASH_AT", "a test")
        monkeypatch.setattr(crashpoints, "_consider", consider)
        return points

    def test_while_it_is_held_back(self, world: World, held: Alert, monkeypatch: pytest.MonkeyPatch) -> None:
        edit()

        def die(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(announcing, "approval_is_void", die)
            with pytest.raises(KeyboardInterrupt):
                pipeline.advance_alert(held.id)
        held.refresh_from_db()
        assert held.state == AlertState.RUNNING, "nothing of it is committed, and the sweeper meets it again"
        is_held_back(held, "has another text now")
        goes_out_once_approved_again(held)

    @pytest.mark.parametrize("point", ["after_start", "in_freeze"])
    def test_a_change_after_the_start_counts_as_well(
        self, world: World, held: Alert, dies_at: list[str], point: str
    ) -> None:
        dies_at.append(point)
        with pytest.raises(KeyboardInterrupt):
            pipeline.advance_alert(held.id)
        held.refresh_from_db()
        assert held.state == AlertState.RUNNING
        edit()
        is_held_back(held, "has another text now")

    def test_after_it_is_frozen_it_stands(self, world: World, held: Alert, dies_at: list[str]) -> None:
        dies_at.append("after_freeze")
        with pytest.raises(KeyboardInterrupt):
            pipeline.advance_alert(held.id)
        edit()
        assert advanced(held).state == AlertState.RUNNING
        assert "at the border" in Letter.objects.get(alert=held, role="to").text


class TestMeanwhile:
    """Two workers at one alert: whoever is late changes nothing."""

    def test_a_worker_that_froze_too_late_writes_nothing(self, world: World, held: Alert) -> None:
        with transaction.atomic():
            assert alerts.start_alert(held.id)
        late = Alert.objects.select_related("case", "update").get(id=held.id)
        with transaction.atomic():
            close_decision(alerts.ask_again(late, changed=1), by="user:duty", result="")
        for again in (False, True):
            if again:  # approved and started anew, so it runs as it did before
                pipeline.approve(held.id, by="user:duty")
                with transaction.atomic():
                    assert alerts.start_alert(held.id)
            with pytest.raises(Conflict, match="moved on"):
                alerts.mark_frozen(late)
            assert Alert.objects.get(id=held.id).frozen_at is None

    def test_what_another_worker_froze_is_not_called_back(self, world: World, held: Alert) -> None:
        with transaction.atomic():
            assert alerts.start_alert(held.id)
        late = Alert.objects.select_related("case", "update").get(id=held.id)
        advanced(held)
        assert held.frozen_at is not None
        with pytest.raises(Conflict, match="moved on"), transaction.atomic():
            alerts.ask_again(late, changed=1)
        held.refresh_from_db()
        assert held.state == AlertState.RUNNING
