from __future__ import annotations

from datetime import timedelta
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from urgentaction.channels.contract import Channel, RetryClass
from urgentaction.deliveries.rules import (
    IGNORED,
    NEWS,
    REACHED,
    RECEIPTS,
    TABLE,
    TERMINAL,
    WAITS,
    About,
    Event,
    State,
    UnknownPolicy,
    after,
    pause_after,
    sources,
    target,
    unknown_policy,
)


@pytest.mark.parametrize(("state", "event"), list(product(sorted(State), sorted(Event))))
def test_every_event_in_every_state_is_decided_exactly_once(state: State, event: Event) -> None:
    pair = (state, event)
    assert [pair in TABLE, pair in WAITS, pair in IGNORED].count(True) == 1
    assert (after(state, event) is None) is (pair not in TABLE)
    if pair in IGNORED:
        assert len(IGNORED[pair]) > 20, "a reason that a person can follow"


def test_nothing_is_decided_that_can_not_be() -> None:
    known = set(product(State, Event))
    assert set(TABLE) | set(WAITS) | set(IGNORED) == known


@pytest.mark.parametrize(("state", "event"), list(product(sorted(TERMINAL), sorted(Event))))
def test_an_end_is_an_end_and_only_the_arrival_is_still_news(state: State, event: Event) -> None:
    is_arrival = event is Event.RECEIPT_DELIVERED and state is not State.DELIVERED
    assert after(state, event) is (State.DELIVERED if is_arrival else None)


@pytest.mark.parametrize(("state", "event"), list(product(sorted(State), sorted(RECEIPTS))))
def test_every_receipt_in_every_state_is_applied_waits_or_changes_nothing(state: State, event: Event) -> None:
    new = after(state, event)
    if (state, event) in WAITS:
        assert new is None
    elif new is not None:
        assert new not in {State.LEASED, State.SENDING, State.UNKNOWN, State.WITHDRAWN}


@pytest.mark.parametrize("state", [State.QUEUED, State.LEASED])
def test_a_gateway_that_evidently_has_it_stops_the_next_try(state: State) -> None:
    for event in (Event.RECEIPT_PROGRESS, Event.RECEIPT_TRACE):
        assert after(state, event) is State.ACCEPTED


@pytest.mark.parametrize(("told", "about"), list(product(sorted(RECEIPTS & {told for told, _ in NEWS}), sorted(About))))
def test_news_of_a_try_that_is_over_changes_nothing_but_by_arriving(told: Event, about: About) -> None:
    event = NEWS[told, about]
    if about is About.PRESENT or told is Event.RECEIPT_DELIVERED:
        assert event is told
    elif told is Event.RECEIPT_PROGRESS and about is About.ANOTHER:
        assert event is Event.RECEIPT_TRACE
    else:
        assert event is Event.RECEIPT_STALE
        assert {after(state, event) for state in State} == {None}


def test_nothing_goes_back_to_the_queue_from_the_wire_unless_it_is_known_not_to_have_left() -> None:
    back = {event for (state, event), new in TABLE.items() if state is State.SENDING and new is State.QUEUED}
    assert back == {Event.RETRY, Event.RELEASE}


def test_only_what_has_not_left_can_be_withdrawn_expired_or_suppressed() -> None:
    assert set(sources(Event.WITHDRAW)) == {"queued", "leased"}
    assert set(sources(Event.EXPIRE)) == {"queued"}
    assert set(sources(Event.SUPPRESS)) == {"queued", "leased"}


def test_every_state_but_the_terminal_ones_has_a_way_on_and_all_are_reachable() -> None:
    assert {state for state, _ in TABLE} == set(State) - {State.DELIVERED}
    assert set(TABLE.values()) | {State.QUEUED} == set(State)


def test_events_with_one_outcome_say_so_and_others_refuse() -> None:
    assert target(Event.INTENT) is State.SENDING
    with pytest.raises(ValueError, match="no single target"):
        target(Event.LEASE_EXPIRED)


