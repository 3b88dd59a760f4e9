"""The world of the delivery machine: real rows, gateways in memory, a clock that moves, deaths at named points.

Holds what must be true after every step, whatever happened: the promise of docs/delivery.md, checked against the
gateways' own ledger. A trigger writes down every change of a state that was committed, so that none is missed.
"""

from __future__ import annotations

import itertools
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TypeVar

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q

from tests.flow import world as small_world
from tests.flow.machine_gateways import Answering, MemoryGateway, No, Taken, Wires
from tests.flow.world import World
from urgentaction import pipeline
from urgentaction.alerts.models import Alert, AlertState
from urgentaction.channels.contract import Capabilities, Channel, ReceiptKind, RetryClass
from urgentaction.core import clock, crashpoints
from urgentaction.deliveries import gateways, ways, wire
from urgentaction.deliveries.models import Delivery, HumanTask, HumanTaskKind
from urgentaction.deliveries.queries import reached_by
from urgentaction.deliveries.references import reference_of
from urgentaction.deliveries.rules import TABLE, TERMINAL, State
from urgentaction.deliveries.suppressing import index_of
from urgentaction.letters import service as letters
from urgentaction.receipts.models import Receipt
from urgentaction.supporters.service import suppressed_indexes

Seen = TypeVar("Seen")
GATEWAYS = {"mail": "smtp", "fax-a": "telnyx", "fax-b": "telnyx", "texts": "twilio"}
CHANNEL_OF = {"smtp": Channel.EMAIL, "telnyx": Channel.FAX, "twilio": Channel.SMS}
LEGAL = {(before.value, after.value) for (before, _), after in TABLE.items()}

_WATCH = """
CREATE TABLE IF NOT EXISTS machine_step (seq bigserial PRIMARY KEY, delivery bigint, before text, after text);
CREATE OR REPLACE FUNCTION machine_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO machine_step (delivery, before, after) VALUES (NEW.id, OLD.state, NEW.state);
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER machine_step AFTER UPDATE ON deliveries_delivery FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION machine_step();
"""
_UNWATCH = "DROP TRIGGER machine_step ON deliveries_delivery; DROP FUNCTION machine_step; DROP TABLE machine_step"


class Killed(BaseException):
    """This process dies here: what is committed stays, nothing is tidied up."""


def watch_steps() -> None:
    """Have every committed change of a delivery's state written down."""
    with connection.cursor() as cursor:
        cursor.execute(_WATCH)


def unwatch_steps() -> None:
    """Take that out of the database again."""
    with connection.cursor() as cursor:
        cursor.execute(_UNWATCH)


