"""What another rule set would have decided: past updates replayed through the rules, in their order. Writes nothing.

Each update is decided from what had really happened until then. What the other rules would have changed about later
updates (an alert that would not have been running, say) is left out. To show where rebuilding the past was not exact,
the rules in force decide each update too: where they don't come to what was decided then, although they are the
same rules, the line is marked.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from urgentaction.cases.models import StatusUpdate
from urgentaction.cases.vocabulary import Confidence, Status
from urgentaction.core.paging import page_of
from urgentaction.triggers.decision import RuleSet
from urgentaction.triggers.facts import UpdateFacts
from urgentaction.triggers.rules import decide

from .past import KEYS, Past

#: So many updates are replayed at a time.
MOST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What people compare of a decision: words as the rules have them, numbers as text, "" for nothing."""

    rule: str = ""
    action: str = ""
    level: str = ""
    letter: str = ""
    officials: str = ""
    notice: str = ""
    supporters: str = ""
    approval: str = ""
    start: str = ""
    hold_minutes: str = ""
    deadline_hours: str = ""
    withdraws: str = ""

    @classmethod
    def of(cls, decision: Mapping[str, Any]) -> Outcome:
        """Out of a decision as plain values, as it is stored with an update."""
        made = decision.get("action", "") not in ("", "record_only")
        return cls(
            rule=decision.get("rule_id", ""),
            action=decision.get("action", ""),
            level=_text(decision.get("level")),
            letter=decision.get("letter_kind") or "",
            officials=_group(decision.get("official_plan"), decision.get("officials_audience", ""), "to"),
            notice=decision.get("notice_kind") or "",
            supporters=_group(decision.get("supporter_plan"), "", "channels"),
            approval=decision.get("approval") or "",
            start=("by_itself" if decision.get("sends_automatically") else "by_hand") if made else "",
            hold_minutes=_text(decision.get("hold_minutes")) if made else "",
            deadline_hours=_text(decision.get("deadline_hours")) if made else "",
            withdraws="yes" if decision.get("withdraws") else "no",
        )


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that would have been otherwise."""

    name: str
    then: str
    now: str


class Trust(StrEnum):
    """How well the past could be rebuilt for one update."""

    EXACT = "exact"  # the same rules decide the same again
    OFF = "off"  # the same rules decide something else: the line is a guess
    UNCHECKED = "unchecked"  # it was decided under other rules than those in force, or by nobody


@dataclass(frozen=True, slots=True)
class Replayed:
    """One update. `then` is None where nothing was decided when it was recorded (an imported history)."""

    update: StatusUpdate
    then: Outcome | None
    now: Outcome
    differences: tuple[Difference, ...]
    trust: Trust


@dataclass(slots=True)
class Totals:
    """How many updates led to what, then and now: `name → (then, now)`."""

    counts: dict[str, list[int]] = field(
        default_factory=lambda: {name: [0, 0] for name in ("alerts", "by_itself", "one", "two", "nothing")}
    )

    def add(self, outcome: Outcome, column: int) -> None:
        """Count one decision in the column `then` (0) or `now` (1)."""
        if not outcome.start:
            self.counts["nothing"][column] += 1
            return
        self.counts["alerts"][column] += 1
        if outcome.start == "by_itself":
            self.counts["by_itself"][column] += 1
        elif outcome.approval in self.counts:
            self.counts[outcome.approval][column] += 1


@dataclass(frozen=True, slots=True)
class Replay:
    """Some updates of a period, those that differ first. `after`: where the next ones begin; None at the end."""

    lines: tuple[Replayed, ...]
    totals: Totals
    after: uuid.UUID | None

    @property
    def different(self) -> int:
        """How many would have been otherwise."""
        return sum(bool(line.differences) for line in self.lines)

    @property
    def guesses(self) -> int:
        """For how many the past could not be rebuilt exactly."""
        return sum(line.trust is Trust.OFF for line in self.lines)


def replay(
    rules: RuleSet,
    *,
    current: RuleSet,
    since: datetime,
    until: datetime,
    rule: str = "",
    after: uuid.UUID | None = None,
    limit: int = MOST,
) -> Replay:
    """Let `rules` decide the updates that were recorded from `since` up to `until` (both aware).

    Args:
        current: the rules in force, to test how well the past is rebuilt.
        rule: only updates that this rule decided, or would have decided.
        after: the update behind which to go on.
        limit: how many updates to read; with `rule` fewer may be shown.
    """
    rows = StatusUpdate.objects.filter(recorded_at__gte=since, recorded_at__lt=until)
    place = StatusUpdate.objects.filter(id=after).first() if after else None
    found = page_of(
        rows.select_related("case").prefetch_related(KEYS).defer("note"),
        "recorded_at",
        "id",
        after=place,
        limit=limit,
    )
    if not found.items:
        return Replay((), Totals(), None)
    past = Past.of({one.case_id for one in found.items}, until=found.items[-1].recorded_at)
    lines = [_replayed(one, past, rules, current) for one in found.items]
    kept = [line for line in lines if not rule or rule in (line.now.rule, line.then.rule if line.then else "")]
    kept.sort(key=lambda line: not line.differences)
    return Replay(tuple(kept), _totals(kept), found.last.id if found.last else None)


def _replayed(update: StatusUpdate, past: Past, rules: RuleSet, current: RuleSet) -> Replayed:
    now = _decided(update, past, rules)
    then = Outcome.of(update.decision) if update.decision.get("rule_id") else None
    trust = Trust.UNCHECKED
    if then is not None and update.decision.get("rules_digest") == current.digest:
        again = now if rules.digest == current.digest else _decided(update, past, current)
        trust = Trust.EXACT if again == then else Trust.OFF
    return Replayed(update, then, now, _differences(then, now), trust)


def _decided(update: StatusUpdate, past: Past, rules: RuleSet) -> Outcome:
    facts = UpdateFacts(
        status=Status(update.status),
        confidence=Confidence(update.confidence),
        as_of=update.as_of,
        reported_at=update.reported_at,
        place=update.place,
        person_keys=tuple(person.key for person in update.persons.all()),
    )
    standing = past.standing_at(update.recorded_at)
    decision = decide(past.before(update), facts, rules, standing_approvals=standing)
    return Outcome.of(json.loads(json.dumps(asdict(decision))))  # in the form in which decisions are stored


def _differences(then: Outcome | None, now: Outcome) -> tuple[Difference, ...]:
    if then is None:
        return ()
    pairs = ((one.name, getattr(then, one.name), getattr(now, one.name)) for one in fields(Outcome))
    return tuple(Difference(name, before, after) for name, before, after in pairs if before != after)


def _totals(lines: Iterable[Replayed]) -> Totals:
    totals = Totals()
    for line in lines:
        if line.then is not None:
            totals.add(line.then, 0)
        totals.add(line.now, 1)
    return totals


def _group(plan: Mapping[str, Any] | None, audience: str, channels: str) -> str:
    """`all: fax, email, parallel, with_alert`: whom, by what, in which manner."""
    if not plan:
        return ""
    words = [*plan.get(channels, ()), plan.get("order", ""), plan.get("start", "")]
    return f"{audience or plan.get('audience', '')}: {', '.join(word for word in words if word)}"


def _text(value: object) -> str:
    return "" if value is None else str(value)
