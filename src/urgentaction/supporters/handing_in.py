"""Tables of supporters that come through the console: checked first, taken in only after a person's yes.

    hand_in ─> check ─> (refused) or checked ─> agree ─> take ─> taken
                                          └──> drop

A table of a hundred thousand rows takes a minute, so a worker checks and takes it; a short one is done while its
sender waits. A step is written down together with what it did, so a worker that is killed leaves nothing half done,
and the sweeper hints at the table again. The text is sealed in its row and goes as soon as it is not needed.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from urgentaction.accounts.service import record_audit
from urgentaction.core import clock
from urgentaction.core.enqueue import Task, enqueue
from urgentaction.core.errors import Conflict, InvalidInput, NotFound, Problem
from urgentaction.core.handed_in import HandedIn, decoded
from urgentaction.core.phrases import Code, Said, say
from urgentaction.core.tables import ImportReport

from .importing import check_supporters, import_supporters, row_of
from .models import HandedInTable, TableState
from .segments import forget_counts

#: What a browser may hand in: 100,000 rows have about 15 MB. Longer tables: `urgentaction import supporters`.
MOST_BYTES = 20 * 1024 * 1024
MOST_LINES = 100_000
#: Done while its sender waits (a second or two); longer ones are a worker's.
SHORT = 2000
#: Problems that are kept of a table; the others are counted.
MOST_PROBLEMS = 1000
#: A table nobody decided on goes after that.
LIFETIME = timedelta(hours=24)
#: A hint that nobody took for so long is sent again.
HINT_AFTER = timedelta(seconds=15)
_UNDONE = (TableState.HANDED_IN.value, TableState.AGREED.value)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a table. `row` 0: with the file. `template`, `values`: what the message was made of."""

    row: int
    column: str
    message: str
    template: str = ""
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def said(self) -> str:
        """The message, with what it was made of."""
        return Said.of(self.template, self.values) if self.template else self.message


@dataclass(frozen=True, slots=True)
class Report:
    """What a table would do, or did; of a faulty one all that is wrong, without anybody's name or address.

    Attributes:
        faults: the first `MOST_PROBLEMS`, by row; `more_faults` is how many there are besides.
        refused: rows with a fault.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    warnings: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    more_faults: int = 0

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Report:
        """What `HandedInTable.report` holds."""
        faults = tuple(Fault(**fault) for fault in data.get("faults", ()))
        return cls(**{**data, "faults": faults, "warnings": tuple(data.get("warnings", ()))})


def hand_in(name: str, content: bytes, *, by: str) -> HandedInTable:
    """Keep a table and have it checked: a short one at once, a long one by a worker.

    Args:
        name: of the file, for messages.
        by: who, as the audit log names people.

    Raises:
        InvalidInput: no text, empty, or too long to be handed in so.
    """
    name = re.sub(r"[^\w .()-]", "_", name)[-120:].strip() or "table.csv"
    if len(content) > MOST_BYTES:
        raise InvalidInput.of(
            name,
            say(
                "has %(count)s bytes; at most %(most_bytes)s are taken here. %(rest)s",
                count=f"{len(content):,}",
                most_bytes=f"{MOST_BYTES:,}",
                rest=_ELSE,
            ),
        )
    file = HandedIn(name, decoded(content, name))
    lines = file.text.count("\n") + 1
    if not file.text.strip():
        raise InvalidInput.of(name, say("is empty; its first row names the columns"))
    if lines > MOST_LINES:
        raise InvalidInput.of(
            name,
            say(
                "has %(lines)s rows; at most %(most_lines)s are taken here. %(rest)s",
                lines=f"{lines:,}",
                most_lines=f"{MOST_LINES:,}",
                rest=_ELSE,
            ),
        )
    with transaction.atomic():
        table = HandedInTable.objects.create(
            name=name,
            sha256=file.sha256,
            sealed=file.text,
            state=TableState.HANDED_IN.value,
            lines=lines,
            handed_in_by=by,
            handed_in_at=clock.now(),
        )
        record_audit(by, "supporters.hand_in", f"table:{table.id}", sha256=table.sha256, lines=lines)
    return _next_step_of(table)


_ELSE = say("Split the table, or use `urgentaction import supporters`")


def agree(table_id: uuid.UUID, *, by: str) -> HandedInTable:
    """A person's yes to what the check reported; a short table is taken in at once. Raises NotFound, Conflict."""
    with transaction.atomic():
        table = _locked(table_id)
        if table.state != TableState.CHECKED:
            raise Conflict.of(
                "table",
                say("it is %(state)s; only a checked table can be taken in", state=Code.of("table-state", table.state)),
            )
        table.state, table.decided_by, table.begun_at = TableState.AGREED.value, by, None
        table.save(update_fields=["state", "decided_by", "begun_at"])
    return _next_step_of(table)


