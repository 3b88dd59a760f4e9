"""The console's tasks: what machines left for people, taken, done and told."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest

from tests.flow.callers import staff, text
from tests.flow.following import audited, failed, fax, make_task, put, walk
from tests.flow.world import World
from urgentaction import pipeline
from urgentaction.accounts.models import Role, User
from urgentaction.alerts.models import Alert
from urgentaction.cases.vocabulary import Status
from urgentaction.core import clock
from urgentaction.deliveries.models import HumanTask, HumanTaskKind
from urgentaction.deliveries.rules import State
from urgentaction.directory.models import Office

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alert(world: World) -> Alert:
    return world.start()


class TestTasks:
    def test_a_failed_fax_becomes_a_task_and_is_closed_by_a_person(self, world: World, alert: Alert) -> None:
        """From the failure to the recorded result, as somebody without training would do it."""
        for row in alert.deliveries.filter(role="to"):
            failed(row)
        pipeline.sweep_all()
        task = HumanTask.objects.get(kind=HumanTaskKind.REACH_OFFICIAL)
        client = staff(Role.EDITOR)
        listed = text(client.get("/console/tasks/"))
        assert f"/console/tasks/{task.id}/" in listed
        assert "urgent" in listed
        page = text(client.get(f"/console/tasks/{task.id}/"))
        letter = alert.letters.get(role="to")
        for said in ("Post or hand over the letter", f"/console/letters/{letter.id}.pdf", "+82 2-770-4721", "I do it"):
            assert said in page
        assert "+12025550101" not in page
        assert "No postal address is on file" in page
        Office.objects.update(postal_address={"en": ["1 Sejong-daero", "Seoul"]})
        page = text(client.get(f"/console/tasks/{task.id}/"))
        assert "1 Sejong-daero<br>Seoul" in page
        assert "No postal address is on file" not in page
        client.post(f"/console/tasks/{task.id}/take/")
        assert "<strong>You</strong>" in text(client.get(f"/console/tasks/{task.id}/"))
        assert "What came of it" in text(client.post(f"/console/tasks/{task.id}/close/", {"result": ""}), 422)
        done = client.post(f"/console/tasks/{task.id}/close/", {"result": "Posted by registered mail"}, follow=True)
        assert "Done: Reach The president" in text(done)
        task.refresh_from_db()
        assert (task.result, task.done_by) == ("Posted by registered mail", f"user:{User.objects.get().pk}")
        assert "Posted by registered mail" in text(client.get("/console/tasks/?show=done"))
        assert audited("task.take") == audited("task.close") == [f"task:{task.id}"]

    def test_nobody_is_asked_to_post_a_letter_that_was_overtaken(self, world: World, alert: Alert) -> None:
        """A person is the last channel; nothing stale goes out by that one either."""
        for row in alert.deliveries.filter(role="to"):
            failed(row)
        pipeline.sweep_all()
        task = HumanTask.objects.get(kind=HumanTaskKind.REACH_OFFICIAL)
        client = staff(Role.EDITOR)
        paths = ("/console/tasks/", f"/console/alerts/{alert.id}/", "/console/", f"/console/tasks/{task.id}/")
        assert all("out of date" not in text(client.get(path)) for path in paths)
        world.update(Status.RELEASED, day=date(2026, 11, 21))
        for path in paths:
            page = text(client.get(path))
            assert "out of date" in page, path
            assert "urgent</span>" not in page, path
        page = text(client.get(f"/console/tasks/{task.id}/"))
        assert "don&#x27;t post it" in page or "don't post it" in page
        assert "The case is now: released." in page
        assert "to print and post" not in page
        client.post(f"/console/tasks/{task.id}/close/", {"result": "Overtaken, not posted"})
        assert "out of date" not in text(client.get(f"/console/tasks/{task.id}/"))

    def test_two_people_do_not_do_the_same(self, alert: Alert) -> None:
        task = make_task("k", alert=alert)
        ada, bea = staff(Role.EDITOR, "ada"), staff(Role.EDITOR, "bea")
        ada.post(f"/console/tasks/{task.id}/take/")
        assert "Somebody else has taken it" in text(bea.post(f"/console/tasks/{task.id}/take/", follow=True))
        assert "Give it back for them" in text(bea.get(f"/console/tasks/{task.id}/"))
        assert "Anybody can take it now" in text(ada.post(f"/console/tasks/{task.id}/give-back/", follow=True))
        bea.post(f"/console/tasks/{task.id}/take/")
        task.refresh_from_db()
        assert task.taken_by == f"user:{User.objects.get(username='bea').pk}"

    def test_the_most_urgent_come_first_and_those_with_less_time_before_others(self, alert: Alert) -> None:
        soon, late = clock.now() + timedelta(hours=1), clock.now() + timedelta(hours=9)
        for name, priority, due in (("a", 3, soon), ("b", 1, None), ("c", 1, late), ("d", 1, soon)):
            task = make_task(f"task {name}", alert=alert)
            HumanTask.objects.filter(id=task.id).update(priority=priority, due_at=due)
        page = text(staff(Role.VIEWER).get("/console/tasks/"))
        assert re.findall(r">task (\w)<", page) == ["d", "c", "b", "a"]
        oldest = text(staff(Role.VIEWER, "other").get("/console/tasks/?sort=age"))
        assert re.findall(r">task (\w)<", oldest) == ["a", "b", "c", "d"]

    def test_tasks_are_filtered(self, world: World, alert: Alert) -> None:
        mine = make_task("mine", alert=alert)
        make_task("gateway", kind=HumanTaskKind.FIX_CONFIGURATION)
        client = staff(Role.EDITOR)
        client.post(f"/console/tasks/{mine.id}/take/")
        for query, names in (
            ("show=mine", ["mine"]),
            ("show=free", ["gateway"]),
            ("kind=fix_configuration", ["gateway"]),
            (f"alert={alert.number}", ["mine"]),
            (f"case={world.case.reference.lower()}", ["mine"]),
            ("age=24", []),
            ("kind=nonsense", ["gateway", "mine"]),
        ):
            page = text(client.get(f"/console/tasks/?{query}"))
            assert sorted(re.findall(r"/\">(mine|gateway)</a>", page)) == names, query

    def test_tasks_are_paged_with_and_without_a_time(self, alert: Alert) -> None:
        for n in range(120):
            task = make_task(f"task {n}", alert=alert)
            due = clock.now() + timedelta(minutes=n) if n % 3 else None
            HumanTask.objects.filter(id=task.id).update(priority=1 + n % 2, due_at=due)
        assert len(walk(staff(Role.VIEWER), "/console/tasks/", r">task (\d+)<")) == 120

    def test_an_unknown_is_settled_from_its_task(self, alert: Alert) -> None:
        row = put(fax(alert), State.UNKNOWN)
        task = make_task("did it arrive", kind=HumanTaskKind.SETTLE_UNKNOWN, alert=alert, delivery=row)
        client = staff(Role.EDITOR)
        page = text(client.get(f"/console/tasks/{task.id}/"))
        assert f"/console/deliveries/{row.id}/settle/" in page
        assert "task-close" not in page
        client.post(f"/console/deliveries/{row.id}/settle/", {"arrived": "yes", "reason": "she has it"})
        task.refresh_from_db()
        assert task.done_at is not None

    def test_an_empty_list_teaches(self, world: World) -> None:
        client = staff(Role.VIEWER)
        assert "A task appears here when machines can't go on" in text(client.get("/console/tasks/"))
        assert "No task fits" in text(client.get("/console/tasks/?kind=decide"))
        assert "Nothing is unknown" in text(client.get("/console/unknowns/"))
        assert "Nothing has stood still so far" in text(client.get("/console/incidents/"))
