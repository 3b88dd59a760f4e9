"""Which gateway of several: by weight, not the one that has just refused, never one that is the last resort."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from urgentaction.channels.contract import Channel, RetryClass
from urgentaction.channels.roster import Entry
from urgentaction.deliveries.rules import FAILS_OVER, may_fail_over
from urgentaction.deliveries.ways import choose


def entry(name: str, weight: int) -> Entry:
    return Entry(
        name=name,
        kind="smtp",
        channel=Channel.EMAIL,
        weight=weight,
        per_second=None,
        domain_per_minute=None,
        options={},
    )


entries = st.lists(st.integers(0, 100), min_size=1, max_size=5).map(
    lambda weights: [entry(f"g{n}", weight) for n, weight in enumerate(weights)]
)
draws = st.floats(0, 1, exclude_max=True)


@given(entries, draws, st.sampled_from(["g0", "g1", "elsewhere", ""]))
def test_whoever_has_just_refused_is_taken_only_where_there_is_no_other(
    among: list[Entry], draw: float, avoid: str
) -> None:
    chosen = choose(among, avoid=avoid, draw=draw)
    assert chosen in among
    if len(among) > 1:
        assert chosen.name != avoid


@given(entries, draws)
def test_the_last_resort_serves_only_where_nothing_else_is_left(among: list[Entry], draw: float) -> None:
    if any(one.weight for one in among):
        assert choose(among, avoid="", draw=draw).weight > 0


def test_each_takes_its_share() -> None:
    among = [entry("main", 30), entry("second", 10), entry("reserve", 0)]
    counts = Counter(choose(among, avoid="", draw=n / 1000).name for n in range(1000))
    assert counts == {"main": 750, "second": 250}


@given(st.integers(1, 60), st.integers(0, 4), st.sampled_from(list(RetryClass)))
def test_a_round_goes_once_through_the_gateways_and_then_pauses(
    attempts: int, others: int, retry_class: RetryClass
) -> None:
    rounds = [
        may_fail_over(retry_class, attempts=attempt, others=others)
        for attempt in range(attempts, attempts + others + 1)
    ]
    if retry_class in FAILS_OVER:
        assert rounds.count(False) == 1, "as many tries at once as there are other gateways, then a pause"
    else:
        assert not any(rounds), "another gateway meets the same busy line or full mailbox"