@transaction.atomic
def drop(table_id: uuid.UUID, *, by: str) -> HandedInTable:
    """Nobody wants it: its text goes, nothing was written. Raises NotFound, Conflict."""
    table = _locked(table_id)
    if table.ended_at is not None or table.state == TableState.AGREED:
        raise Conflict.of(
            "table", say("it is %(state)s; there is nothing to drop", state=Code.of("table-state", table.state))
        )
    table.decided_by = by
    _end(table, TableState.DROPPED)
    record_audit(by, "supporters.drop", f"table:{table.id}")
    return table


def work_on(table_id: uuid.UUID) -> bool:
    """Take a table's next step, unless another worker is at it. False where there was nothing to do.

    Whatever goes wrong with the table itself stands in its report afterwards; nothing is raised for it.
    """
    begun = clock.read_database_now()
    if not HandedInTable.objects.filter(_is_free(begun), id=table_id, state__in=_UNDONE).update(begun_at=begun):
        return False
    table = HandedInTable.objects.get(id=table_id)
    try:
        if table.state == TableState.HANDED_IN:
            _check(table)
        else:
            _take(table)
    except Conflict:  # another import is running; the sweeper comes by again
        HandedInTable.objects.filter(id=table_id, begun_at=begun).update(begun_at=None)
        return False
    except InvalidInput as refusal:
        _report(table, ImportReport(), refusal.problems)
        _end(table, TableState.REFUSED)
    return True


def look_after() -> int:
    """For the sweeper: drop tables that nobody decided on, hint at those whose hint was lost. Returns how many."""
    now = clock.read_database_now()
    still = HandedInTable.objects.filter(_is_free(now), ended_at=None).defer("sealed")
    overdue = list(still.filter(handed_in_at__lt=now - LIFETIME)[:10])
    for table in overdue:
        _end(table, TableState.DROPPED)
    waiting = still.filter(state__in=_UNDONE, handed_in_at__lt=now - HINT_AFTER)[:10]
    for table in waiting:
        enqueue(Task.TAKE_IN_TABLE, str(table.id))
    return len(overdue) + len(waiting)


def table_called(table_id: uuid.UUID) -> HandedInTable:
    """One table without its text. Raises NotFound."""
    table = HandedInTable.objects.defer("sealed").filter(id=table_id).first()
    if table is None:
        raise NotFound.of("table", f"there is no table {table_id}")
    return table


def latest_tables(limit: int = 20) -> list[HandedInTable]:
    """What was handed in lately, the latest first, without the texts."""
    return list(HandedInTable.objects.defer("sealed").order_by("-id")[:limit])


def _next_step_of(table: HandedInTable) -> HandedInTable:
    if table.lines > SHORT:
        enqueue(Task.TAKE_IN_TABLE, str(table.id))
        return table
    work_on(table.id)
    return table_called(table.id)


def _is_free(now: datetime) -> Q:
    """No worker is at it: none has begun, or the one that did has been ended by its time limit."""
    return Q(begun_at=None) | Q(begun_at__lt=now - timedelta(seconds=settings.TASK_HARD_SECONDS))


def _check(table: HandedInTable) -> None:
    checked = check_supporters(HandedIn(table.name, table.sealed))
    _report(table, checked.report, list(checked.problems))
    if checked.problems:
        _end(table, TableState.REFUSED)
        return
    table.state, table.begun_at = TableState.CHECKED.value, None
    table.save(update_fields=["state", "begun_at", "report"])


@transaction.atomic
def _take(table: HandedInTable) -> None:
    report = import_supporters(HandedIn(table.name, table.sealed), by=table.decided_by)
    _report(table, report, [])
    _end(table, TableState.TAKEN)
    forget_counts()


def _report(table: HandedInTable, report: ImportReport, problems: list[Problem]) -> None:
    faults = [_fault(problem) for problem in problems]
    table.report = asdict(
        Report(
            created=report.created,
            updated=report.updated,
            unchanged=report.unchanged,
            refused=len({fault.row for fault in faults if fault.row > 1}),
            warnings=report.warnings,
            faults=tuple(faults[:MOST_PROBLEMS]),
            more_faults=max(0, len(faults) - MOST_PROBLEMS),
        )
    )


def _fault(problem: Problem) -> Fault:
    column = re.search(r", column (\w+)$", problem.field)
    said, where = problem.message, (row_of(problem), column[1] if column else "")
    if isinstance(said, Said):
        return Fault(*where, str(said), said.template, dict(said.values))
    return Fault(*where, said)


def _end(table: HandedInTable, state: TableState) -> None:
    table.state, table.sealed, table.ended_at, table.begun_at = state.value, "", clock.now(), None
    table.save(update_fields=["state", "sealed", "ended_at", "begun_at", "report", "decided_by"])


def _locked(table_id: uuid.UUID) -> HandedInTable:
    table = HandedInTable.objects.select_for_update().defer("sealed").filter(id=table_id).first()
    if table is None:
        raise NotFound.of("table", f"there is no table {table_id}")
    return table
