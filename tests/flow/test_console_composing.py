"""Composing an alert in the console, and reading what it would send: nothing leaves, and everything is said."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client

from tests.flow.callers import staff, text
from tests.flow.composing import approve, asked, composed, seen, submitted
from tests.flow.world import TEXT, World
from urgentaction import pipeline
from urgentaction.accounts.models import Role, User
from urgentaction.alerts.models import Alert, AlertState
from urgentaction.alerts.plan import AlertPlan
from urgentaction.cases.models import Case, CaseAddressee, CaseText, Person
from urgentaction.cases.vocabulary import Confidence, Status
from urgentaction.core import clock
from urgentaction.deliveries.models import Delivery, GatewayState, HumanTask
from urgentaction.directory.models import ContactPoint, Office, Official
from urgentaction.supporters.models import Supporter

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def editor() -> Client:
    return staff(Role.EDITOR, "edith")


@pytest.fixture
def approver() -> Client:
    return staff(Role.APPROVER, "ada")


class TestComposing:
    def test_it_begins_with_a_case(self, world: World, editor: Client) -> None:
        assert "Which case" in text(editor.get("/console/alerts/new/"))
        assert "There is no case UA-1999-0001" in text(editor.get("/console/alerts/new/?case=ua-1999-0001"), 404)
        page = text(editor.get(f"/console/alerts/new/?case={world.case.reference}"))
        assert "Office of the president" in page
        assert '<option value="to" selected>' in page

    def test_it_begins_as_the_rule_for_the_status_would(self, world: World, editor: Client) -> None:
        world.update(Status.FATE_UNKNOWN)
        page = text(editor.get(f"/console/alerts/new/?case={world.case.reference}"))
        assert '<option value="whereabouts_request" selected>' in page

    def test_a_draft_is_kept_and_nobody_is_asked_or_told(self, world: World, editor: Client) -> None:
        alert = composed(editor, world)
        assert (alert.state, alert.kind, alert.level) == ("draft", "manual", 2)
        assert [(one.official.slug, one.role) for one in alert.targets.all()] == [
            ("president-holder", "to"),
            ("minister-holder", "cc"),
        ]
        assert alert.deadline_at is not None
        assert alert.deadline_at - alert.created_at == timedelta(hours=48)
        assert not HumanTask.objects.exists()
        assert not Delivery.objects.exists()

    def test_sent_twice_it_is_one_draft(self, world: World, editor: Client, approver: Client) -> None:
        form = asked(world)
        first, second = (editor.post("/console/alerts/draft/", form) for _ in range(2))
        assert first.headers["Location"] == second.headers["Location"]
        assert Alert.objects.count() == 1
        assert "was sent before" in text(approver.post("/console/alerts/draft/", form), 422)

    @pytest.mark.parametrize(
        "changes",
        [{"level": "1"}, {"deadline_hours": "24"}, {"dated_on": ""}, {"office-minister": ""}, {"reach": "before"}],
    )
    def test_going_back_and_sending_something_else_is_not_taken_for_the_draft_that_is_there(
        self, world: World, editor: Client, changes: dict[str, str]
    ) -> None:
        form = asked(world)
        editor.post("/console/alerts/draft/", form)
        assert "change that draft" in text(editor.post("/console/alerts/draft/", {**form, **changes}), 422)
        assert Alert.objects.count() == 1

    @pytest.mark.parametrize(
        ("changes", "field", "told"),
        [
            ({"channels": []}, "id_channels", "at least one channel"),
            ({"channels": ["sms"]}, "id_channels", "officials are written to by fax or email"),
            ({"channels": ["fax"]}, "id_channels", "supporters hear by email or SMS"),
            ({"office-president": ""}, "id_audience", "Address at least one office"),
            ({"further-1": "nowhere"}, "id_further-1", "no office with this short name"),
            ({"further-1": "Office of the"}, "id_further-1", "These fit: minister, president."),
            ({"further-1": "vacant"}, "id_further-1", "Nobody is recorded as holding"),
            ({"further-1": "president"}, "id_further-1", "chosen already"),
            ({"deadline_hours": "0"}, "id_deadline_hours", "greater than or equal to 1"),
            ({"dated_on": "yesterday"}, "id_dated_on", "valid date"),
            ({"level": "9"}, "id_level", "valid choice"),
            ({"letter_kind": "x"}, "id_letter_kind", "valid choice"),
        ],
    )
    def test_what_is_wrong_stands_at_its_field(
        self, world: World, editor: Client, changes: dict[str, Any], field: str, told: str
    ) -> None:
        Office.objects.create(slug="vacant", country="KR", names={"en": "Vacant"}, time_zone="Asia/Seoul")
        page = text(editor.post("/console/alerts/draft/", asked(world, **changes)), 422)
        fault = re.search(rf'class="fault" id="{field}_error"[^>]*>([^<]*)<', page)
        assert fault is not None
        assert told in fault[1]
        assert not Alert.objects.exists()
        assert 'value="48"' in page or "deadline_hours" in changes

    def test_its_price_does_not_grow_with_the_directory(
        self, world: World, editor: Client, django_assert_max_num_queries: Callable[[int], Any]
    ) -> None:
        for number in range(20):
            office = Office.objects.create(
                slug=f"o-{number}", country="KR", names={"en": f"Another {number}"}, time_zone="Asia/Seoul"
            )
            if number % 2:
                CaseAddressee.objects.create(case=world.case, office=office, role="cc", position=5 + number)
        with django_assert_max_num_queries(8):
            page = text(editor.get(f"/console/alerts/new/?case={world.case.reference}"))
        assert "Another 1 " in page
        assert "Another 2" not in page
        assert 'hx-get="/console/directory/suggestions/"' in page

    def test_all_faults_are_said_at_once(self, world: World, editor: Client) -> None:
        page = text(editor.post("/console/alerts/draft/", asked(world, channels=["sms"], deadline_hours="0")), 422)
        assert "officials are written to by fax or email" in page
        assert "greater than or equal to 1" in page

    def test_any_office_of_the_directory_can_be_written_to(self, world: World, editor: Client) -> None:
        office = Office.objects.create(slug="tumen", country="CN", names={"en": "Garrison"}, time_zone="Asia/Shanghai")
        Official.objects.create(
            slug="tumen-holder", office=office, names={"en": "The commander"}, salutations={"en": "Dear commander"}
        )
        ContactPoint.objects.create(office=office, channel="email", dial_value="tumen@office.invalid")
        alert = composed(editor, world, **{"further-1": "tumen", "further-1-role": "to", "office-president": ""})
        assert [one.official.slug for one in alert.targets.all()] == ["tumen-holder", "minister-holder"]
        page = text(editor.get(f"/console/alerts/{alert.id}/preview/"))
        assert "Dear commander" in page
        assert "Garrison" in text(editor.get(f"/console/alerts/{alert.id}/edit/"))

    def test_only_readers_of_chosen_languages_hear(self, world: World, editor: Client, approver: Client) -> None:
        Supporter.objects.filter(id=world.supporters[0].id).update(language="ko")
        alert = submitted(editor, world, audience="supporters", readers=["ko"])
        page = text(editor.get(f"/console/alerts/{alert.id}/preview/numbers/"))
        assert '<td class="number">1</td>' in page
        assert "<h1>" in page, "whoever has no scripts comes to a page of ours"
        assert "<h1>" not in text(
            editor.get(f"/console/alerts/{alert.id}/preview/numbers/", headers={"HX-Request": "true"})
        )
        approve(approver, alert, hold="0")
        pipeline.advance_alert(alert.id)
        heard = set(Delivery.objects.filter(alert=alert).values_list("supporter_id", flat=True))
        assert heard == {world.supporters[0].id}

    def test_a_draft_is_changed_and_discarded_before_anybody_decides(self, world: World, editor: Client) -> None:
        alert = composed(editor, world)
        changed = asked(world, level="1", audience="officials", channels=["email"], **{"office-minister": ""})
        editor.post(f"/console/alerts/{alert.id}/change/", changed)
        alert.refresh_from_db()
        plan = AlertPlan.from_json(alert.plan)
        assert (alert.level, plan.supporters, alert.targets.count()) == (1, None, 1)
        assert "Discarded" in text(editor.post(f"/console/alerts/{alert.id}/discard/", follow=True))
        alert.refresh_from_db()
        assert alert.state == "withdrawn"
        assert "can&#x27;t be changed any more" in text(
            editor.post(f"/console/alerts/{alert.id}/change/", changed), 422
        )

    def test_changing_it_takes_approvals_back_and_asks_anew(
        self, world: World, editor: Client, approver: Client
    ) -> None:
        alert = submitted(editor, world, level="5")
        assert alert.approvals_needed == 2
        assert "another person" in approve(approver, alert)
        editor.post(f"/console/alerts/{alert.id}/change/", asked(world, level="5", deadline_hours="24"))
        alert.refresh_from_db()
        assert alert.state == "draft"
        assert not alert.approvals.filter(revoked_at=None).exists()
        assert not HumanTask.objects.filter(done_at=None).exists()
        editor.post(f"/console/alerts/{alert.id}/submit/")
        assert HumanTask.objects.filter(done_at=None, alert=alert).exists()

    def test_who_rewrote_a_draft_can_not_be_the_one_who_approves_it(
        self, world: World, editor: Client, approver: Client
    ) -> None:
        alert = submitted(editor, world)
        approver.post(f"/console/alerts/{alert.id}/change/", asked(world, deadline_hours="24"))
        approver.post(f"/console/alerts/{alert.id}/submit/")
        digest = seen(staff(Role.APPROVER, "bea"), alert)
        assert "another person has to approve it" in approve(approver, alert, digest)
        assert alert.state == "awaiting_approval"
        bea = Client()
        bea.force_login(User.objects.get(username="bea"))
        assert "It starts when its hold is over" in approve(bea, alert, digest)

    def test_a_rules_own_draft_is_not_changed(self, world: World, editor: Client) -> None:
        alert = world.update(Status.RETURN_IMMINENT, confidence=Confidence.RUMOURED).alerts[0]
        assert "A rule made this alert" in text(editor.get(f"/console/alerts/{alert.id}/edit/", follow=True))
        answer = editor.post(f"/console/alerts/{alert.id}/change/", asked(world))
        assert "A rule made alert" in text(answer, 422)

    def test_a_person_names_the_new_target_of_a_grave_alert(self, world: World, editor: Client) -> None:
        world.start()
        alerts = world.update(Status.FORCIBLY_RETURNED).alerts
        alert = next(one for one in alerts if AlertPlan.from_json(one.plan).officials is not None)
        assert "name the officials whom this letter goes to" in text(editor.get(f"/console/alerts/{alert.id}/preview/"))
        path = f"/console/alerts/{alert.id}/change/"
        assert "at least one office" in text(editor.post(path, {"office-president": "cc"}), 422)
        editor.post(path, {"office-president": "to"})
        assert [one.official for one in alert.targets.all()] == [world.president]


class TestPreview:
    def test_it_shows_everything_and_sends_nothing(self, world: World, editor: Client) -> None:
        alert = composed(editor, world)
        page = text(editor.get(f"/console/alerts/{alert.id}/preview/"))
        assert "Dear president" in page
        assert "The two are refugees" in page
        assert re.search(r"GSM-7|UCS-2", page)
        assert "nobody has verified its fax." in page
        assert "No notice in Korean" in page
        assert not Delivery.objects.exists()
        assert not alert.letters.exists()
        assert not alert.notices.exists()

    def test_each_form_has_an_address_of_its_own(self, world: World, editor: Client) -> None:
        alert = composed(editor, world)
        base = f"/console/alerts/{alert.id}/preview"
        to = f"to={world.president.id}"
        for path in (f"{base}/letter/?{to}", f"{base}/letter/?{to}&audience=public", f"{base}/notice/?which=email-en"):
            answer = editor.get(path)
            assert "refugees" in text(answer), path
            assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
            assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
            assert answer.headers["Cache-Control"] == "no-store"
        for form in ("pdf", "fax"):
            answer = editor.get(f"{base}/letter.pdf?{to}&form={form}")
            assert answer.content.startswith(b"%PDF")
            assert answer.headers["Content-Disposition"].startswith('inline; filename="PREVIEW-UA-2026-0001-1')
        for path in (
            f"{base}/letter/?to=x",
            f"{base}/letter/?to={uuid.uuid4()}",
            f"{base}/letter/?{to}&audience=king",
            f"{base}/notice/?which=fax-en",
            f"{base}/letter.pdf?to={world.minister.id}&form=fax",
        ):
            assert editor.get(path).status_code == 404, path

    def test_what_supporters_alone_may_know_is_for_no_viewer(
        self, world: World, editor: Client, viewer: Client
    ) -> None:
        Person.objects.create(
            case=world.case,
            key="person-1",
            public_name="Ms Known",
            shown_to_supporters="name",
            descriptions={"en": "a woman"},
            consent_at=clock.now(),
        )
        CaseText.objects.filter(case=world.case).update(
            markdown=TEXT.replace("The two are", "[[person-1]] and another are")
        )
        alert = composed(editor, world)
        path = f"/console/alerts/{alert.id}/preview/notice/?which=email-en"
        assert "Ms Known" in text(editor.get(path))
        assert viewer.get(path).status_code == 403

    def test_it_is_what_is_frozen_later(self, world: World, editor: Client, approver: Client) -> None:
        alert = submitted(editor, world)
        html = editor.get(f"/console/alerts/{alert.id}/preview/letter/?to={world.president.id}").content
        approve(approver, alert, hold="0")
        pipeline.advance_alert(alert.id)
        assert alert.letters.get(official=world.president).html.encode() == html
        page = text(editor.get(f"/console/alerts/{alert.id}/preview/"))
        assert "frozen: this is what is sent" in page
        assert editor.get(f"/console/alerts/{alert.id}/preview/letter/").content == html

    def test_what_can_not_be_made_is_said_and_not_approved(
        self, world: World, editor: Client, approver: Client
    ) -> None:
        alert = submitted(editor, world)
        digest = seen(approver, alert)
        CaseText.objects.all().delete()
        page = text(approver.get(f"/console/alerts/{alert.id}/preview/"))
        assert "has no text in" in page
        assert 'name="seen"' not in page
        assert "It can&#x27;t be made" in approve(approver, alert, digest)
        assert alert.state == AlertState.AWAITING_APPROVAL

    def test_numbers_count_people_and_segments(self, world: World, editor: Client) -> None:
        alert = composed(editor, world)
        page = text(editor.get(f"/console/alerts/{alert.id}/preview/numbers/"))
        assert '<th scope="row">email</th><td>English</td><td class="number">3</td>' in page
        assert re.search(
            r'<th scope="row">SMS</th><td>English</td><td class="number">1</td><td class="number">\d', page
        )

    def test_it_warns_as_the_consequences_of_an_update_do(self, world: World, editor: Client) -> None:
        Person.objects.create(case=world.case, key="person-1", confidential_name="Kim Hidden")
        Case.objects.update(embargo_until=clock.now() + timedelta(days=1))
        Official.objects.filter(id=world.minister.id).update(holds_until=date(2020, 1, 1))
        GatewayState.objects.create(name="telnyx", is_paused=True, changed_at=clock.now())
        alert = composed(editor, world)
        page = text(editor.get(f"/console/alerts/{alert.id}/preview/"))
        told = {"status": "return_imminent", "confidence": "confirmed", "as_of": "2026-11-20", "place": "Tumen"}
        consequences = text(editor.post(f"/console/cases/{world.case.reference}/update/preview/", told))
        for words in (
            "Office of the minister: nobody is recorded as holding this office",
            "Office of the president: nobody has verified its fax.",
            "No gateway for fax works at this moment",
            "No consent of person-1 is on record",
            "The case is under embargo until 20",
        ):
            assert words in page, words
            assert words in consequences, words
        assert "&lt;time" not in page + consequences, "a moment is told in words"

    def test_it_estimates_what_it_may_cost(self, world: World, editor: Client, settings: Any) -> None:
        settings.GATEWAYS = {**settings.GATEWAYS, "telnyx": {**settings.GATEWAYS["telnyx"], "price": "0.07 USD"}}
        both, officials = composed(editor, world), composed(editor, world, audience="officials", channels=["fax"])
        page = text(editor.get(f"/console/alerts/{both.id}/preview/numbers/"))
        assert "1 page by fax: about 0.07 USD (0.07 USD each by telnyx)" in page
        assert re.search(r"\d segments? by SMS: .*no price configured", page)
        alone = text(editor.get(f"/console/alerts/{officials.id}/preview/numbers/"))
        assert "1 page by fax" in alone
        assert "No supporter" not in alone

    def test_a_follow_up_costs_what_reaches_those_it_writes_to(self, world: World, editor: Client) -> None:
        world.start()
        alert = composed(editor, world, reach="before")
        page = text(editor.get(f"/console/alerts/{alert.id}/preview/numbers/"))
        assert "by fax" not in page, "nothing has reached anybody yet"


class TestStopping:
    def test_the_reason_that_is_offered_is_kept_in_english(
        self, world: World, editor: Client, approver: Client
    ) -> None:
        alert = submitted(editor, world)
        approve(approver, alert)
        User.objects.update(language="ko")
        page = text(approver.get(f"/console/alerts/{alert.id}/"))
        assert 'value="보류 시간 중에 중단됨"' in page
        approver.post(f"/console/alerts/{alert.id}/withdraw/", {"reason": "보류 시간 중에 중단됨"})
        alert.refresh_from_db()
        assert (alert.state, alert.stop_reason) == ("withdrawn", "stopped during its hold")
        assert "보류 시간 중에 중단됨" in text(approver.get(f"/console/alerts/{alert.id}/"))
