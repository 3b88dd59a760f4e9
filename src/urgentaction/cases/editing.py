"""What staff change of a case by hand: its titles and texts, and what its persons agreed to.

A consent that is taken back holds at once: it is asked anew whenever something is frozen, sent or shown. The status and
version of a case are `service`'s alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from urgentaction.accounts.service import record_audit
from urgentaction.core import clock
from urgentaction.core.errors import InvalidInput, NotFound, Problem
from urgentaction.core.phrases import say
from urgentaction.core.tables import language_code

from .folder import CheckText
from .models import Case, CaseText, Person
from .naming import misnamed_in_line, misnamed_in_text
from .queries import Shown

_MORE_IS_SHOWN = (Shown.DESCRIPTION, Shown.PSEUDONYM, Shown.NAME)
FIELDS = ("shown_to_government", "shown_to_public", "shown_to_supporters")
LONGEST_TEXT = 100_000
LONGEST_LINE = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What a person agreed to.

    Attributes:
        given_at: when (aware); None where it is taken back or was never given.
        note: how we know; sealed. None: the one on record stays.
    """

    shown_to_government: Shown
    shown_to_public: Shown
    shown_to_supporters: Shown
    given_at: datetime | None
    note: str | None = None


@transaction.atomic
def change_consent(case: Case, key: str, consent: Consent, *, by: str) -> list[Problem]:
    """Record what a person agrees to from now on. Returns the case's texts that now name them without consent.

    Showing less is always possible. Showing more of somebody takes a consent later than the one on record, as in an
    import.

    Args:
        key: of the person, within the case.

    Raises:
        NotFound: nobody in the case has this key.
        InvalidInput: it shows what nobody agreed to, or a form that is not on record.
    """
    person = case.persons.select_for_update().filter(key=key).first()
    if person is None:
        raise NotFound.of("person", say("%(reference)s has nobody called %(key)s", reference=case.reference, key=key))
    before = {name: Shown(getattr(person, name)) for name in FIELDS}
    after: dict[str, Shown] = {name: getattr(consent, name) for name in FIELDS}
    if problems := _unfounded(person, before, after, consent):
        raise InvalidInput(problems)
    for name, form in after.items():
        setattr(person, name, form.value)
    person.consent_at = consent.given_at
    if consent.note is not None:
        person.consent_note = consent.note
    person.save(update_fields=[*FIELDS, "consent_at", "consent_note"])
    changed = {name: f"{before[name]}>{form}" for name, form in after.items() if before[name] is not form}
    at = consent.given_at.isoformat() if consent.given_at else ""
    record_audit(by, "person.consent", f"case:{case.reference}", person=key, consent_at=at, **changed)
    return _misnamed(case)


def _unfounded(
    person: Person, before: Mapping[str, Shown], after: Mapping[str, Shown], consent: Consent
) -> list[Problem]:
    at = consent.given_at
    if at is not None and at > clock.now():
        return [Problem("given_at", say("lies in the future; write when it was given"))]
    is_newer = at is not None and (person.consent_at is None or at > person.consent_at)
    problems = []
    for name, form in after.items():
        if form is Shown.NAME and at is None:
            problems.append(Problem(name, say("a name is shown with a consent or not at all; say when it was given")))
        elif form is Shown.PSEUDONYM and not person.pseudonym:
            problems.append(Problem(name, say("there is no pseudonym on record; choose the description")))
        elif _MORE_IS_SHOWN.index(form) > _MORE_IS_SHOWN.index(before[name]) and not is_newer:
            problems.append(Problem(name, say("shows more than was agreed to; that takes a later consent: say when")))
    return problems


def _misnamed(case: Case) -> list[Problem]:
    persons = list(case.persons.order_by("key"))
    problems = [
        problem
        for name in ("titles", "subjects")
        for language, text in getattr(case, name).items()
        for problem in misnamed_in_line(f"{name}, {language}", text, persons)
    ]
    for row in case.texts.order_by("language"):
        problems += misnamed_in_text(row.language, row.markdown, row.language, persons)
    return problems


@transaction.atomic
def change_titles(case: Case, *, titles: Mapping[str, str], subjects: Mapping[str, str], by: str) -> Case:
    """What a case is called, and its "Re:" lines: `{language: text}`; empty texts are left out.

    Raises:
        InvalidInput: the English one is missing, or one of them names somebody.
    """
    case = Case.objects.select_for_update().get(id=case.id)
    wanted = {"titles": _lines(titles), "subjects": _lines(subjects)}
    persons = list(case.persons.order_by("key"))
    problems = []
    if "en" not in wanted["titles"]:
        problems.append(Problem("titles_en", say("the English title is missing; everything falls back to it")))
    if wanted["subjects"] and "en" not in wanted["subjects"]:
        problems.append(Problem("subjects_en", say("the English subject is missing; everything falls back to it")))
    for name, texts in wanted.items():
        for language, text in texts.items():
            place = f"{name}_{language}"
            if len(text) > LONGEST_LINE or not text.isprintable():
                problems.append(
                    Problem(
                        place, say("write one line of at most %(longest_line)s characters", longest_line=LONGEST_LINE)
                    )
                )
            problems += misnamed_in_line(place, text, persons)
    if problems:
        raise InvalidInput(problems)
    case.titles, case.subjects = wanted["titles"], wanted["subjects"]
    case.save(update_fields=["titles", "subjects"])
    record_audit(by, "case.titles", f"case:{case.reference}", languages=",".join(sorted(case.titles)))
    return case


def _lines(texts: Mapping[str, str]) -> dict[str, str]:
    return {language: text.strip() for language, text in texts.items() if text.strip()}


@transaction.atomic
def change_text(case: Case, language: str, markdown: str, *, by: str, before: str, check_text: CheckText) -> CaseText:
    """Write the case's text in one language. Letters already frozen stay as they are.

    Args:
        markdown: sections as `letters.sections` reads them.
        before: the text that was edited, so that nobody writes over somebody else's work.
        check_text: looks at the text; this room doesn't know letters.

    Raises:
        InvalidInput: it can't be used, names somebody who did not agree to it, or was changed meanwhile.
    """
    language_code(language)
    Case.objects.select_for_update().get(id=case.id)
    text = markdown.replace("\r\n", "\n").strip() + "\n"
    row = case.texts.filter(language=language).first()
    if (row.markdown.replace("\r\n", "\n").strip() if row else "") != before.replace("\r\n", "\n").strip():
        raise InvalidInput.of("markdown", say("somebody else has changed this text meanwhile; open it again and merge"))
    check_case_text(case, language, text, check_text=check_text)
    row, _ = CaseText.objects.update_or_create(case=case, language=language, defaults={"markdown": text})
    record_audit(by, "case.text", f"case:{case.reference}", language=language, characters=len(text))
    return row


def check_case_text(case: Case, language: str, text: str, *, check_text: CheckText) -> None:
    """Whether a text of a case can be used. Raises InvalidInput with everything wrong, by line."""
    if not text.strip() or len(text) > LONGEST_TEXT or "\x00" in text:
        raise InvalidInput.of(
            "markdown", say("write between 1 and %(longest_text)s characters", longest_text=LONGEST_TEXT)
        )
    check_text(text)
    if problems := misnamed_in_text("text", text, language, list(case.persons.order_by("key"))):
        raise InvalidInput(problems)
