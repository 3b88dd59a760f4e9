"""What the shipped rules make of each status, and of the situations they are meant for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import product

import pytest

from tests.unit.triggers.situations import FIRST_DAY, RUNNING, SECOND_DAY, case, decided, nine, update
from urgentaction.cases.vocabulary import Confidence, Status
from urgentaction.channels.contract import Channel
from urgentaction.core.errors import InvalidInput
from urgentaction.triggers.decision import (
    Action,
    Approval,
    LetterKind,
    NoticeKind,
    OfficialsAudience,
    Order,
    Rule,
    RuleSet,
    StandingApproval,
    Start,
    SupportersAudience,
)
from urgentaction.triggers.facts import CaseSnapshot, PersonSnapshot
from urgentaction.triggers.rules import decide, prevailing_status
from urgentaction.triggers.ruleset import shipped

FAX, EMAIL, SMS = Channel.FAX, Channel.EMAIL, Channel.SMS

# status → level, what follows where an earlier, finished alert about a threat reached people, and for a new case
EXPECTED = {
    "reported": (None, ("record_only", None, None), ("record_only", None, None)),
    "verified": (None, ("record_only", None, None), ("record_only", None, None)),
    "threatened": (2, ("follow_up", "further_information", "update"), ("appeal", "first_appeal", "appeal")),
    "missing": (2, ("follow_up", "further_information", "update"), ("appeal", "first_appeal", "appeal")),
    "detained": (2, ("follow_up", "further_information", "update"), ("appeal", "first_appeal", "appeal")),
    "incommunicado": (2, ("follow_up", "further_information", "update"), ("appeal", "first_appeal", "appeal")),
    "transferred": (2, ("follow_up", "further_information", "update"), ("appeal", "first_appeal", "appeal")),
    "return_imminent": (1, ("appeal", "first_appeal", "appeal"), ("appeal", "first_appeal", "appeal")),
    "extradition_imminent": (1, ("appeal", "first_appeal", "appeal"), ("appeal", "first_appeal", "appeal")),
    "execution_imminent": (1, ("appeal", "first_appeal", "appeal"), ("appeal", "first_appeal", "appeal")),
    "charged": (3, ("follow_up", "further_information", "update"), ("appeal", "first_appeal", "appeal")),
    "on_trial": (3, ("follow_up", "further_information", "update"), ("appeal", "first_appeal", "appeal")),
    "sentenced": (3, ("follow_up", "further_information", "update"), ("appeal", "first_appeal", "appeal")),
    "released": (4, ("follow_up", "stop_action", "good_news"), ("record_only", None, None)),
    "resettled": (4, ("follow_up", "stop_action", "good_news"), ("record_only", None, None)),
    "stay_granted": (4, ("follow_up", "further_information", "good_news"), ("record_only", None, None)),
    "released_conditional": (4, ("follow_up", "further_information", "good_news"), ("record_only", None, None)),
    "forcibly_returned": (5, ("follow_up", "successor", "closing"), ("follow_up", "successor", None)),
    "died": (5, ("follow_up", "successor", "closing"), ("follow_up", "successor", None)),
    "executed": (5, ("follow_up", "successor", "closing"), ("follow_up", "successor", None)),
    "fate_unknown": (None, ("follow_up", "whereabouts_request", "update"), ("appeal", "whereabouts_request", "appeal")),
}
AUTOMATIC = {1, 2}


def test_the_table_covers_the_vocabulary() -> None:
    assert set(EXPECTED) == {status.value for status in Status}


@pytest.mark.parametrize("before", [case("threatened", is_reached=True), case()], ids=["known case", "new case"])
@pytest.mark.parametrize(("status", "confidence"), list(product(EXPECTED, Confidence)))
def test_every_status_at_every_confidence(status: str, confidence: Confidence, before: CaseSnapshot) -> None:
    is_new = before.status is None
    level, for_known, for_new = EXPECTED[status]
    action, letter, notice = for_new if is_new else for_known
    if confidence is Confidence.RUMOURED and action != "record_only":
        action = "draft_only"

    decision = decided(before, update(status, confidence=confidence))

    assert (decision.action, decision.letter_kind, decision.notice_kind) == (action, letter, notice)
    assert decision.level == level
    is_sure = confidence is not Confidence.RUMOURED
    is_automatic = level in AUTOMATIC or status == "fate_unknown"
    assert decision.sends_automatically is (is_sure and is_automatic)
    takes_over = is_new or status not in {"reported", "verified"}
    assert decision.supersedes_case is (is_sure and takes_over)
    assert not decision.withdraws


def test_level_1_goes_out_by_fax_and_email_at_once_day_and_night() -> None:
    decision = decided(case("detained", is_reached=True, is_running=True), update("return_imminent"))

    plan = decision.official_plan
    assert plan is not None
    assert (plan.to, plan.cc, plan.order) == ((FAX, EMAIL), (EMAIL,), Order.PARALLEL)
    assert not plan.respects_office_hours
    assert plan.escalate_after_minutes == 30
    supporters = decision.supporter_plan
    assert supporters is not None
    assert supporters.channels == (EMAIL, SMS)
    assert supporters.override_quiet_hours_where_allowed
    assert decision.hold_minutes == 0


def test_level_2_faxes_in_office_hours_and_mails_at_once() -> None:
    plan = decided(case(), update("detained")).official_plan

    assert plan is not None
    assert (plan.to, plan.order, plan.office_hours) == ((FAX, EMAIL), Order.PARALLEL, (FAX,))


def test_level_3_mails_and_falls_back_to_fax() -> None:
    decision = decided(case(), update("charged"))

    assert decision.official_plan is not None
    assert (decision.official_plan.to, decision.official_plan.order) == ((EMAIL, FAX), Order.CASCADE)
    assert decision.supporter_plan is not None
    assert decision.supporter_plan.channels == (EMAIL,)
    assert decision.approval is Approval.ONE


def test_the_nine_of_tumen() -> None:
    """Detained, about to be returned, gone: an appeal, an appeal to everybody, a question to those reached."""
    first = decided(case("verified", persons=nine()), update("detained", as_of=FIRST_DAY))
    assert (first.action, first.level, first.letter_kind) == (Action.APPEAL, 2, LetterKind.FIRST_APPEAL)
    assert first.supersedes_case
    assert not first.withdraws

    second = decided(case("detained", persons=nine(), is_reached=True, is_running=True), update("return_imminent"))
    assert (second.action, second.level, second.letter_kind) == (Action.APPEAL, 1, LetterKind.FIRST_APPEAL)
    assert second.officials_audience is OfficialsAudience.ALL
    assert second.supporter_plan is not None
    assert second.supporter_plan.audience is SupportersAudience.ALL_OPTED_IN
    assert second.withdrawn_alerts == ("UA-2015-0117/1",)

    third = decided(case("return_imminent", persons=nine(), is_reached=True, is_running=True), update("fate_unknown"))
    assert (third.action, third.level, third.priority) == (Action.FOLLOW_UP, None, 2)
    assert (third.letter_kind, third.notice_kind) == (LetterKind.WHEREABOUTS_REQUEST, NoticeKind.UPDATE)
    assert third.officials_audience is OfficialsAudience.REACHED_BEFORE
    assert third.supporter_plan is not None
    assert third.supporter_plan.audience is SupportersAudience.REACHED_BEFORE
    assert third.supporter_plan.channels == (EMAIL,)
    assert third.withdraws
    assert third.sends_automatically


def test_the_footballer_extradition_dropped_and_home() -> None:
    """Every step withdraws the one before; nobody is asked to appeal for somebody who is on the way home."""
    appeal = decided(case("detained", is_reached=True, is_running=True), update("extradition_imminent"))
    more = decided(case("extradition_imminent", is_reached=True, is_running=True), update("extradition_imminent"))
    home = decided(case("extradition_imminent", is_reached=True, is_running=True), update("released"))

    assert [step.letter_kind for step in (appeal, more, home)] == ["first_appeal", "further_information", "stop_action"]
    assert all(step.withdraws and step.supersedes_case for step in (appeal, more, home))
    assert home.official_plan is not None
    assert home.official_plan.start is Start.BY_HAND
    assert home.supporter_plan is not None
    assert home.supporter_plan.audience is SupportersAudience.REACHED_BEFORE
    assert not home.sends_automatically


def test_an_appeal_cut_short_is_replaced_for_everybody_because_the_unreached_would_hear_nothing() -> None:
    decision = decided(case("detained", is_reached=True, is_running=True), update("transferred"))

    assert decision.letter_kind is LetterKind.FURTHER_INFORMATION
    assert decision.action is Action.APPEAL
    assert decision.officials_audience is OfficialsAudience.ALL


def test_a_different_danger_at_level_1_is_a_new_appeal_to_everybody() -> None:
    decision = decided(case("return_imminent", is_reached=True), update("execution_imminent"))

    assert (decision.letter_kind, decision.officials_audience) == (LetterKind.FIRST_APPEAL, OfficialsAudience.ALL)


def test_a_prisoner_found_again_is_further_information_to_those_who_asked_where() -> None:
    decision = decided(case("fate_unknown", is_reached=True), update("detained"))

    assert decision.letter_kind is LetterKind.FURTHER_INFORMATION
    assert decision.officials_audience is OfficialsAudience.REACHED_BEFORE


def test_a_disappearance_with_nobody_reached_yet_is_an_appeal_to_everybody() -> None:
    decision = decided(case("return_imminent", is_running=True), update("fate_unknown"))

    assert decision.action is Action.APPEAL
    assert decision.officials_audience is OfficialsAudience.ALL
    assert decision.supporter_plan is not None
    assert decision.supporter_plan.audience is SupportersAudience.ALL_OPTED_IN


def test_good_news_about_a_case_nobody_heard_of_only_stops_what_was_to_go_out() -> None:
    silent = decided(case("detained"), update("released"))
    assert silent.action is Action.RECORD_ONLY
    assert silent.supersedes_case

    running = decided(case("detained", is_running=True), update("released"))
    assert running.withdraws
    assert running.action is Action.FOLLOW_UP  # what is on the wire may still reach somebody


def test_a_death_needs_two_people_a_new_target_and_the_family() -> None:
    decision = decided(case("detained", is_reached=True, is_running=True), update("died"))

    assert decision.withdraws
    assert decision.approval is Approval.TWO
    assert decision.officials_audience is OfficialsAudience.NEW_TARGET
    assert decision.needs_family_informed
    assert not decision.sends_automatically


def test_without_a_standing_approval_one_person_has_to_agree() -> None:
    decision = decided(case(), update("return_imminent"), standing=(StandingApproval("at-risk", "M. Okafor"),))

    assert decision.action is Action.APPEAL
    assert decision.approval is Approval.ONE
    assert not decision.sends_automatically


def test_a_rumour_drafts_and_leaves_running_alerts_alone() -> None:
    decision = decided(
        case("detained", is_reached=True, is_running=True), update("return_imminent", confidence="rumoured")
    )

    assert decision.action is Action.DRAFT_ONLY
    assert decision.rule_id == "rumour"
    assert decision.official_plan is not None
    assert not decision.withdraws
    assert not decision.supersedes_case


@pytest.mark.parametrize("known", ["detained", "reported"], ids=["an appeal", "an alert started by hand"])
@pytest.mark.parametrize("status", ["reported", "verified"])
def test_intake_never_stops_what_is_running(status: str, known: str) -> None:
    decision = decided(case(known, is_reached=True, is_running=True), update(status))

    assert decision.action is Action.RECORD_ONLY
    assert not decision.withdraws
    assert not decision.supersedes_case


def test_old_news_is_recorded_and_news_of_the_same_day_counts() -> None:
    before = case("detained", is_reached=True, is_running=True)

    old = decided(before, update("released", as_of=date(2015, 10, 23)))
    assert old.action is Action.RECORD_ONLY
    assert not old.withdraws
    assert not old.supersedes_case

    assert decided(before, update("released", as_of=FIRST_DAY)).withdraws


def test_two_moments_of_one_day_are_told_apart_and_a_plain_date_covers_its_whole_day() -> None:
    noon = datetime(2015, 11, 24, 12, 0, tzinfo=UTC)
    before = replace(case("detained", is_running=True), latest_as_of=noon)

    earlier = replace(update("released"), as_of=noon.replace(hour=11))
    assert not decided(before, earlier).withdraws
    assert decided(before, replace(earlier, as_of=noon.date())).withdraws


def test_a_closed_case_gets_a_draft() -> None:
    decision = decided(case("released", is_reached=True, is_closed=True), update("detained"))

    assert decision.action is Action.DRAFT_ONLY
    assert decision.approval is Approval.ONE
    assert decision.supersedes_case


def test_after_a_grave_status_no_standing_approval_counts() -> None:
    decision = decided(case("forcibly_returned", is_reached=True), update("execution_imminent"))

    assert decision.action is Action.APPEAL
    assert decision.approval is Approval.ONE
    assert not decision.sends_automatically


class TestGroups:
    def test_an_update_about_one_leaves_the_others_as_they_are(self) -> None:
        before = case("detained", persons=nine(), is_reached=True)

        decision = decided(before, update("return_imminent", persons=("person-3",)))

        assert decision.is_split
        assert decision.concerned == ("person-3",)
        assert len(decision.left_out) == 8
        assert decision.remainder == ()

    def test_one_death_names_the_eight_who_lose_their_appeal(self) -> None:
        before = case("return_imminent", persons=nine(), is_reached=True, is_running=True)

        decision = decided(before, update("died", persons=("person-1",)))

        assert decision.withdraws
        assert decision.remainder == tuple(f"person-{number}" for number in range(2, 10))
        assert not decision.sends_automatically

    def test_one_release_does_not_end_the_action(self) -> None:
        before = case("detained", persons=nine(), is_reached=True)

        one = decided(before, update("released", persons=("person-1",)))
        everybody = decided(before, update("released"))

        assert (one.letter_kind, one.notice_kind) == (LetterKind.FURTHER_INFORMATION, NoticeKind.GOOD_NEWS)
        assert everybody.letter_kind is LetterKind.STOP_ACTION
        assert not everybody.is_split

    @pytest.mark.parametrize("end", [Status.DIED, Status.EXECUTED, Status.RELEASED, Status.FORCIBLY_RETURNED])
    def test_news_of_the_group_does_not_mean_those_who_left_it(self, end: Status) -> None:
        persons = (PersonSnapshot(key="person-0", status=end), *nine(status=Status.DETAINED))

        decision = decided(case("detained", persons=persons, is_reached=True), update("return_imminent"))

        assert "person-0" not in decision.concerned
        assert decision.left_out == ("person-0",)
        assert decision.sends_automatically

    def test_once_all_have_left_the_news_is_about_the_returned_not_the_freed(self) -> None:
        persons = (
            PersonSnapshot(key="freed", status=Status.RELEASED),
            PersonSnapshot(key="returned", status=Status.FORCIBLY_RETURNED),
        )

        decision = decided(case("forcibly_returned", persons=persons, is_reached=True), update("fate_unknown"))

        assert decision.concerned == ("returned",)

    def test_urgency_is_compared_with_the_persons_own_status(self) -> None:
        persons = (PersonSnapshot(key="tried", status=Status.CHARGED), *nine())
        before = case("detained", persons=persons, is_reached=True)

        decision = decided(before, update("detained", persons=("tried",)))

        assert decision.letter_kind is LetterKind.FIRST_APPEAL

    def test_somebody_unknown_is_refused_by_name(self) -> None:
        with pytest.raises(InvalidInput, match="persons: person-12: not in this case; it lists person-1, person-2"):
            decided(case("detained", persons=nine()), update("released", persons=("person-1", "person-12")))

    @pytest.mark.parametrize(
        ("status", "persons", "prevails"),
        [
            ("released", (), "released"),
            ("died", ("person-1",), "detained"),
            ("return_imminent", ("person-1",), "return_imminent"),
            ("charged", ("person-1",), "detained"),
        ],
    )
    def test_the_case_as_a_whole_keeps_its_most_urgent_status(
        self, status: str, persons: tuple[str, ...], prevails: str
    ) -> None:
        before = case("detained", persons=nine())

        assert prevailing_status(before, update(status, persons=persons), shipped()) == prevails


def test_a_rule_set_made_by_hand_cannot_make_a_death_automatic() -> None:
    careless = tuple(
        replace(rule, approval=Approval.NONE_WITH_STANDING, supporters=replace(rule.supporters, start=Start.WITH_ALERT))
        if isinstance(rule, Rule) and rule.id == "grave" and rule.supporters
        else rule
        for rule in shipped().rules
    )

    decision = decide(
        case("detained", is_reached=True),
        update("executed"),
        RuleSet("careless", careless),
        standing_approvals=[StandingApproval("grave", "nobody")],
    )

    assert decision.approval is Approval.TWO
    assert not decision.sends_automatically
    assert decision.needs_family_informed


def test_the_decision_names_the_rules_it_was_made_under() -> None:
    decision = decided(case("detained", is_running=True), update("missing", as_of=SECOND_DAY))

    assert decision.rules_digest == shipped().digest
    assert decision.withdrawn_alerts == (RUNNING.number,)
