"""Files that people hand in: records (TOML), read strictly, and the report of what became of them (CSV: `csv_table`).

Owns: size, encoding and shape of such files, the checks that several rooms need, and `ImportReport`. A fault is a
`Problem` that names file, row and column; readers collect all of them, so that one round of corrections is enough.
Must not: know any room's models, or write anything.
"""

from __future__ import annotations

import difflib
import hashlib
import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypeVar
from zoneinfo import available_timezones

from babel import Locale
from babel.core import UnknownLocaleError
from django.db import connection, models
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from .errors import Conflict, InvalidInput, Problem
from .handed_in import decoded
from .phrases import say

#: Far above any directory or case text.
MOST_TEXT_BYTES = 2 * 1024 * 1024
_IMPORT_LOCK = 0x55_41_02  # "UA": see accounts.service for the first of these
#: CLDR's own codes for what is no country: unknown, test scripts, unions.
_NO_COUNTRIES = frozenset({"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"})


# --- What became of it ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, in rows of the database, and what its user should know besides."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class Tally:
    """An ImportReport in the making."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    warnings: list[str] = field(default_factory=list)

    def count_change(self, *, is_changed: bool) -> None:
        """Count a row that was there already."""
        if is_changed:
            self.updated += 1
        else:
            self.unchanged += 1

    def report(self) -> ImportReport:
        """What stands now."""
        return ImportReport(self.created, self.updated, self.unchanged, tuple(self.warnings))


def news_in(row: models.Model, values: Mapping[str, object]) -> dict[str, object]:
    """Those of the values that a stored row does not have yet."""
    return {name: value for name, value in values.items() if getattr(row, name) != value}


def change_row(row: models.Model, values: Mapping[str, object]) -> bool:
    """Give a stored row these values and save it if any is new; False if it had them all."""
    fresh = news_in(row, values)
    for name, value in fresh.items():
        setattr(row, name, value)
    if fresh:
        row.save()
    return bool(fresh)


def claim_import() -> None:
    """Be the only import until the caller's transaction ends: two at once would each miss the other's rows.

    Raises:
        Conflict: another one is running.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_IMPORT_LOCK])
        is_free = cursor.fetchone()[0]
    if not is_free:
        raise Conflict.of(
            "import", say("another import is running; wait until it has ended, then start this one again")
        )


# --- Text -------------------------------------------------------------------------------------------------------------


def read_text(path: Path, *, most_bytes: int = MOST_TEXT_BYTES) -> str:
    """A file's text. A byte order mark in front is dropped; line ends stay as they are.

    Raises:
        InvalidInput: no such file, too large, not UTF-8, or binary.
    """
    name = path.name
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise InvalidInput.of(name, say("is no file; name the file itself"))
        if size > most_bytes:
            raise InvalidInput.of(
                name,
                say(
                    "has %(size)s bytes; at most %(most_bytes)s are read. Split the file",
                    size=f"{size:,}",
                    most_bytes=f"{most_bytes:,}",
                ),
            )
        content = path.read_bytes()
    except OSError as error:
        raise InvalidInput.of(
            name, say("can't be read (%(strerror)s); check the path and the permissions", strerror=error.strerror)
        ) from error
    return decoded(content, name)


def file_sha256(*paths: Path) -> str:
    """A fingerprint of what was imported, for the audit log."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()


# --- Records ----------------------------------------------------------------------------------------------------------


class Record(BaseModel):
    """A table of a TOML file. TOML has types, so nothing is converted; a key that is not known is a fault."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


_RecordT = TypeVar("_RecordT", bound=Record)
_Parsed = TypeVar("_Parsed")

_WORDS_FOR: Mapping[str, str] = {
    "missing": "is missing; add it",
    "extra_forbidden": "is not known here; correct the spelling or take it out",
    "string_too_short": "is empty; write it",
    "too_short": "is empty; write at least one",
    "string_type": "must be text in quotation marks",
    "int_type": "must be a whole number, without quotation marks",
    "bool_type": "must be true or false, without quotation marks",
    "date_type": "must be a day such as 2015-11-24, without quotation marks",
    "time_type": "must be a time such as 09:00:00, without quotation marks",
    "datetime_type": "must be a time such as 2015-11-24T09:00:00Z, without quotation marks",
    "timezone_aware": "needs its time zone: 2015-11-24T09:00:00Z or …+09:00",
    "list_type": "must be a list: [ … ]",
    "dict_type": 'must be a table with a text for each language: { en = "…" }',
    "model_type": "must be a table with keys",
}


def read_record(path: Path, shape: type[_RecordT]) -> _RecordT:
    """A TOML file of this shape.

    Raises:
        InvalidInput: all that is wrong with it; each problem says where (`directory.toml, office 2 (th-pm), slug`).
    """
    name = path.name
    text = read_text(path)
    try:
        data = tomllib.loads(text.replace("\r\n", "\n"))
    except RecursionError as error:
        raise InvalidInput.of(
            name, say("has lists within lists beyond measure; write it as the samples are")
        ) from error
    except ValueError as error:  # TOMLDecodeError is one; a number of thousands of digits is another
        raise InvalidInput.of(name, say("is not valid TOML: %(error)s", error=error)) from error
    return shaped(name, data, shape)


