"""Is an official's fax held up by a mailing? From the commit of a level-1 update to its fax request at the gateway.

Idle: updates through the trigger rules, while nothing else happens. Under load: alerts of level 1 to officials while a
mailing to all supporters is under way (one after the other, where one is over too soon). Then updates through the rules
again, each of which also addresses all supporters, so that each brings a mailing of its own on top.

The gateway is the sandbox, whose ledger says when a request came; the mail goes to the sink.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import httpx

from benchmarks import report
from benchmarks.frame import Machine, need, until
from benchmarks.report import Result, percentile, progress
from urgentaction.cli.programs import Part

PARTS = (Part.SANDBOX, Part.WEB, Part.URGENT, Part.BULK, Part.RECEIPTS, Part.BEAT)
_PATIENCE = 90.0
_fax_numbers = itertools.count()


@dataclass(slots=True)
class Series:
    """Commits by fax number, as seconds since the epoch."""

    committed: dict[str, float] = field(default_factory=dict)


def options(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = report.parser("latency", __doc__)
    parser.add_argument("--recipients", type=int, default=20_000, help="supporters of the mailing")
    parser.add_argument("--updates", type=int, default=20, help="faxes in each of the first two series")
    parser.add_argument(
        "--own", type=int, default=3, help="updates that bring a mailing of their own; 0 leaves them out"
    )
    parser.add_argument("--every", type=float, default=1.0, help="seconds from one update to the next")
    return parser.parse_args(arguments)


def measure(chosen: argparse.Namespace) -> Result:
    """The three series, on one machine."""
    need(chosen.updates > 0 and chosen.recipients > 0, "--updates and --recipients must be above 0")
    with Machine(PARTS) as machine:
        from benchmarks import mailing  # noqa: PLC0415 - only once Django is set up

        allow_level_one()
        run(machine, Series(), by_rule, count=2, every=0.1, title="warming up")
        idle = run(machine, Series(), by_rule, count=chosen.updates, every=chosen.every, title="idle")
        mailing.warm_up(machine, min(200, chosen.recipients))
        mailing.grow(chosen.recipients)
        load = Load(machine, chosen.recipients)
        busy = run(
            machine,
            Series(),
            by_hand,
            count=chosen.updates,
            every=chosen.every,
            title="under load",
            before=load.keep_up,
        )
        sent, seconds = load.sent()
        own = run(
            machine,
            Series(),
            by_rule,
            count=chosen.own,
            every=chosen.every * 3,
            title="own mailing",
            before=load.keep_up,
        )
    figures: dict[str, Any] = {"idle": told(idle), "under_load": told(busy)}
    if own:
        figures["with_own_mailing"] = told(own)
    figures["mailing"] = {
        "recipients": chosen.recipients,
        "rate_meanwhile": round(sent / seconds, 1),
        "begun": load.begun,
    }
    return Result(
        benchmark="latency",
        unit="p95 under load / p95 idle",
        ratios={
            "idle": round(percentile(busy, 0.95) / percentile(idle, 0.95), 2),
            **({"idle, own mailing": round(percentile(own, 0.95) / percentile(idle, 0.95), 2)} if own else {}),
        },
        figures=figures,
        notes=["milliseconds from the commit to the request's line in the gateway's ledger"],
    )


@dataclass(slots=True)
class Load:
    """One mailing after the other, so that there is always one."""

    machine: Machine
    recipients: int
    begun: int = 0
    since: float = 0.0

    def keep_up(self) -> None:
        """Begin the next mailing where the last one is nearly over; returns once mail is flowing."""
        from benchmarks import population  # noqa: PLC0415 - only once Django is set up
        from urgentaction import pipeline  # noqa: PLC0415

        taken = self._taken()
        if self.begun and taken < self.begun * self.recipients * 0.95:
            return
        if not self.begun:
            self.machine.sink.reset()
            self.since, taken = time.monotonic(), 0
        alert = population.draft_mailing(population.add_case())
        pipeline.approve(alert.id, by=population.APPROVER)
        self.begun += 1
        need(until(lambda: self._taken() > taken, seconds=_PATIENCE), "the mailing does not begin")

    def sent(self) -> tuple[int, float]:
        """Messages so far, and the seconds since the first mailing was approved."""
        return self._taken(), time.monotonic() - self.since

    def _taken(self) -> int:
        return int(self.machine.sink.counts()["messages"])


def run(
    machine: Machine,
    series: Series,
    make: Callable[[Series], None],
    *,
    count: int,
    every: float,
    title: str,
    before: Callable[[], None] = lambda: None,
) -> list[float]:
    """Make so many, at a steady pace whatever becomes of them. Returns the milliseconds that each fax took."""
    with progress() as bar:
        task = bar.add_task(title, total=count)
        for _ in range(count):
            before()
            due = time.monotonic() + every
            make(series)
            bar.advance(task)
            time.sleep(max(due - time.monotonic(), 0))
    arrived: dict[str, float] = {}

    def has_all() -> bool:
        arrived.update(arrivals(machine))
        return series.committed.keys() <= arrived.keys()

    missing = f"{title}: not every fax came within {_PATIENCE:.0f} s"
    need(until(has_all, seconds=_PATIENCE, pause=0.25), missing)
    return [(arrived[number] - moment) * 1000 for number, moment in series.committed.items()]


def by_rule(series: Series) -> None:
    """A level-1 update of a case of its own, through the trigger rules."""
    from benchmarks import population  # noqa: PLC0415 - only once Django is set up
    from urgentaction import pipeline  # noqa: PLC0415
    from urgentaction.cases.service import UpdateText  # noqa: PLC0415
    from urgentaction.cases.vocabulary import Confidence, Status  # noqa: PLC0415
    from urgentaction.core import clock  # noqa: PLC0415

    fax = new_fax_number()
    case = population.add_case(fax=fax)
    told_ = UpdateText(
        status=Status.RETURN_IMMINENT,
        confidence=Confidence.CONFIRMED,
        as_of=date(2026, 1, 1),
        reported_at=clock.now(),
        place="Tumen",
    )
    at_commit(series, fax, lambda: pipeline.report_update(case.reference, told_, by=population.AUTHOR))


def by_hand(series: Series) -> None:
    """A level-1 alert to officials alone, approved by a person."""
    from benchmarks import population  # noqa: PLC0415 - only once Django is set up
    from urgentaction import pipeline  # noqa: PLC0415

    fax = new_fax_number()
    alert = population.draft_fax(population.add_case(fax=fax))
    at_commit(series, fax, lambda: pipeline.approve(alert.id, by=population.APPROVER))


def at_commit(series: Series, fax: str, act: Callable[[], object]) -> None:
    """Act in a transaction, and note when it was committed, before any hint has left."""
    from django.db import transaction  # noqa: PLC0415 - only once Django is set up

    def note() -> None:
        series.committed[fax] = time.time()

    with transaction.atomic():
        transaction.on_commit(note)
        act()


def allow_level_one() -> None:
    """A standing approval, so that a level-1 update goes out by itself."""
    from benchmarks import population  # noqa: PLC0415 - only once Django is set up
    from urgentaction.alerts.models import StandingApproval  # noqa: PLC0415
    from urgentaction.core import clock  # noqa: PLC0415

    StandingApproval.objects.create(rule="imminent", by=population.APPROVER, granted_at=clock.now())


def new_fax_number() -> str:
    """Another one of the range that Ofcom keeps for drama; there are a thousand."""
    return f"+442079460{next(_fax_numbers):03}"


def arrivals(machine: Machine) -> dict[str, float]:
    """When the first request to each number came, as seconds since the epoch."""
    answer = httpx.get(f"{machine.stack.outbox_url}/ledger.json", params={"since": 0}, trust_env=False, timeout=30)
    body = answer.raise_for_status().json()
    entries = body["entries"] if isinstance(body, dict) else body
    first: dict[str, float] = {}
    for entry in entries:
        if entry["channel"] == "fax":
            first.setdefault(entry["to"], datetime.fromisoformat(entry["at"]).timestamp())
    return first


def told(values: list[float]) -> dict[str, float]:
    """A series in figures, milliseconds."""
    figures = {"p50_ms": percentile(values, 0.5), "p95_ms": percentile(values, 0.95), "most_ms": max(values)}
    return {"faxes": len(values), **{name: round(value, 1) for name, value in figures.items()}}


def main(arguments: list[str] | None = None) -> int:
    """Run it. Returns the exit status."""
    return report.run(measure, options(arguments))


if __name__ == "__main__":
    raise SystemExit(main())
