"""A drill never reaches anybody real, and nothing real is taken for a drill, whatever a variable says."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from celery.signals import worker_init
from django.db import OperationalError

from tests.flow.test_cli import Terminal, terminal
from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction import pipeline
from urgentaction.accounts.models import AuditEntry
from urgentaction.alerts.models import Alert, StandingApproval
from urgentaction.alerts.queries import in_force
from urgentaction.cases.vocabulary import Status
from urgentaction.channels.contract import Mode
from urgentaction.cli.main import EXIT_INTERRUPTED
from urgentaction.conf import gunicorn
from urgentaction.core import live
from urgentaction.core.errors import ConfigurationError, Conflict
from urgentaction.deliveries import windows
from urgentaction.deliveries.claim import Lane, claim, declare_intent, release
from urgentaction.deliveries.models import Delivery
from urgentaction.incidents import checks
from urgentaction.incidents.checks import SAME_MODE, Part, all_findings
from urgentaction.incidents.findings import Finding, Level
from urgentaction.letters.models import Notice
from workers import app as worker

__all__ = ["terminal"]


@pytest.fixture(autouse=True)
def _is_no_drill_of_ours(settings: Any) -> None:
    """Each test says what this program's mode is."""
    settings.MODE = Mode.SANDBOX


def go_live(settings: Any) -> pipeline.ModeChanged:
    settings.MODE = Mode.LIVE
    return pipeline.change_mode(is_live=True, by="cli:ada")


class TestClaims:
    def test_a_live_program_takes_nothing_of_a_drill(
        self, world: World, sandbox: SandboxProgram, settings: Any
    ) -> None:
        alert = world.start()
        notice = Notice.objects.get(alert=alert, channel="email", language="en")
        settings.MODE = Mode.LIVE
        assert claim(Lane.URGENT, limit=10) == []
        assert windows.due_notice() is None
        assert windows.claim_window(notice.id, gateway="smtp", limit=10, has_other=False).rows == ()
        settings.MODE = Mode.SANDBOX
        assert len(claim(Lane.URGENT, limit=10)) == 3
        assert windows.due_notice() is not None
        assert len(windows.claim_window(notice.id, gateway="smtp", limit=10, has_other=False).rows) == 3

    def test_a_sandbox_takes_nothing_that_is_meant_for_real_people(
        self, world: World, sandbox: SandboxProgram, settings: Any
    ) -> None:
        go_live(settings)
        StandingApproval.objects.update(revoked_at=None)
        world.start()
        settings.MODE = Mode.SANDBOX
        assert claim(Lane.URGENT, limit=10) == []
        assert windows.due_notice() is None
        settings.MODE = Mode.LIVE
        assert len(claim(Lane.URGENT, limit=10)) == 3

    def test_what_was_claimed_before_is_not_begun(self, world: World, sandbox: SandboxProgram, settings: Any) -> None:
        world.start()
        held = claim(Lane.URGENT, limit=10)
        live.write_mode(is_live=True, by="cli:ada")
        assert held
        assert declare_intent(held, gateway="smtp") == set()
        release(held)
        live.write_mode(is_live=False, by="cli:ada")
        held = claim(Lane.URGENT, limit=10)
        assert declare_intent(held, gateway="smtp") == {one.id for one in held}


class TestTheChange:
    def test_withdraws_what_is_under_way_and_what_is_approved_in_advance(
        self, world: World, sandbox: SandboxProgram, settings: Any
    ) -> None:
        alert = world.start()
        assert in_force().exists()
        changed = go_live(settings)
        assert changed.withdrawn == (alert.number,)
        assert changed.rules
        alert.refresh_from_db()
        assert (alert.state, alert.stop_reason) == (
            "withdrawn",
            "it was a drill: the service writes to real people now",
        )
        assert not in_force().exists()
        pipeline.sweep_all()
        assert set(Delivery.objects.values_list("state", flat=True)) == {"withdrawn"}
        entry = AuditEntry.objects.get(action="service.live")
        assert (entry.actor, entry.detail) == ("cli:ada", {"withdrawn": "1"})
        since = live.live_since()
        assert since is not None
        assert since.by == "cli:ada"

    def test_and_back_again(self, world: World, sandbox: SandboxProgram, settings: Any) -> None:
        go_live(settings)
        StandingApproval.objects.update(revoked_at=None)
        alert = world.start()
        assert pipeline.change_mode(is_live=False, by="cli:ada").withdrawn == (alert.number,)
        assert live.live_since() is None
        assert Alert.objects.get().stop_reason == "it was for real people: from now on this is a drill"

    @pytest.mark.parametrize("is_live", [True, False])
    def test_is_none_where_nothing_changes(self, world: World, *, is_live: bool) -> None:
        live.write_mode(is_live=is_live, by="cli:ada")
        alert = world.update(Status.RETURN_IMMINENT).alerts[0]
        with pytest.raises(Conflict, match="already"):
            pipeline.change_mode(is_live=is_live, by="cli:ada")
        alert.refresh_from_db()
        assert alert.state != "withdrawn"


