"""What holds whatever the case and the update are."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.triggers.situations import EVERY_STANDING, decided
from urgentaction.cases.vocabulary import Confidence, Status
from urgentaction.triggers.decision import Action, Approval, Level, OfficialsAudience, Start, TriggerDecision
from urgentaction.triggers.explain import explain
from urgentaction.triggers.facts import CaseSnapshot, PersonSnapshot, RunningAlert, UpdateFacts
from urgentaction.triggers.rules import decide
from urgentaction.triggers.ruleset import shipped

DAYS = st.dates(date(2015, 1, 1), date(2015, 12, 31))
MOMENTS = DAYS | st.datetimes(datetime(2015, 1, 1), datetime(2015, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
STATUSES = st.none() | st.sampled_from(Status)
KEYS = ("a", "b", "c")
Situation = tuple[CaseSnapshot, UpdateFacts]


@st.composite
def snapshots(draw: st.DrawFn) -> CaseSnapshot:
    keys = draw(st.sampled_from([(), KEYS[:1], KEYS]))
    running = draw(
        st.lists(
            st.builds(
                RunningAlert,
                number=st.from_regex(r"UA-2015-0117/[1-9]", fullmatch=True),
                kind=st.just("manual"),
                level=st.none(),
            )
        )
    )
    return CaseSnapshot(
        status=draw(STATUSES),
        confidence=draw(st.none() | st.sampled_from(Confidence)),
        persons=tuple(PersonSnapshot(key=key, status=draw(STATUSES)) for key in keys),
        version=draw(st.integers(0, 99)),
        running_alerts=tuple(running[:3]),
        previously_reached=draw(st.booleans()),
        latest_as_of=draw(st.none() | MOMENTS),
        is_closed=draw(st.booleans()),
    )


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    before = draw(snapshots())
    listed = [person.key for person in before.persons]
    named = draw(st.lists(st.sampled_from(listed), unique=True)) if listed else []
    facts = UpdateFacts(
        status=draw(st.sampled_from(Status)),
        confidence=draw(st.sampled_from(Confidence)),
        as_of=draw(MOMENTS),
        reported_at=datetime(2016, 1, 1, tzinfo=UTC),
        person_keys=tuple(named),
    )
    return before, facts


def is_stale(before: CaseSnapshot, facts: UpdateFacts) -> bool:
    """The definition, put differently from the code: even the end of the update's day comes before the known moment."""

    def first(moment: date) -> datetime:
        return moment if isinstance(moment, datetime) else datetime(moment.year, moment.month, moment.day, tzinfo=UTC)

    if before.latest_as_of is None:
        return False
    if isinstance(facts.as_of, datetime) and isinstance(before.latest_as_of, datetime):
        return facts.as_of < before.latest_as_of
    known = first(before.latest_as_of).replace(hour=0, minute=0, second=0, microsecond=0)
    return first(facts.as_of).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1) <= known


def goes_out(decision: TriggerDecision) -> bool:
    return decision.sends_automatically


@given(situations())
def test_a_rumour_never_sends_stops_or_takes_over(situation: Situation) -> None:
    before, facts = situation
    decision = decided(before, replace(facts, confidence=Confidence.RUMOURED))

    assert decision.action in {Action.DRAFT_ONLY, Action.RECORD_ONLY}
    assert not goes_out(decision)
    assert not decision.withdraws
    assert not decision.supersedes_case


@given(situations())
def test_levels_4_and_5_never_appeal(situation: Situation) -> None:
    decision = decided(*situation)

    if decision.level in {Level.NEWS, Level.GRAVE}:
        assert decision.action is not Action.APPEAL
        assert decision.letter_kind != "first_appeal"


@given(situations())
def test_nobody_learns_of_a_grave_end_by_itself(situation: Situation) -> None:
    decision = decided(*situation)

    if decision.level is Level.GRAVE:
        assert not goes_out(decision)
        assert decision.supporter_plan is None or decision.supporter_plan.start is Start.FAMILY_INFORMED
        assert decision.approval in {Approval.TWO, None}
        assert decision.makes_alert == (decision.approval is Approval.TWO)


@given(situations())
def test_the_same_in_gives_the_same_out(situation: Situation) -> None:
    assert decided(*situation) == decided(*situation)


@given(situations())
def test_what_runs_is_withdrawn_exactly_when_the_case_is_superseded(situation: Situation) -> None:
    before, facts = situation
    decision = decided(before, facts)

    assert decision.withdraws == (decision.supersedes_case and before.has_running_alerts)
    assert bool(decision.withdrawn_alerts) == decision.withdraws


@given(situations())
def test_old_news_changes_nothing_and_everything_else_that_is_sure_supersedes(situation: Situation) -> None:
    before, facts = situation
    decision = decided(before, facts)

    if is_stale(before, facts):
        assert decision.action is Action.RECORD_ONLY
        assert not decision.supersedes_case
    elif facts.confidence is not Confidence.RUMOURED and facts.status not in {Status.REPORTED, Status.VERIFIED}:
        assert decision.supersedes_case


@given(situations())
def test_without_a_standing_approval_nothing_starts_by_itself(situation: Situation) -> None:
    before, facts = situation

    decision = decide(before, facts, shipped())

    assert not goes_out(decision)
    assert decision.approval is not Approval.NONE_WITH_STANDING


@given(situations())
def test_what_starts_by_itself_is_covered_by_somebody_and_the_case_is_open(situation: Situation) -> None:
    before, facts = situation
    decision = decided(before, facts)

    if goes_out(decision):
        assert decision.approval is Approval.NONE_WITH_STANDING
        assert decision.action in {Action.APPEAL, Action.FOLLOW_UP}
        assert not before.is_closed


@given(situations())
def test_plans_letters_and_audiences_go_together(situation: Situation) -> None:
    decision = decided(*situation)

    assert (decision.official_plan is None) == (decision.letter_kind is None)
    assert (decision.official_plan is None) == (decision.officials_audience is OfficialsAudience.NONE)
    assert (decision.supporter_plan is None) == (decision.notice_kind is None)
    has_something = decision.official_plan is not None or decision.supporter_plan is not None
    assert decision.makes_alert == has_something
    assert decision.makes_alert == (decision.deadline_hours is not None)


@given(situations())
def test_a_follow_up_never_reaches_for_new_people(situation: Situation) -> None:
    decision = decided(*situation)

    if decision.action is Action.FOLLOW_UP:
        assert decision.officials_audience is not OfficialsAudience.ALL
        assert decision.supporter_plan is None or decision.supporter_plan.audience == "reached_before"


@given(situations())
def test_everybody_is_either_concerned_or_left_out(situation: Situation) -> None:
    before, facts = situation
    decision = decided(before, facts)

    assert sorted(decision.concerned + decision.left_out) == sorted(person.key for person in before.persons)
    assert decision.is_split == bool(decision.left_out)
    assert bool(before.persons) == bool(decision.concerned)
    assert set(decision.remainder) <= set(decision.left_out)
    if facts.person_keys:
        assert set(decision.concerned) == set(facts.person_keys)


@given(situations())
def test_every_decision_can_be_explained_and_stored(situation: Situation) -> None:
    before, facts = situation
    decision = decide(before, facts, shipped(), standing_approvals=EVERY_STANDING)

    lines = explain(decision)
    assert all(line.strip() and "{" not in line for line in lines)
    assert lines[-1].startswith("Sends: ")
    assert ("Sends: by itself" in lines[-1]) == goes_out(decision)
    stored = json.loads(json.dumps(asdict(decision)))
    assert stored["action"] == decision.action