def reset_clock() -> None:
    """This connection's clock is right again."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('urgentaction.clock_offset', '', false)")


class MachineWorld:
    """One case, its alerts, their deliveries and the gateways; and what must hold."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch
        self.wires = Wires(
            before_batch=lambda ids: self._watch(self.nothing_stale_goes_out, ids),
            before_take=lambda taken: self._watch(self.nothing_is_doubled_in_silence, taken),
        )
        self.broken_promises: list[str] = []
        self.dies_at = ""
        self.is_dead = False
        self.seen = 0
        self._events = itertools.count(1)
        self._offset = 0.0
        self._prepare()
        empty_tables()
        small_world._numbers = itertools.count(200)
        self.world = World.make(supporters=2)
        second = self.world.supporters[1]
        second.wants_sms = True
        second.save()

    def _prepare(self) -> None:
        patch = self._patch
        patch.setattr(settings, "GATEWAYS", {name: {"kind": kind} for name, kind in GATEWAYS.items()})
        patch.setattr(settings, "CRASH_AT", "the machine")
        patch.setattr(settings, "CLAIM_SIZE", 5)
        patch.setattr(settings, "MAIL_WINDOW", 3)
        patch.setattr(settings, "CLOCK_OFFSET_SECONDS", 0)
        patch.setattr(crashpoints, "_consider", self._consider)
        patch.setattr(pipeline.deciding, "enqueue", lambda *_: None)
        patch.setattr(pipeline.working, "enqueue", lambda *_: None)
        patch.setattr(letters, "typesetter", BlankPaper)
        patch.setattr(wire, "wire_clock", lambda: time.monotonic() + self._offset)
        patch.setattr(ways, "_full_until", {})
        patch.setattr(
            gateways,
            "_open",
            {
                name: MemoryGateway(
                    name=name,
                    channel=CHANNEL_OF[kind],
                    capabilities=Capabilities(
                        has_callbacks=kind != "smtp", has_lookup=kind != "smtp", takes_mailings=kind == "smtp"
                    ),
                    wires=self.wires,
                )
                for name, kind in GATEWAYS.items()
            },
        )
        self._set_clock()

    def _consider(self, _wanted: str, point: str, _channel: str) -> None:
        if self.is_dead or point == self.dies_at:
            self.is_dead = True
            raise Killed(point)

    # What may happen

    def time_passes(self, how_long: timedelta) -> None:
        """For the database, for this process and for its leases."""
        self._offset += how_long.total_seconds()
        self._set_clock()

    def _set_clock(self) -> None:
        self._patch.setattr(settings, "CLOCK_OFFSET_SECONDS", self._offset)
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('urgentaction.clock_offset', %s, false)", [f"{self._offset}s"])

    def report(self, taken: Taken, kind: ReceiptKind, *, again: bool = False) -> None:
        """The gateway calls back; `again`: it repeats its latest call."""
        if again and taken.events:
            event = taken.events[-1]
        else:
            event = f"event-{next(self._events)}"
            taken.events.append(event)
        refusal = taken.end if kind is ReceiptKind.FAILED and isinstance(taken.end, No) else None
        row = Receipt(
            gateway=taken.gateway,
            event_id=event,
            kind=kind.value,
            ref="" if taken.channel is Channel.EMAIL else taken.ref,
            reference=reference_of(taken.delivery),
            retry_class=refusal.retry_class.value if refusal else "",
            code=refusal.code if refusal else "",
            received_at=clock.now(),
        )
        Receipt.objects.bulk_create([row], ignore_conflicts=True)

    def report_end(self, taken: Taken, *, again: bool = False) -> None:
        """The gateway calls back with what became of it. A mail server says nothing of what arrived.

        A bounce names no message of the server's, only our reference: it comes once, and while it is about the latest.
        """
        if taken.channel is Channel.EMAIL:
            latest = [one for one in self.wires.ledger if one.delivery == taken.delivery][-1]
            if taken.end is True or taken is not latest or taken.is_end_reported:
                return
        self.report(taken, ReceiptKind.DELIVERED if taken.end is True else ReceiptKind.FAILED, again=again)
        taken.is_end_reported = True

    def stray(self) -> None:
        """News of a message that nobody here knows."""
        Receipt.objects.create(
            gateway="texts",
            event_id=f"event-{next(self._events)}",
            kind=ReceiptKind.DELIVERED.value,
            ref="of-somebody-else",
            reference="d1-0123456789abcdef0123",
            received_at=clock.now(),
        )

    def says_stop(self, number: int) -> None:
        """A supporter answers STOP."""
        people = self.world.supporters
        Receipt.objects.create(
            gateway="texts",
            event_id=f"event-{next(self._events)}",
            kind=ReceiptKind.OPTED_OUT.value,
            address=people[number % len(people)].phone,
            received_at=clock.now(),
        )

    # What must hold while something goes out

    def _watch(self, promise: Callable[[Seen], None], about: Seen) -> None:
        """Kept for `check`: a worker takes what is raised on the wire for a bug of the adapter, and goes on."""
        try:
            promise(about)
        except AssertionError as broken:
            self.broken_promises.append(str(broken))

    def nothing_stale_goes_out(self, ids: Sequence[int]) -> None:
        assert not connection.in_atomic_block, "a transaction is open while a gateway is talked to"
        rows = Delivery.objects.filter(id__in=ids).select_related("alert__case", "supporter")
        pairs = {row.id: (row.channel, index) for row in rows if (index := index_of(row)) is not None}
        stopped = suppressed_indexes(set(pairs.values()))
        for row in rows:
            assert row.state == State.SENDING
            assert row.alert.state == AlertState.RUNNING, f"alert is {row.alert.state}"
            assert row.alert.fence == row.alert.case.version, "something newer is known"
            assert row.expires_at is None or row.expires_at > clock.read_database_now()
            assert row.lease_until is not None
            assert row.lease_until > clock.read_database_now()
            assert pairs.get(row.id) not in stopped, "they said stop"

    def nothing_is_doubled_in_silence(self, taken: Taken) -> None:
        before = [one for one in self.wires.ledger if one.delivery == taken.delivery]
        open_ones = [one for one in before if not self.may_be_followed(one, applied_receipts())]
        row = Delivery.objects.get(id=taken.delivery)
        if taken.channel is Channel.EMAIL:
            assert {one.message_id for one in before} <= {taken.message_id}
            assert len(open_ones) <= row.repeats, "repeated, and not counted"
        else:
            assert not open_ones, f"{taken.channel} {row.id} goes out again, and {open_ones} was never said to be lost"

    def may_be_followed(self, one: Taken, applied: Mapping[str, str]) -> bool:
        """Whether we were told that this message failed, or was never taken and nothing since to the contrary."""
        kinds = {applied[event] for event in one.events if event in applied}
        return has_failed(one, applied) or (one.is_denied and not kinds)

    # What must hold after every step

    def check(self) -> None:
        """Everything at once."""
        assert not self.broken_promises, self.broken_promises
        self.steps_are_legal()
        rows = list(Delivery.objects.prefetch_related("tries").select_related("alert__case"))
        for row in rows:
            _row_makes_sense(row)
        self.nothing_is_lost(rows)
        tasks = HumanTask.objects.filter(kind=HumanTaskKind.SETTLE_UNKNOWN, done_at=None)
        assert set(tasks.values_list("delivery__state", flat=True)) <= {State.UNKNOWN}, "a task nobody can close"

    def steps_are_legal(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT seq, delivery, before, after FROM machine_step WHERE seq > %s ORDER BY seq", [self.seen]
            )
            steps = cursor.fetchall()
        for seq, delivery, before, after in steps:
            assert (before, after) in LEGAL, f"delivery {delivery}: {before} → {after} is not in the table"
            self.seen = seq

    def nothing_is_lost(self, rows: Sequence[Delivery]) -> None:
        """Accepted or delivered means that a gateway has it; and whoever may have read it counts as reached."""
        applied, taken = applied_receipts(), defaultdict(list)
        for one in self.wires.ledger:
            taken[one.delivery].append(one)
        reached = set(reached_by(list(Alert.objects.values_list("id", flat=True))).values_list("id", flat=True))
        for row in rows:
            by_hand = row.reason.startswith("settled by hand")
            if row.state in (State.ACCEPTED, State.DELIVERED):
                assert taken[row.id] or by_hand, f"{row.id} is {row.state}, and no gateway has it"
            kinds = {applied.get(event) for one in taken[row.id] for event in one.events}
            assert ReceiptKind.DELIVERED not in kinds or row.state == State.DELIVERED, f"{row.id} is {row.state}"
            if row.state == State.ACCEPTED and row.channel != Channel.EMAIL:
                assert not all(has_failed(one, applied) for one in taken[row.id]), f"{row.id}: all copies have failed"
            open_ones = [one for one in taken[row.id] if not self.may_be_followed(one, applied)]
            if open_ones and not by_hand:
                assert row.id in reached, f"{row.id} ({row.state}) may have been read, and counts as not reached"

    # The end

    def drain(self) -> None:
        """Everything works again, everybody answers: nothing may be left over."""
        self.is_dead, self.dies_at = False, ""
        self.wires.script.clear()
        self.wires.answering = Answering.TRULY
        for _ in range(14):
            pipeline.sweep_all()
            pipeline.send_to_officials()
            pipeline.send_to_supporters()
            self._everybody_reports()
            pipeline.apply_receipts()
            self._people_settle()
            self.check()
            if self._is_quiet():
                break
            self.time_passes(timedelta(hours=5))
        self.nothing_is_left_over()

    def _is_quiet(self) -> bool:
        moving = Delivery.objects.filter(state__in=[State.QUEUED, State.LEASED, State.SENDING, State.UNKNOWN])
        waiting = Alert.objects.filter(state__in=[AlertState.HELD, AlertState.RUNNING])
        reported = all(one.is_end_reported or one.channel is Channel.EMAIL for one in self.wires.ledger)
        return reported and not (moving.exists() or waiting.exists())

    def _everybody_reports(self) -> None:
        for one in self.wires.ledger:
            one.end = one.end or True
            if not one.is_end_reported:
                self.report_end(one)

    def _people_settle(self) -> None:
        from urgentaction.deliveries.pausing import resume_gateway
        from urgentaction.deliveries.service import settle_unknown

        for name in GATEWAYS:
            resume_gateway(name)
        tasks = HumanTask.objects.filter(kind=HumanTaskKind.SETTLE_UNKNOWN, done_at=None).select_related("delivery")
        for row in [task.delivery for task in tasks if task.delivery is not None]:
            has_arrived = any(one.delivery == row.id and one.end is True for one in self.wires.ledger)
            with transaction.atomic():
                settle_unknown(row.id, arrived=has_arrived, by="user:duty", why="asked")

    def nothing_is_left_over(self) -> None:
        ends = {state.value for state in TERMINAL} | {State.ACCEPTED.value}
        for row in Delivery.objects.exclude(state__in=ends).select_related("alert"):
            # Mail of a stopped alert whose fate nobody can know: repeated it would be stale.
            is_open_for_good = row.state == State.UNKNOWN and row.channel == Channel.EMAIL
            assert is_open_for_good, f"{row.channel} {row.id} of {row.alert.state} alert: {row.state} ({row.reason})"
            assert row.alert.state != AlertState.RUNNING or row.alert.fence != row.alert.case.version
        over = Q(state__in=[State.FAILED, State.EXPIRED, State.SUPPRESSED])
        current = Alert.objects.filter(state__in=[AlertState.RUNNING, AlertState.FINISHED], expanded_at__isnull=False)
        for alert in current.select_related("case"):
            for target in alert.targets.all() if alert.fence == alert.case.version else ():
                rows = Delivery.objects.filter(alert=alert, official=target.official_id)
                if rows.exists() and not rows.exclude(over).exists():
                    key = f"reach:{alert.id}:{target.official_id}"
                    assert HumanTask.objects.filter(key=key).exists(), f"nobody was told that {target} was not reached"


