"""What a rule does, shown by letting it decide: the situations in which it decides differently, each in plain words.

Nothing is said of a rule that the rules' own engine (`rules.decide`) did not decide just now, so that a description
can't drift away from what happens.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from urgentaction.cases.vocabulary import Status
from urgentaction.triggers.decision import Action, Approval, DraftRule, Rule, RuleSet, StandingApproval
from urgentaction.triggers.explain import explain
from urgentaction.triggers.facts import CaseSnapshot, RunningAlert, UpdateFacts
from urgentaction.triggers.rules import decide

_DAY = date(2000, 1, 1)
_TOLD = datetime(2000, 1, 2, tzinfo=UTC)
_ALERT = "the running alert"


@dataclass(frozen=True, slots=True)
class Situation:
    """How things stand before an update, and what the rule then decides, as lines of text (English)."""

    title: str
    lines: tuple[str, ...]


def situations(rule: Rule | DraftRule, rules: RuleSet) -> tuple[Situation, ...]:
    """What this rule of the set decides in each situation that makes a difference to it."""
    status = rule.statuses[0] if len(rule.statuses) < len(Status) else Status.DETAINED
    was = status if isinstance(rule, DraftRule) or rule.action is not Action.FOLLOW_UP else Status.DETAINED
    heard = CaseSnapshot(status=was, previously_reached=True, version=1)
    running = CaseSnapshot(
        status=was,
        previously_reached=True,
        version=1,
        running_alerts=(RunningAlert(number=_ALERT, kind="first_appeal", level=None),),
    )
    update = UpdateFacts(status=status, confidence=rule.confidences[-1], as_of=_DAY, reported_at=_TOLD)
    found = [
        _situation("Nobody has heard of the case yet", CaseSnapshot(), update, rules),
        _situation("Earlier letters reached people; nothing is going out", heard, update, rules),
        _situation("An alert is still going out", running, update, rules),
    ]
    if isinstance(rule, Rule) and rule.approval is Approval.NONE_WITH_STANDING:
        approved = (StandingApproval(rule.id, "a named person"),)
        title = "Nobody has heard of the case yet, and a standing approval of this rule is in force"
        found.insert(1, _situation(title, CaseSnapshot(), update, rules, approved))
    return tuple(found)


def _situation(
    title: str,
    before: CaseSnapshot,
    update: UpdateFacts,
    rules: RuleSet,
    standing: tuple[StandingApproval, ...] = (),
) -> Situation:
    return Situation(title, tuple(explain(decide(before, update, rules, standing_approvals=standing))))
