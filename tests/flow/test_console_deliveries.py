"""The console's deliveries and tasks: each letter followed to its end, and taken over by hand where machines failed."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.flow.callers import staff, text
from tests.flow.following import audited, failed, fax, make_incident, make_task, put, walk
from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction import pipeline
from urgentaction.accounts.models import Role
from urgentaction.alerts.models import Alert
from urgentaction.core import clock
from urgentaction.deliveries.contact_points import retire_contact_point
from urgentaction.deliveries.models import Delivery
from urgentaction.deliveries.rules import State
from urgentaction.deliveries.service import send_again
from urgentaction.receipts.models import Receipt

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alert(world: World) -> Alert:
    return world.start()


class TestOneDelivery:
    def test_everything_known_of_it_is_shown(self, world: World, alert: Alert) -> None:
        row = failed(fax(alert))
        Receipt.objects.create(
            gateway="telnyx", event_id="e1", kind="failed", code="busy", raw="{}", received_at=clock.now(),
            delivery=row, applied_at=clock.now(), effect="about a try that is over",
        )  # fmt: skip
        page = text(staff(Role.EDITOR).get(f"/console/deliveries/{row.id}/"))
        for said in (
            "Office of the president · The president",
            "It did not arrive, and this delivery is not tried any more.",
            "+82 2-770-4721",
            "unallocated",
            "this address will not work",
            "about a try that is over",
            "yes: the alert is running and nothing newer is known of the case",
            f"/console/alerts/{alert.id}/",
            f"/console/letters/{row.letter_id}.pdf",
        ):
            assert said in page
        assert "+12025550101" not in page  # what is dialled is the directory's
        assert "Show the raw receipt" not in page

    def test_what_follows_a_failure_is_told_before_it_happens(self, world: World, alert: Alert) -> None:
        client = staff(Role.VIEWER)
        page = text(client.get(f"/console/deliveries/{fax(alert).id}/"))
        assert "Ways to this official" in page
        put(Delivery.objects.get(alert=alert, role="to", channel="email"), State.FAILED, escalated_at=clock.now())
        page = text(client.get(f"/console/deliveries/{fax(alert).id}/"))
        assert "nothing is left to try: a person posts the letter" in page

    def test_a_supporter_is_never_named(self, world: World, alert: Alert) -> None:
        client = staff(Role.ADMINISTRATOR)
        person = world.supporters[0]
        for row in alert.deliveries.filter(supporter=person):
            receipt = Receipt.objects.create(
                gateway="twilio", event_id=f"e{row.id}", kind="inbound", raw=f"from {person.phone}",
                address=person.phone, received_at=clock.now(), delivery=row,
            )  # fmt: skip
            page = text(client.get(f"/console/deliveries/{row.id}/"))
            for secret in (person.name, person.email, person.phone):
                assert secret not in page
            assert f"supporter …{str(person.id)[-8:]}" in page
            assert "Raw receipts stay sealed" in page
            refused = client.post(f"/console/receipts/{receipt.id}/raw/", follow=True)
            assert "it stays sealed" in text(refused)
        assert audited("receipt.open") == []

    def test_a_raw_receipt_is_opened_by_approvers_and_that_is_written_down(self, world: World, alert: Alert) -> None:
        receipt = Receipt.objects.create(
            gateway="telnyx", event_id="e1", kind="delivered", raw='{"pages": 2}', received_at=clock.now(),
            delivery=fax(alert),
        )  # fmt: skip
        path = f"/console/receipts/{receipt.id}/raw/"
        assert staff(Role.EDITOR).post(path).status_code == 403
        answer = staff(Role.APPROVER).post(path)
        assert "{&quot;pages&quot;: 2}" in text(answer)
        assert answer.headers["Cache-Control"] == "no-store"
        assert audited("receipt.open") == [f"receipt:{receipt.id.hex}"]

    def test_the_live_part_is_the_page_without_its_frame(self, world: World, alert: Alert) -> None:
        client = staff(Role.VIEWER)
        path = f"/console/deliveries/{fax(alert).id}/"
        part = text(client.get(f"{path}live/"))
        assert "<html" not in part
        assert part.strip()[:40] in text(client.get(path))

    def test_what_does_not_exist_is_404(self, world: World) -> None:
        client = staff(Role.ADMINISTRATOR)
        nothing = "00000000-0000-0000-0000-000000000001"
        for path in (
            "deliveries/999/", f"deliveries/{10**30}/", f"tasks/{nothing}/", f"incidents/{nothing}/",
            f"alerts/{nothing}/tracking/", f"alerts/{nothing}/deliveries/", f"alerts/{nothing}/deliveries.csv",
        ):  # fmt: skip
            assert client.get(f"/console/{path}").status_code == 404, path
        assert client.post(f"/console/receipts/{nothing}/raw/").status_code == 404


class TestByHand:
    def test_a_waiting_one_is_tried_at_once(self, world: World, alert: Alert) -> None:
        later = clock.now() + timedelta(hours=8)
        row = put(fax(alert), State.QUEUED, due_at=later)
        answer = staff(Role.EDITOR).post(f"/console/deliveries/{row.id}/try-now/", follow=True)
        assert "as soon as a worker and a gateway are free" in text(answer)
        row.refresh_from_db()
        assert row.due_at <= clock.now()
        assert audited("delivery.try_now") == [f"delivery:{row.id}"]

    def test_a_supporters_night_is_left_alone(self, world: World, alert: Alert) -> None:
        later = clock.now() + timedelta(hours=8)
        row = put(alert.deliveries.get(channel="sms"), State.QUEUED, due_at=later)
        client = staff(Role.EDITOR)
        assert "Try it now" not in text(client.get(f"/console/deliveries/{row.id}/"))
        answer = client.post(f"/console/deliveries/{row.id}/try-now/", follow=True)
        assert "quiet hours" in text(answer)
        row.refresh_from_db()
        assert row.due_at == later

    def test_one_is_withdrawn_and_the_rest_goes_on(self, world: World, alert: Alert) -> None:
        row, client = fax(alert), staff(Role.EDITOR)
        path = f"/console/deliveries/{row.id}/withdraw/"
        assert "This field is required" in text(client.post(path, {"reason": " "}), 422)
        done = client.post(path, {"reason": "the number is a school's"}, follow=True)
        assert "the rest of its alert goes on" in text(done)
        row.refresh_from_db()
        assert (row.state, row.reason) == ("withdrawn", "withdrawn by hand: the number is a school's")
        assert alert.deliveries.filter(state="queued").count() == 6
        again = client.post(path, {"reason": "x"}, follow=True)
        assert "is withdrawn; what has left or is over" in text(again)
        assert audited("delivery.withdraw") == [f"delivery:{row.id}"]

    def test_a_worker_that_holds_it_finds_its_claim_gone(self, world: World, alert: Alert) -> None:
        from urgentaction.deliveries.claim import Lane, claim, declare_intent

        claims = [one for one in claim(Lane.URGENT, limit=10) if one.id == fax(alert).id]
        staff(Role.EDITOR).post(f"/console/deliveries/{claims[0].id}/withdraw/", {"reason": "wrong"})
        assert declare_intent(claims, gateway="telnyx") == set()

    @pytest.mark.parametrize(("said", "state"), [("yes", "delivered"), ("no", "failed")])
    def test_an_unknown_is_settled(self, world: World, alert: Alert, said: str, state: str) -> None:
        row = put(fax(alert), State.UNKNOWN, reason="no answer")
        client = staff(Role.EDITOR)
        path = f"/console/deliveries/{row.id}/settle/"
        refused = text(client.post(path, {}), 422)
        assert "Choose one of the two" in refused
        assert '<details class="panel deed" open>' in refused
        client.post(path, {"arrived": said, "reason": "phoned the registry"})
        row.refresh_from_db()
        assert (row.state, row.reason) == (state, "settled by hand: phoned the registry")
        again = client.post(path, {"arrived": said, "reason": "once more"}, follow=True)
        assert "only an unknown one can be settled" in text(again)

    def test_a_failed_one_is_sent_again_by_an_approver_only_once_at_a_time(self, world: World, alert: Alert) -> None:
        row = failed(fax(alert))
        path = f"/console/deliveries/{row.id}/send-again/"
        assert staff(Role.EDITOR).post(path, {"reason": "x", "sure": "on"}).status_code == 403
        client = staff(Role.APPROVER)
        assert "Tick this once you have read" in text(client.post(path, {"reason": "line mended"}), 422)
        done = client.post(path, {"reason": "line mended", "sure": "on"}, follow=True)
        made = Delivery.objects.get(alert=alert, channel="fax", again=1)
        assert f"sent again as delivery {made.id}" in text(done)
        assert (made.state, made.reason) == ("queued", "sent again by hand: line mended")
        assert (made.contact_point_id, made.letter_id, made.step) == (row.contact_point_id, row.letter_id, row.step)
        row.refresh_from_db()
        assert row.state == "failed"
        twice = client.post(path, {"reason": "line mended", "sure": "on"}, follow=True)
        assert f"it was sent there again already: see delivery {made.id}" in text(twice)
        assert Delivery.objects.filter(alert=alert, channel="fax").count() == 2
        assert audited("delivery.send_again") == [f"delivery:{row.id}"]

    def test_a_possible_double_is_warned_of(self, world: World, alert: Alert) -> None:
        row = failed(fax(alert))
        client = staff(Role.APPROVER)
        assert "Every try so far was refused" in text(client.get(f"/console/deliveries/{row.id}/"))
        row.tries.update(outcome="unknown")
        assert "may lie in the tray already" in text(client.get(f"/console/deliveries/{row.id}/"))

    @pytest.mark.parametrize("state", [one for one in State if one not in (State.FAILED, State.WITHDRAWN)])
    def test_nothing_else_is_ever_sent_again(self, world: World, alert: Alert, state: State) -> None:
        row = put(fax(alert), state)
        answer = staff(Role.APPROVER).post(
            f"/console/deliveries/{row.id}/send-again/", {"reason": "x", "sure": "on"}, follow=True
        )
        assert "only what failed or was withdrawn" in text(answer)
        assert Delivery.objects.filter(alert=alert, channel="fax").count() == 1

    def test_a_stopped_alert_sends_nothing_again(self, world: World, alert: Alert) -> None:
        row = failed(fax(alert))
        pipeline.withdraw(alert.id, reason="released", by="cli:test")
        client = staff(Role.APPROVER)
        path = f"/console/deliveries/{row.id}/"
        assert "sends nothing any more" in text(client.get(path))
        client.post(f"{path}send-again/", {"reason": "x", "sure": "on"})
        assert Delivery.objects.filter(alert=alert, channel="fax").count() == 1

    def test_nothing_is_sent_again_to_a_number_that_was_retired(self, world: World, alert: Alert) -> None:
        row = failed(fax(alert))
        assert row.contact_point is not None
        retire_contact_point(row.contact_point.id, why="a private line now", is_sure=True, by="user:editor")
        client = staff(Role.APPROVER)
        path = f"/console/deliveries/{row.id}/"
        assert "no longer in the directory" in text(client.get(path))
        client.post(f"{path}send-again/", {"reason": "x", "sure": "on"})
        assert Delivery.objects.filter(alert=alert, channel="fax").count() == 1

    def test_a_number_taken_for_dead_may_be_tried_once_more_by_a_persons_decision(
        self, world: World, alert: Alert, sandbox: SandboxProgram
    ) -> None:
        row = failed(fax(alert))
        assert row.contact_point is not None
        row.contact_point.health = "dead"
        row.contact_point.save()
        made = send_again(row.id, by="user:approver", why="the office says it works")
        pipeline.send_to_officials()
        made.refresh_from_db()
        assert made.state == State.ACCEPTED

    def test_no_supporter_is_written_to_again(self, world: World, alert: Alert) -> None:
        row = put(alert.deliveries.filter(role="supporter", channel="email")[0], State.FAILED)
        client = staff(Role.APPROVER)
        answer = client.post(f"/console/deliveries/{row.id}/send-again/", {"reason": "x", "sure": "on"}, follow=True)
        assert "never sent again by hand" in text(answer)


class TestTracking:
    def test_progress_and_plots_with_their_tables(self, world: World, alert: Alert) -> None:
        begun = alert.started_at
        assert begun is not None
        put(
            fax(alert),
            State.DELIVERED,
            accepted_at=begun + timedelta(seconds=4),
            settled_at=begun + timedelta(minutes=3),
        )
        page = text(staff(Role.VIEWER).get(f"/console/alerts/{alert.id}/tracking/"))
        assert "1 delivered" in page
        assert "3 waiting" in page
        assert page.count('<svg class="plot"') >= 2
        table = re.search(r"How many had come so far: fax.*?</table>", page, re.DOTALL)
        assert table is not None
        rows = {
            label: numbers
            for label, *numbers in re.findall(
                r'<th scope="row">([^<]+)</th><td class="number">(\d+)</td><td class="number">(\d+)</td>', table[0]
            )
        }
        assert rows["1 s"] == ["0", "0"]
        assert rows["10 s"] == ["1", "0"]
        assert rows["so far"] == ["1", "1"]
        assert "style=" not in page

    def test_an_alert_that_has_not_begun_says_so(self, world: World) -> None:
        from urgentaction.cases.vocabulary import Confidence, Status

        draft = world.update(Status.RETURN_IMMINENT, confidence=Confidence.RUMOURED).alerts[0]
        page = text(staff(Role.VIEWER).get(f"/console/alerts/{draft.id}/tracking/"))
        assert "you see here how they went" in page
        listed = text(staff(Role.VIEWER, "other").get(f"/console/alerts/{draft.id}/deliveries/"))
        assert "they are written down when the alert starts" in listed

    def test_deliveries_are_filtered_and_paged(
        self, world: World, alert: Alert, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("urgentaction.console.deliveries.tracking.PAGE", 3)
        failed(fax(alert))
        client, path = staff(Role.VIEWER), f"/console/alerts/{alert.id}/deliveries/"
        links = r'href="/console/deliveries/(\d+)/"'
        assert len(walk(client, path, links)) == 7
        for query, count in (("state=failed", 1), ("role=to", 2), ("channel=fax", 1), ("role=to&state=queued", 1)):
            assert len(set(re.findall(links, text(client.get(f"{path}?{query}"))))) == count, query
        assert "No delivery fits" in text(client.get(f"{path}?state=unknown"))
        assert client.get(f"{path}?after=x&state=%00&role=king&channel=pigeon").status_code == 200

    def test_the_file_holds_every_delivery_and_no_address(
        self, world: World, alert: Alert, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("urgentaction.tracking.export.PAGE", 2)
        put(failed(fax(alert)), State.FAILED, reason="=HYPERLINK(1)")
        answer = staff(Role.VIEWER).get(f"/console/alerts/{alert.id}/deliveries.csv")
        said = answer.getvalue().decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(said)))
        assert len(rows) == alert.deliveries.count() == 7
        (told,) = [row for row in rows if row["state"] == "failed"]
        assert told["why"] == "'=HYPERLINK(1)"
        assert (told["last_code"], told["attempts"]) == ("unallocated", "1")
        for person in world.supporters:
            assert person.email not in said
            assert person.name not in said
        part = staff(Role.VIEWER, "other").get(f"/console/alerts/{alert.id}/deliveries.csv?state=failed")
        assert len(part.getvalue().splitlines()) == 2


class TestIncidents:
    def test_one_is_taken_on(self, world: World) -> None:
        incident = make_incident()
        assert "take it on" not in text(staff(Role.VIEWER).get("/console/"))
        client = staff(Role.EDITOR)
        now = text(client.get("/console/"))
        assert "The worker for bulk stands still" in now
        assert "Start it" in now
        path = f"/console/incidents/{incident.id}/"
        assert path in now
        assert "nobody yet" in text(client.get(path))
        assert "You take care of it" in text(client.post(f"{path}acknowledge/", follow=True))
        incident.refresh_from_db()
        assert incident.acknowledged_by.startswith("user:")
        assert "somebody takes care of it" in text(client.get("/console/"))
        assert path in text(client.get("/console/incidents/?show=open"))
        assert path not in text(client.get("/console/incidents/?show=over"))


def test_no_deed_is_a_link(alert: Alert) -> None:
    row, task = fax(alert).id, make_task("k", alert=alert).id
    administrator = staff(Role.ADMINISTRATOR)
    deeds = (*(f"deliveries/{row}/{deed}/" for deed in ("try-now", "withdraw", "settle", "send-again")),
             *(f"tasks/{task}/{deed}/" for deed in ("take", "give-back", "close")))  # fmt: skip
    for path in deeds:
        assert administrator.get(f"/console/{path}").status_code == 405, path


class TestPrice:
    def test_lists_take_a_fixed_number_of_queries(
        self, world: World, alert: Alert, django_assert_max_num_queries: Callable[[int], Any]
    ) -> None:
        for n in range(30):
            make_task(f"task {n}", alert=alert)
        alert.deliveries.update(state=State.UNKNOWN.value)
        client = staff(Role.EDITOR)
        for path, most in (
            ("/console/tasks/", 5),
            ("/console/unknowns/", 4),
            ("/console/incidents/", 4),
            (f"/console/alerts/{alert.id}/deliveries/", 7),
            (f"/console/alerts/{alert.id}/tracking/", 10),
            (f"/console/deliveries/{fax(alert).id}/", 22),
        ):
            client.get(path)
            with django_assert_max_num_queries(most):
                client.get(path)
