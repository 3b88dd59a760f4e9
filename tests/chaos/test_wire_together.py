"""Faults of the wire while several requests are under way: each meets one of them and harms no other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.chaos.proxy import Fault, Way
from tests.chaos.test_wire_faults import HTTP, Kind, Oracle, counts_of, kinds_of, wired
from tests.sandbox_program import SandboxProgram
from urgentaction.channels.contract import Accepted, Unknown


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oracle]:
    oracle = Oracle(SandboxProgram.start(tmp_path_factory.mktemp("wire")))
    try:
        yield oracle
    finally:
        oracle.program.stop()
    assert oracle.contradictions() == []


@pytest.mark.parametrize("kind", HTTP)
@pytest.mark.parametrize(
    ("fault", "wanted", "count"),
    [
        (Fault.CUT_ANSWER, Unknown, 1),
        (Fault.RESET, Unknown, 1),
        (Fault.BLACK_HOLE, Unknown, 0),
    ],
)
def test_a_fault_among_requests_that_are_under_way_together_costs_one(
    truth: Oracle, kind: str, fault: Fault, wanted: Kind, count: int
) -> None:
    with wired(kind, truth, f"{kind} together {fault}", at_once=8) as wire:
        wire.proxy.arm(fault, way=Way.DOWN)
        batch = [wire.outgoing() for _ in range(24)]
        told = wire.in_time(lambda: dict(wire.gateway.submit_many(batch, lambda _: True)))
        assert sorted(told) == list(range(24)), "exactly one outcome each"
        results = [(outgoing, told[place]) for place, outgoing in enumerate(batch)]
        wire.oracle.said += [(wire.name, outgoing, outcome) for outgoing, outcome in results]
        assert wire.proxy.played == {fault.value: 1}
        assert Counter(kinds_of(results)) == {Accepted: 23, wanted: 1}
        counts = counts_of(wire, results)
        assert [n for n, (_, outcome) in zip(counts, results, strict=True) if isinstance(outcome, wanted)] == [count]
        assert sum(counts) == 23 + count
        wire.works_again()
