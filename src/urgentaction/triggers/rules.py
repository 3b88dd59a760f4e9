"""From (case before, update) to a decision. Pure: no clock, no database, no network; the same in gives the same out.

Owns how a rule is applied. What the rules say (levels, channels, approval, holds) is data: `shipped.toml`. This must
not send, write or count anything. These are the rules of application, in the order in which they are tried:

 1. Old news. An update whose `as_of` lies before the latest one known is recorded, no more. The same one is not old.
 2. Intake. "reported" and "verified" are recorded; staff decide whether to appeal. They become the case's status only
    while it has no other and nothing is running: they must never stop an appeal without putting one in its place.
 3. Rumours. A rumoured update makes a draft of what would go out if it were so. It sends nothing, withdraws nothing,
    and does not become the case's status.
 4. Every other update supersedes: it becomes the case's status, raises the version, and withdraws what is unsent of
    every running alert. What then goes out:
 5. Appeals (levels 1-3).
    a. No earlier alert reached anybody: a first appeal to everybody.
    b. More urgent than before, or a different danger at level 1: a first appeal to everybody. Whoever was written to
       about a detention must hear about an imminent return in words of its own, and so must everybody who was not.
    c. Not more urgent, and an alert was running: further information, to everybody. The call still stands, and those
       whose copy was just withdrawn would otherwise hear nothing at all.
    d. Not more urgent, and the earlier alerts had finished: further information, to exactly those they reached.
 6. Fate unknown: a request for the whereabouts and further information, to exactly those reached before. Where nobody
    was, it is a first appeal to everybody: silence helps whoever made the person disappear.
 7. News (level 4): good news to supporters reached before; a letter of thanks is drafted, a person starts it. Where
    nobody was reached there is nobody to tell: the update only stops what was still to go out.
 8. Grave (level 5): a successor letter to a new target after two approvals. Supporters reached before hear of it only
    by hand, after somebody recorded that the family knows. Nothing here is ever automatic.
 9. Brakes. A closed case gets a draft only. After a grave status no standing approval counts: somebody has to look,
    because the new status contradicts the old one or the addressee has changed.
10. Groups. An update that names some persons concerns these and leaves the others as they are. One that names nobody
    concerns everybody who still shares the group's fate (not those freed, returned or dead). Since the running alerts
    speak of the whole group they are withdrawn also for the others; `remainder` names those who then need a new one.
    While others are still at risk, the letter on somebody's release is further information, not the end of the action.

Urgency is compared by priority (1 most urgent), person by person: it is enough that it became worse for one of them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from urgentaction.cases.vocabulary import ENDED, PARTED, Confidence, Status
from urgentaction.core.errors import InvalidInput
from urgentaction.triggers.decision import (
    Action,
    Approval,
    IfNobodyReached,
    LetterKind,
    Level,
    OfficialsAudience,
    Reason,
    ReasonCode,
    Rule,
    RuleSet,
    StandingApproval,
    Start,
    Supersession,
    SupporterPlan,
    SupportersAudience,
    TriggerDecision,
)
from urgentaction.triggers.facts import CaseSnapshot, PersonSnapshot, UpdateFacts, is_earlier

_INTAKE = frozenset({None, Status.REPORTED, Status.VERIFIED})
_STILL_CALLS_FOR_ACTION = 3  # a priority: levels 1 to 3, and a fate unknown


def decide(
    before: CaseSnapshot,
    update: UpdateFacts,
    rules: RuleSet,
    *,
    standing_approvals: Collection[StandingApproval] = (),
) -> TriggerDecision:
    """What follows from `update`; the rules are in this module's docstring.

    Args:
        before: the case as it stood, read in the same transaction.
        update: checked with `facts.validate_update` first.
        standing_approvals: those in force now and covering this case.

    Raises:
        InvalidInput: the update names a person who is not in the case, or a time without a zone.
    """
    people = _People.of(before, update)
    plan = rules.plan_for(update.status, update.confidence)
    decision = TriggerDecision(
        rule_id=rules.matching(update.status, update.confidence).id,
        status=update.status,
        confidence=update.confidence,
        level=plan.level,
        priority=plan.priority,
        action=Action.RECORD_ONLY,
        rules_digest=rules.digest,
        is_split=bool(people.left_out),
        concerned=tuple(person.key for person in people.concerned),
        left_out=tuple(person.key for person in people.left_out),
    )
    if before.latest_as_of is not None and is_earlier(update.as_of, before.latest_as_of):
        dates = {"as_of": update.as_of.isoformat(), "latest": before.latest_as_of.isoformat()}
        return replace(decision, reasons=(Reason(ReasonCode.STALE, dates),))
    decision = replace(decision, reasons=_what_changed(people, update))
    decision = _supersede(decision, before, plan)
    if plan.action is Action.RECORD_ONLY:
        return decision
    decision = _choose(decision, before, people, plan, rules)
    if decision.makes_alert:
        decision = _approve(decision, before, people, plan, rules, standing_approvals)
    return _name_remainder(decision, people, rules)


def prevailing_status(before: CaseSnapshot, update: UpdateFacts, rules: RuleSet) -> Status:
    """The status of the case as a whole once `update` superseded: the most urgent among its persons'.

    For a case without listed persons, or an update that concerns all of them, that is the update's own.
    """
    people = _People.of(before, update)
    others = (people.status_of(person) for person in people.left_out)
    statuses = [update.status, *(status for status in others if status is not None and status not in PARTED)]
    if update.status in PARTED and len(statuses) > 1:
        statuses = statuses[1:]  # one person's end is not the group's while others are still at risk
    return min(statuses, key=rules.priority_of)


@dataclass(frozen=True, slots=True)
class _People:
    """Who is meant by the update and who is not, with what was known of each."""

    case_status: Status | None
    concerned: tuple[PersonSnapshot, ...]
    left_out: tuple[PersonSnapshot, ...]

    @classmethod
    def of(cls, before: CaseSnapshot, update: UpdateFacts) -> _People:
        known = {person.key for person in before.persons}
        strangers = [key for key in update.person_keys if key not in known]
        if strangers:
            who, listed = ", ".join(strangers), ", ".join(sorted(known)) or "nobody"
            raise InvalidInput.of("persons", f"{who}: not in this case; it lists {listed}")
        keys = set(update.person_keys) if update.person_keys else _sharing_the_fate(before)
        concerned = tuple(person for person in before.persons if person.key in keys)
        left_out = tuple(person for person in before.persons if person.key not in keys)
        return cls(before.status, concerned, left_out)

    def status_of(self, person: PersonSnapshot) -> Status | None:
        return person.status or self.case_status

    def still_at_risk(self, rules: RuleSet) -> tuple[str, ...]:
        """The keys of those left out whose own status still calls for action."""
        statuses = {person.key: self.status_of(person) for person in self.left_out}
        return tuple(
            key for key, status in statuses.items() if status and rules.priority_of(status) <= _STILL_CALLS_FOR_ACTION
        )

    @property
    def previous(self) -> set[Status | None]:
        """The statuses of those concerned before the update; the case's own where nobody is listed."""
        return {self.status_of(person) for person in self.concerned} or {self.case_status}