def start_worker() -> None:
    worker_init.send(sender=None)


def start_pages() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.setup", lambda: None)  # it is, and setting it up anew would take the log away
        gunicorn.on_starting(None)


@pytest.mark.parametrize("start", [start_worker, start_pages])
class TestPrograms:
    @pytest.mark.parametrize(("mode", "is_live"), [(Mode.LIVE, False), (Mode.SANDBOX, True)])
    def test_of_the_other_mode_do_not_start(
        self,
        world: World,
        start: Callable[[], None],
        settings: Any,
        caplog: pytest.LogCaptureFixture,
        *,
        mode: Mode,
        is_live: bool,
    ) -> None:
        live.write_mode(is_live=is_live, by="cli:ada")
        settings.MODE = mode
        with pytest.raises(SystemExit) as ended:
            start()
        assert ended.value.code == ConfigurationError.exit_code
        assert "urgentaction mode" in caplog.text

    @pytest.mark.parametrize(("mode", "is_live"), [(Mode.LIVE, True), (Mode.SANDBOX, False)])
    def test_of_the_same_mode_start(
        self, world: World, start: Callable[[], None], settings: Any, *, mode: Mode, is_live: bool
    ) -> None:
        live.write_mode(is_live=is_live, by="cli:ada")
        settings.MODE = mode
        start()

    def test_start_while_the_database_is_silent(
        self,
        world: World,
        start: Callable[[], None],
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        def silent() -> None:
            raise OperationalError("connection refused")

        monkeypatch.setattr(live, "refuse_other_mode", silent)
        start()
        assert "the database doesn't answer" in caplog.text


class TestTheCommand:
    @pytest.fixture
    def is_well(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(checks, "all_findings", lambda **_: [Finding(SAME_MODE, Level.FAIL, "", "")])

    def test_says_what_it_is(self, world: World, terminal: Terminal, settings: Any) -> None:
        assert "The database holds drills; this program's mode is sandbox." in terminal.says("mode")
        settings.MODE = Mode.LIVE
        assert "`urgentaction mode live` withdraws the drills" in terminal.says("mode")
        assert terminal.json("mode") == {"database": "sandbox", "program": "live", "since": None}

    def test_every_other_command_is_refused_meanwhile(self, world: World, terminal: Terminal, settings: Any) -> None:
        settings.MODE = Mode.LIVE
        told = terminal.says("case", "list", code=78)
        assert "the database holds drills" in told

    def test_goes_live_where_all_is_well(
        self, world: World, terminal: Terminal, is_well: None, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        alert = world.start()
        settings.MODE = Mode.LIVE
        told = terminal.json("mode", "live", "--yes")
        assert told["withdrawn"] == [alert.number]
        assert terminal.json("mode")["database"] == "live"
        terminal.says("case", "list")

    def test_does_not_go_live_unasked(
        self, world: World, terminal: Terminal, is_well: None, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.start()
        settings.MODE = Mode.LIVE
        monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
        told = terminal.says("mode", "live", code=EXIT_INTERRUPTED)
        assert "Alerts under way, to be withdrawn: 1." in told
        assert live.live_since() is None

    def test_does_not_go_live_while_something_fails(self, world: World, terminal: Terminal, settings: Any) -> None:
        settings.MODE = Mode.LIVE
        settings.REDIS_URL = "redis://127.0.0.1:1/0"
        told = terminal.json("mode", "live", "--yes", code=1)
        assert "broker" in {finding["name"] for finding in told["findings"]}
        assert SAME_MODE not in {finding["name"] for finding in told["findings"]}
        assert live.live_since() is None

    @pytest.mark.parametrize("wanted", ["live", "sandbox"])
    def test_wants_the_variable_first(self, world: World, terminal: Terminal, settings: Any, *, wanted: str) -> None:
        settings.MODE = Mode.SANDBOX if wanted == "live" else Mode.LIVE
        assert f"URGENTACTION_MODE={wanted}" in terminal.says("mode", wanted, "--yes", code=78)


@pytest.mark.parametrize(("is_live", "level"), [(False, Level.OK), (True, Level.FAIL)])
def test_the_doctor_compares(world: World, *, is_live: bool, level: Level) -> None:
    live.write_mode(is_live=is_live, by="cli:ada")
    (found,) = [one for one in all_findings(must_run=False, parts={Part.PROGRAMS}) if one.name == SAME_MODE]
    assert found.level is level
    assert bool(found.advice) is is_live
    assert worker.app.main == "urgentaction"
