"""Builders for the trigger tests: a case, an update, a decision, in one line each."""

from __future__ import annotations

from datetime import UTC, date, datetime

from urgentaction.cases.vocabulary import Confidence, Status
from urgentaction.triggers.decision import StandingApproval, TriggerDecision
from urgentaction.triggers.facts import CaseSnapshot, PersonSnapshot, RunningAlert, UpdateFacts
from urgentaction.triggers.rules import decide
from urgentaction.triggers.ruleset import shipped

FIRST_DAY = date(2015, 10, 24)
SECOND_DAY = date(2015, 11, 24)
TOLD = datetime(2015, 12, 3, 9, 0, tzinfo=UTC)
EVERY_STANDING = tuple(StandingApproval(rule.id, "M. Okafor") for rule in shipped().rules)
RUNNING = RunningAlert(number="UA-2015-0117/1", kind="first_appeal", level=2)


def nine(*, status: Status | None = None) -> tuple[PersonSnapshot, ...]:
    return tuple(PersonSnapshot(key=f"person-{number}", status=status) for number in range(1, 10))


def case(
    status: str = "",
    *,
    persons: tuple[PersonSnapshot, ...] = (),
    is_reached: bool = False,
    is_running: bool = False,
    is_closed: bool = False,
) -> CaseSnapshot:
    return CaseSnapshot(
        status=Status(status) if status else None,
        confidence=Confidence.CONFIRMED if status else None,
        persons=persons,
        version=3,
        running_alerts=(RUNNING,) if is_running else (),
        previously_reached=is_reached,
        latest_as_of=FIRST_DAY if status else None,
        is_closed=is_closed,
    )


def update(
    status: str, *, confidence: str = "confirmed", as_of: date = SECOND_DAY, persons: tuple[str, ...] = ()
) -> UpdateFacts:
    return UpdateFacts(
        status=Status(status),
        confidence=Confidence(confidence),
        as_of=as_of,
        reported_at=TOLD,
        place="Tumen",
        person_keys=persons,
    )


def decided(
    before: CaseSnapshot, facts: UpdateFacts, *, standing: tuple[StandingApproval, ...] = EVERY_STANDING
) -> TriggerDecision:
    return decide(before, facts, shipped(), standing_approvals=standing)
