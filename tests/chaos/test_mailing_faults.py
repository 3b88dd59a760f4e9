"""Faults of the wire in the middle of a mailing, between the SMTP gateway and the real sandbox: what it says is true.

The sandbox's fsynced ledger is the oracle, as in test_wire_faults.py.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.chaos.proxy import Fault, FaultProxy, Way
from tests.sandbox_program import SandboxProgram
from tests.unit.channels.notices import NOTICE, copies, kinds
from urgentaction.channels.contract import Accepted, GatewayConfig, Mode, Outcome, Refused, Unknown
from urgentaction.channels.email.smtp import gateway as smtp_gateway
from urgentaction.channels.mailing import Copy, MailingGateway
from urgentaction.channels.registry import build
from urgentaction.sandbox import ledger

PATIENCE = 2
_windows = itertools.count()


@dataclass
class Truth:
    """What was said of each recipient's copy, to be compared with what the sandbox took."""

    program: SandboxProgram
    said: dict[str, Outcome] = field(default_factory=dict)

    def taken(self) -> defaultdict[str, list[str]]:
        found: defaultdict[str, list[str]] = defaultdict(list)
        for entry in ledger.read(self.program.data / "ledger.jsonl"):
            found[entry.to].append(entry.ref)
        return found

    def lies(self) -> list[str]:
        taken = self.taken()
        return [
            f"{to}: {said}, but {taken.get(to, [])}" for to, said in self.said.items() if not is_true(said, taken[to])
        ]


def is_true(outcome: Outcome, taken: list[str]) -> bool:
    match outcome:
        case Accepted(ref):
            return taken == [ref]
        case Refused():
            return not taken
        case Unknown():
            return len(taken) <= 1


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Truth]:
    program = SandboxProgram.start(tmp_path_factory.mktemp("mailing"))
    said = Truth(program)
    try:
        yield said
    finally:
        program.stop()
    assert said.lies() == []


@dataclass
class Line:
    """A gateway with so many connections, through a proxy, to the sandbox."""

    gateway: MailingGateway
    proxy: FaultProxy
    truth: Truth

    def send(self, count: int, *, fault: Fault | None = None, way: Way | None = None, after: int = 0) -> list[Outcome]:
        """A window; the fault is armed when two outcomes have been told."""
        window = [self.own(copy) for copy in copies(count)]
        outcomes = iter(self.gateway.submit_mailing(NOTICE, window, lambda _: True))
        told = list(itertools.islice(outcomes, 2))
        if fault is not None:
            self.proxy.arm(fault, way=way, after=after)
        told += outcomes
        assert sorted(place for place, _ in told) == list(range(count)), "exactly one outcome each"
        self.truth.said |= {window[place].to: outcome for place, outcome in told}
        return [outcome for _, outcome in sorted(told, key=lambda one: one[0])]

    def own(self, copy: Copy) -> Copy:
        number = next(_windows)
        return dataclasses.replace(copy, to=f"mailed{number}@office.invalid", message_id=f"<m{number}@office.invalid>")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp_gateway, "DOT_SECONDS", float(PATIENCE))


@pytest.fixture(params=[1, 3], ids=["one connection", "three connections"])
def line(request: pytest.FixtureRequest, truth: Truth) -> Iterator[Line]:
    options = truth.program.gateway_options()["smtp"]
    with FaultProxy(options["host"], int(options["port"])) as proxy:
        options |= {"host": proxy.host, "port": str(proxy.port), "connections": str(request.param)}
        options |= {"gateway_timeout_seconds": str(PATIENCE)}
        gateway = build(GatewayConfig(name="smtp", kind="smtp", mode=Mode.SANDBOX, options=options))
        assert isinstance(gateway, MailingGateway)
        yield Line(gateway, proxy, truth)
        gateway.close()


@pytest.mark.parametrize(
    ("fault", "way"),
    [
        (Fault.CUT_BEFORE_DOT, None),
        (Fault.CUT_AFTER_DOT, None),
        (Fault.RESET, Way.UP),
        (Fault.RESET, Way.DOWN),
        (Fault.CUT, Way.DOWN),
        (Fault.HALF_CLOSE, Way.UP),
        (Fault.DROP, Way.DOWN),
    ],
)
def test_a_fault_in_the_middle_of_a_mailing_costs_two_at_most(line: Line, fault: Fault, way: Way | None) -> None:
    outcomes = Counter(kinds(line.send(24, fault=fault, way=way)))
    assert line.proxy.played == {fault.value: 1}
    assert outcomes[Accepted] >= 22
    assert outcomes[Refused] <= 1
    assert kinds(line.send(3)) == [Accepted] * 3
    assert line.truth.lies() == []


@pytest.mark.parametrize("way", Way)
def test_a_cut_at_any_byte_of_a_mailing(line: Line, way: Way) -> None:
    """The message that is handed over with the next envelope is cut before, in and behind its final dot."""
    offsets = range(1, 1300, 97) if way is Way.UP else range(1, 100, 9)
    seen: set[type] = set()
    # Between several connections it is chance which answer is cut, so it may take another round until one was a dot's.
    for place, after in enumerate(itertools.chain.from_iterable(itertools.repeat(offsets, 20))):
        if place >= len(offsets) and seen >= {Accepted, Unknown}:
            break
        line.proxy.clear()
        outcomes = line.send(8, fault=Fault.CUT, way=way, after=after)
        assert Counter(kinds(outcomes))[Accepted] >= 6, after
        seen |= set(kinds(outcomes))
    assert seen >= {Accepted, Unknown}


def test_a_server_that_goes_away_is_asked_once_more_in_a_window(line: Line) -> None:
    line.send(6)
    line.proxy.arm(Fault.REFUSE)
    line.gateway.close()
    outcomes = line.send(20)
    assert kinds(outcomes) == [Refused] * 20
    assert {outcome.code for outcome in outcomes if isinstance(outcome, Refused)} == {"connect"}
    line.proxy.clear()
    assert kinds(line.send(3)) == [Accepted] * 3
