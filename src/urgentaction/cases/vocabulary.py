"""The words of a case: statuses, how sure we are, and what a country has to do with it.

Owns the closed vocabularies and choosing their labels (`vocabulary_labels`). Pure: imports no framework and no model,
so that rules, templates and the command line can all share it. What a status *triggers* is not
decided here but in the rule set (`triggers/shipped.toml`).
"""

from __future__ import annotations

import difflib
from enum import StrEnum
from typing import Final, TypeVar

from urgentaction.core.errors import InvalidInput
from urgentaction.core.languages import LETTER_LANGUAGES

from .vocabulary_labels import CONFIDENCE_LABELS, ROLE_LABELS, STATUS_LABELS


class Status(StrEnum):
    """What has become of a person or a group, in the order in which a case usually moves."""

    REPORTED = "reported"
    VERIFIED = "verified"
    THREATENED = "threatened"
    MISSING = "missing"
    DETAINED = "detained"
    INCOMMUNICADO = "incommunicado"
    TRANSFERRED = "transferred"
    RETURN_IMMINENT = "return_imminent"
    EXTRADITION_IMMINENT = "extradition_imminent"
    FORCIBLY_RETURNED = "forcibly_returned"
    CHARGED = "charged"
    ON_TRIAL = "on_trial"
    SENTENCED = "sentenced"
    EXECUTION_IMMINENT = "execution_imminent"
    STAY_GRANTED = "stay_granted"
    RELEASED_CONDITIONAL = "released_conditional"
    RELEASED = "released"
    RESETTLED = "resettled"
    DIED = "died"
    EXECUTED = "executed"
    FATE_UNKNOWN = "fate_unknown"


class Confidence(StrEnum):
    """How sure we are of an update, from least to most."""

    RUMOURED = "rumoured"
    CREDIBLE = "credible"
    CONFIRMED = "confirmed"


class CountryRole(StrEnum):
    """What a country has to do with a case."""

    CUSTODIAN = "custodian"  # holds the person
    ORIGIN = "origin"  # the person fled from it
    INTERCESSOR = "intercessor"  # is asked to speak up for the person


#: For these a case is over.
ENDED: Final = frozenset({Status.RELEASED, Status.RESETTLED, Status.DIED, Status.EXECUTED})
#: A person in one of these no longer shares the fate of the group: news of "the group" does not mean them.
PARTED: Final = ENDED | {Status.FORCIBLY_RETURNED}

#: Languages that have labels here, in the order of the tuples below.
LANGUAGES: Final = LETTER_LANGUAGES

_Word = TypeVar("_Word", bound=StrEnum)


def label(word: Status | Confidence | CountryRole, language: str = "en") -> str:
    """What people read for `word`, in `language` ("en", "zh-Hans"; a region as in "ko-KR" is ignored).

    Raises:
        InvalidInput: there are no labels in this language.
    """
    place = LANGUAGES.index(_language_for(language))
    match word:
        case Status():
            return STATUS_LABELS[word.value][place]
        case Confidence():
            return CONFIDENCE_LABELS[word.value][place]
        case CountryRole():
            return ROLE_LABELS[word.value][place]


def _language_for(language: str) -> str:
    tag = language.replace("_", "-")
    base = tag.split("-")[0].lower()
    for known in (tag, base):
        if known in LANGUAGES:
            return known
    every = ", ".join(LANGUAGES)
    raise InvalidInput.of("language", f"status labels exist in {every}, not in “{language}”; choose one of these")


def parse_status(text: str) -> Status:
    """A status as people type it: case, blanks and hyphens do not matter ("Return imminent").

    Raises:
        InvalidInput: for the field `status`, naming the nearest words and every allowed one.
    """
    return _parse(Status, text, field="status")


def parse_confidence(text: str) -> Confidence:
    """A confidence as people type it.

    Raises:
        InvalidInput: for the field `confidence`, naming every allowed word.
    """
    return _parse(Confidence, text, field="confidence")


def parse_country_role(text: str) -> CountryRole:
    """A country's role as people type it.

    Raises:
        InvalidInput: for the field `role`, naming every allowed word.
    """
    return _parse(CountryRole, text, field="role")


def _parse(words: type[_Word], text: str, *, field: str) -> _Word:
    wanted = "_".join(text.replace("-", " ").replace("_", " ").lower().split())
    allowed = [word.value for word in words]
    if wanted in allowed:
        return words(wanted)
    near = difflib.get_close_matches(wanted, allowed, n=3, cutoff=0.55)
    # What was typed may be a pasted page: one line of it is enough to recognise it.
    shown = " ".join(text.split())[:60]
    problem = f"“{shown}” is not a {field}" if shown else f"a {field} is needed"
    rest = f"did you mean {' or '.join(near)}? Allowed" if near else "allowed"
    raise InvalidInput.of(field, f"{problem}; {rest}: {', '.join(allowed)}")
