"""What staff do with the directory: offices, holders, contact points; and what a dead number asks of them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests.flow.cascading import told
from tests.flow.importing import BY
from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction import pipeline
from urgentaction.accounts.models import AuditEntry
from urgentaction.cases.vocabulary import Status
from urgentaction.channels.contract import Channel, ReceiptKind, RetryClass
from urgentaction.core.clock import today
from urgentaction.core.errors import Conflict, InvalidInput, NotFound
from urgentaction.deliveries import contact_points as deeds
from urgentaction.deliveries.models import Delivery, HumanTask, HumanTaskKind
from urgentaction.directory import contact_points, service
from urgentaction.directory.contact_points import Check
from urgentaction.directory.kinds import CheckMethod, CheckResult, Health
from urgentaction.directory.models import ContactPoint, ContactPointCheck, Office, Official
from urgentaction.directory.queries import official_in, stranded_without, usable_contact_points

pytestmark = pytest.mark.django_db(transaction=True)
OFFICE = {"country": "KR", "names": {"en": "Minister of Justice"}, "time_zone": "Asia/Seoul"}


@pytest.fixture
def office(world: World) -> Office:
    return world.president.office


def point(office: Office, channel: str = "fax") -> ContactPoint:
    return office.contact_points.get(channel=channel, retired_at=None)


def problems(refusal: pytest.ExceptionInfo[InvalidInput]) -> dict[str, str]:
    return {one.field: one.message for one in refusal.value.problems}


class TestOffices:
    def test_an_office_is_added_with_a_short_name_of_its_own(self, db: None) -> None:
        first = service.add_office(OFFICE, by=BY)
        second = service.add_office(OFFICE | {"names": {"en": "Minister of justice"}}, by=BY)
        assert (first.slug, second.slug) == ("kr-minister-of-justice", "kr-minister-of-justice-2")
        entry = AuditEntry.objects.latest("id")
        assert (entry.actor, entry.action, entry.subject) == (BY, "office.add", f"office:{second.id}")

    def test_a_form_that_is_sent_twice_makes_one_office(self, db: None) -> None:
        service.add_office(OFFICE, by=BY)
        with pytest.raises(Conflict, match="there is one already, kr-minister-of-justice"):
            service.add_office(OFFICE, by=BY)
        assert Office.objects.count() == 1

    def test_every_fault_names_its_field(self, db: None) -> None:
        with pytest.raises(InvalidInput) as refusal:
            service.add_office({"country": "XX", "names": {"ko": "장관"}, "time_zone": "Asia/Soul"}, by=BY)
        found = problems(refusal)
        assert set(found) == {"office, country", "office, names", "office, time_zone"}
        assert "did you mean Asia/Seoul?" in found["office, time_zone"]
        assert not Office.objects.exists()

    def test_a_change_is_written_down_once_and_without_what_it_says(self, office: Office) -> None:
        values = OFFICE | {"names": {"en": "Office of the president"}, "preferred_language": "ko"}
        service.change_office(office.id, values, by=BY)
        service.change_office(office.id, values, by=BY)
        entry = AuditEntry.objects.get(action="office.change")
        assert entry.detail == {"fields": "preferred_language"}
        office.refresh_from_db()
        assert office.preferred_language == "ko"

    def test_a_mission_is_reached_directly(self, office: Office, world: World) -> None:
        mission = service.add_office(OFFICE, by=BY)
        service.change_office(office.id, OFFICE | {"care_of": mission.slug}, by=BY)
        for other, care_of, words in (
            (world.minister.office, office.slug, "must be a mission that is reached directly"),
            (mission, world.minister.office.slug, "others are reached care of this office"),
            (mission, "nobody", "there is no office nobody"),
        ):
            with pytest.raises(InvalidInput, match=words):
                service.change_office(other.id, OFFICE | {"care_of": care_of}, by=BY)


class TestHolders:
    def test_a_new_holder_ends_the_tenure_of_the_old_one(self, world: World, office: Office) -> None:
        day = today(office.time_zone)
        new = service.install_official(office.id, {"names": {"en": "Ban So-yun"}, "holds_from": day}, by=BY)
        world.president.refresh_from_db()
        assert world.president.holds_until == day - timedelta(days=1)
        assert official_in(office) == new
        assert new.slug == "ban-so-yun"
        assert AuditEntry.objects.latest("id").detail["succeeds"] == "president-holder"

    def test_a_successor_from_a_day_to_come_leaves_the_office_held(self, world: World, office: Office) -> None:
        later = today(office.time_zone) + timedelta(days=30)
        service.install_official(office.id, {"names": {"en": "Ban So-yun"}, "holds_from": later}, by=BY)
        assert official_in(office) == world.president

    def test_two_at_a_time_are_refused(self, world: World, office: Office) -> None:
        with pytest.raises(InvalidInput, match="write from which day the new holder does"):
            service.install_official(office.id, {"names": {"en": "Ban"}}, by=BY)
        service.install_official(office.id, {"names": {"en": "Ban"}, "holds_from": date(2026, 1, 1)}, by=BY)
        with pytest.raises(InvalidInput, match="hold the office at the same time"):
            service.change_official(world.president.id, {"names": {"en": "Park"}}, by=BY)
        assert Official.objects.get(id=world.president.id).holds_until == date(2025, 12, 31)

    def test_a_running_alert_keeps_its_addressee_and_finds_no_office_vacant(self, world: World, office: Office) -> None:
        alert = world.start()
        service.install_official(office.id, {"names": {"en": "Ban"}, "holds_from": today(office.time_zone)}, by=BY)
        pipeline.advance_alert(alert.id)
        assert [target.official for target in alert.targets.all()] == [world.president, world.minister]
        assert not HumanTask.objects.filter(key__startswith="vacant:").exists()
        following = world.update(Status.RETURN_IMMINENT).alerts[0]
        assert str(following.targets.get(role="to").official) == "Ban"

    def test_an_ended_tenure_leaves_the_office_vacant_for_the_next_alert(self, world: World, office: Office) -> None:
        past = today(office.time_zone) - timedelta(days=2)
        service.change_official(world.president.id, {"names": {"en": "Park"}, "holds_until": past}, by=BY)
        alert = world.start()
        assert HumanTask.objects.get(key__startswith="vacant:").alert == alert


class TestContactPoints:
    def test_an_awkward_number_is_kept_as_printed_and_dialled_as_one(self, office: Office) -> None:
        printed = "+44 (0)20 7946 0981 / 0578"
        added = contact_points.add_contact_point(
            office.id, channel=Channel.FAX, printed=printed, rank=2, check=None, by=BY
        )
        assert (added.printed_value, added.dial_value, added.health) == (printed, "+442079460981", "unverified")

    @pytest.mark.parametrize(
        ("channel", "printed", "dial", "field", "words"),
        [
            (Channel.FAX, "+ 8443 804 4130", "", "dial_value", "Sandbox mode"),
            (Channel.EMAIL, "p@go.kr", "", "dial_value", "Sandbox mode"),
            (Channel.FAX, "ask the porter", "", "printed_value", "is not a telephone number"),
            (Channel.EMAIL, "president", "", "printed_value", "is not a mail address"),
            (Channel.FAX, "", "", "printed_value", "is empty"),
            (Channel.FAX, "a\nb", "", "printed_value", "line break"),
        ],
    )
    def test_what_cannot_be_used_is_refused_at_its_field(
        self, office: Office, channel: Channel, printed: str, dial: str, field: str, words: str
    ) -> None:
        with pytest.raises(InvalidInput) as refusal:
            contact_points.add_contact_point(office.id, channel=channel, printed=printed, dial=dial, check=None, by=BY)
        assert words in problems(refusal)[field]

    def test_a_real_number_may_be_printed_beside_a_reserved_one(self, office: Office) -> None:
        added = contact_points.add_contact_point(
            office.id, channel=Channel.FAX, printed="+ 8443 804 4130", dial="+44 20 7946 0130", check=None, by=BY
        )
        assert (added.printed_value, added.dial_value) == ("+ 8443 804 4130", "+442079460130")

    def test_the_same_twice_is_refused_and_a_retired_one_comes_back(self, office: Office) -> None:
        fax = point(office)
        with pytest.raises(Conflict, match="has this fax already"):
            contact_points.add_contact_point(office.id, channel=Channel.FAX, printed=fax.dial_value, check=None, by=BY)
        contact_points.retire_contact_point(fax.id, why="gone", is_sure=False, by=BY)
        back = contact_points.add_contact_point(
            office.id, channel=Channel.FAX, printed=fax.dial_value, check=None, by=BY
        )
        assert (back.id, back.health, back.health_note, back.retired_at) == (fax.id, "unverified", "", None)

    def test_the_last_way_is_retired_only_by_somebody_who_was_told(self, office: Office, world: World) -> None:
        contact_points.retire_contact_point(point(office).id, why="gone", is_sure=False, by=BY)
        mail = point(office, "email")
        assert stranded_without(mail) == [office]
        with pytest.raises(InvalidInput, match="nothing is left for Office of the president"):
            contact_points.retire_contact_point(mail.id, why="gone", is_sure=False, by=BY)
        contact_points.retire_contact_point(mail.id, why="gone", is_sure=True, by=BY)
        assert usable_contact_points(office.id, list(Channel)) == []
        with pytest.raises(Conflict, match="it is retired"):
            contact_points.change_contact_point(mail.id, printed="x", rank=1, by=BY)

    def test_a_mission_is_the_way_to_others_too(self, office: Office, world: World) -> None:
        mission = service.add_office(OFFICE, by=BY)
        only = contact_points.add_contact_point(
            mission.id, channel=Channel.FAX, printed="+44 20 7946 0130", check=None, by=BY
        )
        bare = service.add_office(OFFICE | {"names": {"en": "Prison"}, "care_of": mission.slug}, by=BY)
        service.change_office(office.id, OFFICE | {"care_of": mission.slug}, by=BY)
        assert stranded_without(only) == [mission, bare]

    def test_a_letter_shows_what_is_used_now(self, world: World, office: Office) -> None:
        contact_points.replace_contact_point(
            point(office).id, printed="+44 20 7946 0130", check=Check(method=CheckMethod.LETTERHEAD), by=BY
        )
        text = world.start().letters.get(role="to").text
        assert "+44 20 7946 0130" in text
        assert "+82 2-770-4721" not in text


class TestChecks:
    def test_a_check_is_added_to_the_trail_and_verifies(self, office: Office) -> None:
        fax = point(office)
        contact_points.record_check(
            fax.id, Check(method=CheckMethod.PHONE_CALL, note="the registry answered"), by="user:ada"
        )
        contact_points.record_check(
            fax.id, Check(method=CheckMethod.WEBSITE, url="https://example.org/x", result=CheckResult.UNCLEAR), by=BY
        )
        fax.refresh_from_db()
        trail = list(ContactPointCheck.objects.order_by("-at"))
        assert [(one.by, one.method, one.result) for one in trail] == [
            (BY, "website", "unclear"),
            ("user:ada", "phone_call", "right"),
        ]
        assert (fax.health, fax.verified_how) == ("working", "phone call: the registry answered")
        assert fax.verified_at == trail[1].at
        contacts = [entry.detail["is_contact"] for entry in AuditEntry.objects.filter(action="contact_point.check")]
        assert contacts == ["True", "False"]

    def test_a_web_site_is_named(self, office: Office) -> None:
        with pytest.raises(InvalidInput, match="write the address of the page"):
            contact_points.record_check(point(office).id, Check(method=CheckMethod.WEBSITE), by=BY)
        assert not ContactPointCheck.objects.exists()

    def test_nobody_checks_what_is_not_there(self, db: None) -> None:
        with pytest.raises(NotFound):
            contact_points.record_check(Office().id, Check(method=CheckMethod.PARTNER), by=BY)


class TestDeadNumbers:
    def test_a_number_that_died_asks_for_another_once(
        self, world: World, office: Office, sandbox: SandboxProgram
    ) -> None:
        world.start()
        fax = point(office)
        row = Delivery.objects.get(contact_point=fax)
        pipeline.send_to_officials()
        told(row, ReceiptKind.FAILED, RetryClass.NEVER)
        pipeline.sweep_all()
        fax.refresh_from_db()
        assert fax.health == Health.DEAD
        task = HumanTask.objects.get(kind=HumanTaskKind.REPLACE_CONTACT)
        assert task.title == "Find a new fax for Office of the president"
        assert "+82 2-770-4721 does not work any more" in task.advice
        new = deeds.replace_contact_point(
            fax.id, printed="+44 20 7946 0130", check=Check(method=CheckMethod.PARTNER), by="user:ada"
        )
        task.refresh_from_db()
        fax.refresh_from_db()
        assert (task.done_by, task.result) == ("user:ada", f"replaced by contact point {new.id}")
        assert (fax.health_note, new.rank) == ("replaced by +44 20 7946 0130", fax.rank)
        assert usable_contact_points(office.id, [Channel.FAX]) == [new]

    def test_a_call_that_finds_it_wrong_asks_and_one_that_finds_it_right_settles(self, office: Office) -> None:
        fax = point(office)
        wrong = Check(method=CheckMethod.PHONE_CALL, result=CheckResult.WRONG, note="a bakery")
        deeds.record_check(fax.id, wrong, by=BY)
        deeds.record_check(fax.id, wrong, by=BY)
        assert "a bakery" in HumanTask.objects.get(done_at=None).advice
        deeds.record_check(fax.id, Check(method=CheckMethod.TEST_MESSAGE), by=BY)
        assert not HumanTask.objects.filter(done_at=None).exists()
        fax.refresh_from_db()
        assert (fax.health, fax.health_note) == ("working", "")

    def test_what_is_retired_asks_for_nothing(self, office: Office) -> None:
        fax = point(office)
        deeds.record_check(fax.id, Check(method=CheckMethod.BOUNCE, result=CheckResult.WRONG), by=BY)
        deeds.retire_contact_point(fax.id, why="the office has no fax any more", is_sure=False, by=BY)
        assert HumanTask.objects.get().result == "retired: the office has no fax any more"
