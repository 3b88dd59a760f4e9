"""The watchman: as a program with a database and a broker that come and go, and in this process on made-up trouble."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis
from django.db import connection
from django.db.models import F

from tests.chaos.proxy import Fault, FaultProxy
from tests.flow.watching import Sink, draft, look_twice, until
from tests.flow.world import World
from tests.sandbox_program import die_with_parent
from urgentaction.alerts.models import Alert
from urgentaction.cases.models import Case
from urgentaction.core import clock
from urgentaction.core.enqueue import Queue
from urgentaction.deliveries.models import Delivery, GatewayState, Heartbeat, HumanTask, HumanTaskKind
from urgentaction.deliveries.people import is_stale
from urgentaction.deliveries.rules import State
from urgentaction.embedded.servers import Servers
from urgentaction.incidents import looking
from urgentaction.incidents.models import Incident
from urgentaction.incidents.observations import DatabaseState
from urgentaction.incidents.watchman import Aside, Hangs, Watchman
from urgentaction.pipeline import beat_heart

# As a program.


def through(url: str, proxy: FaultProxy) -> str:
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    return url.replace(f"@{parts.hostname}:{parts.port}", f"@{proxy.host}:{proxy.port}")


def test_the_program_calls_once_and_once_more_when_it_is_over(
    world: World, servers: Servers, sink: Sink, tmp_path: Path
) -> None:
    """It starts while database and broker are gone, says so from memory, writes it down later, and ends cleanly."""
    name = connection.settings_dict["NAME"]
    database, broker = urlsplit(servers.database_url), urlsplit(servers.redis_url)
    assert database.port
    assert broker.port
    late = draft(world, age=timedelta(minutes=20))
    beat_file = tmp_path / "beat"
    with (
        FaultProxy("127.0.0.1", database.port) as to_database,
        FaultProxy("127.0.0.1", broker.port) as to_broker,
        (tmp_path / "log.txt").open("wb") as log,
    ):
        to_database.arm(Fault.REFUSE)
        to_broker.arm(Fault.REFUSE)
        environment = os.environ | {
            "DATABASE_URL": through(servers.database_url, to_database).rpartition("/")[0] + f"/{name}",
            "REDIS_URL": through(servers.redis_url, to_broker),
            "URGENTACTION_VAR": str(tmp_path / "var"),
            "URGENTACTION_WATCH_SECONDS": "1",
            "URGENTACTION_ONCALL_URL": sink.url,
        }
        program = subprocess.Popen(
            [sys.executable, "-m", "urgentaction.cli.main", "watch", f"--beat-file={beat_file}"],
            env=environment, stdout=log, stderr=log,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - a crashed test run must leave nothing behind
        )  # fmt: skip
        try:
            until("two calls", lambda: len(sink.calls) == 2)
            assert not Incident.objects.exists()
            assert beat_file.exists()
            to_database.clear()
            to_broker.clear()
            until("their ends", lambda: len(sink.calls) == 5)
            until("them to be written down", lambda: Incident.objects.filter(end_told_at__isnull=False).count() == 2)
            assert Heartbeat.objects.filter(name="watch").exists()
            program.send_signal(signal.SIGTERM)
            assert program.wait(20) == 0
        finally:
            program.kill()
            program.wait()
        assert to_database.played[Fault.REFUSE] == 1
        assert to_broker.played[Fault.REFUSE] == 1
    said = (tmp_path / "log.txt").read_text()
    assert "no longer watching" in said
    assert "Traceback" not in said
    assert "secret-path" not in said
    assert {(call["key"], call["status"]) for call in sink.calls} == {
        ("database-down", "open"),
        ("database-down", "over"),
        ("broker-down", "open"),
        ("broker-down", "over"),
        (f"decision:{late.number}", "open"),
    }
    assert set(sink.calls[0]) == {"title", "text", "severity", "key", "status"}
    row = Incident.objects.get(key="database-down")
    assert row.told_how == "webhook"
    assert row.told_at is not None
    assert row.end_told_at is not None
    assert row.first_seen_at <= row.opened_at <= row.told_at <= row.end_told_at


# What is seen.


def test_all_is_well_and_the_watchman_leaves_a_sign(alive: redis.Redis, watchman: Watchman, sink: Sink) -> None:
    assert look_twice(watchman) == {}
    assert sink.calls == []
    assert Heartbeat.objects.filter(name="watch").exists()


def test_a_dead_worker_is_told_apart_from_a_dead_beat(alive: redis.Redis, watchman: Watchman, sink: Sink) -> None:
    Heartbeat.objects.filter(name="bulk").update(beat_at=clock.now() - timedelta(minutes=5))
    alive.lpush("bulk", "a heartbeat that nobody took")
    assert list(look_twice(watchman)) == ["worker:bulk"]
    Heartbeat.objects.exclude(name="watch").update(beat_at=clock.now() - timedelta(minutes=5))
    assert "beat" in look_twice(watchman)
    for queue in Queue:
        beat_heart(queue.value)
    assert look_twice(watchman) == {}
    assert sink.told("worker:bulk") == ["open", "over"]
    assert sink.told("beat") == ["open", "over"]
    assert sink.calls[0]["severity"] == "critical"


def test_work_that_stands_still(alive: redis.Redis, here: World, watchman: Watchman, sink: Sink) -> None:
    alert = here.start()
    long_ago = clock.now() - timedelta(hours=1)
    Delivery.objects.update(due_at=long_ago)
    held = Delivery.objects.filter(channel="email").first()
    assert held is not None
    Delivery.objects.filter(id=held.id).update(state=State.LEASED, lease_until=long_ago)
    lost = Delivery.objects.filter(channel="sms").first()
    assert lost is not None
    Delivery.objects.filter(id=lost.id).update(state=State.UNKNOWN)
    found = look_twice(watchman)
    assert {"overdue:email:supporters", "overdue:fax:officials", "leases-held", "unknowns-unasked"} <= set(found)
    assert "should have left 60 min ago" in found["overdue:fax:officials"]
    assert look_twice(watchman).keys() == found.keys()
    Delivery.objects.update(state=State.ACCEPTED)
    Alert.objects.filter(id=alert.id).update(expanded_at=None, started_at=long_ago)
    HumanTask.objects.create(
        kind=HumanTaskKind.SETTLE_UNKNOWN, alert=alert, key="x", title="x", advice="x", created_at=long_ago
    )
    assert set(look_twice(watchman)) == {f"alert:{alert.number}", f"task:settle_unknown:{alert.number}"}
    said = " ".join(call["title"] + call["text"] for call in sink.calls)
    assert alert.number in said
    for person in ("Friend", "president", "minister", "@", "+1202"):
        assert person not in said


def test_nobody_is_called_about_a_letter_that_must_not_be_posted(
    alive: redis.Redis, here: World, watchman: Watchman
) -> None:
    alert = here.start()
    Delivery.objects.update(state=State.ACCEPTED)
    task = HumanTask.objects.create(
        kind=HumanTaskKind.REACH_OFFICIAL, alert=alert, key="x", title="x", advice="x",
        created_at=clock.now() - timedelta(days=1),
    )  # fmt: skip
    assert set(look_twice(watchman)) == {f"task:reach_official:{alert.number}"}
    assert not is_stale(task)
    Case.objects.filter(id=here.case.id).update(version=F("version") + 1)
    assert look_twice(watchman) == {}
    task = HumanTask.objects.select_related("alert__case").get()
    assert is_stale(task)
    Case.objects.filter(id=here.case.id).update(version=alert.fence)
    Alert.objects.filter(id=alert.id).update(state="withdrawn", swept_at=clock.now())
    assert look_twice(watchman) == {}
    task = HumanTask.objects.select_related("alert__case").get()
    assert is_stale(task)


def test_a_paused_gateway_with_work_waiting(alive: redis.Redis, here: World, watchman: Watchman, sink: Sink) -> None:
    here.start()
    Delivery.objects.update(due_at=clock.now() - timedelta(hours=1))
    GatewayState.objects.create(
        name="telnyx", is_paused=True, reason="401 for secret@office.invalid", changed_at=clock.now()
    )
    found = look_twice(watchman)
    assert "gateway:telnyx" in found
    assert "overdue:fax:officials" not in found
    assert "secret@" not in str(sink.calls)
    GatewayState.objects.update(is_paused=False, changed_at=clock.now())
    assert not {"gateway:telnyx", "overdue:fax:officials"} & set(look_twice(watchman))  # it has only just been opened


def test_a_database_that_takes_no_writes_is_seen(alive: redis.Redis) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
    rows = looking.look_at_rows(leaves_heartbeat=True)
    assert rows.state is DatabaseState.READ_ONLY
    assert rows.found is not None


@pytest.mark.parametrize(
    ("sqlstate", "state"),
    [
        ("53100", DatabaseState.FULL),
        ("25006", DatabaseState.READ_ONLY),
        ("42P01", DatabaseState.OUTDATED),
        ("57P03", DatabaseState.DOWN),
        (None, DatabaseState.DOWN),
    ],
)
def test_errors_of_the_database_have_a_meaning(sqlstate: str | None, state: DatabaseState) -> None:
    from django.db import OperationalError

    cause = Exception()
    cause.sqlstate = sqlstate  # type: ignore[attr-defined]
    error = OperationalError()
    error.__cause__ = cause
    assert looking.state_of(error) is state


def test_a_broker_that_answers_but_takes_nothing_is_seen(alive: redis.Redis, watchman: Watchman, sink: Sink) -> None:
    limit = str(alive.config_get("maxmemory")["maxmemory"])
    alive.config_set("maxmemory", 1)
    try:
        assert list(look_twice(watchman)) == ["broker-refuses"]
    finally:
        alive.config_set("maxmemory", limit)
    assert look_twice(watchman) == {}
    assert sink.told("broker-refuses") == ["open", "over"]


def test_a_hanging_database_does_not_hang_the_watchman() -> None:
    aside, go_on = Aside(), threading.Event()
    with pytest.raises(Hangs):
        aside.run(go_on.wait, seconds=0.05)
    with pytest.raises(Hangs):
        aside.run(lambda: None, seconds=60)  # nothing is begun while the first one hangs
    go_on.set()
    assert aside._thread is not None
    aside._thread.join(10)
    assert aside.run(lambda: 7, seconds=10) == 7
    with pytest.raises(ZeroDivisionError):
        aside.run(lambda: 1 // 0, seconds=10)


def test_one_failed_look_is_not_the_last(watchman: Watchman, monkeypatch: pytest.MonkeyPatch) -> None:
    looks, stop = list[int](), threading.Event()

    def broken() -> None:
        looks.append(1)
        if len(looks) == 3:
            stop.set()
        raise RuntimeError("nobody thought of this")

    monkeypatch.setattr(looking, "look_at_broker", broken)
    watchman.stay(stop, seconds=0.01)
    assert len(looks) == 3