class Life(RuleBasedStateMachine):
    """Any sequence of events whatever: the wire is touched only after an intent, and never again once it is settled."""

    def __init__(self) -> None:
        super().__init__()
        self.state = State.QUEUED
        self.was_terminal: State | None = None
        self.path = [State.QUEUED]

    @rule(event=st.sampled_from(Event))
    def happen(self, event: Event) -> None:
        before = self.state
        self.state = after(before, event) or before
        self.path.append(self.state)
        if self.state is State.SENDING and before is not State.SENDING:
            assert before is (State.QUEUED if event is Event.BEGIN else State.LEASED)
        if self.state is State.LEASED and before is not State.LEASED:
            assert before is State.QUEUED
        if before in TERMINAL:
            self.was_terminal = before

    @invariant()
    def settled_stays_settled_or_turns_out_to_have_arrived(self) -> None:
        assert self.was_terminal is None or self.state in (self.was_terminal, State.DELIVERED)

    @invariant()
    def what_reached_somebody_is_only_given_up_for_a_reason_that_was_reported(self) -> None:
        for before, now in pairwise(self.path):
            if before in REACHED and now not in REACHED:
                assert now in {State.QUEUED, State.FAILED, State.SUPPRESSED}


TestLife = Life.TestCase

CLASSES = st.sampled_from(RetryClass)


@given(
    retry_class=CLASSES,
    refusals=st.integers(min_value=0, max_value=500),
    channel=st.sampled_from(Channel),
    priority=st.integers(min_value=1, max_value=5),
    jitter=st.floats(min_value=0, max_value=0.999),
    has_deadline=st.booleans(),
    retry_after=st.none() | st.timedeltas(min_value=timedelta(0), max_value=timedelta(hours=3)),
)
def test_a_pause_is_never_negative_and_never_undercuts_what_the_gateway_asked_for(
    *,
    retry_class: RetryClass,
    refusals: int,
    channel: Channel,
    priority: int,
    jitter: float,
    has_deadline: bool,
    retry_after: timedelta | None,
) -> None:
    pause = pause_after(
        retry_class,
        refusals=refusals,
        channel=channel,
        priority=priority,
        jitter=jitter,
        has_deadline=has_deadline,
        retry_after=retry_after,
    )
    if retry_class in {RetryClass.NEVER, RetryClass.OPT_OUT}:
        assert pause is None
    if retry_class in {RetryClass.THROTTLE, RetryClass.FIX_FIRST}:
        assert pause is not None, "what is not the recipient's fault never uses up tries"
    if pause is not None:
        assert pause >= (retry_after or timedelta(0))
        assert pause <= timedelta(hours=5)


def pauses(
    retry_class: RetryClass, channel: Channel, *, priority: int, tries: int, has_deadline: bool
) -> list[timedelta | None]:
    return [
        pause_after(retry_class, refusals=n, channel=channel, priority=priority, jitter=0, has_deadline=has_deadline)
        for n in range(1, tries + 1)
    ]


def test_urgent_mail_is_tried_again_at_once_then_within_minutes_then_hourly_until_the_deadline() -> None:
    found = pauses(RetryClass.SOON, Channel.EMAIL, priority=1, tries=200, has_deadline=True)
    assert found[:6] == [timedelta(minutes=m) for m in (0, 0.5, 2, 5, 15, 60)]
    assert set(found[6:]) == {timedelta(hours=1)}


def test_a_busy_fax_is_tried_after_3_6_12_minutes_and_given_up_after_ten() -> None:
    found = pauses(RetryClass.BUSY, Channel.FAX, priority=1, tries=11, has_deadline=True)
    assert found[:3] == [timedelta(minutes=m) for m in (3, 6, 12)]
    assert found[8] is not None
    assert found[9:] == [None, None]


def test_without_a_deadline_even_urgent_mail_is_given_up_some_day() -> None:
    assert pauses(RetryClass.SOON, Channel.EMAIL, priority=1, tries=120, has_deadline=False)[-1] is None


def test_a_fax_or_sms_is_never_repeated_without_knowing() -> None:
    assert unknown_policy(Channel.FAX, may_ask=False, repeats=0) is UnknownPolicy.HUMAN
    assert unknown_policy(Channel.SMS, may_ask=False, repeats=0) is UnknownPolicy.HUMAN
    assert unknown_policy(Channel.EMAIL, may_ask=False, repeats=0) is UnknownPolicy.REPEAT
    assert unknown_policy(Channel.EMAIL, may_ask=False, repeats=3) is UnknownPolicy.HUMAN
    assert unknown_policy(Channel.SMS, may_ask=True, repeats=0) is UnknownPolicy.ASK