def _sharing_the_fate(before: CaseSnapshot) -> set[str]:
    # If all have parted, news of "the group" is about what came after: about the returned rather than the freed.
    for apart in (PARTED, ENDED):
        keys = {person.key for person in before.persons if (person.status or before.status) not in apart}
        if keys:
            return keys
    return {person.key for person in before.persons}


def _what_changed(people: _People, update: UpdateFacts) -> tuple[Reason, ...]:
    previous = people.previous
    known = sorted(status.value for status in previous if status is not None)
    reasons = []
    if not known:
        reasons.append(Reason(ReasonCode.FIRST_STATUS, {"to": update.status}))
    elif previous == {update.status}:
        reasons.append(Reason(ReasonCode.STATUS_UNCHANGED, {"to": update.status}))
    else:
        reasons.append(Reason(ReasonCode.STATUS_CHANGED, {"from": ",".join(known), "to": update.status}))
    if people.left_out:
        counts = {"concerned": str(len(people.concerned)), "left_out": str(len(people.left_out))}
        reasons.append(Reason(ReasonCode.SPLIT, counts))
    return tuple(reasons)


def _supersede(decision: TriggerDecision, before: CaseSnapshot, plan: Rule) -> TriggerDecision:
    """Rules 2 to 4: does the update become the case's status, and what does that stop."""
    if decision.confidence is Confidence.RUMOURED or plan.supersedes is Supersession.NEVER:
        supersedes = False
    elif plan.supersedes is Supersession.AT_INTAKE:
        supersedes = before.status in _INTAKE and not before.has_running_alerts
    else:
        supersedes = True
    reasons = list(decision.reasons)
    if plan.supersedes is Supersession.AT_INTAKE:
        is_late = not supersedes and decision.confidence is not Confidence.RUMOURED
        reasons.append(Reason(ReasonCode.INTAKE_TOO_LATE if is_late else ReasonCode.INTAKE))
    if decision.confidence is Confidence.RUMOURED:
        reasons.append(Reason(ReasonCode.RUMOUR, {"rule": plan.id}))
    withdraws = supersedes and before.has_running_alerts
    return replace(
        decision,
        supersedes_case=supersedes,
        withdraws=withdraws,
        withdrawn_alerts=tuple(alert.number for alert in before.running_alerts) if withdraws else (),
        reasons=tuple(reasons),
    )


