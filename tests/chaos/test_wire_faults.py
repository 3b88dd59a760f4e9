"""Every fault of the wire, put between every gateway and the real sandbox: what the adapter says must be true.

The sandbox's fsynced ledger is the oracle, read once more when the sandbox has ended: *accepted* is in it exactly once
and under that name, *refused* is not in it, *unknown* may be either. So whatever is in it without having been answered
for was reported as unknown.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest

from tests.channels.bench import fresh_address, fresh_number
from tests.chaos.proxy import Fault, FaultProxy, Way
from tests.sandbox_program import SandboxProgram
from tests.unit.channels.samples import FAX, MAIL, SMS
from urgentaction.channels.contract import (
    Accepted,
    CannotTell,
    Gateway,
    GatewayConfig,
    Lookup,
    Mode,
    Outcome,
    Outgoing,
    Refused,
    RetryClass,
    Unknown,
)
from urgentaction.channels.email.smtp import gateway as smtp_gateway
from urgentaction.channels.registry import KINDS, build
from urgentaction.sandbox import ledger

#: What the gateways are told to wait; and what is far longer than that, even on a machine that is busy.
PATIENCE, HANGING = 2, 20.0
HTTP, MAIL_KINDS = ("telnyx", "twilio"), ("esp", "smtp")
SAMPLES: dict[str, Outgoing] = {"esp": MAIL, "smtp": MAIL, "telnyx": FAX, "twilio": SMS}
Kind = type[Accepted] | type[Refused] | type[Unknown]
Kinds = set[Kind]
ACCEPTED: Kinds = {Accepted}
REFUSED: Kinds = {Refused}
UNKNOWN: Kinds = {Unknown}
NOT_ACCEPTED: Kinds = {Refused, Unknown}
T = TypeVar("T")
_numbers = itertools.count(1)


@dataclass
class Oracle:
    """Every outcome an adapter reported, compared with what the gateways really took."""

    program: SandboxProgram
    said: list[tuple[str, Outgoing, Outcome]] = field(default_factory=list)

    def entries(self) -> list[ledger.Entry]:
        return list(ledger.read(self.program.data / "ledger.jsonl"))

    def taken(self, outgoing: Outgoing) -> int:
        return sum(entry.to == outgoing.to for entry in self.entries())

    def contradictions(self) -> list[str]:
        """What was said and is not true."""
        taken: defaultdict[str, list[str]] = defaultdict(list)
        for entry in self.entries():
            taken[entry.to].append(entry.ref)
        return [
            f"{where}: {outcome}, but the ledger has {taken[outgoing.to]}"
            for where, outgoing, outcome in self.said
            if not is_true(outcome, taken[outgoing.to])
        ]


def is_true(outcome: Outcome, taken: list[str]) -> bool:
    """The truth table: what was said of a message, and under which names it was really taken."""
    match outcome:
        case Accepted(ref):
            return taken == [ref]
        case Refused():
            return not taken
        case Unknown():
            return len(taken) <= 1


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oracle]:
    truth = Oracle(SandboxProgram.start(tmp_path_factory.mktemp("wire")))
    try:
        yield truth
    finally:
        truth.program.stop()
    assert truth.contradictions() == []


@dataclass
class Wire:
    """One gateway, the proxy before its server, and the oracle."""

    kind: str
    gateway: Gateway
    proxy: FaultProxy
    oracle: Oracle
    name: str
    thread: ThreadPoolExecutor

    def outgoing(self) -> Outgoing:
        """A message to somebody no other test writes to."""
        reference = f"wire-{next(_numbers):05}"
        to = fresh_address() if self.kind in MAIL_KINDS else fresh_number()
        changes: dict[str, Any] = {"reference": reference, "to": to, "callback_url": ""}
        if self.kind in MAIL_KINDS:
            changes["message_id"] = f"<{reference}@urgentaction.invalid>"
        return dataclasses.replace(SAMPLES[self.kind], **changes)

    def in_time(self, step: Callable[[], T]) -> T:
        return self.thread.submit(step).result(HANGING)

    def submit(self, outgoing: Outgoing | None = None, *, where: str = "") -> Outcome:
        message = outgoing or self.outgoing()
        outcome = self.in_time(lambda: self.gateway.submit(message))
        self.oracle.said.append((f"{self.name} {where}", message, outcome))
        return outcome

    def submit_many(self, count: int, *, then: Callable[[], None]) -> list[tuple[Outgoing, Outcome]]:
        """A batch; `then` is done when two outcomes have been taken."""
        batch = [self.outgoing() for _ in range(count)]
        outcomes = self.gateway.submit_many(batch, lambda _: True)
        told = [self.in_time(lambda: next(outcomes)) for _ in range(2)]
        then()
        told += self.in_time(lambda: list(outcomes))
        assert [place for place, _ in told] == list(range(count)), "exactly one outcome each, in order"
        results = [(batch[place], outcome) for place, outcome in told]
        self.oracle.said += [(self.name, outgoing, outcome) for outgoing, outcome in results]
        return results

    def works_again(self) -> None:
        self.proxy.clear()
        outgoing = self.outgoing()
        assert isinstance(self.submit(outgoing, where="(afterwards)"), Accepted)
        assert self.oracle.taken(outgoing) == 1


@contextmanager
def wired(kind: str, oracle: Oracle, name: str, *, at_once: int = 1) -> Iterator[Wire]:
    known = oracle.program.gateway_options() | {"esp": oracle.program.esp_options()}
    options = known[kind] | {"gateway_timeout_seconds": str(PATIENCE)}
    base = urlsplit(options.get("base_url", f"//{options.get('host')}:{options.get('port')}"))
    with FaultProxy(base.hostname or "", base.port or 0) as proxy, ThreadPoolExecutor(1) as thread:
        url = {"base_url": f"http://{proxy.host}:{proxy.port}{base.path}"}
        options |= url if kind != "smtp" else {"host": proxy.host, "port": str(proxy.port)}
        options |= {"at_once": str(at_once)} if kind in HTTP else {}
        gateway = build(GatewayConfig(name=kind, kind=kind, mode=Mode.SANDBOX, options=options))
        yield Wire(kind, gateway, proxy, oracle, name, thread)
        gateway.close()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp_gateway, "REPLY_SECONDS", float(PATIENCE))
    monkeypatch.setattr(smtp_gateway, "DOT_SECONDS", float(PATIENCE))


@pytest.fixture(params=sorted(KINDS))
def wire(request: pytest.FixtureRequest, oracle: Oracle) -> Iterator[Wire]:
    with wired(request.param, oracle, request.node.name) as made:
        yield made


def each(*kinds: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("wire", kinds, indirect=True)


@dataclass(frozen=True)
class Case:
    """A fault, how it is armed, and what an SMTP and an HTTP gateway must make of it."""

    fault: Fault
    smtp: Kinds
    http: Kinds
    arming: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return "-".join([self.fault.value, *(f"{name}_{value}" for name, value in self.arming.items())])


#: On a connection of its own: SMTP meets `after=0` while greeting or at EHLO, HTTP in the middle of its only request.
CASES = [
    Case(Fault.DELAY, ACCEPTED, ACCEPTED, {"seconds": 0.02}),
    Case(Fault.THROTTLE, ACCEPTED, ACCEPTED, {"size": 5, "seconds": 0.0005}),
    Case(Fault.THROTTLE, ACCEPTED, ACCEPTED, {"size": 3, "seconds": 0.0005, "way": Way.DOWN}),
    Case(Fault.REFUSE, REFUSED, REFUSED),
    Case(Fault.HALF_CLOSE, REFUSED, NOT_ACCEPTED, {"way": Way.UP}),
    Case(Fault.HALF_CLOSE, REFUSED, NOT_ACCEPTED, {"way": Way.UP, "after": 100}),
    Case(Fault.HALF_CLOSE, REFUSED, UNKNOWN, {"way": Way.DOWN}),
    Case(Fault.HALF_CLOSE, REFUSED, UNKNOWN, {"way": Way.DOWN, "after": 10}),
    Case(Fault.RESET, REFUSED, NOT_ACCEPTED, {"way": Way.UP}),
    Case(Fault.RESET, REFUSED, NOT_ACCEPTED, {"way": Way.UP, "after": 100}),
    Case(Fault.RESET, REFUSED, UNKNOWN, {"way": Way.DOWN}),
    Case(Fault.RESET, REFUSED, UNKNOWN, {"way": Way.DOWN, "after": 10}),
    Case(Fault.CUT, REFUSED, NOT_ACCEPTED, {"way": Way.UP, "after": 100}),
    Case(Fault.CUT, REFUSED, UNKNOWN, {"way": Way.DOWN, "after": 10}),
]


#: Nobody hangs up here: the gateway's own patience must end it.
SILENT_CASES = [
    Case(Fault.BLACK_HOLE, REFUSED, UNKNOWN),
    Case(Fault.DROP, REFUSED, UNKNOWN, {"way": Way.UP}),
    Case(Fault.DROP, REFUSED, UNKNOWN, {"way": Way.UP, "after": 100}),
    Case(Fault.DROP, REFUSED, UNKNOWN, {"way": Way.DOWN}),
]


def play(wire: Wire, case: Case) -> None:
    wire.proxy.arm(case.fault, **case.arming)
    outcome = wire.submit()
    assert wire.proxy.played == {case.fault.value: 1}
    assert type(outcome) in (case.smtp if wire.kind == "smtp" else case.http), outcome
    wire.works_again()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_fault_on_a_new_connection(wire: Wire, case: Case) -> None:
    play(wire, case)


def test_silence_is_waited_for_no_longer_than_configured(oracle: Oracle) -> None:
    """All at once, because each of them waits."""

    def wait(kind: str, case: Case) -> None:
        with wired(kind, oracle, f"{kind} {case}") as wire:
            play(wire, case)

    pairs = list(itertools.product(sorted(KINDS), SILENT_CASES))
    with ThreadPoolExecutor(len(pairs)) as threads:
        waits = [threads.submit(wait, kind, case) for kind, case in pairs]
    failures = [f"{kind} {case}: {e}" for (kind, case), it in zip(pairs, waits, strict=True) if (e := it.exception())]
    assert failures == []


@each("smtp")
@pytest.mark.parametrize("way", Way)
@pytest.mark.parametrize("fault", [Fault.RESET, Fault.CUT, Fault.HALF_CLOSE])
def test_mail_on_a_kept_connection_that_breaks_before_anything_was_heard_goes_over_a_new_one(
    wire: Wire, fault: Fault, way: Way
) -> None:
    wire.submit()
    wire.proxy.arm(fault, way=way)
    assert isinstance(wire.submit(), Accepted)
    assert wire.proxy.played == {fault.value: 1}
    assert wire.proxy.accepted == 2
    wire.works_again()


@each(*HTTP)
@pytest.mark.parametrize("fault", [Fault.RESET, Fault.CUT, Fault.HALF_CLOSE])
def test_a_request_on_a_kept_connection_that_breaks_is_never_repeated(wire: Wire, fault: Fault) -> None:
    wire.submit()
    wire.proxy.arm(fault, way=Way.DOWN)
    outgoing = wire.outgoing()
    assert isinstance(wire.submit(outgoing), Unknown)
    assert wire.proxy.played == {fault.value: 1}
    assert wire.oracle.taken(outgoing) == 1
    wire.works_again()


@each("smtp")
@pytest.mark.parametrize(
    ("fault", "wanted", "count"), [(Fault.CUT_BEFORE_DOT, Unknown, 0), (Fault.CUT_AFTER_DOT, Unknown, 1)]
)
def test_a_cut_around_the_final_dot_is_unknown_whether_or_not_the_dot_arrived(
    wire: Wire, fault: Fault, wanted: Kind, count: int
) -> None:
    wire.proxy.arm(fault)
    outgoing = wire.outgoing()
    outcome = wire.submit(outgoing)
    assert wire.proxy.played == {fault.value: 1}
    assert (type(outcome), wire.oracle.taken(outgoing)) == (wanted, count), outcome
    wire.works_again()


@each(*HTTP)
def test_a_request_without_an_answer_is_unknown_and_can_be_looked_up(wire: Wire) -> None:
    wire.proxy.arm(Fault.CUT_ANSWER, times=2)
    outgoing, since = wire.outgoing(), datetime.now(UTC)
    assert isinstance(wire.submit(outgoing), Unknown)
    assert wire.oracle.taken(outgoing) == 1
    until = datetime.now(UTC) + timedelta(seconds=1)
    question = Lookup(reference=outgoing.reference, to=outgoing.to, submitted_from=since, submitted_until=until)
    cut_off = wire.in_time(lambda: wire.gateway.lookup(question))
    assert isinstance(cut_off, CannotTell)
    assert not cut_off.is_final, "asked again later"
    assert wire.proxy.played == {"cut_answer": 2}
    found = wire.in_time(lambda: wire.gateway.lookup(question))
    assert not isinstance(found, CannotTell)
    assert len(found.candidates) == 1
    wire.works_again()


@pytest.mark.parametrize("fault", [Fault.REFUSE, Fault.RESET, Fault.CUT, Fault.HALF_CLOSE])
def test_a_check_over_a_broken_wire_says_no_and_does_not_raise(wire: Wire, fault: Fault) -> None:
    wire.proxy.arm(fault)
    health = wire.in_time(wire.gateway.check)
    assert wire.proxy.played[fault] == 1
    assert not health.is_ok
    assert health.detail
    wire.proxy.clear()
    assert wire.in_time(wire.gateway.check).is_ok


@pytest.mark.parametrize(("way", "step"), [(Way.UP, 17), (Way.DOWN, 13)])
def test_a_cut_anywhere_in_the_exchange(wire: Wire, way: Way, step: int) -> None:
    """From the first byte to the last, each on a new connection; the oracle compares them all at the end."""
    seen: set[Kind] = set()
    for strike in itertools.count(1):
        after = (strike - 1) * step
        wire.proxy.arm(Fault.CUT, way=way, after=after)
        outcome = wire.submit(where=f"after {after}")
        wire.proxy.clear()
        if wire.proxy.played["cut"] < strike:
            assert isinstance(outcome, Accepted), "the exchange is shorter than that, so nothing was cut"
            break
        seen.add(type(outcome))
        assert wire.proxy.accepted == strike, "no second try"
    assert Unknown in seen
    assert strike > 20


def kinds_of(results: list[tuple[Outgoing, Outcome]]) -> list[Kind]:
    return [type(outcome) for _, outcome in results]


def counts_of(wire: Wire, results: list[tuple[Outgoing, Outcome]]) -> list[int]:
    return [wire.oracle.taken(outgoing) for outgoing, _ in results]


@each("smtp")
@pytest.mark.parametrize(
    ("fault", "wanted", "count"),
    [
        (Fault.CUT_BEFORE_DOT, Unknown, 0),
        (Fault.CUT_AFTER_DOT, Unknown, 1),
        (Fault.DROP, Refused, 0),
        (Fault.RESET, Accepted, 1),
    ],
)
def test_a_fault_in_the_middle_of_a_batch_of_mail_costs_one(wire: Wire, fault: Fault, wanted: Kind, count: int) -> None:
    results = wire.submit_many(5, then=lambda: wire.proxy.arm(fault, way=Way.UP))
    assert wire.proxy.played == {fault.value: 1}
    assert kinds_of(results) == [Accepted, Accepted, wanted, Accepted, Accepted]
    assert counts_of(wire, results) == [1, 1, count, 1, 1]
    wire.works_again()


def test_what_stands_behind_a_server_that_went_away_has_not_left(wire: Wire) -> None:
    in_hand = Fault.RESET if wire.kind == "smtp" else Fault.CUT_ANSWER

    def go_away() -> None:
        wire.proxy.arm(in_hand)
        wire.proxy.arm(Fault.REFUSE)

    results = wire.submit_many(5, then=go_away)
    assert wire.proxy.played == {in_hand.value: 1, "refuse": 1}
    assert kinds_of(results)[:2] + kinds_of(results)[3:] == [Accepted, Accepted, Refused, Refused]
    assert isinstance(results[2][1], Refused if wire.kind == "smtp" else Unknown)
    assert counts_of(wire, results) == [1, 1, 0 if wire.kind == "smtp" else 1, 0, 0]
    refusals = [outcome for _, outcome in results if isinstance(outcome, Refused)]
    assert {(refusal.retry_class, refusal.code) for refusal in refusals} == {(RetryClass.SOON, "connect")}
    wire.works_again()


@each("smtp")
def test_a_mail_server_that_swallows_connections_costs_one_wait_not_one_a_message(wire: Wire) -> None:
    def fall_silent() -> None:
        wire.proxy.arm(Fault.RESET)
        wire.proxy.arm(Fault.BLACK_HOLE, times=None)

    results = wire.submit_many(20, then=fall_silent)
    assert wire.proxy.played == {"reset": 1, "black_hole": 1}
    assert kinds_of(results) == [Accepted] * 2 + [Refused] * 18
    wire.works_again()


@each(*HTTP)
@pytest.mark.parametrize("fault", [Fault.CUT_ANSWER, Fault.RESET])
def test_a_fault_in_the_middle_of_a_batch_of_requests_costs_one(wire: Wire, fault: Fault) -> None:
    results = wire.submit_many(5, then=lambda: wire.proxy.arm(fault, way=Way.DOWN))
    assert wire.proxy.played == {fault.value: 1}
    assert kinds_of(results) == [Accepted, Accepted, Unknown, Accepted, Accepted]
    assert counts_of(wire, results) == [1, 1, 1, 1, 1]
    wire.works_again()
