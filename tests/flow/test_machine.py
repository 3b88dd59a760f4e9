"""Deliveries, alerts and receipts under everything that can happen to them, in any order, against a model.

The functions and the database are the real ones; only the gateways are made up, and they keep the ledger that the
database is held against. `URGENTACTION_TEST_MACHINE_EXAMPLES=500` makes a long run of it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.flow.machine_gateways import Answering, No, Taken, Wire
from tests.flow.machine_world import (
    FAILURES,
    GATEWAYS,
    REFUSALS,
    Killed,
    MachineWorld,
    reset_clock,
    unwatch_steps,
    watch_steps,
)
from urgentaction import pipeline
from urgentaction.alerts.models import Alert
from urgentaction.cases.vocabulary import Status
from urgentaction.channels.contract import Channel, ReceiptKind
from urgentaction.core.errors import Conflict
from urgentaction.deliveries import unknowns
from urgentaction.deliveries.claim import Claim, Lane, claim
from urgentaction.deliveries.models import Delivery
from urgentaction.deliveries.pausing import pause_gateway, resume_gateway
from urgentaction.deliveries.rules import State
from urgentaction.deliveries.send import send_claims
from urgentaction.deliveries.service import settle_unknown

EXAMPLES = int(os.environ.get("URGENTACTION_TEST_MACHINE_EXAMPLES", "10"))
STEPS = 40
#: A failure is told as it was met: making it shorter takes minutes (URGENTACTION_TEST_MACHINE_SHRINK=1 does).
PHASES = (Phase.explicit, Phase.generate, Phase.shrink)[: 3 if "URGENTACTION_TEST_MACHINE_SHRINK" in os.environ else 2]
MOST_UPDATES = 4
PAUSES = [timedelta(0), timedelta(minutes=3), timedelta(hours=1)]

ANY = st.integers(min_value=0, max_value=99)
#: What makes a story most often: the rest is about gateways that are paused or broken after it.
WIRES = [Wire.TAKE, Wire.TAKE_SILENTLY, Wire.TAKE_SILENTLY, Wire.LOSE_SILENTLY]
LANES = st.sampled_from(Lane)
WIRE = st.lists(st.sampled_from(WIRES) | st.sampled_from([*Wire, *REFUSALS]), min_size=1, max_size=6)
STATUSES = st.sampled_from(
    [Status.RETURN_IMMINENT, Status.EXECUTION_IMMINENT, Status.DETAINED, Status.FATE_UNKNOWN, Status.ON_TRIAL]
)
SOMETIMES = st.sampled_from(
    ["", "", "in_update", "after_update", "after_withdrawn", "after_start", "in_freeze", "in_expand", "after_expand"]
)
ON_THE_WAY = st.sampled_from(
    [
        "after_claim",
        "after_intent",
        "in_window",
        "after_wire",
        "in_record",
        "after_record",
        "before_release",
        "after_release",
    ]
)
UPKEEP = st.sampled_from(
    ["", "", "after_leases_returned", "after_question", "in_settle", "after_settle", "in_escalation", "after_receipt"]
)


class Meanwhile(StrEnum):
    """What else happens while a message is on the wire."""

    NOTHING = "nothing"
    WITHDRAWN = "withdrawn"
    OVERTAKEN = "overtaken"
    LEASE_OVER = "lease over"
    REPORTED = "reported"
    PAUSED = "paused"


MEANWHILE = st.sampled_from([Meanwhile.NOTHING, *Meanwhile])


class DeliveryMachine(RuleBasedStateMachine):
    """One case and everything that is sent about it."""

    patch: pytest.MonkeyPatch

    def __init__(self) -> None:
        super().__init__()
        self.sim = MachineWorld(self.patch)
        self.held: list[list[Claim]] = []
        self.updates = 0
        #: Nobody stops an alert, so that its deliveries live long enough to have a story.
        self.is_calm = False

    def teardown(self) -> None:
        if sys.exc_info()[0] is None:  # else what went wrong is known already
            self.sim.drain()

    @invariant()
    def promise_holds(self) -> None:
        self.sim.check()

    # Alerts

    @initialize(officials=WIRE, supporters=WIRE, is_calm=st.booleans())
    def begin(self, *, officials: list[Wire | No], supporters: list[Wire | No], is_calm: bool) -> None:
        self.update(Status.RETURN_IMMINENT, "")
        self.advance(0, "")
        self.send(Lane.URGENT, officials, Meanwhile.NOTHING, PAUSES[0])
        self.send(Lane.BULK, supporters, Meanwhile.NOTHING, PAUSES[0])
        self.is_calm = is_calm

    @rule(status=STATUSES, dies_at=SOMETIMES)
    def update(self, status: Status, dies_at: str) -> None:
        if self.updates < MOST_UPDATES and not (self.is_calm and self.updates):
            self.updates += 1
            with self.perhaps_dying(dies_at):
                self.sim.world.update(status)

    @rule(which=ANY, dies_at=SOMETIMES)
    def advance(self, which: int, dies_at: str) -> None:
        if alert := self.alert(which):
            with self.perhaps_dying(dies_at):
                pipeline.advance_alert(alert.id)

    @rule(which=ANY, verb=st.sampled_from(["approve", "let go", "reject", "withdraw", "take back"]))
    def decide(self, which: int, verb: str) -> None:
        alert = self.alert(which)
        if alert is None or self.is_calm:
            return
        with contextlib.suppress(Conflict):
            match verb:
                case "approve":
                    pipeline.approve(alert.id, by="user:duty")
                case "let go":
                    pipeline.let_go(alert.id, by="user:duty")
                case "reject":
                    pipeline.reject(alert.id, by="user:duty", comment="no")
                case "withdraw":
                    pipeline.withdraw(alert.id, reason="by hand", by="user:duty")
                case "take back":
                    pipeline.take_back_approval(alert.id, by="user:duty")

    # Workers

    @rule(lane=LANES, script=WIRE, meanwhile=MEANWHILE, pause=st.sampled_from(PAUSES))
    def send(self, lane: Lane, script: list[Wire | No], meanwhile: Meanwhile, pause: timedelta) -> None:
        self.sim.time_passes(pause)
        with self.on_the_wire(script, meanwhile):
            pipeline.send_due(lane, seconds=60)

    @rule(lane=LANES, script=WIRE, meanwhile=MEANWHILE, dies_at=ON_THE_WAY)
    def send_and_die(self, lane: Lane, script: list[Wire | No], meanwhile: Meanwhile, dies_at: str) -> None:
        with self.perhaps_dying(dies_at), self.on_the_wire(script, meanwhile):
            pipeline.send_due(lane, seconds=60)

    @rule(lane=LANES, limit=st.integers(min_value=1, max_value=4))
    def claim_and_wait(self, lane: Lane, limit: int) -> None:
        with transaction.atomic():
            self.held.append(claim(lane, limit=limit))

    @rule(script=WIRE, meanwhile=MEANWHILE)
    def go_on_with_a_claim(self, script: list[Wire | No], meanwhile: Meanwhile) -> None:
        if self.held:
            with self.on_the_wire(script, meanwhile):
                send_claims(self.held.pop(), until=time.monotonic() + 60)

    @rule(dies_at=UPKEEP)
    def sweep(self, dies_at: str) -> None:
        with self.perhaps_dying(dies_at):
            pipeline.sweep_all()

    @rule(how_long=st.sampled_from([*PAUSES, timedelta(days=1)]))
    def time_passes(self, how_long: timedelta) -> None:
        self.sim.time_passes(how_long)

    # Gateways

    @rule(which=ANY, again=st.booleans(), at_once=st.booleans())
    def reports_progress(self, which: int, *, again: bool, at_once: bool) -> None:
        if (taken := self.message(which)) and taken.channel is not Channel.EMAIL:
            self.sim.report(taken, ReceiptKind.PROGRESS, again=again)
        if at_once:
            pipeline.apply_receipts()

    @rule(which=ANY, end=st.sampled_from([True, *FAILURES]), again=st.booleans(), at_once=st.booleans())
    def reports_the_end(self, which: int, *, end: No | bool, again: bool, at_once: bool) -> None:
        if taken := self.message(which):
            taken.end = taken.end or end
            self.sim.report_end(taken, again=again)
        if at_once:
            pipeline.apply_receipts()

    @rule(which=ANY)
    def arrives_after_all(self, which: int) -> None:
        taken = self.message(which)
        if taken and taken.channel is not Channel.EMAIL and isinstance(taken.end, No):
            taken.end = True
            self.sim.report(taken, ReceiptKind.DELIVERED)

    @rule(which=ANY, what=st.sampled_from(["stop", "stray", "pause", "resume", "resume"]))
    def on_the_side(self, which: int, what: str) -> None:
        name = sorted(GATEWAYS)[which % len(GATEWAYS)]
        match what:
            case "stop":
                self.sim.says_stop(which)
            case "stray":
                self.sim.stray()
            case "pause":
                pause_gateway(name, reason="by hand")
            case "resume":
                for one in GATEWAYS:
                    resume_gateway(one)

    @rule(dies_at=st.sampled_from(["", "in_receipt", "after_receipt"]))
    def apply_receipts(self, dies_at: str) -> None:
        with self.perhaps_dying(dies_at):
            pipeline.apply_receipts()

    @rule(answering=st.sampled_from(Answering))
    def answers_questions(self, answering: Answering) -> None:
        self.sim.wires.answering = answering

    @rule(which=ANY, answering=st.sampled_from(Answering))
    def is_asked(self, which: int, answering: Answering) -> None:
        rows = Delivery.objects.filter(state=State.UNKNOWN).exclude(channel=Channel.EMAIL)  # nobody can be asked
        open_ones = list(rows.order_by("id").values_list("id", flat=True))
        if open_ones:
            self.sim.time_passes(PAUSES[1])
            before, self.sim.wires.answering = self.sim.wires.answering, answering
            unknowns.settle(open_ones[which % len(open_ones)])
            self.sim.wires.answering = before

    @rule(
        which=ANY,
        in_between=st.sampled_from(["nothing", "claim", "send"]),
        then=st.sampled_from(["progress", "end"]),
        end=st.sampled_from([True, *FAILURES]),
    )
    def denies_it_and_reports_it(self, which: int, in_between: str, then: str, end: No | bool) -> None:  # noqa: FBT001
        taken = [one for one in self.sim.wires.ledger if one.channel is not Channel.EMAIL]
        open_ones = Delivery.objects.filter(state=State.UNKNOWN, id__in=[one.delivery for one in taken]).order_by("id")
        row = open_ones[which % open_ones.count()] if open_ones.exists() else None
        if row is None:
            return
        self.sim.time_passes(PAUSES[1])
        self.sim.wires.answering = Answering.DENYING
        unknowns.settle(row.id)
        self.sim.wires.answering = Answering.TRULY
        lane = Lane.BULK if row.supporter_id else Lane.URGENT
        if in_between == "claim":
            self.claim_and_wait(lane, 4)
        elif in_between == "send":
            self.send(lane, [Wire.TAKE_SILENTLY], Meanwhile.NOTHING, PAUSES[0])
        message = [one for one in taken if one.delivery == row.id][-1]
        if then == "end":
            message.end = message.end or end
            self.sim.report_end(message)
        else:
            self.sim.report(message, ReceiptKind.PROGRESS)
        pipeline.apply_receipts()

    @rule(which=ANY)
    def reports_in_the_wrong_order(self, which: int) -> None:
        over = [one for one in self.sim.wires.ledger if isinstance(one.end, No) and one.channel is not Channel.EMAIL]
        if over:
            self.sim.report(over[which % len(over)], ReceiptKind.PROGRESS)
            pipeline.apply_receipts()

    # People

    @rule(which=ANY)
    def is_settled_by_hand(self, which: int) -> None:
        rows = list(Delivery.objects.filter(state=State.UNKNOWN).order_by("id"))
        if rows:
            row = rows[which % len(rows)]
            mine = [one for one in self.sim.wires.ledger if one.delivery == row.id]
            has_arrived = any(not isinstance(one.end, No) for one in mine)
            with transaction.atomic():
                settle_unknown(row.id, arrived=has_arrived, by="user:duty", why="asked the recipient")

    # What the rules are made of

    def alert(self, which: int) -> Alert | None:
        alerts = list(Alert.objects.order_by("created_at"))
        return alerts[which % len(alerts)] if alerts else None

    def message(self, which: int) -> Taken | None:
        ledger = self.sim.wires.ledger
        return ledger[-1 - which % min(len(ledger), 6)] if ledger else None

    @contextlib.contextmanager
    def perhaps_dying(self, point: str) -> Iterator[None]:
        self.sim.dies_at, self.sim.is_dead = point, False
        try:
            with contextlib.suppress(Killed):
                yield
        finally:
            self.sim.dies_at, self.sim.is_dead = "", False

    @contextlib.contextmanager
    def on_the_wire(self, script: list[Wire | No], meanwhile: Meanwhile) -> Iterator[None]:
        wires = self.sim.wires
        wires.script.clear()
        wires.script.extend(script)
        wires.interlude = lambda: self.something_else(meanwhile)
        try:
            with contextlib.suppress(SoftTimeLimitExceeded):
                yield
        finally:
            wires.script.clear()
            wires.interlude = None

    def something_else(self, meanwhile: Meanwhile) -> None:
        match meanwhile:
            case Meanwhile.WITHDRAWN:
                self.decide(-1, "withdraw")
                self.advance(-1, "")
            case Meanwhile.OVERTAKEN:
                self.update(Status.EXECUTION_IMMINENT, "")
                pipeline.sweep_all()
            case Meanwhile.LEASE_OVER:
                self.sim.time_passes(timedelta(minutes=3))
                pipeline.sweep_all()
            case Meanwhile.REPORTED:
                self.reports_progress(0, again=False, at_once=True)
            case Meanwhile.PAUSED:
                pause_gateway("mail", reason="meanwhile")


def test_the_promise_holds_whatever_happens(transactional_db: None, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="urgentaction")  # gateways that break are what this is about
    watch_steps()
    try:
        with pytest.MonkeyPatch.context() as patch:
            machine = type("Machine", (DeliveryMachine,), {"patch": patch})
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=EXAMPLES,
                    stateful_step_count=STEPS,
                    deadline=None,
                    print_blob=True,
                    phases=PHASES,
                    suppress_health_check=list(HealthCheck),
                ),
            )
    finally:
        unwatch_steps()
        reset_clock()
