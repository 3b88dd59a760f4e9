"""Settings: people on call, the audit log, the organisation, the self-check."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from tests.flow.callers import line as text
from tests.flow.callers import staff
from tests.flow.following import actions
from tests.flow.watching import Sink
from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction.accounts import auditing
from urgentaction.accounts.models import AuditCheck, AuditEntry, Role, User
from urgentaction.accounts.service import record_audit
from urgentaction.channels.contract import Mode
from urgentaction.core import clock
from urgentaction.incidents.oncall import Contacts

pytestmark = pytest.mark.django_db(transaction=True)

SETTINGS = "/console/settings/"


class TestOnCall:
    @pytest.fixture
    def called(self, sink: Sink, settings: Any) -> Sink:
        settings.ONCALL = Contacts(mode=Mode.SANDBOX, url=sink.url)
        return sink

    def test_a_test_call_goes_the_real_way(self, world: World, called: Sink, approver: Client) -> None:
        place = f"{SETTINGS}on-call/"
        page = text(approver.get(place))
        assert "127.0.0.1" in page
        assert "secret-path" not in page
        assert "This field is required" in text(approver.post(f"{place}test/"), status=422)
        assert called.calls == []
        done = text(approver.post(f"{place}test/", {"is_sure": "on"}, follow=True))
        assert "Called by webhook" in done
        assert called.told("drill") == ["test"]
        assert "sent a test call" in done

    def test_a_call_that_failed_is_told(self, world: World, called: Sink, approver: Client) -> None:
        called.status = 500
        done = text(approver.post(f"{SETTINGS}on-call/test/", {"is_sure": "on"}, follow=True))
        assert "Nobody was reached" in done
        assert AuditEntry.objects.get().detail["is_told"] == "False"

    def test_nobody_on_call_is_said_loudly(self, world: World, editor: Client) -> None:
        assert "Nobody is called when something stands still" in text(editor.get(f"{SETTINGS}on-call/"))


class TestAudit:
    @pytest.fixture
    def log(self, world: World) -> list[AuditEntry]:
        return [record_audit("cli:ada", f"thing.{n % 2}", f"case:UA-{n}", note=f"=n{n}") for n in range(6)]

    def test_it_is_filtered_and_each_entry_has_a_page(self, log: list[AuditEntry], approver: Client) -> None:
        place = f"{SETTINGS}audit/"
        person = User.objects.get()
        entry = record_audit(f"user:{person.id}", "alert.approve", "case:UA-2026-0001")
        assert "thing.0" in (page := text(approver.get(place)))
        assert "approver" in page
        assert text(approver.get(f"{place}?action=thing.1")).count("<td>thing.1<br>") == 3
        assert "<td>thing.1<br>" not in text(approver.get(f"{place}?actor=approver"))
        assert text(approver.get(f"{place}?subject=case:UA-3")).count("<td>thing.1<br>") == 1
        today = clock.now().date()
        assert "<td>thing.1<br>" in text(approver.get(f"{place}?since={today}&until={today}"))
        assert "No entry fits" in text(approver.get(f"{place}?until={today - timedelta(days=1)}"))
        assert "No entry fits" in text(approver.get(f"{place}?since={today + timedelta(days=1)}"))
        found = text(approver.get(f"{place}?hash={bytes(entry.hash).hex()}"))
        assert found.count("<tr>") == 2
        assert "No entry fits" in text(approver.get(f"{place}?hash=none"))
        one = text(approver.get(f"{place}{entry.id}/"))
        assert bytes(entry.hash).hex() in one
        assert "/console/cases/UA-2026-0001/" in one
        assert "fits</span>" in one
        assert approver.get(f"{place}{entry.id + 99}/").status_code == 404

    def test_verifying_says_that_it_is_unbroken(self, log: list[AuditEntry], approver: Client) -> None:
        place = f"{SETTINGS}audit/"
        assert "never verified" in text(approver.get(place))
        done = text(approver.post(f"{place}verify/", follow=True))
        assert "Unbroken: all 6 entries fit" in done
        head = auditing.head()
        assert head is not None
        assert head.action == "audit.verify"
        assert bytes(head.hash).hex() in done

    def test_a_long_log_is_verified_in_steps(
        self, log: list[AuditEntry], approver: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(auditing, "BATCH", 2)
        check = auditing.begin_check(by="cli:test", seconds=0)
        assert (check.entries, check.finished_at) == (2, None)
        page = text(approver.get(f"{SETTINGS}audit/"))
        assert "2 entries fit so far" in page
        done = text(approver.post(f"{SETTINGS}audit/verify/{check.id}/", follow=True))
        assert "Unbroken: all 6 entries fit" in done
        assert AuditCheck.objects.get().entries == 6

    def test_a_changed_entry_is_found(self, log: list[AuditEntry], approver: Client) -> None:
        third = AuditEntry.objects.order_by("id")[2]
        AuditEntry.objects.filter(id=third.id).update(actor="cli:mallory")
        done = text(approver.post(f"{SETTINGS}audit/verify/", follow=True))
        assert f"Entry {third.id} does not fit: it was changed after it was written" in done
        assert "does not fit</span>" in text(approver.get(f"{SETTINGS}audit/{third.id}/"))

    def test_a_removed_entry_is_found(self, log: list[AuditEntry], approver: Client) -> None:
        second, third = AuditEntry.objects.order_by("id")[1:3]
        second.delete()
        done = text(approver.post(f"{SETTINGS}audit/verify/", follow=True))
        assert f"Entry {third.id} does not fit: an entry before it was removed" in done

    def test_a_log_written_anew_is_not_the_one_seen_before(self, log: list[AuditEntry], approver: Client) -> None:
        approver.post(f"{SETTINGS}audit/verify/")
        AuditEntry.objects.all().delete()
        for n in range(20):
            record_audit("cli:mallory", "thing", f"case:{n}")
        done = text(approver.post(f"{SETTINGS}audit/verify/", follow=True))
        assert "saw another log up to here" in done

    def test_it_is_downloaded_without_formulas(self, log: list[AuditEntry], administrator: Client) -> None:
        record_audit("cli:ada", "=HYPERLINK(1)", "+1")
        answer = administrator.post(f"{SETTINGS}audit/export/?actor=cli:ada")
        table = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
        assert answer.headers["Content-Disposition"].startswith('attachment; filename="audit-')
        assert ",'=HYPERLINK(1),'+1," in table
        assert table.count("\r\n") == 8
        assert actions()[-1] == "audit.export"

    def test_pages_of_it_cost_a_fixed_number_of_queries(
        self, world: World, approver: Client, django_assert_max_num_queries: Callable[..., Any]
    ) -> None:
        for n in range(120):
            record_audit("cli:ada", "thing", f"case:{n}")
        with django_assert_max_num_queries(10):
            page = text(approver.get(f"{SETTINGS}audit/"))
        following = re.search(r'href="(\?after=\d+)" rel="next"', page)
        assert following is not None
        with django_assert_max_num_queries(11):
            assert "case:50" in text(approver.get(f"{SETTINGS}audit/{following[1]}"))


class TestSetUp:
    def test_who_writes_and_what_runs(self, world: World) -> None:
        page = text(staff(Role.VIEWER).get(f"{SETTINGS}organisation/"))
        assert ">Korean</h2>" in page
        assert "Brad Adams" in page
        assert "PostgreSQL" in page
        assert "sandbox: nobody real is reached" in page

    def test_the_self_check_says_what_is_wrong(self, world: World, editor: Client, settings: Any) -> None:
        assert "Look at the programs" in text(editor.get(f"{SETTINGS}self-check/"))
        settings.REDIS_URL = "redis://127.0.0.1:1/0"
        page = text(editor.post(f"{SETTINGS}self-check/look/", {"part": "programs"}))
        assert "1 thing must be put right" in page
        assert "correct REDIS_URL" in page
        assert page.index("correct REDIS_URL") < page.index("all applied")

    def test_gateways_and_letters_are_looked_at_by_themselves(
        self, world: World, sandbox: SandboxProgram, editor: Client
    ) -> None:
        gateways = text(editor.post(f"{SETTINGS}self-check/look/", {"part": "gateways"}))
        assert "gateway smtp" in gateways
        assert "letters ko" not in gateways
        letters = text(editor.post(f"{SETTINGS}self-check/look/", {"part": "letters"}))
        assert "letters ko" in letters
        assert "All is well" in letters
