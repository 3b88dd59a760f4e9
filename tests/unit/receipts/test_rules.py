"""Which try a receipt is about: by its name, by the only place left for it, or not to be told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urgentaction.deliveries.rules import About
from urgentaction.receipts.rules import Meant, Try, is_over, which_try


def tries(*described: str) -> list[Try]:
    """`unknown`, `unknown:F1`, `over`, `over:F1`, `accepted:F1`; of the gateway `one`, or `…@two`."""
    made = []
    for number, text in enumerate(described, 1):
        name, _, gateway = text.partition("@")
        end, _, ref = name.partition(":")
        made.append(Try(number, gateway or "one", ref, is_over=end == "over"))
    return made


@pytest.mark.parametrize(
    ("known", "present", "ref", "meant"),
    [
        # By name.
        (["accepted:F1"], "F1", "F1", Meant(About.PRESENT, 1)),
        (["over:F1", "accepted:F2"], "F2", "F1", Meant(About.OVER, 1)),
        (["unknown:F1", "accepted:F2"], "F2", "F1", Meant(About.ANOTHER, 1)),
        (["over:F1"], "F1", "F1", Meant(About.OVER, 1)),
        # By what is left.
        (["unknown"], "", "F1", Meant(About.PRESENT, 1)),
        (["unknown", "accepted:F2"], "F2", "F1", Meant(About.ANOTHER, 1)),
        (["over:F1", "unknown"], "", "F2", Meant(About.PRESENT, 2)),
        (["over:F1", "unknown"], "", "F1", Meant(About.OVER, 1)),
        (["over", "unknown"], "", "F1", Meant(About.PRESENT, 2)),
        (["unknown", "over"], "", "F1", Meant(About.ANOTHER, 1)),
        # Nobody can say: not the present one.
        (["unknown", "unknown"], "", "F1", Meant(About.ANOTHER, 1)),
        (["unknown", "unknown", "unknown"], "", "F1", Meant(About.ANOTHER, 2)),
        (["unknown", "unknown", "over"], "", "F1", Meant(About.ANOTHER, 2)),
        (["over"], "", "F1", Meant(About.ANOTHER)),
        (["accepted:F1"], "F1", "F9", Meant(About.ANOTHER)),
        # An earlier try that turned out to be the one that the gateway has.
        (["unknown:F1", "over"], "F1", "F1", Meant(About.PRESENT, 1)),
        # No name at all: a bounce carries our reference alone.
        (["accepted:Q1"], "Q1", "", Meant(About.PRESENT, 1)),
        (["over:Q1"], "Q1", "", Meant(About.OVER, 1)),
        (["unknown", "accepted:Q2"], "Q2", "", Meant(About.PRESENT, 2)),
        # Another gateway carries it by now.
        (["over:F1", "accepted:F2@two"], "F2@two", "F1", Meant(About.OVER, 1)),
        (["over", "unknown@two"], "@two", "F1", Meant(About.ANOTHER)),
        (["unknown", "accepted:F2@two"], "F2@two", "", Meant(About.ANOTHER, 1)),
        (["over", "accepted:F1@two"], "F1@two", "F1", Meant(About.ANOTHER)),
        (["accepted:F1@two"], "F1@two", "", Meant(About.ANOTHER)),
        # We know less than the gateway does: an older database was put back.
        ([], "", "F1", Meant(About.PRESENT)),
    ],
)
def test_the_try_that_is_meant(known: list[str], present: str, ref: str, meant: Meant) -> None:
    name, _, gateway = present.partition("@")
    assert which_try(tries(*known), gateway="one", ref=ref, present=(gateway or "one", name)) == meant


@pytest.mark.parametrize(
    ("outcome", "code", "over"),
    [("accepted", "", False), ("unknown", "", False), ("refused", "not-taken", False), ("refused", "busy", True)],
)
def test_a_try_is_over_when_it_is_known_to_have_failed(outcome: str, code: str, *, over: bool) -> None:
    assert is_over(outcome, code) is over


_REFS = st.sampled_from(["", "F1", "F2", "F3"])
_GATEWAYS = st.sampled_from(["one", "two"])


@given(
    made=st.lists(st.tuples(_GATEWAYS, _REFS, st.booleans()), max_size=4),
    gateway=_GATEWAYS,
    ref=_REFS,
    present=st.tuples(_GATEWAYS, _REFS),
)
def test_no_news_is_taken_for_news_of_a_try_that_is_over_or_bears_another_name(
    made: list[tuple[str, str, bool]], gateway: str, ref: str, present: tuple[str, str]
) -> None:
    known = [Try(number, *rest[:2], is_over=rest[2]) for number, rest in enumerate(made, 1)]
    meant = which_try(known, gateway=gateway, ref=ref, present=present)
    if meant.number is None:
        assert meant.about is not About.OVER
        return
    one = known[meant.number - 1]
    assert one.gateway == gateway
    assert one.is_over is (meant.about is About.OVER)
    assert not (ref and one.ref) or one.ref == ref
