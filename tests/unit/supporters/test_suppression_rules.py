"""Which refusals cost somebody their place among the recipients, and which reason outlives which."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urgentaction.channels.contract import Channel, RetryClass
from urgentaction.supporters.rules import (
    ABOUT_THE_ADDRESS,
    ENDED_BY_START,
    RANK,
    SOFT_LIFETIME,
    WISHES,
    Standing,
    SuppressionReason,
    combined,
    suppression_for,
)

CHANNELS = st.sampled_from(Channel)
CLASSES = st.sampled_from(RetryClass)
REFUSALS = st.sampled_from([one for one in RetryClass if one is not RetryClass.OPT_OUT])
CODES = st.one_of(
    st.text(max_size=8),
    st.builds("{}.{}.{}".format, st.sampled_from("245"), st.integers(0, 9), st.integers(0, 30)),
    st.integers(200, 599).map(str),
    st.sampled_from(sorted(code for codes in ABOUT_THE_ADDRESS.values() for code in codes)),
)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - zone follows
STANDINGS = st.builds(Standing, st.sampled_from(SuppressionReason), st.none() | MOMENTS)


@given(CHANNELS, st.text("0123456789.", max_size=5), REFUSALS, st.sampled_from(["5.2.2", "5.7.", "4."]))
def test_full_mailboxes_our_reputation_and_passing_faults_never_suppress(
    channel: Channel, rest: str, retry_class: RetryClass, beginning: str
) -> None:
    assert suppression_for(channel, beginning + rest, retry_class) is None


@given(CHANNELS, CODES, st.sampled_from([RetryClass.SOON, RetryClass.BUSY, RetryClass.THROTTLE, RetryClass.FIX_FIRST]))
def test_what_blames_us_or_the_moment_never_suppresses(channel: Channel, code: str, retry_class: RetryClass) -> None:
    assert suppression_for(channel, code, retry_class) is None


@given(CHANNELS, CODES, CLASSES)
def test_only_soft_bounces_expire(channel: Channel, code: str, retry_class: RetryClass) -> None:
    verdict = suppression_for(channel, code, retry_class)
    if verdict is not None:
        reason, lifetime = verdict
        assert lifetime == (SOFT_LIFETIME if reason is SuppressionReason.SOFT_BOUNCE else None)


@given(CODES, CLASSES)
def test_offices_are_never_suppressed_for_a_bad_fax_number(code: str, retry_class: RetryClass) -> None:
    verdict = suppression_for(Channel.FAX, code, retry_class)
    assert (verdict is not None) == (retry_class is RetryClass.OPT_OUT)


@pytest.mark.parametrize(
    ("channel", "code", "retry_class", "reason"),
    [
        (Channel.EMAIL, "5.1.1", RetryClass.NEVER, SuppressionReason.HARD_BOUNCE),
        (Channel.EMAIL, "5.2.1", RetryClass.NEVER, SuppressionReason.HARD_BOUNCE),
        (Channel.EMAIL, "550", RetryClass.NEVER, SuppressionReason.SOFT_BOUNCE),
        (Channel.EMAIL, "abuse", RetryClass.OPT_OUT, SuppressionReason.COMPLAINT),
        (Channel.SMS, "21211", RetryClass.NEVER, SuppressionReason.HARD_BOUNCE),
        (Channel.SMS, "30003", RetryClass.LATER, SuppressionReason.SOFT_BOUNCE),
        (Channel.SMS, "21610", RetryClass.OPT_OUT, SuppressionReason.STOP),
    ],
)
def test_the_table_says(channel: Channel, code: str, retry_class: RetryClass, reason: SuppressionReason) -> None:
    verdict = suppression_for(channel, code, retry_class)
    assert verdict is not None
    assert verdict[0] is reason


@given(STANDINGS, STANDINGS)
def test_another_reason_never_weakens_or_shortens(old: Standing, new: Standing) -> None:
    found = combined(old, new)
    assert RANK[found.reason] == max(RANK[old.reason], RANK[new.reason])
    for one in (old, new):
        assert found.expires_at is None or (one.expires_at is not None and found.expires_at >= one.expires_at)
    assert combined(found, new) == found
    assert combined(found, old) == found


@given(STANDINGS, st.none() | MOMENTS)
def test_the_same_reason_again_changes_nothing_but_the_time(old: Standing, until: datetime | None) -> None:
    assert combined(old, Standing(old.reason, until)).reason is old.reason


def test_wishes_stand_above_bounces() -> None:
    others = frozenset(SuppressionReason) - WISHES
    assert min(RANK[reason] for reason in WISHES) > max(RANK[reason] for reason in others)
    assert RANK.keys() == set(SuppressionReason)
    assert SuppressionReason.MANUAL not in ENDED_BY_START
    assert timedelta(days=1) < SOFT_LIFETIME