def _choose(
    decision: TriggerDecision, before: CaseSnapshot, people: _People, plan: Rule, rules: RuleSet
) -> TriggerDecision:
    """Rules 5 to 8: which letter, which notice, to whom."""
    if plan.action is not Action.FOLLOW_UP:
        return _choose_appeal(decision, before, people, plan, rules)
    if plan.level is Level.GRAVE:
        decision = replace(decision, reasons=(*decision.reasons, Reason(ReasonCode.GRAVE)))
    if before.previously_reached:
        return _go_on(_follow_up(decision, plan), people, rules)
    if plan.if_nobody_reached is IfNobodyReached.APPEAL:
        return _appeal(decision, plan, ReasonCode.NOBODY_REACHED)
    if before.has_running_alerts:  # what is on the wire right now may still reach somebody
        return _go_on(_follow_up(decision, plan), people, rules)
    if plan.officials_audience is OfficialsAudience.NEW_TARGET:
        return replace(_follow_up(decision, plan), supporter_plan=None, notice_kind=None, reasons=decision.reasons)
    return replace(decision, reasons=(*decision.reasons, Reason(ReasonCode.NOTHING_TO_FOLLOW)))


def _choose_appeal(
    decision: TriggerDecision, before: CaseSnapshot, people: _People, plan: Rule, rules: RuleSet
) -> TriggerDecision:
    previous = people.previous
    if not before.previously_reached:
        return _appeal(decision, plan, ReasonCode.NOBODY_REACHED)
    if any(status is None or plan.priority < rules.priority_of(status) for status in previous):
        return _appeal(decision, plan, ReasonCode.MORE_URGENT)
    if plan.level is Level.HOURS and previous != {decision.status}:
        return _appeal(decision, plan, ReasonCode.NEW_DANGER)
    if before.has_running_alerts:
        whole = _appeal(decision, plan, ReasonCode.CUT_SHORT)
        return replace(
            whole, letter_kind=plan.letter_again or plan.letter, notice_kind=plan.notice_again or plan.notice
        )
    return _follow_up(decision, plan)


def _appeal(decision: TriggerDecision, plan: Rule, why: ReasonCode) -> TriggerDecision:
    """To everybody."""
    return replace(
        decision,
        action=Action.APPEAL,
        letter_kind=plan.letter,
        notice_kind=plan.notice,
        official_plan=plan.officials,
        officials_audience=OfficialsAudience.ALL if plan.officials else OfficialsAudience.NONE,
        supporter_plan=_to(plan.supporters, SupportersAudience.ALL_OPTED_IN),
        reasons=(*decision.reasons, Reason(why)),
    )


