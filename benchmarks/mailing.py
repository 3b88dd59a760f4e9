"""One mailing of ours, from the approval to the last row that says *accepted*. Imported only once Django is set up."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import connection

from benchmarks import population
from benchmarks.frame import Machine, need
from benchmarks.report import BenchmarkFailed, progress
from urgentaction import pipeline
from urgentaction.alerts.models import Alert
from urgentaction.deliveries.rules import State
from urgentaction.supporters.models import Supporter

#: Given up when nothing more has come for so long.
PATIENCE = 90.0
_OPEN = [State.QUEUED.value, State.LEASED.value, State.SENDING.value, State.UNKNOWN.value]


@dataclass(slots=True, kw_only=True)
class Sent:
    """What one mailing took. Seconds are of this process's monotonic clock, but `expanded`, which is the database's."""

    recipients: int
    seconds: float
    expanded: float  # of these, until all rows stood
    rows: dict[str, int]
    rcpts: int
    messages: int
    bytes_each: float
    connections: int
    tasks: int
    cpu_us_each: dict[str, float] = field(default_factory=dict)  # processor time, by program
    rss: dict[str, tuple[float, float]] = field(default_factory=dict)  # now and peak, MB, by worker process

    @property
    def rate(self) -> float:
        return self.recipients / self.seconds

    @property
    def accepted(self) -> int:
        return self.rows.get(State.ACCEPTED.value, 0)

    @property
    def rss_mb(self) -> float | None:
        return max((peak for _, peak in self.rss.values()), default=None)


def grow(total: int) -> None:
    """Have so many supporters, with a bar."""
    if Supporter.objects.count() >= total:
        return
    with progress() as bar:
        task = bar.add_task(f"{total:,} supporters", total=total)
        for standing in population.grow_supporters(total):
            bar.update(task, completed=standing)


def warm_up(machine: Machine, recipients: int = 200) -> None:
    """A small mailing first, so that every process has loaded what it needs. The sink keeps the first message of it."""
    grow(recipients)
    machine.sink.reset()
    machine.sink.look(is_on=True)
    send(machine, recipients, title="warming up")
    machine.sink.look(is_on=False)


def send(
    machine: Machine, recipients: int, *, title: str = "ours", meanwhile: Callable[[int], None] = lambda _: None
) -> Sent:
    """Approve an alert to all supporters, and wait until every row is settled.

    Args:
        recipients: how many supporters there are.
        meanwhile: told again and again how many messages the sink has.

    Raises:
        BenchmarkFailed: it came to a halt.
    """
    alert = population.draft_mailing(population.add_case())
    machine.sink.reset()
    machine.forget_peaks()
    tasks, cpu, began = machine.tasks(), machine.cpu(), time.monotonic()
    pipeline.approve(alert.id, by=population.APPROVER)
    wait(machine, alert.id, recipients, title=title, meanwhile=meanwhile)
    seconds = time.monotonic() - began
    used = machine.cpu()
    counts, rows = machine.sink.counts(), states(alert.id)
    alert = Alert.objects.get(id=alert.id)
    need(alert.started_at and alert.expanded_at, f"alert {alert.number} has no times")
    return Sent(
        recipients=recipients,
        seconds=seconds,
        expanded=(alert.expanded_at - alert.started_at).total_seconds()
        if alert.expanded_at and alert.started_at
        else 0,
        rows=rows,
        rcpts=counts["rcpt"],
        messages=counts["messages"],
        bytes_each=counts["bytes"] / max(counts["messages"], 1),
        connections=counts["connections"],
        tasks=machine.tasks() - tasks,
        cpu_us_each={name: round((used[name] - cpu.get(name, 0.0)) / recipients * 1e6, 1) for name in used},
        rss={name: (memory.now, memory.peak) for name, memory in machine.memory().items()},
    )


def wait(
    machine: Machine, alert_id: uuid.UUID, recipients: int, *, title: str, meanwhile: Callable[[int], None]
) -> None:
    """Until every row of an alert is settled, with a bar. Raises BenchmarkFailed where nothing comes any more."""
    seen, last_news = -1, time.monotonic()
    with progress() as bar:
        task = bar.add_task(f"{title}: {recipients:,} notices", total=recipients)
        while True:
            taken = machine.sink.counts()["messages"]
            bar.update(task, completed=taken)
            meanwhile(taken)
            if taken >= recipients and not has_open(alert_id):
                return
            if taken != seen:
                seen, last_news = taken, time.monotonic()
            if time.monotonic() - last_news > PATIENCE:  # not `need`: its message would count all rows each time
                raise BenchmarkFailed(
                    f"nothing came for {PATIENCE:.0f} s: the sink has {taken:,} of {recipients:,}, the rows are "
                    f"{states(alert_id)}, ended programs: {machine.stack.stopped() or 'none'}"
                )
            time.sleep(0.02)


def has_open(alert_id: uuid.UUID) -> bool:
    """Whether a row of the alert is not settled."""
    statement = "SELECT EXISTS (SELECT 1 FROM deliveries_delivery WHERE alert_id = %s AND state = ANY(%s))"
    with connection.cursor() as cursor:
        cursor.execute(statement, [alert_id, _OPEN])
        return bool(cursor.fetchone()[0])


def states(alert_id: uuid.UUID) -> dict[str, int]:
    """How many rows of an alert stand in which state, counted one by one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT state, count(*) FROM deliveries_delivery WHERE alert_id = %s GROUP BY state", [alert_id])
        return {state: int(count) for state, count in cursor.fetchall()}
