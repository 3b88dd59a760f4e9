"""Who is told of an incident and how, and where people see it."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from django.test import Client

from tests.flow.watching import Sink, begun, draft, look_twice
from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction.accounts.models import AuditEntry, Role, User
from urgentaction.alerts.models import Alert, AlertState
from urgentaction.channels.contract import Mode
from urgentaction.cli.main import main
from urgentaction.core import clock
from urgentaction.core.errors import ConfigurationError, SandboxRefusal
from urgentaction.deliveries.models import Heartbeat
from urgentaction.embedded.servers import Servers
from urgentaction.incidents.models import Incident
from urgentaction.incidents.observations import Code
from urgentaction.incidents.oncall import Call, Contacts, NotTold, tell
from urgentaction.incidents.watchman import Watchman

# Who is told, and how.


def test_a_call_that_did_not_arrive_is_made_again(
    alive: redis.Redis, here: World, watchman: Watchman, sink: Sink
) -> None:
    key = f"decision:{draft(here, age=timedelta(hours=1)).number}"
    sink.status = 302  # never followed
    look_twice(watchman)
    assert Incident.objects.get(key=key).told_at is None
    sink.status = 200
    watchman.look()
    watchman.look()
    assert sink.told(key) == ["open"]
    assert Incident.objects.get(key=key).told_how == "webhook"


def test_a_restarted_watchman_tells_nothing_twice_and_reminds(
    alive: redis.Redis, here: World, watchman: Watchman, sink: Sink
) -> None:
    key = f"decision:{draft(here, age=timedelta(hours=1)).number}"
    watchman.look()
    again = begun(watchman.contacts, ago=0)
    look_twice(again)
    assert sink.told(key) == ["open"]
    Incident.objects.update(told_at=clock.now() - timedelta(minutes=16))
    third = begun(watchman.contacts, ago=0)
    look_twice(third)
    assert sink.told(key) == ["open", "reminder"]
    assert Incident.objects.count() == 1


CALL = Call("a part stands still", "text", "critical", "key", "open")


def test_mail_is_tried_where_the_webhook_fails(sandbox: SandboxProgram, sink: Sink) -> None:
    since = max((entry["seq"] for entry in sandbox.ledger()), default=0)
    server = f"smtp://{sandbox.ready['smtp_host']}:{sandbox.ready['smtp_port']}"
    mail = ("duty@oncall.invalid", "second@oncall.invalid")
    contacts = Contacts(mode=Mode.SANDBOX, url=sink.url, mail=mail, smtp=server, sender="alerts@urgentaction.invalid")
    sink.status = 500
    assert tell(CALL, contacts) == "mail"
    assert len(sandbox.ledger(since)) == 2
    sink.status = 200
    assert tell(CALL, contacts) == "webhook"
    assert len(sandbox.ledger(since)) == 2


def test_what_went_wrong_is_said_without_any_address(sink: Sink) -> None:
    sink.status = 503
    contacts = Contacts(
        mode=Mode.SANDBOX,
        url=sink.url,
        mail=("duty@oncall.invalid",),
        smtp="smtp://user:hunter2@127.0.0.1:1",
        sender="a@b.invalid",
    )
    with pytest.raises(NotTold) as told:
        tell(CALL, contacts)
    assert "503" in str(told.value)
    for secret in ("secret-path", "hunter2", "duty@"):
        assert secret not in str(told.value) + repr(contacts)
    with pytest.raises(NotTold, match="No on-call contact"):
        tell(CALL, Contacts(mode=Mode.SANDBOX))


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"url": "https://hooks.somewhere.org/x"}, SandboxRefusal, "Sandbox mode"),
        ({"url": "ftp://127.0.0.1/x"}, ConfigurationError, "URGENTACTION_ONCALL_URL"),
        ({"url": "http://127.0.0.1/x", "mode": Mode.LIVE}, ConfigurationError, "https"),
        ({"mail": ("duty@oncall.invalid",)}, ConfigurationError, "set both"),
        (
            {"mail": ("duty@somewhere.org",), "smtp": "smtp://127.0.0.1"},
            SandboxRefusal,
            "may belong to somebody",
        ),
        ({"mail": ("duty@oncall.invalid",), "smtp": "smtps://mail.somewhere.org"}, SandboxRefusal, "Sandbox mode"),
        ({"mail": ("duty@oncall.invalid",), "smtp": "127.0.0.1:25"}, ConfigurationError, "smtps://"),
        ({"mail": ("duty",), "smtp": "smtp://127.0.0.1"}, ConfigurationError, "commas"),
    ],
)
def test_contacts_that_can_not_be_used_are_refused_at_once(
    options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        Contacts(**{"mode": Mode.SANDBOX, **options})


# Where it is shown.


@pytest.fixture
def terminal(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., str]]:
    monkeypatch.setenv("DATABASE_URL", servers.database_url)
    monkeypatch.setenv("REDIS_URL", servers.redis_url)
    monkeypatch.setenv("URGENTACTION_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", os.environ["DJANGO_SETTINGS_MODULE"])
    monkeypatch.setenv("COLUMNS", "200")
    level = logging.getLogger().level

    def says(*line: str, code: int = 0) -> str:
        capsys.readouterr()
        found = main(line)
        told = capsys.readouterr()
        assert found == code, told.err + told.out
        return told.out + told.err

    yield says
    logging.getLogger().setLevel(level)


def test_an_incident_is_listed_and_taken_care_of(
    alive: redis.Redis, here: World, watchman: Watchman, sink: Sink, terminal: Callable[..., str]
) -> None:
    assert "Nothing stands still." in terminal("incidents")
    alert = draft(here, age=timedelta(hours=1))
    key = f"decision:{alert.number}"
    watchman.look()
    listed = terminal("incidents")
    assert key in listed
    assert "told by webhook" in listed
    assert "takes care of it" in terminal("incident", "ack", key)
    assert AuditEntry.objects.filter(action="incident.acknowledge").count() == 1
    Incident.objects.update(told_at=clock.now() - timedelta(days=1))
    look_twice(watchman)
    assert sink.told(key) == ["open"]
    Alert.objects.filter(id=alert.id).update(state=AlertState.REJECTED)
    look_twice(watchman)
    assert sink.told(key) == ["open", "over"]
    assert "Nothing stands still." in terminal("incidents")
    assert "over since" in terminal("incidents", "--all")
    row = Incident.objects.get()
    assert "is over since" in terminal("incident", "ack", row.id.hex[-8:], code=75)
    assert "there is none" in terminal("incident", "ack", "nonsense", code=66)


def test_one_may_look_by_hand(world: World, servers: Servers, terminal: Callable[..., str]) -> None:
    number = draft(world, age=timedelta(hours=1)).number
    assert f"Alert {number} of level 1 has waited for a decision for 60 min." in terminal("watch", "--once")


def test_a_drill_reaches_the_contacts(
    alive: redis.Redis, sink: Sink, terminal: Callable[..., str], settings: Any
) -> None:
    assert "No on-call contact" in terminal("incident", "drill", code=1)
    settings.ONCALL = Contacts(mode=Mode.SANDBOX, url=sink.url)
    assert "Told by webhook" in terminal("incident", "drill")
    assert [call["status"] for call in sink.calls] == ["test"]


def test_the_doctor_says_which_part_is_stuck_and_who_is_called(
    alive: redis.Redis, here: World, terminal: Callable[..., str], settings: Any, tmp_path: Path
) -> None:
    told = terminal("doctor")
    assert "nobody is called when something stands still" in told
    assert "nothing is stuck" in told
    Heartbeat.objects.filter(name="receipts").update(beat_at=clock.now() - timedelta(minutes=9))
    alive.lpush("receipts", "left lying")
    settings.ONCALL = Contacts(mode=Mode.SANDBOX, url="http://127.0.0.1:1/secret")
    (tmp_path / "var").mkdir(exist_ok=True)
    (tmp_path / "var" / "stack.json").write_text(json.dumps({"pid": os.getpid(), "base_url": "http://127.0.0.1:1"}))
    told = terminal("doctor", "--json", code=1)
    findings = {finding["name"]: finding for finding in json.loads(told)["findings"]}
    assert findings["heartbeat"]["level"] == "fail"
    assert "receipts 9 min ago" in findings["heartbeat"]["detail"]
    assert findings["worker receipts"]["level"] == "fail"
    assert "docker compose restart worker-receipts" in findings["worker receipts"]["advice"]
    assert findings["watch"]["level"] == "warn"
    assert findings["on-call"]["level"] == "ok"
    assert "secret" not in told


def test_healthz_names_part_and_code(alive: redis.Redis, here: World, watchman: Watchman, sink: Sink) -> None:
    number = draft(here, age=timedelta(hours=1)).number
    watchman.look()
    assert Client().get("/healthz").json()["troubles"] == [{"part": "alerts", "code": Code.DECISION_LATE}]
    Heartbeat.objects.filter(name__in=["bulk", "watch"]).update(beat_at=clock.now() - timedelta(minutes=9))
    alive.lpush("bulk", "left lying")
    answer = Client().get("/healthz")
    assert answer.status_code == 200
    assert answer.json()["troubles"] == [
        {"part": "alerts", "code": Code.DECISION_LATE},
        {"part": "watch", "code": Code.WATCH_SILENT},
        {"part": "worker bulk", "code": Code.WORKER_SILENT},
    ]
    assert number not in answer.content.decode()


def test_the_first_page_of_the_console_shows_it(alive: redis.Redis, here: World, watchman: Watchman) -> None:
    browser = Client()
    browser.force_login(User.objects.create_user("ada", "ada@office.invalid", "x", role=Role.VIEWER))
    assert "incident is open" not in browser.get("/console/").content.decode()
    number = draft(here, age=timedelta(hours=1)).number
    watchman.look()
    page = browser.get("/console/").content.decode()
    assert "1 incident is open" in page
    assert f"Alert {number} of level 1 has waited" in page
