"""Import of supporters: a CSV table, one person a row.

An import is one transaction, all or nothing, and importing the same table again changes nothing. A person is
recognised by mail address, else by telephone number. An import can take back what somebody agreed to; it gives it
again only with a later `consented_at`, so a table of last year does not undo an unsubscription of today.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q

from urgentaction.accounts.service import record_audit
from urgentaction.channels.contract import Channel, Mode
from urgentaction.channels.guard import is_reserved
from urgentaction.core import clock
from urgentaction.core.errors import InvalidInput, Problem
from urgentaction.core.handed_in import HandedIn
from urgentaction.core.ids import uuid7
from urgentaction.core.phrases import say
from urgentaction.core.tables import (
    ImportReport,
    Tally,
    change_row,
    claim_import,
    file_sha256,
    news_in,
)

from .models import Supporter, Suppression
from .rules import SuppressionReason
from .table import AGREED, SupporterRow, read_supporters

#: Rows read or written with one statement.
CHUNK = 1000
#: Row numbers that a warning names before it only counts.
MOST_ROWS_NAMED = 20


@dataclass(frozen=True, slots=True)
class Checked:
    """What an import would do, and all that is wrong with its table. `rows`: that are in order."""

    report: ImportReport
    problems: tuple[Problem, ...]
    rows: int


def check_supporters(file: Path | HandedIn) -> Checked:
    """What `import_supporters` would do with this table now. Writes nothing, and holds nobody up.

    Raises:
        InvalidInput: the file or its heading can't be used.
    """
    rows, problems = read_supporters(file)
    problems += _repeated(rows, file.name)
    tally = Tally()
    known = _known(rows, file.name, problems, is_locked=False)
    left_out = _warn_of_suppressed(rows, known, tally)
    if settings.MODE is Mode.SANDBOX:
        _warn_of_real_addresses(rows, tally)
    _store(rows, known, left_out, tally, is_dry=True)
    return Checked(tally.report(), tuple(sorted(problems, key=row_of)), len(rows))


def import_supporters(file: Path | HandedIn, *, by: str) -> ImportReport:
    """Take over supporters from a CSV table (docs/importing.md describes its columns).

    Args:
        by: who does it, as the audit log names them.

    Returns:
        How many supporters were created, updated and left alone. Warnings name rows, never people.

    Raises:
        InvalidInput: everything wrong with the table, with row and column; nothing was written.
        Conflict: another import is running.
    """
    rows, problems = read_supporters(file)
    problems += _repeated(rows, file.name)
    with transaction.atomic():
        claim_import()
        known = _known(rows, file.name, problems)
        if problems:
            raise InvalidInput(sorted(problems, key=row_of))
        tally = Tally()
        left_out = _warn_of_suppressed(rows, known, tally)
        if settings.MODE is Mode.SANDBOX:
            _warn_of_real_addresses(rows, tally)
        _store(rows, known, left_out, tally)
        report = tally.report()
        record_audit(
            by,
            "supporters.import",
            f"file:{file.name}",
            sha256=file.sha256 if isinstance(file, HandedIn) else file_sha256(file),
            created=report.created,
            updated=report.updated,
            unchanged=report.unchanged,
        )
    return report


# --- Comparing --------------------------------------------------------------------------------------------------------


def _repeated(rows: Iterable[SupporterRow], name: str) -> list[Problem]:
    """Addresses that stand in two rows of the table."""
    seen: dict[tuple[str, bytes], int] = {}
    problems = []
    for row in rows:
        for column, index in (("email", row.email_index), ("phone", row.phone_index)):
            if index is None:
                continue
            first = seen.setdefault((column, index), row.number)
            if first != row.number:
                where = f"{name}, row {row.number}, column {column}"
                problems.append(
                    Problem(where, say("is in row %(first)s already; keep one of the two rows", first=first))
                )
    return problems


def _known(
    rows: Sequence[SupporterRow], name: str, problems: list[Problem], *, is_locked: bool = True
) -> dict[int, Supporter]:
    """Supporters that are there already, by row number; contradictions go to `problems`."""
    known: dict[int, Supporter] = {}
    taken: dict[uuid.UUID, int] = {}
    for chunk in _chunks(rows):
        by_email = _by_index("email_index", [row.email_index for row in chunk], is_locked=is_locked)
        by_phone = _by_index("phone_index", [row.phone_index for row in chunk], is_locked=is_locked)
        for row in chunk:
            one = by_email.get(row.email_index) if row.email_index else None
            other = by_phone.get(row.phone_index) if row.phone_index else None
            found = one or other
            if found is None:
                continue
            where = f"{name}, row {row.number}, column phone"
            if one and other and one.id != other.id:
                words = say("belongs to another supporter than the mail address does; correct one of the two")
                problems.append(Problem(where, words))
            elif (first := taken.setdefault(found.id, row.number)) != row.number:
                words = say("belongs to the supporter of row %(first)s; keep one of the two rows", first=first)
                problems.append(Problem(where if other else where.replace("phone", "email"), words))
            else:
                known[row.number] = found
    return known


def _by_index(field: str, indexes: Iterable[bytes | None], *, is_locked: bool) -> dict[bytes, Supporter]:
    wanted = [index for index in indexes if index]
    rows = Supporter.objects.select_for_update() if is_locked else Supporter.objects.all()
    found = rows.filter(**{f"{field}__in": wanted})
    return {bytes(getattr(supporter, field)): supporter for supporter in found}


def _warn_of_suppressed(rows: Sequence[SupporterRow], known: Mapping[int, Supporter], tally: Tally) -> set[int]:
    """Warn of addresses that get nothing any more. Returns the rows to leave out: people who had themselves erased."""
    suppressed: list[int] = []
    left_out: set[int] = set()
    for chunk in _chunks(rows):
        pairs = {
            (channel, index): row
            for row in chunk
            for channel, index in ((Channel.EMAIL.value, row.email_index), (Channel.SMS.value, row.phone_index))
            if index
        }
        stops = Suppression.objects.filter(lifted_at=None, address_index__in={index for _, index in pairs})
        for stop in stops.filter(Q(expires_at=None) | Q(expires_at__gt=clock.database_now())):
            row = pairs.get((stop.channel, bytes(stop.address_index)))
            if row is None:
                continue
            is_older = row.values["consented_at"] <= stop.created_at
            if stop.reason == SuppressionReason.ERASED and is_older and row.number not in known:
                left_out.add(row.number)
            else:
                suppressed.append(row.number)
    if suppressed:
        tally.warnings.append(f"{_named(suppressed)}: an address is on the suppression list and gets nothing")
    if left_out:
        tally.warnings.append(f"{_named(left_out)}: left out; these people asked to be forgotten after they agreed")
    return left_out


def _warn_of_real_addresses(rows: Iterable[SupporterRow], tally: Tally) -> None:
    real = [
        row.number
        for row in rows
        if (row.values["email"] and not is_reserved(Channel.EMAIL, row.values["email"]))
        or (row.values["phone"] and not is_reserved(Channel.SMS, row.values["phone"]))
    ]
    if real:
        tally.warnings.append(
            f"{_named(real)}: an address is outside the reserved test ranges; in sandbox mode nothing is sent there"
        )


def _named(numbers: Iterable[int]) -> str:
    in_order = sorted(set(numbers))
    named = ", ".join(str(number) for number in in_order[:MOST_ROWS_NAMED])
    if len(in_order) > MOST_ROWS_NAMED:
        named += f", … ({len(in_order):,} in all)"
    return f"row{'s' if len(in_order) > 1 else ''} {named}"


def row_of(problem: Problem) -> int:
    """The row of the table that a problem is about; 0 where it is about the file."""
    found = re.search(r", row ([0-9]+)", problem.field)
    return int(found[1]) if found else 0


# --- Storing ----------------------------------------------------------------------------------------------------------


def _store(
    rows: Sequence[SupporterRow],
    known: Mapping[int, Supporter],
    left_out: set[int],
    tally: Tally,
    *,
    is_dry: bool = False,
) -> None:
    """Write the rows; `is_dry`: only count what that would do."""
    not_agreed: list[int] = []
    # Ids sort by time, but not within a millisecond; sorted, they keep supporters in the order of the table.
    ids = iter(sorted(uuid7() for _ in rows))
    for chunk in _chunks(rows):
        fresh = []
        for row in chunk:
            if row.number in left_out:
                continue
            supporter = known.get(row.number)
            if supporter is None:
                fresh.append(Supporter(id=next(ids), created_at=clock.now(), **row.values))
                continue
            values = _with_consent(supporter, row)
            if any(row.values[column] and not values[column] for column in AGREED):
                not_agreed.append(row.number)
            tally.count_change(is_changed=bool(news_in(supporter, values)) if is_dry else change_row(supporter, values))
        if not is_dry:
            _write(fresh)
        tally.created += len(fresh)
    if not_agreed:
        tally.warnings.append(
            f"{_named(not_agreed)}: what was taken back stays so; to agree again needs a later consented_at"
        )


def _write(fresh: Iterable[Supporter]) -> None:
    """New rows, by COPY: for a hundred thousand of them an INSERT takes most of a worker's time limit."""
    fields = Supporter._meta.concrete_fields
    columns = ", ".join(str(field.column) for field in fields)
    statement = f"COPY {Supporter._meta.db_table} ({columns}) FROM STDIN"
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(statement) as copy:
        for row in fresh:
            copy.write_row([field.get_db_prep_save(field.pre_save(row, add=True), connection) for field in fields])


def _with_consent(supporter: Supporter, row: SupporterRow) -> dict[str, Any]:
    """The row's values, except that a consent that is not newer gives nothing that was not given before."""
    values = dict(row.values)
    if not values["email"]:
        values["email"] = supporter.email
    if not values["phone"]:
        values["phone"] = supporter.phone
    if values["consented_at"] > supporter.consented_at:
        return values
    for column in AGREED:
        values[column] = values[column] and getattr(supporter, column)
    values |= {"consented_at": supporter.consented_at, "consent_source": supporter.consent_source}
    return values


def _chunks(rows: Sequence[SupporterRow]) -> Iterator[Sequence[SupporterRow]]:
    for start in range(0, len(rows), CHUNK):
        yield rows[start : start + CHUNK]
