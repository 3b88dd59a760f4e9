"""The token API: updates in, decisions and deliveries out, and one form for every refusal."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from tests.flow.callers import DETAINED, IMMINENT, MANUAL, REFERENCE, UPDATES, Caller, assert_problem, fields
from tests.flow.world import World
from urgentaction.accounts.models import ApiToken, AuditEntry, Scope
from urgentaction.alerts.models import Alert
from urgentaction.cases.models import StatusUpdate
from urgentaction.cases.vocabulary import Status
from urgentaction.core import clock

pytestmark = pytest.mark.django_db


@pytest.fixture
def case(db: None) -> World:
    return World.make()


@pytest.fixture
def caller(db: None) -> Caller:
    return Caller()


class TestReporting:
    def test_an_update_is_decided_and_its_alert_starts(self, case: World, caller: Caller) -> None:
        answer = caller.post(UPDATES, IMMINENT)
        assert answer.status_code == 201
        body = answer.json()
        assert body["case"] == REFERENCE
        assert body["case_version"] == 1
        decision = body["decision"]
        assert (decision["rule"], decision["level"], decision["action"]) == ("imminent", 1, "appeal")
        assert any("at imminent risk of forcible return" in line for line in decision["explanation"])
        [alert] = body["alerts"]
        assert alert["number"] == f"{REFERENCE}/1"
        assert alert["state"] == "held"
        assert body["withdrawn"] == []
        update = StatusUpdate.objects.get(id=body["id"])
        assert update.recorded_by == f"token:{caller.prefix}"
        assert AuditEntry.objects.filter(actor=f"token:{caller.prefix}", action="case.update").count() == 1

    def test_the_next_update_withdraws_the_alert_before(self, case: World, caller: Caller) -> None:
        first = caller.post(UPDATES, DETAINED).json()["alerts"][0]
        body = caller.post(UPDATES, IMMINENT).json()
        assert [alert["number"] for alert in body["withdrawn"]] == [first["number"]]
        assert body["withdrawn"][0]["state"] == "withdrawn"
        assert body["decision"]["withdraws"] == [first["number"]]

    def test_a_dry_run_explains_and_writes_nothing(self, case: World, caller: Caller) -> None:
        answer = caller.post(f"{UPDATES}?dry_run=true", IMMINENT)
        assert answer.status_code == 200
        body = answer.json()
        assert body["dry_run"] is True
        text = "\n".join(body["decision"]["explanation"])
        assert "The president" in text  # by name, with the channels there are
        assert "By email: 3 in English." in text
        assert not StatusUpdate.objects.exists()
        assert not Alert.objects.exists()

    @pytest.mark.parametrize("change", [{"persons": ["nobody"]}, {"as_of": "2199-01-01"}])
    def test_a_dry_run_refuses_what_the_real_one_would(
        self, case: World, caller: Caller, change: dict[str, Any]
    ) -> None:
        dry = assert_problem(caller.post(f"{UPDATES}?dry_run=true", IMMINENT | change), 422)
        real = assert_problem(caller.post(UPDATES, IMMINENT | change), 422)
        assert dry["problems"] == real["problems"]

    def test_the_note_comes_back_nowhere(self, case: World, caller: Caller) -> None:
        made = caller.post(UPDATES, IMMINENT | {"note": "told by the cousin", "source": "partner"})
        listed = caller.get(UPDATES)
        whole = caller.get(f"/cases/{REFERENCE}")
        assert StatusUpdate.objects.get().note == "told by the cousin"
        for answer in (made, listed, whole):
            assert answer.status_code in (200, 201)
            assert "cousin" not in answer.content.decode()
        assert listed.json()["items"][0]["source"] == "partner"

    def test_the_date_on_the_letters_can_be_set(self, case: World, caller: Caller) -> None:
        caller.post(UPDATES, IMMINENT | {"letters_dated_on": "2026-10-21"})
        assert str(Alert.objects.get().dated_on) == "2026-10-21"

    def test_words_are_taken_as_people_type_them(self, case: World, caller: Caller) -> None:
        assert caller.post(UPDATES, IMMINENT | {"status": "Return imminent"}).status_code == 201


class TestRefusals:
    @pytest.mark.parametrize(
        ("change", "field", "words"),
        [
            ({"status": "return_iminent"}, "status", "return_imminent"),
            ({"status": 5}, "status", "text"),
            ({"confidence": "sure"}, "confidence", "confirmed"),
            ({"as_of": "2199-01-01"}, "as_of", "future"),
            ({"as_of": 20151124}, "as_of", "text"),
            ({"as_of": "24.11.2015"}, "as_of", "date"),
            ({"as_of": "0001-01-01"}, "as_of", "1900"),
            ({"reported_at": "2026-10-20T12:00:00"}, "reported_at", "timezone"),
            ({"reported_at": "0001-01-01T00:00:00+14:00"}, "reported_at", "1900"),
            ({"place": "Tumen\nBcc: all"}, "place", "one line"),
            ({"place": "x" * 121}, "place", "120"),
            ({"note": "a\u0000b"}, "note", "control"),
            ({"persons": ["nobody"]}, "persons", "nobody"),
            ({"persons": ["a\u0000"]}, "persons.0", "pattern"),
            ({"family_informed": "yes"}, "family_informed", "boolean"),
            ({"statuss": "detained"}, "statuss", "not known"),
        ],
    )
    def test_one_wrong_field_is_named(
        self, case: World, caller: Caller, change: dict[str, Any], field: str, words: str
    ) -> None:
        body = assert_problem(caller.post(UPDATES, IMMINENT | change), 422)
        assert fields(body) == {field}
        assert words in body["problems"][0]["message"]
        assert not StatusUpdate.objects.exists()

    def test_everything_wrong_is_named_at_once(self, case: World, caller: Caller) -> None:
        body = assert_problem(caller.post(UPDATES, {"status": "x", "as_of": "y", "other": 1}), 422)
        assert fields(body) == {"status", "confidence", "as_of", "other"}

    def test_a_misspelt_dry_run_is_no_real_run(self, case: World, caller: Caller) -> None:
        for query in ("dryrun=true", "dry_run=yes", "dry_run=1"):
            assert_problem(caller.post(f"{UPDATES}?{query}", IMMINENT), 422)
        assert not StatusUpdate.objects.exists()

    @pytest.mark.parametrize(
        "content", ["{", "", "nonsense", '{"status": NaN}', '{"a": 1, "a": 2}', "[" * 100_000, "\xff", "1" * 5000]
    )
    def test_what_is_no_json_is_400_and_nothing_else(self, case: World, caller: Caller, content: str) -> None:
        answer = caller.call("POST", UPDATES, content=content)
        if len(content) > 65_536:
            assert_problem(answer, 413)
        elif content:
            assert_problem(answer, 400)
        else:
            assert_problem(answer, 422)

    def test_another_shape_than_an_object_is_422(self, case: World, caller: Caller) -> None:
        for content in ("[]", "null", '"text"', "3"):
            answer = caller.call("POST", UPDATES, content=content)
            assert_problem(answer, 422)
            assert answer.json()["detail"] == "body: should be a JSON object, with its fields by name"

    def test_a_large_body_is_413(self, case: World, caller: Caller) -> None:
        assert_problem(caller.post(UPDATES, IMMINENT | {"note": "x" * 70_000}), 413)

    def test_another_media_type_is_415(self, case: World, caller: Caller) -> None:
        for media in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
            assert_problem(caller.call("POST", UPDATES, content="{}", content_type=media), 415)

    def test_another_method_is_405_and_says_which(self, caller: Caller) -> None:
        answer = caller.call("DELETE", UPDATES)
        assert_problem(answer, 405)
        assert answer.headers["Allow"] == "GET, POST"

    def test_what_does_not_exist_is_404(self, case: World, caller: Caller) -> None:
        body = assert_problem(caller.post("/cases/UA-1999-0001/updates", IMMINENT), 404)
        assert REFERENCE in body["detail"]  # the near ones are named
        for path in (
            "/cases/UA-1999-0001",
            f"/alerts/{uuid.uuid4()}",
            "/nothing/here",
            "/alerts/x/deliveries",
            "/a%0Ab",
        ):
            assert_problem(caller.get(path), 404)

    def test_a_hostile_reference_is_refused(self, case: World, caller: Caller) -> None:
        for name in ("%00", "..", "a%20b", "x" * 21):
            assert caller.get(f"/cases/{name}").status_code in (404, 422)

    def test_a_fault_of_ours_tells_nothing(self, case: World, caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(*_args: object, **_rest: object) -> None:
            raise RuntimeError("secret detail")

        monkeypatch.setattr("urgentaction.pipeline.report_update", broken)
        body = assert_problem(caller.post(UPDATES, IMMINENT), 500)
        assert "secret" not in str(body)


class TestTokens:
    OPERATIONS = (
        ("GET", "/cases", Scope.CASES_READ),
        ("GET", f"/cases/{REFERENCE}", Scope.CASES_READ),
        ("GET", UPDATES, Scope.CASES_READ),
        ("POST", UPDATES, Scope.UPDATES_WRITE),
        ("GET", "/alerts", Scope.ALERTS_READ),
        ("POST", "/alerts", Scope.ALERTS_WRITE),
        ("GET", f"/alerts/{uuid.UUID(int=1)}", Scope.ALERTS_READ),
        ("GET", f"/alerts/{uuid.UUID(int=1)}/deliveries", Scope.ALERTS_READ),
        ("POST", f"/alerts/{uuid.UUID(int=1)}/withdraw", Scope.ALERTS_WRITE),
    )

    def test_each_operation_asks_for_its_scope(self, case: World) -> None:
        for scope in Scope:
            caller = Caller((scope,))
            for method, path, needed in self.OPERATIONS:
                answer = caller.call(method, path, content="{}" if method == "POST" else "")
                if scope is needed:
                    assert answer.status_code in (200, 404, 422), (scope, method, path)
                else:
                    assert needed.value in assert_problem(answer, 403)["detail"], (scope, method, path)

    def test_strangers_get_401(self, case: World, caller: Caller) -> None:
        for value in ("", "Bearer", "Bearer ", "Bearer uat_wrong", f"Basic {caller.secret}", "Bearer \x00"):
            headers = {"Authorization": value} if value else {}
            answer = Client().get("/api/v1/cases", headers=headers)
            assert_problem(answer, 401)
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")

    def test_expired_and_revoked_tokens_are_strangers(self, case: World, caller: Caller) -> None:
        assert caller.get("/cases").status_code == 200
        ApiToken.objects.update(expires_at=clock.now() - timedelta(seconds=1))
        assert_problem(caller.get("/cases"), 401)
        ApiToken.objects.update(expires_at=clock.now() + timedelta(hours=1), revoked_at=clock.now())
        assert_problem(caller.get("/cases"), 401)

    def test_a_token_learns_what_it_may_do(self, caller: Caller) -> None:
        body = caller.get("/").json()
        assert body["mode"] == "sandbox"
        assert body["openapi"] == "/api/v1/openapi.json"
        assert set(body["scopes"]) == {scope.value for scope in Scope}

    def test_no_token_can_approve(self, case: World, caller: Caller) -> None:
        made = caller.post("/alerts", MANUAL).json()
        assert made["state"] == "awaiting_approval"
        assert_problem(caller.post(f"/alerts/{made['id']}/approve", {}), 404)
        paths = Client().get("/api/v1/openapi.json").json()["paths"]
        assert not [path for path in paths if "approv" in path]


class TestAlerts:
    def test_a_composed_alert_waits_for_a_person(self, case: World, caller: Caller) -> None:
        answer = caller.post("/alerts", MANUAL | {"deadline_hours": 48, "notice_kind": "update"})
        assert answer.status_code == 201
        body = answer.json()
        assert (body["kind"], body["state"], body["approvals_needed"]) == ("manual", "awaiting_approval", 1)
        assert body["drafted_by"] == f"token:{caller.prefix}"
        assert body["open_tasks"] == 1
        plan = Alert.objects.get().plan
        assert plan["officials"]["to"] == ["email"]
        assert plan["supporters"]["channels"] == ["email", "sms"]

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"audience": "officials", "channels": ["sms"]}, "channels"),
            ({"audience": "supporters", "channels": ["fax"]}, "channels"),
            ({"channels": []}, "channels"),
            ({"channels": ["pigeon"]}, "channels.0"),
            ({"level": 6}, "level"),
            ({"level": "1"}, "level"),
            ({"deadline_hours": 0}, "deadline_hours"),
            ({"letter_kind": "poem"}, "letter_kind"),
        ],
    )
    def test_what_nobody_could_hear_is_refused(
        self, case: World, caller: Caller, change: dict[str, Any], field: str
    ) -> None:
        assert fields(assert_problem(caller.post("/alerts", MANUAL | change), 422)) == {field}
        assert not Alert.objects.exists()

    def test_an_alert_is_found_by_its_number(self, case: World, caller: Caller) -> None:
        made = caller.post("/alerts", MANUAL).json()
        listed = caller.get("/alerts", number=made["number"]).json()["items"]
        assert [one["id"] for one in listed] == [made["id"]]
        assert caller.get("/alerts", number="UA-2026-0001/99").json()["items"] == []
        assert_problem(caller.get("/alerts", number="UA-2026-0001"), 422)

    def test_lists_are_paged(self, case: World, caller: Caller) -> None:
        numbers = [caller.post("/alerts", MANUAL).json()["number"] for _ in range(3)]
        page = caller.get("/alerts", limit="2").json()
        rest = caller.get("/alerts", limit="2", after=page["next"]).json()
        assert [one["number"] for one in page["items"] + rest["items"]] == numbers[::-1]
        assert rest["next"] is None

    def test_withdrawing_stops_it_once(self, case: World, caller: Caller) -> None:
        made = caller.post(UPDATES, IMMINENT).json()["alerts"][0]
        answer = caller.post(f"/alerts/{made['id']}/withdraw", {"reason": "wrong place"})
        assert (answer.status_code, answer.json()["state"]) == (200, "withdrawn")
        assert answer.json()["stop_reason"] == "wrong place"
        assert_problem(caller.post(f"/alerts/{made['id']}/withdraw", {"reason": "again"}), 409)
        assert_problem(caller.post(f"/alerts/{made['id']}/withdraw", {"reason": ""}), 422)


@pytest.mark.django_db(transaction=True)
def test_deliveries_are_paged_and_hold_no_address() -> None:
    world = World.make()
    alert = world.start(Status.RETURN_IMMINENT)
    caller = Caller((Scope.ALERTS_READ,))
    path, after, rows = f"/alerts/{alert.id}/deliveries", "0", []
    while True:
        answer = caller.get(path, limit="2", after=after)
        assert answer.status_code == 200
        assert "friend" not in answer.content.decode().lower()
        assert "@" not in answer.content.decode()
        page = answer.json()
        rows += page["items"]
        if page["next"] is None:
            break
        after = str(page["next"])
    assert len(rows) == len({row["id"] for row in rows}) == alert.deliveries.count() == 7
    assert {row["state"] for row in rows} == {"queued"}
    assert len({row["recipient"] for row in rows if row["role"] == "supporter"}) == 3
    officials = caller.get(path, role="to").json()["items"]
    assert sorted(row["channel"] for row in officials) == ["email", "fax"]
    assert_problem(caller.get(path, limit="501"), 422)
