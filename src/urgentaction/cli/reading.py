"""What people type: days, moments, lists of words, places in a list. Every fault names its option and what to write."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time
from typing import TypeVar

from urgentaction.core.errors import InvalidInput

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")


def day(text: str, *, option: str) -> date:
    """A calendar day, `2015-11-24`. Raises InvalidInput."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput.of(option, f"“{text[:40]}” is not a day; write it like 2015-11-24") from None


def moment(text: str, *, option: str) -> datetime:
    """A moment with its time zone, `2015-11-24T09:00+08:00`; a day alone means its last second (UTC).

    Raises:
        InvalidInput: neither, or a time without a zone.
    """
    written = text.strip()
    try:
        return datetime.combine(date.fromisoformat(written), time(23, 59, 59), UTC)
    except ValueError:
        pass  # not a day: then a day with a time
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        raise InvalidInput.of(
            option, f"“{text[:40]}” is not a time; write it like 2015-11-24T09:00+08:00 or 2015-11-24T01:00Z"
        ) from None
    if found.utcoffset() is None:
        raise InvalidInput.of(option, f"“{text[:40]}” has no time zone; add one: {found.isoformat()}+08:00 or …Z")
    return found


def words(text: str) -> list[str]:
    """`fax, email` → ["fax", "email"]; each once, in the order given."""
    return list(dict.fromkeys(word.strip().lower() for word in text.split(",") if word.strip()))


def one_of(text: str, allowed: Iterable[str], *, option: str) -> str:
    """A word out of a closed list. Raises InvalidInput with the list."""
    choices = list(allowed)
    if text.strip().lower() not in choices:
        raise InvalidInput.of(option, f"“{text[:40]}” is not one of {', '.join(choices)}")
    return text.strip().lower()


def more(after: object) -> list[str]:
    """What to say below a page: how to see the next one; nothing at the end (None)."""
    return [] if after is None else [f"More: --after {after}"]


def together(
    first: Callable[[], A], second: Callable[[], B], third: Callable[[], C], fourth: Callable[[], D]
) -> tuple[A, B, C, D]:
    """Read four options, so that one round of corrections is enough. Raises InvalidInput with all their faults."""
    errors: list[InvalidInput] = []
    readers: tuple[Callable[[], object], ...] = (first, second, third, fourth)
    for read in readers:
        try:
            read()
        except InvalidInput as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]  # with the exit code of its kind
    if errors:
        raise InvalidInput([problem for error in errors for problem in error.problems])
    # Reading is cheap and has no effect, so a second time is simpler than keeping values of four types.
    return first(), second(), third(), fourth()
