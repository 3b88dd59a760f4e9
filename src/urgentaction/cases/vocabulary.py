"""The words of a case: statuses, how sure we are, and what a country has to do with it.

Owns the closed vocabularies and their labels in English and Korean, in the terms the field uses. Pure: imports no
framework and no model, so that rules, templates and the command line can all share it. What a status *triggers* is not
decided here but in the rule set (`triggers/shipped.toml`).
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, TypeVar

from urgentaction.core.errors import InvalidInput


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

#: Languages that have labels here.
LANGUAGES: Final = ("en", "ko")

_STATUS_LABELS: Final[Mapping[Status, tuple[str, str]]] = {
    Status.REPORTED: ("reported", "제보 접수"),
    Status.VERIFIED: ("verified", "사실 확인"),
    Status.THREATENED: ("under threat", "위협받는 상태"),
    Status.MISSING: ("missing", "실종"),
    Status.DETAINED: ("detained", "구금"),
    Status.INCOMMUNICADO: ("held incommunicado", "외부 연락이 차단된 구금"),
    Status.TRANSFERRED: ("transferred", "이송"),
    Status.RETURN_IMMINENT: ("at imminent risk of forcible return", "강제송환 임박"),
    Status.EXTRADITION_IMMINENT: ("at imminent risk of extradition", "범죄인 인도 임박"),
    Status.FORCIBLY_RETURNED: ("forcibly returned", "강제송환됨"),
    Status.CHARGED: ("charged", "기소"),
    Status.ON_TRIAL: ("on trial", "재판 중"),
    Status.SENTENCED: ("sentenced", "형 선고"),
    Status.EXECUTION_IMMINENT: ("at imminent risk of execution", "사형 집행 임박"),
    Status.STAY_GRANTED: ("stay granted", "집행 정지 결정"),
    Status.RELEASED_CONDITIONAL: ("conditionally released", "조건부 석방"),
    Status.RELEASED: ("released", "석방"),
    Status.RESETTLED: ("resettled", "재정착"),
    Status.DIED: ("died", "사망"),
    Status.EXECUTED: ("executed", "사형 집행됨"),
    Status.FATE_UNKNOWN: ("fate and whereabouts unknown", "생사 및 행방 불명"),
}

_CONFIDENCE_LABELS: Final[Mapping[Confidence, tuple[str, str]]] = {
    Confidence.RUMOURED: ("rumoured", "소문"),
    Confidence.CREDIBLE: ("credible", "신빙성 있음"),
    Confidence.CONFIRMED: ("confirmed", "확인됨"),
}

_ROLE_LABELS: Final[Mapping[CountryRole, tuple[str, str]]] = {
    CountryRole.CUSTODIAN: ("holding the person", "구금국"),
    CountryRole.ORIGIN: ("country of origin", "출신국"),
    CountryRole.INTERCESSOR: ("asked to intercede", "중재 요청국"),
}

_Word = TypeVar("_Word", bound=StrEnum)


def label(word: Status | Confidence | CountryRole, language: str = "en") -> str:
    """What people read for `word`, in `language` ("en", "ko"; a region as in "ko-KR" is ignored).

    Raises:
        InvalidInput: there are no labels in this language.
    """
    base = language.replace("_", "-").split("-")[0].lower()
    if base not in LANGUAGES:
        known = ", ".join(LANGUAGES)
        raise InvalidInput.of("language", f"status labels exist in {known}, not in “{language}”; choose one of these")
    match word:
        case Status():
            return _STATUS_LABELS[word][LANGUAGES.index(base)]
        case Confidence():
            return _CONFIDENCE_LABELS[word][LANGUAGES.index(base)]
        case CountryRole():
            return _ROLE_LABELS[word][LANGUAGES.index(base)]


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
