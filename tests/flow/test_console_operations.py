"""Settings: what staff see of gateways, rules, approvals, tokens and the audit log, and what they can change there."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from tests.flow.callers import Caller, confirm_it_is_them, staff
from tests.flow.callers import line as text
from tests.flow.following import actions
from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction.accounts.models import ApiToken, AuditEntry, Role
from urgentaction.alerts.models import StandingApproval
from urgentaction.cases.vocabulary import Confidence, Status
from urgentaction.core import clock
from urgentaction.deliveries.gateways import close_gateways
from urgentaction.deliveries.models import GatewayState
from urgentaction.triggers.ruleset import shipped_text

pytestmark = pytest.mark.django_db(transaction=True)

SETTINGS = "/console/settings/"


class TestFirstPage:
    def test_the_first_page_shows_only_what_one_may_open(self, world: World) -> None:
        viewer, administrator = text(staff(Role.VIEWER).get(SETTINGS)), text(staff(Role.ADMINISTRATOR).get(SETTINGS))
        assert "Gateways" in viewer
        assert "API tokens" not in viewer
        assert "Audit log" not in viewer
        assert "API tokens" in administrator
        assert "nobody is called" in administrator


class TestGateways:
    def test_a_gateway_is_shown_without_its_secrets(
        self, world: World, sandbox: SandboxProgram, editor: Client
    ) -> None:
        listed = text(editor.get(f"{SETTINGS}gateways/"))
        assert "telnyx" in listed
        page = text(editor.get(f"{SETTINGS}gateways/telnyx/"))
        assert "KEYsandbox-telnyx" not in page + listed
        assert "set, not shown" in page
        assert "http://127.0.0.1:8000/hooks/telnyx/" in page
        assert "URGENTACTION_TELNYX_API_KEY" in page
        assert "has no webhook" in text(editor.get(f"{SETTINGS}gateways/smtp/"))

    @pytest.mark.parametrize("name", ["smtp", "telnyx", "twilio"])
    def test_a_working_gateway_passes_its_test(
        self, world: World, sandbox: SandboxProgram, editor: Client, name: str
    ) -> None:
        ledger = len(sandbox.ledger())
        page = text(editor.post(f"{SETTINGS}gateways/{name}/test/"))
        assert "It works." in page
        assert "Nothing was sent." in page
        assert len(sandbox.ledger()) == ledger
        assert actions() == ["gateway.check"]

    def test_a_wrong_key_is_told_with_what_to_do(
        self, world: World, sandbox: SandboxProgram, editor: Client, settings: Any
    ) -> None:
        options = sandbox.gateway_options()
        options["telnyx"]["api_key"] = "KEYwrong"
        settings.GATEWAYS = options
        page = text(editor.post(f"{SETTINGS}gateways/telnyx/test/"))
        assert "It does not work." in page
        assert "it may have been revoked" in page
        assert "KEYwrong" not in page
        entry = AuditEntry.objects.get()
        assert (entry.action, entry.detail["is_ok"], entry.detail["code"]) == ("gateway.check", "False", "401")

    def test_nobody_listening_is_told_with_what_to_do(
        self, world: World, sandbox: SandboxProgram, editor: Client, settings: Any
    ) -> None:
        settings.GATEWAYS = {"smtp": {"host": "127.0.0.1", "port": "1", "tls": "none"}}
        close_gateways()
        assert "Check the host and the port" in text(editor.post(f"{SETTINGS}gateways/smtp/test/"))

    def test_one_that_is_set_up_wrongly_still_has_a_page(
        self, world: World, sandbox: SandboxProgram, editor: Client, settings: Any
    ) -> None:
        settings.GATEWAYS = {"telnyx": {"base_url": "http://127.0.0.1:1/"}}
        close_gateways()
        assert "URGENTACTION_TELNYX_API_KEY: is not set" in text(editor.get(f"{SETTINGS}gateways/telnyx/"))
        assert "is not set" in text(editor.post(f"{SETTINGS}gateways/telnyx/test/"))

    def test_pausing_needs_a_reason_and_is_written_down(
        self, world: World, sandbox: SandboxProgram, approver: Client
    ) -> None:
        place = f"{SETTINGS}gateways/smtp/"
        assert "This field is required" in text(approver.post(f"{place}pause/", {"reason": " "}), status=422)
        assert not GatewayState.objects.exists()
        done = text(approver.post(f"{place}pause/", {"reason": "new password tomorrow"}, follow=True))
        assert "smtp is paused" in done
        assert "new password tomorrow" in done
        resumed = text(approver.post(f"{place}resume/", follow=True))
        assert "smtp goes on" in resumed
        assert "approver</strong> resumed a gateway" in resumed
        assert actions() == ["gateway.pause", "gateway.resume"]
        assert "was not held back" in text(approver.post(f"{place}resume/", follow=True))

    def test_tries_and_receipts_are_shown(self, world: World, sandbox: SandboxProgram, editor: Client) -> None:
        alert = world.start()
        world.send()
        page = text(editor.get(f"{SETTINGS}gateways/smtp/"))
        assert alert.number in page
        assert "taken by the gateway" in page
        assert "president@office.invalid" not in page

    def test_a_gateway_that_is_none_is_404(self, world: World, approver: Client) -> None:
        for path, send in (("", approver.get), ("test/", approver.post), ("pause/", approver.post)):
            assert send(f"{SETTINGS}gateways/pigeon/{path}", {"reason": "x"}).status_code == 404


class TestRules:
    def test_each_rule_has_a_page_in_words(self, world: World, editor: Client) -> None:
        listed = text(editor.get(f"{SETTINGS}rules/"))
        names = re.findall(r'/settings/rules/([\w-]+)/"', listed)
        assert {"imminent", "grave", "rumour"} <= set(names)
        for name in set(names) - {"try"}:
            assert "What it does" in text(editor.get(f"{SETTINGS}rules/{name}/"))
        page = text(editor.get(f"{SETTINGS}rules/imminent/"))
        assert "a first appeal to all addressees" in page
        assert "the standing approval of a named person covers it" in page
        assert "user:duty" in page
        assert editor.get(f"{SETTINGS}rules/none-such/").status_code == 404

    def test_the_rules_in_force_decide_the_past_as_they_did(self, world: World, editor: Client) -> None:
        world.update(Status.DETAINED, confidence=Confidence.RUMOURED)
        world.update(Status.DETAINED)
        world.update(Status.RETURN_IMMINENT)
        world.update(Status.RELEASED)
        before = AuditEntry.objects.count()
        page = text(editor.post(f"{SETTINGS}rules/try/replay/", _period()))
        assert "4 updates, 0 decided otherwise" in page
        assert 'state-held">a guess' not in page
        assert AuditEntry.objects.count() == before

    def test_another_rule_is_laid_beside_what_happened(self, world: World, editor: Client) -> None:
        world.update(Status.DETAINED)
        world.update(Status.RETURN_IMMINENT)
        changed = shipped_text().replace("hold_minutes = 0 # the hours", "hold_minutes = 45 # the hours", 1)
        page = text(editor.post(f"{SETTINGS}rules/try/replay/", _period(text=changed)))
        assert "2 updates, 1 decided otherwise" in page
        assert "<strong>Hold, minutes</strong>: 0" in page
        assert page.index("at imminent risk") < page.index("detained</a>" if "detained</a>" in page else "at-risk:")
        only = text(editor.post(f"{SETTINGS}rules/try/replay/", _period(text=changed, rule="at-risk")))
        assert "1 update, 0 decided otherwise" in only

    def test_the_past_is_rebuilt_with_its_standing_approvals(self, world: World, editor: Client) -> None:
        world.update(Status.RETURN_IMMINENT)
        StandingApproval.objects.update(revoked_at=clock.now())
        page = text(editor.post(f"{SETTINGS}rules/try/replay/", _period()))
        assert "1 update, 0 decided otherwise" in page

    def test_a_past_that_was_not_rebuilt_is_marked(self, world: World, editor: Client) -> None:
        update = world.update(Status.RETURN_IMMINENT).update
        type(update).objects.update(decision={**update.decision, "letter_kind": "further_information"})
        assert "1 line is a guess" in text(editor.post(f"{SETTINGS}rules/try/replay/", _period()))

    def test_what_is_wrong_with_rules_is_told_with_its_line(self, world: World, editor: Client) -> None:
        lines = shipped_text().split("\n")
        at = next(number for number, line in enumerate(lines, 1) if line.startswith("hold_minutes = 60"))
        changed = (
            shipped_text()
            .replace("hold_minutes = 60", 'hold_minutes = "long"')
            .replace('"sms"]\nover', '"pigeon"]\nover')
        )
        page = text(editor.post(f"{SETTINGS}rules/try/replay/", _period(text=changed)), status=422)
        assert f"Line {at}: rule grave, hold_minutes: must be a whole number" in page
        assert "rule imminent, supporters.channels: “pigeon” is not known" in page
        broken = text(editor.post(f"{SETTINGS}rules/try/replay/", _period(text='version = "1"\nrule = [')), status=422)
        assert "Line 2" in broken

    def test_a_long_period_comes_in_pieces(self, world: World, editor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("urgentaction.console.operations.rules.MOST", 1)
        world.update(Status.DETAINED)
        world.update(Status.RETURN_IMMINENT)
        first = text(editor.post(f"{SETTINGS}rules/try/replay/", _period()))
        after = re.search(r'name="after" value="([0-9a-f-]{36})"', first)
        assert after is not None
        second = text(editor.post(f"{SETTINGS}rules/try/replay/", _period(after=after[1])))
        assert "1 update, 0 decided otherwise" in second
        assert "The next updates" not in second

    def test_a_turned_round_period_is_told(self, world: World, editor: Client) -> None:
        form = _period() | {"since": "2026-12-01", "until": "2026-11-01"}
        assert "lies before the beginning" in text(editor.post(f"{SETTINGS}rules/try/replay/", form), status=422)

    def test_the_number_of_queries_does_not_grow(
        self, world: World, editor: Client, django_assert_max_num_queries: Callable[..., Any]
    ) -> None:
        for status in (Status.DETAINED, Status.TRANSFERRED, Status.RETURN_IMMINENT, Status.DETAINED, Status.CHARGED):
            world.update(status)
        with django_assert_max_num_queries(14):
            editor.post(f"{SETTINGS}rules/try/replay/", _period())


def _period(**more: str) -> dict[str, str]:
    today = clock.now().date()
    return {"since": str(today - timedelta(days=365)), "until": str(today), "rule": "", "text": "", **more}


class TestStandingApprovals:
    def test_one_is_given_in_ones_own_name_only(self, world: World, approver: Client) -> None:
        StandingApproval.objects.all().delete()
        place = f"{SETTINGS}standing-approvals/"
        assert "No standing approval is in force for: imminent" in text(approver.get(place))
        refused = text(approver.post(f"{place}grant/", {"rule": "imminent"}), status=422)
        assert "This field is required" in refused
        form = {"rule": "imminent", "answers_for_it": "on", "by": "somebody-else"}
        done = text(approver.post(f"{place}grant/", form, follow=True))
        assert "start by themselves, in your name" in done
        row = StandingApproval.objects.get()
        assert (row.rule, row.by) == ("imminent", "approver")
        assert "in force already" in text(approver.post(f"{place}grant/", form), status=422)
        assert world.update(Status.RETURN_IMMINENT).decision.sends_automatically
        assert "standing_approval.grant" in actions()

    def test_it_may_end_by_itself(self, world: World, approver: Client) -> None:
        StandingApproval.objects.all().delete()
        place = f"{SETTINGS}standing-approvals/"
        past = {"rule": "imminent", "answers_for_it": "on", "until": "2020-01-01T00:00"}
        assert "lies in the past" in text(approver.post(f"{place}grant/", past), status=422)
        end = clock.now() + timedelta(hours=1)
        approver.post(f"{place}grant/", past | {"until": end.strftime("%Y-%m-%dT%H:%M")})
        assert StandingApproval.objects.get().expires_at == end.replace(second=0, microsecond=0)
        with time_machine.travel(end + timedelta(hours=1)):
            # The session is still good: it lives for hours.
            assert "expired" in text(approver.get(f"{place}?state=expired"))

    def test_a_rule_that_needs_a_person_can_not_be_chosen(self, world: World, approver: Client) -> None:
        form = {"rule": "grave", "answers_for_it": "on"}
        page = text(approver.post(f"{SETTINGS}standing-approvals/grant/", form), status=422)
        assert "grave is not one of the available choices" in page

    def test_anybodys_can_be_taken_back(self, world: World, approver: Client) -> None:
        place = f"{SETTINGS}standing-approvals/"
        row = StandingApproval.objects.get(rule="imminent")
        assert "no active account has this name" in text(approver.get(place))
        done = text(approver.post(f"{place}{row.id}/revoke/", follow=True))
        assert "Taken back: imminent by user:duty" in done
        assert not world.update(Status.RETURN_IMMINENT).decision.sends_automatically
        assert "no standing approval of imminent" in text(approver.post(f"{place}{row.id}/revoke/", follow=True))
        assert "revoked" in text(approver.get(f"{place}?state=revoked"))
        assert "Revoke…" not in text(staff(Role.VIEWER).get(place))


class TestTokens:
    def test_a_session_left_open_makes_none(self, world: World, administrator: Client) -> None:
        form = {"name": "x", "scopes": ["cases:read"], "days": "30"}
        answer = administrator.post(f"{SETTINGS}tokens/make/", form)
        assert answer.headers["Location"].startswith("/console/account/again/code/")
        assert not ApiToken.objects.exists()

    def test_a_token_is_shown_once_and_works(self, world: World, administrator: Client) -> None:
        confirm_it_is_them(administrator)
        place = f"{SETTINGS}tokens/"
        answer = administrator.post(f"{place}make/", {"name": "case database", "scopes": ["cases:read"], "days": "30"})
        page = text(answer)
        secret = re.search(r'value="(uat_[\w-]+)"', page)
        assert secret is not None
        assert answer.headers["Cache-Control"] == "no-store"
        assert secret[1] not in text(administrator.get(place))
        assert "never" in text(administrator.get(place))
        called = Client().get("/api/v1/cases", headers={"Authorization": f"Bearer {secret[1]}"})
        assert called.status_code == 200
        assert ApiToken.objects.get().last_used_at is not None
        assert "never" not in text(administrator.get(place))

    def test_a_revoked_token_opens_nothing(self, world: World, administrator: Client) -> None:
        caller = Caller()
        assert caller.get("/cases").status_code == 200
        token = ApiToken.objects.get()
        done = text(administrator.post(f"{SETTINGS}tokens/{token.id}/revoke/", follow=True))
        assert "test is revoked" in done
        assert caller.get("/cases").status_code == 401
        assert "was revoked on" in text(administrator.post(f"{SETTINGS}tokens/{token.id}/revoke/", follow=True))
        assert actions() == ["token.create", "token.revoke"]
        assert "None fits" in text(administrator.get(f"{SETTINGS}tokens/?state=alive"))

    def test_its_use_is_not_written_at_every_call(
        self, world: World, administrator: Client, django_assert_max_num_queries: Callable[..., Any]
    ) -> None:
        caller = Caller()
        caller.get("/cases")
        first = ApiToken.objects.get().last_used_at
        caller.get("/cases")
        assert ApiToken.objects.get().last_used_at == first

    def test_a_token_without_a_scope_is_not_made(self, world: World, administrator: Client) -> None:
        confirm_it_is_them(administrator)
        page = text(administrator.post(f"{SETTINGS}tokens/make/", {"name": "x", "days": "30"}), status=422)
        assert "This field is required" in page
        assert not ApiToken.objects.exists()
