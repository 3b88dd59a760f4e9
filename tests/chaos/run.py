"""`make chaos`: the whole stack under load, killed a hundred times in every way we know, and the account afterwards.

First every named crash point with every channel it is told about, then kills drawn at random, with other faults in
between; then nothing more is broken, everything comes to rest, and the oracle compares the ledgers. The same seed
draws the same faults (what they meet is up to the machine).

Exit status: 0 when the promise was kept and every fault was seen to happen, else 1.
"""

from __future__ import annotations

import argparse
import random
import secrets
import shutil
import signal
import sys
import time
from datetime import timedelta
from pathlib import Path

import httpx
import psycopg
import redis
from rich.console import Console

from tests.chaos import faults, oracle, reading, report, world
from tests.chaos.harness import Harness, until
from tests.chaos.traffic import Traffic
from urgentaction.core.errors import UrgentActionError

#: For the gateway to write down what it was handed in the last moment of a lease.
LEDGER_SECONDS = 1
#: How likely a fault that kills nothing is between two kills.
OTHERS_SHARE = 0.2
DRAIN_SECONDS = 300.0
SAY_EVERY = 10


def options(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.run", description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="random kills, after all named crash points")
    parser.add_argument("--deliveries", type=int, default=5000, help="go on sending until there were so many")
    parser.add_argument("--seed", type=int, default=None, help="draws the faults; by default another one each time")
    parser.add_argument("--report", type=Path, default=Path("var/chaos/report.json"))
    parser.add_argument("--folder", type=Path, default=Path("var/chaos/run"), help="data and logs; emptied first")
    parser.add_argument("--no-points", action="store_true", help="leave the named crash points out")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run it. Returns the exit status."""
    chosen = options(arguments)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where a shell put us into the background
    console = Console(highlight=False)
    seed = chosen.seed if chosen.seed is not None else secrets.randbelow(1_000_000)
    shutil.rmtree(chosen.folder, ignore_errors=True)
    findings = report.Findings(seed=seed, folder=str(chosen.folder))
    began = time.monotonic()
    try:
        with Harness(chosen.folder, world.Size()) as harness:
            console.print(f"The stack is up; outbox {harness.stack.outbox_url}/, seed {seed}")
            chaos(harness, findings, chosen, console)
    except KeyboardInterrupt:
        console.print("Stopped. Nothing of it runs any more.")
        return 1
    findings.minutes = (time.monotonic() - began) / 60
    report.write(findings, chosen.report)
    report.show(findings, console)
    console.print(f"The report is in {chosen.report}")
    return 0 if findings.is_good else 1


def chaos(harness: Harness, findings: report.Findings, chosen: argparse.Namespace, console: Console) -> None:
    """Break things under load, let them come to rest, and judge."""
    chance = random.Random(findings.seed)
    traffic = Traffic(
        harness.stack.base_url,
        harness.database_url,
        token=harness.token,
        chance=random.Random(findings.seed + 1),
        size=harness.size,
    )
    traffic.start()
    try:
        if not chosen.no_points:
            break_at_every_point(harness, findings, console)
        break_at_random(harness, findings, chance, kills=chosen.kills, console=console)
        if not until(lambda: total(harness) >= chosen.deliveries, seconds=600, pause=1):
            findings.broken_promises.append(f"only {total(harness)} deliveries came about")
    finally:
        traffic.stop()
    findings.updates = len(traffic.promised)
    findings.broken_promises += traffic.failures
    console.print(f"Coming to rest: {reading.states(harness.database_url)}")
    if not come_to_rest(harness):
        findings.broken_promises.append(f"not at rest after {DRAIN_SECONDS:.0f} s: {left(harness)}")
    judge(harness, findings, promised=traffic.promised)


def break_at_every_point(harness: Harness, findings: report.Findings, console: Console) -> None:
    """Every named crash point, with every channel that it is told about."""
    places = faults.every_place()
    console.print(f"{len(places)} named crash points")
    for place in places:
        note(findings, faults.crash(harness, place), console, is_kill=True)
        harness.look_after()


def break_at_random(
    harness: Harness, findings: report.Findings, chance: random.Random, *, kills: int, console: Console
) -> None:
    """Kills drawn at random, and other faults between them."""
    console.print(f"{kills} random kills")
    for _ in range(kills):
        if chance.random() < OTHERS_SHARE:
            note(findings, made(faults.draw(faults.OTHERS, chance), harness, chance), console, is_kill=False)
        note(findings, made(faults.draw(faults.KILLS, chance), harness, chance), console, is_kill=True)
        harness.look_after()
        time.sleep(chance.uniform(0.2, 1.2))  # so that something is under way again when the next one comes
    harness.all_whole()


def made(make: faults.Make, harness: Harness, chance: random.Random) -> oracle.Fault:
    """The fault; not confirmed, where something else was in its way. One such must not end a night's run."""
    started = faults.now()
    try:
        return make(harness, chance)
    except (psycopg.Error, redis.RedisError, httpx.HTTPError, UrgentActionError, OSError) as error:
        return faults.told("not made", started, is_confirmed=False, what=f"{type(error).__name__}: {error}"[:300])


def note(findings: report.Findings, fault: oracle.Fault, console: Console, *, is_kill: bool) -> None:
    """Keep a fault, and say how far it is."""
    findings.faults.append(fault)
    findings.kills += is_kill
    if not fault.is_confirmed:
        console.print(f"  not confirmed: {fault.what}", markup=False)
    if len(findings.faults) % SAY_EVERY == 0:
        console.print(f"  {len(findings.faults)} faults; the latest: {fault.what}", markup=False)


def total(harness: Harness) -> int:
    """How many deliveries there are."""
    return sum((reading.states(harness.database_url) or {}).values())


def left(harness: Harness) -> str:
    """What has not come to rest, in words."""
    found = reading.left_to_do(harness.database_url)
    if found is None:
        return "the database can't be asked"
    deliveries, receipts, alerts = found
    return f"{deliveries} deliveries, {receipts} receipts, {alerts} alerts; {reading.states(harness.database_url)}"


def come_to_rest(harness: Harness, *, seconds: float = DRAIN_SECONDS) -> bool:
    """Nothing is broken any more; wait until nothing moves. False if it went on for too long."""
    harness.crash_file.unlink(missing_ok=True)
    harness.mail_proxy.clear()
    harness.http_proxy.clear()
    harness.all_whole()
    return until(lambda: reading.left_to_do(harness.database_url) == (0, 0, 0), seconds=seconds, pause=0.5)


def judge(harness: Harness, findings: report.Findings, *, promised: list[str]) -> None:
    """Hold the ledger against the database."""
    # Nothing of a window may leave once its lease is over, and a window begun just before its alert was stopped has
    # hardly used any of its lease: so long after the stop the last of it may still arrive.
    in_flight = timedelta(seconds=harness.lease + LEDGER_SECONDS)
    told = reading.dump(harness.environment)
    entries = reading.entries_of(harness.ledger(), told)
    alerts = reading.alerts_of(told, entries)
    there = {alert.id for alert in alerts}
    findings.broken_promises += [
        f"alert {one} was answered with 201 and is not in the database" for one in promised if one not in there
    ]
    findings.verdict = oracle.judge(reading.rows_of(told), entries, alerts, findings.faults, in_flight=in_flight)
    findings.in_flight_seconds = in_flight.total_seconds()
    findings.fenced = harness.count(faults.FENCED)
    findings.died_by_themselves = harness.died_by_themselves


if __name__ == "__main__":
    sys.exit(main())