def _row_makes_sense(row: Delivery) -> None:
    is_held = row.state in (State.LEASED, State.SENDING)
    assert (row.lease_token is not None) is is_held, f"{row.id} is {row.state}, lease {row.lease_token}"
    assert (row.lease_until is not None) is is_held
    numbers = sorted(one.number for one in row.tries.all())
    assert numbers == list(range(1, len(numbers) + 1)), f"{row.id}: tries {numbers}"
    # A claim counts a try in advance; what ends while it is held was never made.
    spare = {1} if is_held else {0, 1} if row.state in TERMINAL else {0}
    assert row.attempts - len(numbers) in spare, f"{row.id} ({row.state}): {row.attempts} tries, {numbers} written"
    if row.state in TERMINAL and not row.reason.startswith("suppressed before"):
        assert row.settled_at is not None, f"{row.id} is {row.state} since nobody knows when"


def applied_receipts() -> dict[str, str]:
    """The kind of every event that has been applied."""
    return dict(Receipt.objects.filter(applied_at__isnull=False).values_list("event_id", "kind"))


def has_failed(one: Taken, applied: Mapping[str, str]) -> bool:
    """Whether we were told that this message failed."""
    return one.is_told_failed or any(applied.get(event) == ReceiptKind.FAILED for event in one.events)


def empty_tables() -> None:
    """As after the migrations."""
    names = [name for name in connection.introspection.table_names() if not name.startswith(("django_", "auth_"))]
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(names)} RESTART IDENTITY CASCADE")


class BlankPaper:
    """Letters are not what is tested here, and setting them takes most of the time."""

    def letter_pdf(self, *_: object, **__: object) -> bytes:
        return b"%PDF-"

    def fax_pdf(self, *_: object, **__: object) -> bytes:
        return b"%PDF-"


#: Refusals by which a message may turn out to have failed.
FAILURES = (
    No(RetryClass.SOON, "soon"),
    No(RetryClass.BUSY, "user_busy"),
    No(RetryClass.LATER, "no_answer"),
    No(RetryClass.NEVER, "5.1.1"),
    No(RetryClass.OPT_OUT, "21610"),
    No(RetryClass.THROTTLE, "slow down"),
    No(RetryClass.FIX_FIRST, "document"),
)
REFUSALS = (
    *FAILURES,
    No(RetryClass.SOON, "503", is_gateway_fault=True),
    No(RetryClass.FIX_FIRST, "credentials", is_about_us=True),
)
