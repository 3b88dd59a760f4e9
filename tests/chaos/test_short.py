"""The short form of `make chaos`: one stack, some hundred deliveries, a kill of each kind, and the same account.

What happens is in `account`, once; each test looks at one side of it.
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field, replace

import pytest

from tests.chaos import faults, reading, report, run, world
from tests.chaos.faults import kill_part
from tests.chaos.harness import Harness, Part
from tests.chaos.oracle import Fault
from tests.chaos.traffic import Traffic

pytestmark = pytest.mark.chaos

SIZE = world.Size(
    cases=4, supporters=26, with_sms=9, mail_ms=40, sms_ms=20, fax_ms=10, page_ms=10, has_long_pauses=False
)
LEASE, SCALE = 6, 0.02
PATIENCE = 90.0


@dataclass
class Account:
    """What was broken, what came of it, and how the alert ended that was reported while there was no broker."""

    findings: report.Findings
    is_at_rest: bool = False
    left: str = ""
    without_broker: list[tuple[str, int]] = field(default_factory=list)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Account:
    chance = random.Random(11)
    found = Account(report.Findings(seed=11))
    with Harness(tmp_path_factory.mktemp("chaos"), SIZE, lease=LEASE, scale=SCALE) as harness:
        traffic = Traffic(
            harness.stack.base_url,
            harness.database_url,
            token=harness.token,
            chance=random.Random(12),
            size=replace(SIZE, cases=SIZE.cases - 1),  # the last one is left alone, for `without_broker`
            low=150,
            most=450,
        )
        traffic.report(0, world.APPEALS[0])
        traffic.start()
        try:
            silent = break_everything(harness, found.findings, traffic, chance)
        finally:
            traffic.stop()
        found.is_at_rest = run.come_to_rest(harness, seconds=PATIENCE)
        found.left = run.left(harness)
        found.findings.broken_promises += traffic.failures
        run.judge(harness, found.findings, promised=traffic.promised)
        found.without_broker = (
            reading.ask(
                harness.database_url,
                """SELECT a.state, count(d) FROM alerts_alert a JOIN deliveries_delivery d ON d.alert_id = a.id
                    WHERE a.id = ANY(%s::uuid[]) AND d.state IN ('accepted', 'delivered') GROUP BY a.id""",
                [silent],
            )
            or []
        )
    return found


def break_everything(harness: Harness, findings: report.Findings, traffic: Traffic, chance: random.Random) -> list[str]:
    """A crash point for each channel, then a kill of each kind. Returns the alerts reported without a broker."""
    made = findings.faults
    for place in ("after_mailing_wire:3", "after_wire@email", "after_intent@sms", "in_record@fax"):
        made.append(faults.crash(harness, place, seconds=30))
    made.append(kill_part(harness, Part.URGENT))
    made.append(faults.kill_postgres(harness, chance))
    # A worker that stands still leaves time for others to fall.
    stopped: list[Fault] = []
    standing = threading.Thread(
        target=lambda: stopped.append(faults.stop_worker(harness, Part.BULK, is_leader_late=True))
    )
    standing.start()
    made.append(kill_part(harness, Part.WEB))
    made.append(faults.kill_sandbox(harness, chance))
    standing.join()
    made += stopped
    # Only now, because without broker or beat nobody would have swept up after the worker that stood still.
    silent = without_broker(harness, findings, traffic)
    made.append(faults.fill_valkey(harness, chance))
    made.append(kill_part(harness, Part.BEAT))
    made.append(faults.kill_child(harness, chance))
    made.append(faults.flush_valkey(harness, chance))
    made.append(kill_part(harness, Part.BULK))
    harness.all_whole()
    return silent


def without_broker(harness: Harness, findings: report.Findings, traffic: Traffic) -> list[str]:
    """An update is reported while the broker is dead; it comes back with nothing, so nobody was ever told."""
    harness.whole(Part.WEB)
    silent: list[str] = []

    def report_it() -> None:
        silent.extend(traffic.report(SIZE.cases - 1, world.APPEALS[0]))

    findings.faults.append(faults.kill_broker(harness, is_emptied=True, meanwhile=report_it))
    return silent


def test_every_fault_happened(account: Account) -> None:
    assert account.findings.unconfirmed == []
    assert len(account.findings.faults) == 15


def test_everything_came_to_rest(account: Account) -> None:
    assert account.is_at_rest, account.left
    assert account.findings.verdict.unfinished_alerts == []


def test_nothing_was_lost(account: Account) -> None:
    assert account.findings.verdict.deliveries >= 200
    assert account.findings.verdict.lost == []
    assert account.findings.broken_promises == []


def test_nothing_was_doubled_in_silence(account: Account) -> None:
    assert account.findings.verdict.silent_duplicates == []


def test_nothing_stale_was_sent(account: Account) -> None:
    assert account.findings.verdict.stale == []


def test_unknowns_are_no_more_than_were_in_flight_and_all_are_listed(account: Account) -> None:
    assert account.findings.verdict.too_many_unknown == []
    assert account.findings.verdict.unlisted_unknown == []


def test_the_fence_refused_what_the_stopped_worker_wrote_after_its_lease(account: Account) -> None:
    assert account.findings.fenced >= 1


def test_an_alert_that_no_worker_was_ever_told_of_was_sent_all_the_same(account: Account) -> None:
    assert len(account.without_broker) == 1
    state, sent = account.without_broker[0]
    assert state in {"finished", "running"}  # it stays open while a person is asked about an unknown
    assert sent >= SIZE.supporters


def test_nothing_died_of_anothers_death(account: Account) -> None:
    assert account.findings.died_by_themselves == []