def _follow_up(decision: TriggerDecision, plan: Rule) -> TriggerDecision:
    """To exactly those reached before; officials to the new target where the rule says so."""
    audience = plan.officials_audience
    if audience is OfficialsAudience.ALL:
        audience = OfficialsAudience.REACHED_BEFORE
    return replace(
        decision,
        action=Action.FOLLOW_UP,
        letter_kind=plan.letter_again or plan.letter,
        notice_kind=plan.notice_again or plan.notice,
        official_plan=plan.officials,
        officials_audience=audience,
        supporter_plan=_to(plan.supporters, SupportersAudience.REACHED_BEFORE),
        reasons=(*decision.reasons, Reason(ReasonCode.FOLLOWS_UP)),
    )


def _go_on(decision: TriggerDecision, people: _People, rules: RuleSet) -> TriggerDecision:
    """Rule 10: while others are still at risk, no letter may say that the action is over."""
    if decision.letter_kind is not LetterKind.STOP_ACTION or not people.still_at_risk(rules):
        return decision
    reasons = (*decision.reasons, Reason(ReasonCode.GOES_ON))
    return replace(decision, letter_kind=LetterKind.FURTHER_INFORMATION, reasons=reasons)


def _to(plan: SupporterPlan | None, audience: SupportersAudience) -> SupporterPlan | None:
    return replace(plan, audience=audience) if plan else None


def _approve(
    decision: TriggerDecision,
    before: CaseSnapshot,
    people: _People,
    plan: Rule,
    rules: RuleSet,
    standing_approvals: Collection[StandingApproval],
) -> TriggerDecision:
    """Rules 3, 8 and 9: who has to agree, and whether it starts by itself."""
    reasons = list(decision.reasons)
    action, approval = decision.action, plan.approval
    if before.is_closed:
        reasons.append(Reason(ReasonCode.CASE_CLOSED))
    if decision.confidence is Confidence.RUMOURED or plan.action is Action.DRAFT_ONLY or before.is_closed:
        action = Action.DRAFT_ONLY
    if approval is Approval.NONE_WITH_STANDING:
        standing = next((approved.by for approved in standing_approvals if approved.rule_id == plan.id), None)
        if action is Action.DRAFT_ONLY:
            approval = Approval.ONE
        elif _is_after_grave(people, rules):
            approval = Approval.ONE
            reasons.append(Reason(ReasonCode.AFTER_GRAVE))
        elif standing is None:
            approval = Approval.ONE
            reasons.append(Reason(ReasonCode.NO_STANDING_APPROVAL, {"rule": plan.id}))
        else:
            reasons.append(Reason(ReasonCode.STANDING_APPROVAL, {"by": standing, "rule": plan.id}))
    supporters = decision.supporter_plan
    if plan.level is Level.GRAVE:
        # Not left to the data: no rule set, however it came to be, lets a family read of a death in a newsletter.
        approval = Approval.TWO
        supporters = replace(supporters, start=Start.FAMILY_INFORMED) if supporters else None
    return replace(
        decision,
        action=action,
        approval=approval,
        supporter_plan=supporters,
        hold_minutes=plan.hold_minutes,
        deadline_hours=plan.deadline_hours,
        sends_automatically=approval is Approval.NONE_WITH_STANDING and _starts_something(decision),
        reasons=tuple(reasons),
    )


def _is_after_grave(people: _People, rules: RuleSet) -> bool:
    return any(status is not None and rules.plan_for(status).level is Level.GRAVE for status in people.previous)


def _starts_something(decision: TriggerDecision) -> bool:
    plans = (decision.official_plan, decision.supporter_plan)
    return any(plan is not None and plan.start is Start.WITH_ALERT for plan in plans)


def _name_remainder(decision: TriggerDecision, people: _People, rules: RuleSet) -> TriggerDecision:
    """Rule 10: who loses a running appeal although nothing changed for them."""
    if not decision.withdraws:
        return decision
    at_risk = people.still_at_risk(rules)
    if not at_risk:
        return decision
    reason = Reason(ReasonCode.REMAINDER, {"persons": str(len(at_risk))})
    return replace(decision, remainder=at_risk, reasons=(*decision.reasons, reason))
