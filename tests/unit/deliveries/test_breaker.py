"""When a gateway is left alone, and for how long."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urgentaction.channels.contract import Accepted, Outcome, Refused, RetryClass, Unknown
from urgentaction.deliveries import breaker


@pytest.mark.parametrize(
    ("outcome", "is_fault"),
    [
        (Accepted("ref"), False),
        (Unknown("no answer"), True),
        (Refused(RetryClass.SOON, "connect", is_gateway_fault=True), True),
        (Refused(RetryClass.SOON, "4.3.0"), False),
        (Refused(RetryClass.NEVER, "5.1.1"), False),
        (Refused(RetryClass.FIX_FIRST, "20003", is_about_us=True), False),
    ],
)
def test_only_what_the_gateway_itself_did_wrong_counts(outcome: Outcome, *, is_fault: bool) -> None:
    assert breaker.is_fault(outcome) is is_fault


@given(st.lists(st.booleans(), max_size=breaker.MOST_TRIES))
def test_it_opens_on_enough_faults_that_are_half_of_the_latest_tries(latest: list[bool]) -> None:
    opens = breaker.must_open(latest)
    if opens:
        assert sum(latest) >= breaker.LEAST_FAULTS
        assert sum(latest) * 2 >= len(latest)
        assert breaker.must_open([True, *latest]), "one more fault never closes it"
    if len(latest) >= breaker.LEAST_FAULTS and all(latest):
        assert opens
    if not any(latest):
        assert not opens


def test_two_per_cent_of_trouble_never_open_it() -> None:
    for place in range(breaker.MOST_TRIES):
        latest = [False] * breaker.MOST_TRIES
        latest[place] = True
        assert not breaker.must_open(latest)


def test_each_break_in_a_row_is_longer_until_the_longest() -> None:
    pauses = [breaker.pause(breaks) for breaks in range(1, 20)]
    assert all(earlier <= later for earlier, later in pairwise(pauses))
    assert pauses[0] == timedelta(seconds=15)
    assert pauses[-1] == timedelta(minutes=5), "a gateway that is mended is found within minutes"
