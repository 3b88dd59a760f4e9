"""The directory in the console: what each role sees of an office, and what may be done with it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.flow.callers import staff, text
from tests.flow.importing import BY
from tests.flow.planning import keep, plan_of
from tests.flow.world import World
from urgentaction.accounts.models import Role
from urgentaction.console.directory.reading import tries_at
from urgentaction.core.clock import today
from urgentaction.deliveries.models import Delivery
from urgentaction.deliveries.rules import State
from urgentaction.directory.importing import import_directory
from urgentaction.directory.models import ContactPoint, ContactPointCheck, Office, Official
from urgentaction.directory.queries import is_held

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "/console/directory/"


@pytest.fixture
def office(world: World) -> Office:
    return world.president.office


def address(office: Office) -> str:
    return f"{LIST}offices/{office.id}/"


def at(point: ContactPoint, deed: str = "") -> str:
    return f"{LIST}contact-points/{point.id}/{deed}"


def form_of(page: str) -> dict[str, Any]:
    """What a browser would send if nothing was touched."""
    form: dict[str, Any] = {}
    for field in re.findall(r"<input[^>]*>", page):
        name = re.search(r'name="([^"]+)"', field)
        value = re.search(r'value="([^"]*)"', field)
        if name is None or name[1] == "csrfmiddlewaretoken":
            continue
        if 'type="checkbox"' in field:
            if "checked" in field and value:
                form.setdefault(name[1], []).append(value[1])
        else:
            form[name[1]] = value[1] if value else ""
    for name_, body in re.findall(r'<select name="([^"]+)".*?>(.*?)</select>', page, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected', body)
        form[name_] = chosen[1] if chosen else ""
    for name_, body in re.findall(r'<textarea name="([^"]+)"[^>]*>(.*?)</textarea>', page, re.DOTALL):
        form[name_] = body.strip("\n")
    return form


class TestList:
    @pytest.mark.parametrize(
        ("query", "shown"),
        [
            ("", {"president", "minister"}),
            ("text=PRESI", {"president"}),
            ("text=770-47", {"president"}),
            ("text=the+minister", {"minister"}),
            ("country=KR", {"president", "minister"}),
            ("country=TH", {"president", "minister"}),  # not offered, so not asked
            ("trouble=dead", {"president"}),
            ("trouble=none", set()),
            ("trouble=unverified", {"president", "minister"}),
            ("holder=none", {"minister"}),
            ("holder=one", {"president"}),
            ("kind=monarch", set()),
            ("sort=-name&text=%00", {"president", "minister"}),
        ],
    )
    def test_it_is_narrowed(self, world: World, office: Office, query: str, shown: set[str]) -> None:
        ContactPoint.objects.filter(office=office, channel="fax").update(health="dead")
        Official.objects.filter(id=world.minister.id).update(holds_until="2020-01-01")
        page = text(staff(Role.VIEWER).get(f"{LIST}?{query}"))
        assert {one for one in ("president", "minister") if f"Office of the {one}" in page} == shown

    def test_it_goes_by_pages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for number in range(120):
            Office.objects.create(
                slug=f"o-{number}", country="KR", names={"en": f"Office {number:03}"}, time_zone="Asia/Seoul"
            )
        client, found, query = staff(Role.VIEWER), list[str](), "?sort=-name"
        while query:
            page = text(client.get(LIST + query))
            found += re.findall(r">(Office \d+)</a>", page)
            following = re.search(r'href="([^"]+)" rel="next"', page)
            query = following[1].replace("&amp;", "&") if following else ""
        assert found == [f"Office {number:03}" for number in reversed(range(120))]

    def test_its_length_costs_no_query(self, django_assert_max_num_queries: Callable[..., Any], project: Any) -> None:
        import_directory(project / "samples" / "directory.toml", by=BY)
        client = staff(Role.EDITOR)
        with django_assert_max_num_queries(8):
            text(client.get(f"{LIST}?holder=one&trouble=unverified"))

    def test_an_empty_one_teaches(self) -> None:
        assert "There is no office yet" in text(staff(Role.VIEWER).get(LIST))
        assert "Add an office" not in text(staff(Role.VIEWER, "other").get(LIST))


class TestSuggestions:
    """What a field for an office offers while somebody types."""

    @pytest.mark.parametrize(
        ("typed", "offered"),
        [("presi", ["president"]), ("THE MIN", ["minister"]), ("770-47", ["president"]), ("p", []), ("%00pre", [])],
    )
    def test_offices_that_fit_are_offered(self, world: World, office: Office, typed: str, offered: list[str]) -> None:
        page = text(staff(Role.EDITOR).get(f"{LIST}suggestions/?further-1={typed}"))
        assert re.findall(r'<option value="([^"]+)">', page) == offered
        assert not offered or "(KR)</option>" in page

    def test_so_many_and_no_more(self, django_assert_max_num_queries: Callable[..., Any]) -> None:
        for number in range(30):
            Office.objects.create(
                slug=f"o-{number:02}", country="KR", names={"en": f"Office {number}"}, time_zone="Asia/Seoul"
            )
        client = staff(Role.EDITOR)
        with django_assert_max_num_queries(3):
            page = text(client.get(f"{LIST}suggestions/?care_of=office"))
        assert page.count("<option") == 20

    def test_the_field_asks_for_them_and_carries_none(self, office: Office) -> None:
        page = text(staff(Role.EDITOR).get(f"{LIST}new/"))
        assert 'hx-get="/console/directory/suggestions/"' in page
        assert 'hx-target="#id_care_of_offices"' in page
        assert '<datalist id="id_care_of_offices"></datalist>' in page


class TestOffice:
    def test_what_is_dialled_is_for_editors(self, world: World, office: Office) -> None:
        for role, is_shown in ((Role.VIEWER, False), (Role.EDITOR, True)):
            client = staff(role)
            for path in (address(office), at(office.contact_points.get(channel="fax"))):
                page = text(client.get(path))
                assert "+82 2-770-4721" in page
                assert ("+12025550101" in page) is is_shown

    def test_it_shows_what_hangs_on_it(self, world: World, office: Office) -> None:
        alert = world.start()
        page = text(staff(Role.VIEWER).get(address(office)))
        assert "Asia/Seoul" in page
        assert "Dear president" in page
        assert alert.number in page
        assert "UA-2026-0001" in page
        assert "state-queued" in page

    def test_its_queries_are_bounded(
        self, world: World, office: Office, django_assert_max_num_queries: Callable[..., Any]
    ) -> None:
        world.start()
        client = staff(Role.ADMINISTRATOR)
        with django_assert_max_num_queries(18):
            text(client.get(address(office)))

    def test_what_became_of_letters_is_found_by_the_alert(self, planner: None, world: World, office: Office) -> None:
        """However many deliveries there are: not by reading past those of supporters."""
        world.start()
        keep("delivery_once_official")
        with CaptureQueriesContext(connection) as captured:
            assert tries_at(office.contact_points.all())
        assert "delivery_once_official" in plan_of(captured, of='"deliveries_delivery"."contact_point_id" IN')

    def test_a_zone_that_the_database_does_not_know_hides_no_office(self, world: World, office: Office) -> None:
        Office.objects.filter(id=office.id).update(time_zone="Antarctica/Nowhere")
        Official.objects.update(holds_from=date(2000, 1, 1))
        assert set(Office.objects.filter(is_held())) == set(Office.objects.all())

    def test_saving_an_untouched_form_changes_nothing(self, project: Any) -> None:
        import_directory(project / "samples" / "directory.toml", by=BY)
        office = Office.objects.get(slug="sa-king")
        Office.objects.filter(id=office.id).update(opens="09:00", closes="16:30", workdays="12347", holidays=["SA"])
        before = Office.objects.filter(id=office.id).values().get()
        client = staff(Role.EDITOR)
        form = form_of(text(client.get(f"{address(office)}edit/")))
        assert form["workdays"] == ["1", "2", "3", "4", "7"]
        assert client.post(f"{address(office)}change/", form).status_code == 302
        assert Office.objects.filter(id=office.id).values().get() == before

    def test_a_fault_stands_at_its_field(self, office: Office) -> None:
        client = staff(Role.EDITOR)
        form = form_of(text(client.get(f"{address(office)}edit/")))
        form |= {"names-en": "", "names-ko": "대통령", "opens": "09:00", "holidays": "KR, XX"}
        page = text(client.post(f"{address(office)}change/", form), 422)
        assert "This field is required" in page
        form |= {"names-en": "President"}
        page = text(client.post(f"{address(office)}change/", form), 422)
        assert "no public holidays are known" in page
        assert "Nothing was saved" in page
        assert "대통령" in page

    def test_its_time_zone_is_typed(self, office: Office) -> None:
        client = staff(Role.EDITOR)
        form = form_of(text(client.get(f"{address(office)}edit/")))
        page = text(client.post(f"{address(office)}change/", form | {"time_zone": "Seoul"}), 422)
        assert "There is no such time zone. Write it like Asia/Seoul" in page
        assert client.post(f"{address(office)}change/", form | {"time_zone": "asia/seoul"}).status_code == 302
        office.refresh_from_db()
        assert office.time_zone == "Asia/Seoul"

    def test_a_new_one(self) -> None:
        client = staff(Role.EDITOR)
        form = form_of(text(client.get(f"{LIST}new/")))
        form |= {"country": "TH", "time_zone": "Asia/Bangkok", "names-en": "Prime Minister"}
        page = text(client.post(f"{LIST}add/", form, follow=True))
        assert "Now say who holds it and how it is reached" in page
        assert "There is no way to reach this office" in page
        assert Office.objects.get().slug == "th-prime-minister"

    def test_what_contradicts_itself_is_refused_at_its_field(self, office: Office) -> None:
        client = staff(Role.EDITOR)
        form = form_of(text(client.get(f"{address(office)}edit/")))
        form |= {"postal_address-ko": "서울", "opens": "09:00", "closes": "08:00"}
        page = text(client.post(f"{address(office)}change/", form), 422)
        assert "the English address is missing" in page
        assert "is not after opens" in page


class TestHolders:
    def test_a_new_holder(self, world: World, office: Office) -> None:
        client = staff(Role.EDITOR)
        page = text(client.get(f"{address(office)}holder/"))
        assert "The president holds the office. That tenure will end on the day before" in page
        form = form_of(page)
        assert form["holds_from"] == today(office.time_zone).isoformat()
        page = text(client.post(f"{address(office)}install/", form | {"names-en": "Ban So-yun"}, follow=True))
        assert "Ban So-yun is recorded as the holder" in page

    def test_an_end_without_a_successor_is_warned_of(self, world: World, office: Office) -> None:
        client = staff(Role.EDITOR)
        path = f"{LIST}officials/{world.president.id}/"
        form = form_of(text(client.get(f"{path}edit/")))
        page = text(client.post(f"{path}change/", form | {"holds_until": "2026-01-31"}, follow=True))
        assert "an alert started now sends no letter there" in page
        refused = client.post(f"{path}change/", form | {"holds_from": "2026-02-01", "holds_until": "2026-01-31"})
        assert "is before holds_from" in text(refused, 422)


class TestContactPoints:
    def test_a_number_that_may_be_real_is_refused_at_its_field(self, office: Office) -> None:
        client = staff(Role.EDITOR)
        path = f"{address(office)}contact-point/add/"
        form = {"channel": "fax", "printed_value": "+ 8443 804 4130", "rank": "2"}
        page = text(client.post(path, form), 422)
        assert "Sandbox mode: the number ending in 30 may belong to somebody" in page
        form |= {"dial_value": "+44 20 7946 0130", "method": "letterhead", "note": "of 3 May"}
        assert "Added." in text(client.post(path, form, follow=True))
        added = ContactPoint.objects.get(rank=2)
        assert (added.printed_value, added.verified_how) == ("+ 8443 804 4130", "letterhead: of 3 May")

    def test_a_check_is_written_down_with_who_made_it(self, office: Office) -> None:
        client, fax = staff(Role.EDITOR, "ada"), office.contact_points.get(channel="fax")
        assert "name no case" in text(client.get(at(fax)))
        form = {"method": "phone_call", "result": "right", "note": "the registry answered"}
        assert "Written down" in text(client.post(at(fax, "check/"), form, follow=True))
        page = text(client.get(at(fax)))
        assert re.search(r"<td>ada</td><td>phone call \(a contact\)</td><td>it is right</td>", page)
        refused = text(client.post(at(fax, "check/"), {"method": "website", "result": "right"}), 422)
        assert "write the address of the page" in refused
        assert ContactPointCheck.objects.count() == 1

    def test_a_refused_number_asks_for_another(self, world: World, office: Office) -> None:
        alert, fax = world.start(), office.contact_points.get(channel="fax")
        failed = {"state": State.FAILED.value, "retry_class": "never", "reason": "unallocated number"}
        Delivery.objects.filter(alert=alert, contact_point=fax).update(**failed)
        viewer, editor = staff(Role.VIEWER), staff(Role.EDITOR)
        assert "The fax +82 2-770-4721 does not work any more" in text(viewer.get(address(office)))
        page = text(viewer.get(at(fax)))
        assert "unallocated number" in page
        assert "An editor can put another one in its place" in page
        assert alert.case.reference in page
        form = {"printed_value": "+44 20 7946 0130", "method": "partner"}
        page = text(editor.post(at(fax, "replace/"), form, follow=True))
        assert "Replaced." in page
        assert "does not work any more" not in page
        assert "it is retired" in text(editor.post(at(fax, "replace/"), form), 422)

    def test_the_last_way_is_retired_after_a_look_at_what_is_lost(self, office: Office) -> None:
        client = staff(Role.EDITOR)
        fax, mail = (office.contact_points.get(channel=one) for one in ("fax", "email"))
        assert "It is the last way to" not in text(client.get(at(fax)))
        text(client.post(at(fax, "retire/"), {"why": "gone"}, follow=True))
        page = text(client.get(at(mail)))
        assert "It is the last way to: Office of the president" in " ".join(page.split())
        assert page.count("UA-2026-0001") == 4
        assert "say that you mean it" in text(client.post(at(mail, "retire/"), {"why": "gone"}), 422)
        done = text(client.post(at(mail, "retire/"), {"why": "gone", "is_sure": "on"}, follow=True))
        assert "There is no way to reach this office" in done

    def test_how_it_is_printed_is_corrected(self, office: Office) -> None:
        fax = office.contact_points.get(channel="fax")
        page = staff(Role.EDITOR).post(
            at(fax, "change/"), {"printed_value": "+82 (0)2 770 4721", "rank": "3"}, follow=True
        )
        assert "+82 (0)2 770 4721" in text(page)


class TestFiles:
    def show(self, client: Client, content: bytes, name: str = "new book.toml") -> Any:
        return client.post(f"{LIST}import/preview/", {"file": SimpleUploadedFile(name, content)})

    def test_an_export_imported_again_has_nothing_to_import(self, world: World) -> None:
        client = staff(Role.APPROVER)
        answer = client.get(f"{LIST}export/")
        assert "attachment" in answer.headers["Content-Disposition"]
        assert "there is nothing to import" in text(self.show(client, answer.content))

    def test_what_was_shown_is_imported(self, world: World) -> None:
        client = staff(Role.APPROVER)
        book = client.get(f"{LIST}export/").content.replace(b"Dear president", b"Dear Mr \xe2\x80\x9cP\xe2\x80\x9d")
        page = text(self.show(client, book))
        assert re.search(r"president-holder</td>\s*<td><span[^>]*>changed</span> salutations", page)
        assert Official.objects.get(id=world.president.id).salutations == {"en": "Dear president"}
        fields = {name: _unescaped(value) for name, value in form_of(page).items()}
        fields["content"] = fields["content"].replace("\n", "\r\n")  # as browsers do
        done = client.post(f"{LIST}import/apply/", fields, follow=True)
        assert "Imported: 0 new, 1 changed, 6 as before." in text(done)
        assert Official.objects.get(id=world.president.id).salutations == {"en": "Dear Mr “P”"}

    def test_what_changed_meanwhile_is_shown_again(self, world: World, office: Office) -> None:
        client = staff(Role.APPROVER)
        book = client.get(f"{LIST}export/").content.replace(b"Dear president", b"Dear Mr P")
        fields = {name: _unescaped(value) for name, value in form_of(text(self.show(client, book))).items()}
        ContactPoint.objects.create(office=office, channel="sms", dial_value="+442079460131")
        page = text(client.post(f"{LIST}import/apply/", fields))
        assert "was changed since this was shown" in page
        assert "sms +442079460131" in page
        assert ContactPoint.objects.get(channel="sms").retired_at is None

    def test_a_correction_made_meanwhile_is_not_taken_back_unseen(self, world: World) -> None:
        client = staff(Role.APPROVER)
        book = client.get(f"{LIST}export/").content.replace(b"Dear president", b"Dear Mr P")
        fields = {name: _unescaped(value) for name, value in form_of(text(self.show(client, book))).items()}
        Official.objects.filter(id=world.president.id).update(salutations={"en": "Dear Mrs Q"})
        assert "was changed since this was shown" in text(client.post(f"{LIST}import/apply/", fields))
        assert Official.objects.get(id=world.president.id).salutations == {"en": "Dear Mrs Q"}

    def test_faults_are_listed_with_their_places(self, world: World) -> None:
        client = staff(Role.APPROVER)
        page = text(self.show(client, b'[[office]]\nslug = "x"\n', name="../../<b>.toml"), 422)
        assert "b-.toml, office 1 (x), country" in page
        assert "is missing; add it" in page
        for content, words in ((b"\xff\xfe", "is UTF-16"), (b"caf\xe9", "is not UTF-8"), (b"x" * 1_000_001, "1 MB")):
            assert words in text(self.show(client, content), 422)
        assert "Choose a TOML file" in text(client.post(f"{LIST}import/preview/", {}), 422)


def _unescaped(value: str) -> str:
    for entity, plain in (("&quot;", '"'), ("&#x27;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        value = value.replace(entity, plain)
    return value
