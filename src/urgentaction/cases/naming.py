"""Whether a case's texts name its persons as they must: by marks, and never by a name that a reader may not see.

The same text becomes a letter to a government, a page and a mail to supporters, so only a name that all three may see
can be written out; everybody else is written as a mark (`marks`). Problems name the place and the person's key, never
the name. Must not: read files, or change anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from urgentaction.core.errors import Problem
from urgentaction.core.phrases import say

from .folder import CASE_FILE, TEXTS_FOLDER, CaseFile
from .marks import marks, unreadable
from .models import Person
from .names import mentions
from .queries import READERS, names_on_record, person_as_shown


def misnamed(told: CaseFile, texts: Mapping[str, str], persons: Sequence[Person]) -> list[Problem]:
    """What is wrong with how persons are named in a folder.

    Args:
        told: `case.toml`: its titles, subjects, address, and what it says of persons instead of their names.
        texts: Markdown by language.
        persons: of the case as they stand now; what counts is the consent on record, not the file's.
    """
    problems = []
    for place, text in _short_texts(told):
        problems += misnamed_in_line(f"{CASE_FILE}, {place}", text, persons)
    for language, text in sorted(texts.items()):
        problems += misnamed_in_text(f"{TEXTS_FOLDER}/{language}.md", text, language, persons)
    return problems


def misnamed_in_line(place: str, text: str, persons: Sequence[Person]) -> list[Problem]:
    """What is wrong with how a title, a subject or another short text names persons.

    Args:
        place: what the problems call it.
    """
    names = names_on_record(persons)
    keys = dict.fromkeys(mention.key for mention in mentions(text, names.hidden, shown=names.shown))
    problems = [Problem(place, _written_out(key, mark=False)) for key in keys]
    if any(marks(text)):
        words = say("holds a [[mark]], which only the files in texts/ may; say it without naming anybody")
        problems.append(Problem(place, words))
    return problems


def misnamed_in_text(place: str, text: str, language: str, persons: Sequence[Person]) -> list[Problem]:
    """What is wrong with how the case's text in a language names persons, with lines.

    Args:
        place: what the problems call it.
    """
    names = names_on_record(persons)
    found = mentions(text, names.hidden, shown=names.shown)
    problems = [Problem(f"{place}, line {one.line}", _written_out(one.key, mark=True)) for one in found]
    return problems + [
        Problem(f"{place}, line {line}", words) for line, words in _faulty_marks(text, language, persons)
    ]


def _short_texts(told: CaseFile) -> Iterator[tuple[str, str]]:
    for key in ("titles", "subjects"):
        for language, text in getattr(told, key).items():
            yield f"{key}, {language}", text
    yield "background_url", told.background_url
    for number, person in enumerate(told.person, start=1):
        where = f"person {number} ({person.key})"
        yield f"{where}, pseudonym", person.pseudonym
        for language, text in person.descriptions.items():
            yield f"{where}, descriptions, {language}", text
    for number, step in enumerate(told.story, start=1):
        yield f"story {number}, place", step.place


def _written_out(key: str, *, mark: bool) -> str:
    if mark:
        return say(
            "writes out the name of %(key)s, which not everybody who reads this may see; write [[%(key)s]] instead",
            key=key,
        )
    return say("writes out the name of %(key)s, which not everybody who reads this may see; take it out", key=key)


def _faulty_marks(text: str, language: str, persons: Iterable[Person]) -> Iterator[tuple[int, str]]:
    known = {person.key: person for person in persons}
    for line, begun in unreadable(text):
        yield (
            line,
            say(
                "“%(begun)s” is no mark of a person; write [[person-1]], or [[person-1|은/는]] with Korean particles",
                begun=begun,
            ),
        )
    for mark in marks(text):
        person = known.get(mark.key)
        if person is None:
            there = ", ".join(sorted(known)) or "–"
            yield mark.line, say("[[%(key)s]] is nobody in this case; there are: %(known)s", key=mark.key, known=there)
        elif not all(
            person_as_shown(person, getattr(person, shown), language, is_government=is_government).name
            for shown, is_government in READERS
        ):
            yield (
                mark.line,
                say(
                    "some readers see nothing for [[%(key)s]]; give the person a description in %(file)s",
                    key=mark.key,
                    file=CASE_FILE,
                ),
            )
