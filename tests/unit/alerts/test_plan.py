"""The plan of an alert that a person composed: who is reached how, and what is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urgentaction.alerts.plan import TO_OFFICIALS, TO_SUPPORTERS, AlertPlan, Audience, compose_plan
from urgentaction.channels.contract import Channel
from urgentaction.core.errors import InvalidInput
from urgentaction.triggers.decision import LetterKind, NoticeKind, OfficialsAudience, Start, SupportersAudience

EVERY = tuple(Channel)
LEVELS = st.integers(min_value=1, max_value=5)


def reachable(audience: Audience, channels: set[Channel]) -> bool:
    officials = audience is Audience.SUPPORTERS or not channels.isdisjoint(TO_OFFICIALS)
    supporters = audience is Audience.OFFICIALS or not channels.isdisjoint(TO_SUPPORTERS)
    return officials and supporters


@given(audience=st.sampled_from(Audience), channels=st.sets(st.sampled_from(Channel)), level=LEVELS)
def test_everybody_in_the_audience_is_reached_or_the_wish_is_refused(
    audience: Audience, channels: set[Channel], level: int
) -> None:
    if not reachable(audience, channels):
        with pytest.raises(InvalidInput):
            compose_plan(audience, channels=channels, level=level)
        return
    plan = compose_plan(audience, channels=channels, level=level)
    assert (plan.officials is not None) is (audience is not Audience.SUPPORTERS)
    assert (plan.supporters is not None) is (audience is not Audience.OFFICIALS)
    if plan.officials is not None:
        assert set(plan.officials.to) == channels & set(TO_OFFICIALS)
        assert plan.officials.cc
        assert set(plan.officials.cc) | set(plan.officials.office_hours) <= set(plan.officials.to)
    if plan.supporters is not None:
        assert set(plan.supporters.channels) == channels & set(TO_SUPPORTERS)


@given(audience=st.sampled_from(Audience), level=LEVELS)
def test_it_is_stored_and_read_without_loss(audience: Audience, level: int) -> None:
    plan = compose_plan(audience, channels=EVERY, level=level)
    assert AlertPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
    assert plan.start is Start.WITH_ALERT


@given(channels=st.permutations(EVERY), level=LEVELS)
def test_the_order_in_which_channels_are_named_changes_nothing(channels: list[Channel], level: int) -> None:
    assert compose_plan(Audience.BOTH, channels=channels, level=level) == compose_plan(
        Audience.BOTH, channels=EVERY, level=level
    )


def test_where_hours_count_nobody_waits_for_an_office_to_open() -> None:
    plan = compose_plan(Audience.BOTH, channels=EVERY, level=1)
    assert plan.officials is not None
    assert plan.supporters is not None
    assert plan.officials.office_hours == ()
    assert plan.officials.escalate_after_minutes == 30
    assert plan.supporters.override_quiet_hours_where_allowed


@pytest.mark.parametrize("level", [2, 3, 4, 5])
def test_else_a_fax_keeps_to_the_offices_hours_and_a_text_to_quiet_ones(level: int) -> None:
    plan = compose_plan(Audience.BOTH, channels=EVERY, level=level)
    assert plan.officials is not None
    assert plan.supporters is not None
    assert plan.officials.office_hours == (Channel.FAX,)
    assert plan.officials.escalate_after_minutes == {2: 480, 3: 1440}.get(level)
    assert not plan.supporters.override_quiet_hours_where_allowed


def test_copies_go_by_email_where_that_was_chosen() -> None:
    both = compose_plan(Audience.OFFICIALS, channels=EVERY, level=2)
    fax = compose_plan(Audience.OFFICIALS, channels=[Channel.FAX], level=2)
    assert both.officials is not None
    assert fax.officials is not None
    assert (both.officials.to, both.officials.cc) == ((Channel.FAX, Channel.EMAIL), (Channel.EMAIL,))
    assert fax.officials.cc == (Channel.FAX,)


def test_what_is_written_is_an_appeal_unless_something_else_was_chosen() -> None:
    usual = compose_plan(Audience.BOTH, channels=EVERY, level=2)
    assert (usual.letter_kind, usual.notice_kind) == ("first_appeal", "appeal")
    chosen = compose_plan(
        Audience.BOTH,
        channels=EVERY,
        level=2,
        letter_kind=LetterKind.STOP_ACTION,
        notice_kind=NoticeKind.GOOD_NEWS,
    )
    assert (chosen.letter_kind, chosen.notice_kind) == ("stop_action", "good_news")


def test_whoever_hears_nothing_has_no_text() -> None:
    kinds = {"letter_kind": LetterKind.STOP_ACTION, "notice_kind": NoticeKind.CLOSING}
    officials = compose_plan(Audience.OFFICIALS, channels=EVERY, level=2, **kinds)  # type: ignore[arg-type]
    supporters = compose_plan(Audience.SUPPORTERS, channels=EVERY, level=2, **kinds)  # type: ignore[arg-type]
    assert (officials.letter_kind, officials.notice_kind) == ("stop_action", "")
    assert (supporters.letter_kind, supporters.notice_kind) == ("", "closing")
    assert supporters.officials_audience is OfficialsAudience.NONE


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        compose_plan(Audience.BOTH, channels=[], level=2)
    assert [problem.message for problem in caught.value.problems] == [
        "officials are written to by fax or email; add one of them",
        "supporters hear by email or SMS; add one of them",
    ]


def test_a_follow_up_goes_to_those_reached_before() -> None:
    plan = compose_plan(Audience.BOTH, channels=EVERY, level=2, follows_up=True)
    assert plan.officials_audience is OfficialsAudience.REACHED_BEFORE
    assert plan.supporters is not None
    assert plan.supporters.audience is SupportersAudience.REACHED_BEFORE


def test_languages_narrow_down_supporters_only() -> None:
    assert compose_plan(Audience.BOTH, channels=EVERY, level=2, readers=["ko", "en"]).readers == ("en", "ko")
    assert compose_plan(Audience.OFFICIALS, channels=EVERY, level=2, readers=["ko"]).readers == ()


def test_a_plan_stored_before_languages_could_be_chosen_reaches_all() -> None:
    stored = compose_plan(Audience.BOTH, channels=EVERY, level=2, readers=["ko"]).to_json()
    del stored["readers"]
    assert AlertPlan.from_json(stored).readers == ()