def shaped(name: str, data: object, shape: type[_RecordT]) -> _RecordT:
    """`data` as a record; `name` begins the place of each problem. Raises InvalidInput."""
    try:
        return shape.model_validate(data)
    except ValidationError as error:
        raise InvalidInput([_problem(name, data, detail) for detail in error.errors()]) from None


def place_in(name: str, data: Any, location: Iterable[int | str]) -> str:
    """`directory.toml, office 2 (th-pm), contact_point 1, dial_value`: list items counted from 1, with their key."""
    parts: list[str] = [name]
    for step in location:
        if step == "[key]":  # pydantic's mark for “the key itself, not its value”
            continue
        data = _step_into(data, step)
        if isinstance(step, int):
            key = data.get("slug") or data.get("key") if isinstance(data, dict) else None
            parts[-1] += f" {step + 1}" + (f" ({key})" if isinstance(key, str) else "")
        else:
            parts.append(step)
    return ", ".join(parts)


def _step_into(data: Any, step: int | str) -> Any:
    try:
        return data[step]
    except (KeyError, IndexError, TypeError):
        return None


def _problem(name: str, data: Any, detail: ErrorDetails) -> Problem:
    words = _WORDS_FOR.get(detail["type"], detail["msg"])
    if limit := detail.get("ctx", {}).get("max_length"):
        words = f"is longer than {limit}; shorten it"
    return Problem(place_in(name, data, detail["loc"]), words)


# --- Checks that several rooms need: each takes text, returns it in its one spelling, or raises InvalidInput ----------


def one_line(text: str) -> str:
    """Text without blanks around it, composed (NFC). Control characters and line breaks have no place in it."""
    found = unicodedata.normalize("NFC", text.strip())
    if any(unicodedata.category(character) in {"Cc", "Zl", "Zp"} for character in found):
        raise InvalidInput.of("", say("has a line break or control character in it; take it out"))
    return found


@cache
def country_codes() -> frozenset[str]:
    """Every ISO 3166-1 alpha-2 code."""
    codes = {str(code) for code in Locale("en").territories}
    return frozenset(code for code in codes if len(code) == 2 and code.isalpha()) - _NO_COUNTRIES


def country_code(text: str) -> str:
    """An ISO 3166-1 alpha-2 code, in capitals."""
    code = text.strip().upper()
    if code not in country_codes():
        raise InvalidInput.of(
            "", say("“%(text)s” is not a country; write its two letters (ISO 3166: KR, TH, GB)", text=text[:20])
        )
    return code


def language_code(text: str) -> str:
    """A language tag that CLDR knows: `en`, `ko`, `pt-BR`."""
    try:
        Locale.parse(text, sep="-")
    except (UnknownLocaleError, ValueError, TypeError):
        raise InvalidInput.of(
            "", say("“%(text)s” is not a language; write its code: en, ko, fr", text=text[:20])
        ) from None
    return text


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def time_zone_name(text: str) -> str:
    """An IANA time zone."""
    if text not in _time_zones():
        near = difflib.get_close_matches(text, sorted(_time_zones()), n=1)
        hint = say("did you mean %(near)s?", near=near[0]) if near else say("write it like Asia/Seoul or Europe/London")
        raise InvalidInput.of("", say("“%(text)s” is not a time zone; %(hint)s", text=text[:40], hint=hint))
    return text


def slug(text: str) -> str:
    """A short name for use in files and addresses: `kr-president`."""
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", text) or len(text) > 80:
        raise InvalidInput.of(
            "", say("“%(text)s” must be lower-case letters and digits with single hyphens between", text=text[:40])
        )
    return text


def in_record(check: Callable[[_Parsed], _Parsed]) -> AfterValidator:
    """One of these checks, for a field of a `Record`."""

    def checked(value: _Parsed) -> _Parsed:
        try:
            return check(value)
        except InvalidInput as error:
            # The field's own place is known to the reader; what the check called it is not repeated.
            words = "; ".join(problem.message for problem in error.problems)
            raise PydanticCustomError("refused", "{words}", {"words": words}) from error

    return AfterValidator(checked)


def _with_english(texts: dict[str, _Parsed]) -> dict[str, _Parsed]:
    if texts and "en" not in texts:
        raise InvalidInput.of("", say("the English text is missing; add `en = …`"))
    return texts


Language = Annotated[str, in_record(language_code)]
Country = Annotated[str, in_record(country_code)]
TimeZone = Annotated[str, in_record(time_zone_name)]
Slug = Annotated[str, in_record(slug)]
Line = Annotated[str, StringConstraints(max_length=400), in_record(one_line)]
Words = Annotated[str, StringConstraints(min_length=1, max_length=400), in_record(one_line)]
#: `{language: text}`; where there is any text, there is an English one.
Texts = Annotated[dict[Language, Words], in_record(_with_english)]
#: The same, where a text has to be there.
Named = Annotated[Texts, Field(min_length=1)]
