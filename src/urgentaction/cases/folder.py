"""The folder of a case that people hand in: the shape of `case.toml` and of its texts, and what is wrong with them.

Must not: ask the database.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Annotated

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from pydantic import AwareDatetime, Field, StringConstraints

from urgentaction.core import clock
from urgentaction.core.errors import InvalidInput, Problem
from urgentaction.core.tables import (
    Country,
    Line,
    Named,
    Record,
    Slug,
    Texts,
    file_sha256,
    in_record,
    language_code,
    read_record,
    read_text,
)

from .queries import Shown
from .vocabulary import Confidence, Status, parse_confidence, parse_country_role, parse_status

CASE_FILE = "case.toml"
TEXTS_FOLDER = "texts"

#: Raises InvalidInput for a text that can't be used; its problems name lines.
CheckText = Callable[[str], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryStep:
    """One update of a sample case, to be replayed.

    Attributes:
        is_in_demo: whether `urgentaction demo` plays it.
    """

    status: Status
    confidence: Confidence
    as_of: date
    place: str
    is_in_demo: bool


def _reference(text: str) -> str:
    if not re.fullmatch(r"UA-[0-9]{4}-[0-9]{4}", text):
        raise InvalidInput.of("", f"“{text[:30]}” is not a reference; write it like UA-2015-0117")
    return text


def _web_address(text: str) -> str:
    try:
        if text:
            URLValidator(schemes=["https", "http"])(text)
    except ValidationError:
        raise InvalidInput.of("", "is not a web address; write it like https://www.example.org/case") from None
    return text


def _shown(text: str) -> str:
    if text not in list(Shown):
        raise InvalidInput.of("", f"“{text[:20]}” is not a form; choose from {', '.join(Shown)}")
    return text


def _addressee_role(text: str) -> str:
    if text not in {"to", "cc"}:
        raise InvalidInput.of("", f"“{text[:20]}” is not a role; write to or cc")
    return text


def _past_day(day: date) -> date:
    # The first place on earth to see a day: what is today anywhere is not in the future.
    if day > clock.today("Pacific/Kiritimati"):
        raise InvalidInput.of("", f"{day.isoformat()} is in the future; correct the date")
    return day


_ShortLine = Annotated[Line, StringConstraints(max_length=120)]


class _Country(Record):
    code: Country
    role: Annotated[str, in_record(parse_country_role)]


class _Addressee(Record):
    office: Slug
    role: Annotated[str, in_record(_addressee_role)]


class _Person(Record):
    key: Annotated[Slug, StringConstraints(max_length=40)]
    confidential_name: Line = ""
    confidential_spellings: list[Line] = Field(default_factory=list, max_length=40)
    public_name: _ShortLine = ""
    pseudonym: _ShortLine = ""
    descriptions: Texts = Field(default_factory=dict)
    pronoun: Annotated[Line, StringConstraints(max_length=12)] = ""
    is_minor: bool = False
    shown_to_government: Annotated[str, in_record(_shown)] = Shown.DESCRIPTION.value
    shown_to_public: Annotated[str, in_record(_shown)] = Shown.DESCRIPTION.value
    shown_to_supporters: Annotated[str, in_record(_shown)] = Shown.DESCRIPTION.value
    consent_at: AwareDatetime | None = None
    consent_note: Line = ""


class _StoryStep(Record):
    status: Annotated[str, in_record(parse_status)]
    confidence: Annotated[str, in_record(parse_confidence)]
    as_of: Annotated[date, in_record(_past_day)]
    place: _ShortLine = ""
    is_in_demo: bool = False


class CaseFile(Record):
    """What `case.toml` says."""

    reference: Annotated[str, in_record(_reference)]
    titles: Named
    subjects: Texts = Field(default_factory=dict)
    group_size: Annotated[int, Field(ge=1)] = 1
    background_url: Annotated[str, StringConstraints(max_length=200), in_record(_web_address)] = ""
    embargo_until: AwareDatetime | None = None
    country: list[_Country] = Field(default_factory=list)
    addressee: list[_Addressee] = Field(default_factory=list)
    person: list[_Person] = Field(default_factory=list)
    story: list[_StoryStep] = Field(default_factory=list)


def read_story(folder: Path) -> tuple[StoryStep, ...]:
    """The updates of a sample case, in the order in which they happened.

    Raises:
        InvalidInput: `case.toml` can't be used.
    """
    return tuple(
        StoryStep(
            status=Status(step.status),
            confidence=Confidence(step.confidence),
            as_of=step.as_of,
            place=step.place,
            is_in_demo=step.is_in_demo,
        )
        for step in read_record(folder / CASE_FILE, CaseFile).story
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFolder:
    """A folder that was read.

    Attributes:
        name: of the folder; problems begin with it.
        texts: Markdown by language.
        problems: what is wrong with it as far as can be seen without the database; empty if nothing is.
        sha256: of all its files.
    """

    name: str
    told: CaseFile
    texts: Mapping[str, str]
    problems: tuple[Problem, ...]
    sha256: str


def read_folder(folder: Path, *, check_text: CheckText | None = None) -> CaseFolder:
    """Read the folder of a case.

    Args:
        check_text: looks at each text, such as `letters.sections.parse_sections`; this room doesn't know letters.

    Raises:
        InvalidInput: `case.toml` can't be used; what is wrong with the texts is named as well.
    """
    name = folder.resolve().name
    problems: list[Problem] = []
    texts, paths = _read_texts(folder, check_text, problems)
    try:
        told = read_record(folder / CASE_FILE, CaseFile)
    except InvalidInput as error:
        raise InvalidInput(_in_folder(name, [*error.problems, *problems])) from error
    problems += _inconsistent(told, texts)
    return CaseFolder(
        name=name,
        told=told,
        texts=texts,
        problems=tuple(_in_folder(name, problems)),
        sha256=file_sha256(folder / CASE_FILE, *paths),
    )


def _in_folder(name: str, problems: Iterable[Problem]) -> list[Problem]:
    """Several folders may be imported at once, and each has a `case.toml`."""
    return [Problem(f"{name}/{problem.field}", problem.message) for problem in problems]


def _read_texts(
    folder: Path, check_text: CheckText | None, problems: list[Problem]
) -> tuple[dict[str, str], list[Path]]:
    """The texts by language; what is wrong with them goes to `problems`."""
    texts: dict[str, str] = {}
    paths = sorted((folder / TEXTS_FOLDER).glob("*.md"))
    for path in paths:
        name = f"{TEXTS_FOLDER}/{path.name}"
        try:
            language = language_code(path.stem)
        except InvalidInput as error:
            problems += [Problem(name, problem.message) for problem in error.problems]
            continue
        # Kept even where it is faulty: a text with a fault is not a text that is missing.
        texts[language] = ""
        try:
            text = read_text(path).replace("\r\n", "\n")
            if not text.strip():
                raise InvalidInput.of("", "is empty; write the texts, or take the file away")
            if check_text is not None:
                check_text(text)
        except InvalidInput as error:
            problems += [_in_text(name, path.name, problem) for problem in error.problems]
        else:
            texts[language] = text
    return texts, paths


def _in_text(name: str, file_name: str, problem: Problem) -> Problem:
    place = problem.field.removeprefix(file_name).removeprefix(", ")
    return Problem(f"{name}, {place}" if place else name, problem.message)


def _inconsistent(told: CaseFile, texts: Mapping[str, str]) -> list[Problem]:
    problems = _languages_that_differ(told, texts)
    if told.group_size < len(told.person):
        words = f"is {told.group_size}, but {len(told.person)} persons are listed; correct one of the two"
        problems.append(Problem(f"{CASE_FILE}, group_size", words))
    if not any(entry.role == "to" for entry in told.addressee):
        words = "nobody has the role `to`; a letter needs somebody it is written to"
        problems.append(Problem(f"{CASE_FILE}, addressee", words))
    problems += _twice("country", [f"{entry.code} as {entry.role}" for entry in told.country])
    problems += _twice("addressee", [entry.office for entry in told.addressee])
    problems += _twice("person", [entry.key for entry in told.person])
    for number, person in enumerate(told.person, start=1):
        problems += _without_consent(f"{CASE_FILE}, person {number} ({person.key})", person)
    for number, (before, after) in enumerate(pairwise(told.story), start=2):
        if after.as_of < before.as_of:
            words = f"{after.as_of} is before the step above it; put the steps in order"
            problems.append(Problem(f"{CASE_FILE}, story {number}, as_of", words))
    return problems


def _languages_that_differ(told: CaseFile, texts: Mapping[str, str]) -> list[Problem]:
    """A language counts for a case once it has a title, a subject (if there are any) and a file of texts."""
    problems = []
    languages = sorted({*told.titles, *told.subjects, *texts, "en"})
    for language in languages:
        if language not in texts:
            words = f"is missing, and case.toml speaks {language}; add the file, or take {language} out of case.toml"
            problems.append(Problem(f"{TEXTS_FOLDER}/{language}.md", words))
        if language not in told.titles:
            problems.append(Problem(f"{CASE_FILE}, titles, {language}", "is missing; add it: there are texts for it"))
        if told.subjects and language not in told.subjects:
            problems.append(Problem(f"{CASE_FILE}, subjects, {language}", "is missing; add it: the others are there"))
    return problems


def _twice(key: str, entries: list[str]) -> list[Problem]:
    return [
        Problem(f"{CASE_FILE}, {key} {number}", f"{entry} is there already; keep one")
        for number, entry in enumerate(entries, start=1)
        if entry in entries[: number - 1]
    ]


def _without_consent(where: str, person: _Person) -> list[Problem]:
    """A name is shown with a recorded consent or not at all."""
    problems = []
    if person.confidential_spellings and not person.confidential_name:
        words = "is missing, and there are confidential_spellings of it; add it"
        problems.append(Problem(f"{where}, confidential_name", words))
    for key in ("shown_to_government", "shown_to_public", "shown_to_supporters"):
        if getattr(person, key) == Shown.NAME and person.consent_at is None:
            words = "says `name`, but no consent is recorded; add consent_at, or write `description`"
            problems.append(Problem(f"{where}, {key}", words))
        if getattr(person, key) == Shown.PSEUDONYM and not person.pseudonym:
            problems.append(Problem(f"{where}, pseudonym", f"is missing, and {key} asks for it; add it"))
    return problems
