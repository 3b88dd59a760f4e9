"""The table of supporters that people hand in: its columns, and each row checked and in its one spelling.

Must not: ask the database, or repeat anybody's name or address in a message.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from urgentaction.channels.addresses import normalise_email, parse_printed_numbers
from urgentaction.core import clock
from urgentaction.core.csv_table import Row, read_table
from urgentaction.core.encryption import blind_index
from urgentaction.core.errors import InvalidInput, Problem
from urgentaction.core.handed_in import HandedIn
from urgentaction.core.languages import LETTER_LANGUAGES
from urgentaction.core.phrases import say
from urgentaction.core.tables import one_line, time_zone_name

COLUMNS = (
    "name",
    "email",
    "phone",
    "language",
    "time_zone",
    "wants_email",
    "wants_sms",
    "may_override_quiet_hours",
    "quiet_from",
    "quiet_until",
    "consent_source",
    "consented_at",
)
REQUIRED = frozenset(COLUMNS) - {"time_zone", "may_override_quiet_hours", "quiet_from", "quiet_until"}
#: What somebody agreed to, each for itself.
AGREED = ("wants_email", "wants_sms", "may_override_quiet_hours")

_YES, _NO = frozenset({"yes", "true", "1"}), frozenset({"no", "false", "0", ""})
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class SupporterRow:
    """One row, checked and in its one spelling: numbers in E.164, times aware.

    Attributes:
        number: of the row in the table; 1 is the heading.
        email_index, phone_index: keyed hashes by which the person is found again; None where there is no address.
        values: fields of `Supporter` by name.
    """

    number: int
    email_index: bytes | None
    phone_index: bytes | None
    values: Mapping[str, Any]


def read_supporters(file: Path | HandedIn) -> tuple[list[SupporterRow], list[Problem]]:
    """The rows of a table that are in order, and the problems of those that are not. Doesn't ask the database.

    Raises:
        InvalidInput: the file or its heading can't be used.
    """
    table, problems = read_table(file, columns=COLUMNS, required=REQUIRED)
    now = clock.now()
    rows = []
    for row in table:
        found = _read_row(row, problems, now=now)
        if found is not None:
            rows.append(found)
    return rows, problems


def _read_row(row: Row, problems: list[Problem], *, now: datetime) -> SupporterRow | None:
    before = len(problems)

    def read(column: str, parse: Callable[[str], _Value], default: _Value) -> _Value:
        try:
            return parse(row.cells[column])
        except InvalidInput as error:
            problems.extend(Problem(row.where(column), problem.message) for problem in error.problems)
            return default

    zone = read("time_zone", _time_zone, "UTC")
    values: dict[str, Any] = {
        "name": read("name", _name, ""),
        "email": read("email", _email, ""),
        "phone": read("phone", _phone, ""),
        "language": read("language", _language, ""),
        "time_zone": zone,
        **{column: read(column, _yes_or_no, default=False) for column in AGREED},
        "quiet_from": read("quiet_from", _clock_time, None),
        "quiet_until": read("quiet_until", _clock_time, None),
        "consent_source": read("consent_source", _consent_source, ""),
        "consented_at": read("consented_at", lambda text: _moment(text, zone, now), now),
    }
    problems += _contradictions(row, values)
    if len(problems) > before:
        return None
    return SupporterRow(
        number=row.number,
        email_index=blind_index("email", values["email"]) if values["email"] else None,
        phone_index=blind_index("phone", values["phone"]) if values["phone"] else None,
        values=values,
    )


def _contradictions(row: Row, values: Mapping[str, Any]) -> list[Problem]:
    """What is wrong between cells. Whether a cell is empty is asked of the table, since a faulty one was reported."""
    problems = []
    if not row.cells["email"] and not row.cells["phone"]:
        problems.append(
            Problem(row.where("email"), say("there is neither a mail address nor a number; give one, or both"))
        )
    elif values["wants_email"] and not row.cells["email"]:
        problems.append(
            Problem(row.where("email"), say("is empty, and wants_email says yes; add the address or write no"))
        )
    elif values["wants_sms"] and not row.cells["phone"]:
        problems.append(
            Problem(row.where("phone"), say("is empty, and wants_sms says yes; add the number or write no"))
        )
    begins, ends = row.cells["quiet_from"], row.cells["quiet_until"]
    if bool(begins) != bool(ends):
        column = "quiet_until" if begins else "quiet_from"
        problems.append(Problem(row.where(column), say("is empty; quiet hours need both ends, or neither")))
    elif values["quiet_from"] is not None and values["quiet_from"] == values["quiet_until"]:
        problems.append(
            Problem(row.where("quiet_until"), say("is the same as quiet_from; empty both if there is no quiet"))
        )
    return problems


def _name(text: str) -> str:
    name = one_line(text)
    if len(name) > 200:
        raise InvalidInput.of("", say("has %(count)s characters; at most 200 are kept", count=len(name)))
    return name


def _email(text: str) -> str:
    return normalise_email(text) if text else ""


def _phone(text: str) -> str:
    if not text:
        return ""
    try:
        numbers = parse_printed_numbers(text)
    except InvalidInput:
        numbers = []
    if len(numbers) != 1:
        # The number itself is not repeated: unlike an office's it is nobody else's business.
        raise InvalidInput.of(
            "",
            say("is not one telephone number that can be dialled; write it like +44 20 7946 0123, without extension"),
        )
    return numbers[0]


def _language(text: str) -> str:
    if text not in LETTER_LANGUAGES:
        shown = say("“%(text)s” is not a language we write in", text=text[:20]) if text else say("is empty")
        raise InvalidInput.of(
            "",
            say(
                "%(shown)s; choose from %(letter_languages)s", shown=shown, letter_languages=", ".join(LETTER_LANGUAGES)
            ),
        )
    return text


def _time_zone(text: str) -> str:
    return time_zone_name(text) if text else "UTC"


def _yes_or_no(text: str) -> bool:
    word = text.lower()
    if word not in _YES | _NO:
        raise InvalidInput.of("", say("“%(text)s” is neither yes nor no; write one of these", text=text[:20]))
    return word in _YES


def _clock_time(text: str) -> time | None:
    if not text:
        return None
    found = re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?::00)?", text)
    if found is None:
        raise InvalidInput.of("", say("“%(text)s” is not a time; write it like 22:00", text=text[:20]))
    return time(int(found[1]), int(found[2]))


def _consent_source(text: str) -> str:
    source = one_line(text)
    if not source or len(source) > 120:
        problem = say("has %(count)s characters", count=len(source)) if source else say("is empty")
        raise InvalidInput.of(
            "", say("%(problem)s; say in up to 120 characters where the consent was given", problem=problem)
        )
    return source


def _moment(text: str, zone: str, now: datetime) -> datetime:
    """A day (its beginning in the supporter's time zone) or a time with offset; never one to come."""
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            found = datetime.combine(date.fromisoformat(text), time(), ZoneInfo(zone))
        else:
            found = datetime.fromisoformat(text)
    except ValueError:
        shown = say("“%(text)s” is not a day or time", text=text[:40]) if text else say("is empty")
        raise InvalidInput.of(
            "", say("%(shown)s; write it like 2024-05-03 or 2024-05-03T10:00+09:00", shown=shown)
        ) from None
    if found.tzinfo is None:
        raise InvalidInput.of("", say("has no time zone; write it like 2024-05-03T10:00+09:00, or the day alone"))
    if found > now:
        raise InvalidInput.of("", say("%(text)s is in the future; correct the date", text=text))
    return found.astimezone(UTC)
