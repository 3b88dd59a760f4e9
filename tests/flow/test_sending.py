"""Sending a claim: what is broken off or can't be made ready on the way."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction import pipeline
from urgentaction.alerts.models import Alert, StandingApproval
from urgentaction.cases.vocabulary import Status
from urgentaction.channels.contract import Accepted, Begin, Gateway, Outcome, Outgoing, Refused, RetryClass, Unknown
from urgentaction.channels.mailing import Copy, Mailing, written_out
from urgentaction.core import clock
from urgentaction.core.encryption import KeyRing
from urgentaction.core.errors import DecryptionError
from urgentaction.deliveries import gateways, notices, recording, send, wire
from urgentaction.deliveries.claim import Lane, claim
from urgentaction.deliveries.gateways import entry_named
from urgentaction.deliveries.models import Attempt, Delivery, HumanTask
from urgentaction.deliveries.outgoing import resolve
from urgentaction.deliveries.recording import record
from urgentaction.deliveries.rules import Event
from urgentaction.deliveries.send import send_claims
from urgentaction.letters.models import Notice

FOREVER = 1e12


class Breaking:
    """The real gateway up to message `after`; then `error` comes out of it."""

    def __init__(self, real: Gateway, after: int, error: BaseException) -> None:
        self.name, self.channel, self.capabilities, self.close = real.name, real.channel, real.capabilities, real.close
        self._real, self._after, self._error = real, after, error

    def submit_many(self, batch: Sequence[Outgoing], begin: Begin) -> Iterator[tuple[int, Outcome]]:
        for place, one in enumerate(batch):
            if not begin(place):
                return
            if self._after == 0:
                raise self._error
            self._after -= 1
            yield place, self._real.submit(one)

    def submit_mailing(self, mailing: Mailing, copies: Sequence[Copy], begin: Begin) -> Iterator[tuple[int, Outcome]]:
        return self.submit_many([written_out(mailing, copy) for copy in copies], begin)


@pytest.fixture
def breaking(monkeypatch: pytest.MonkeyPatch, sandbox: SandboxProgram) -> Callable[..., None]:
    def put(name: str, *, after: int, error: BaseException) -> None:
        monkeypatch.setitem(gateways._open, name, Breaking(gateways.gateway_named(name), after, error))

    return put


def mails() -> list[tuple[str, int]]:
    """State and counted attempts of the supporters' mails, in the order they are claimed."""
    rows = Delivery.objects.filter(channel="email", supporter__isnull=False).order_by("id")
    return list(rows.values_list("state", "attempts"))


@pytest.mark.parametrize("error", [SoftTimeLimitExceeded(), KeyboardInterrupt(), SystemExit(1)])
def test_a_time_limit_ends_the_task_and_leaves_in_doubt_only_what_was_in_hand(
    world: World,
    sandbox: SandboxProgram,
    breaking: Callable[..., None],
    error: BaseException,
) -> None:
    world.start()
    breaking("smtp", after=1, error=error)
    with pytest.raises(type(error)):
        pipeline.send_due(Lane.BULK, seconds=20)
    assert mails() == [("accepted", 1), ("unknown", 1), ("queued", 0)]
    assert list(Attempt.objects.filter(gateway="smtp").order_by("id").values_list("outcome", flat=True)) == [
        "accepted",
        "unknown",
    ]
    assert not Delivery.objects.filter(lease_token__isnull=False).exists()


def test_the_rest_of_the_claim_goes_back_at_once_when_a_time_limit_strikes(
    world: World, sandbox: SandboxProgram, breaking: Callable[..., None], settings: Any
) -> None:
    settings.MAIL_WINDOW = 1
    world.start()
    breaking("smtp", after=0, error=SoftTimeLimitExceeded())
    with pytest.raises(SoftTimeLimitExceeded):
        pipeline.send_due(Lane.BULK, seconds=20)
    assert mails() == [("unknown", 1), ("queued", 0), ("queued", 0)]


def test_a_bug_in_an_adapter_does_not_stop_the_worker(
    world: World, sandbox: SandboxProgram, breaking: Callable[..., None]
) -> None:
    world.start()
    breaking("smtp", after=1, error=RuntimeError("a bug"))
    pipeline.send_due(Lane.BULK, seconds=20)
    assert mails() == [("accepted", 1), ("unknown", 1), ("unknown", 1)], "each was in hand once"
    assert Delivery.objects.get(channel="sms").state == "accepted"


def test_a_notice_that_breaks_the_adapter_is_put_off_and_holds_up_nothing_less_urgent(
    world: World, sandbox: SandboxProgram, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """Before anything of it is begun: it went back as it was, and was taken up again at once, for ever."""
    settings.BACKOFF_SCALE = 1.0
    urgent, other = world.start(), World.make(number=2).start()
    Alert.objects.filter(id=other.id).update(priority=2)
    key = str(Notice.objects.get(alert=urgent, channel="email").id)
    gateway = Breaking(gateways.gateway_named("smtp"), after=-1, error=AssertionError())
    really = gateway.submit_mailing

    def cannot(mailing: Mailing, copies: Sequence[Copy], begin: Begin) -> Iterator[tuple[int, Outcome]]:
        if mailing.key == key:
            raise ValueError("a heading that nobody foresaw")
        yield from really(mailing, copies, begin)

    monkeypatch.setattr(gateway, "submit_mailing", cannot)
    monkeypatch.setitem(gateways._open, "smtp", gateway)
    pipeline.send_due(Lane.BULK, seconds=3)
    supporters = Delivery.objects.filter(channel="email", supporter__isnull=False)
    assert set(supporters.filter(alert=other).values_list("state", flat=True)) == {"accepted"}
    waiting = supporters.filter(alert=urgent, due_at__gt=clock.read_database_now() + timedelta(minutes=10))
    assert list(waiting.values_list("state", "attempts")) == [("queued", 0)] * 3


def test_a_gateway_that_says_too_little_leaves_unknowns(
    world: World, sandbox: SandboxProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.start()
    real = gateways.gateway_named("smtp")

    def begin_and_say_nothing(batch: Sequence[Outgoing], begin: Begin) -> Iterator[tuple[int, Outcome]]:
        assert all(begin(place) for place in range(len(batch)))
        return iter(())

    silent = Breaking(real, after=0, error=AssertionError())
    monkeypatch.setattr(silent, "submit_many", begin_and_say_nothing)
    monkeypatch.setitem(gateways._open, "smtp", silent)
    pipeline.send_due(Lane.BULK, seconds=20)
    assert {state for state, _ in mails()} == {"unknown"}


def test_what_a_gateway_said_is_written_down_although_a_time_limit_strikes_there(
    world: World, sandbox: SandboxProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.start()
    limits = iter([SoftTimeLimitExceeded()])

    def struck(*args: Any, **kwargs: Any) -> bool:
        for limit in limits:
            raise limit
        return record(*args, **kwargs)

    monkeypatch.setattr(send, "record", struck)
    with pytest.raises(SoftTimeLimitExceeded):
        send_claims([one for one in claim(Lane.BULK, limit=10) if one.channel == "email"], until=FOREVER)
    assert mails() == [("accepted", 1)] * 3


class Answering(Breaking):
    """Gives the outcomes it is told, and sends nothing."""

    def __init__(self, real: Gateway, outcomes: Sequence[Outcome]) -> None:
        super().__init__(real, after=-1, error=AssertionError())
        self._outcomes = outcomes

    def submit_many(self, batch: Sequence[Outgoing], begin: Begin) -> Iterator[tuple[int, Outcome]]:
        for place in range(len(batch)):
            assert begin(place)
        yield from enumerate(self._outcomes)


GARBAGE: list[Outcome] = [
    Accepted("ref\0" + "x" * 300),
    Refused(RetryClass.NEVER, "5.1.1\0" + "y" * 300, "no such\0 mailbox \ud800"),
    Unknown("nobody\0 knows"),
]


@pytest.mark.parametrize("as_mailing", [True, False], ids=["mailing", "one by one"])
def test_an_answer_that_no_column_can_hold_spoils_nothing(
    world: World, sandbox: SandboxProgram, monkeypatch: pytest.MonkeyPatch, *, as_mailing: bool
) -> None:
    """A gateway's NUL or endless name for one message left the whole window unknown, to be mailed again."""
    world.start()
    monkeypatch.setitem(gateways._open, "smtp", Answering(gateways.gateway_named("smtp"), GARBAGE))
    if as_mailing:
        assert notices.send_notices(until=FOREVER) == 3
    else:
        send_claims([one for one in claim(Lane.BULK, limit=10) if one.channel == "email"], until=FOREVER)
    assert mails() == [("accepted", 1), ("failed", 1), ("unknown", 1)]
    assert Delivery.objects.get(state="accepted").gateway_ref.startswith("ref\ufffdxxx")
    assert Attempt.objects.get(outcome="refused").code.startswith("5.1.1\ufffdy")


@pytest.mark.parametrize("as_mailing", [True, False], ids=["mailing", "one by one"])
def test_one_outcome_that_cannot_be_written_down_does_not_take_the_others_with_it(
    world: World, sandbox: SandboxProgram, monkeypatch: pytest.MonkeyPatch, *, as_mailing: bool
) -> None:
    """Its office's time zone, a task, a rule for its code: whatever breaks there is about that one alone."""
    world.start()
    outcomes: list[Outcome] = [
        Accepted("one"),
        Refused(RetryClass.NEVER, "5.1.1", "gone"),
        Refused(RetryClass.LATER, "4.2.2", "full"),
    ]
    monkeypatch.setitem(gateways._open, "smtp", Answering(gateways.gateway_named("smtp"), outcomes))
    really = recording.refused

    def broken(row: Delivery, outcome: Refused, event: Event) -> None:
        if outcome.code == "4.2.2":
            raise ValueError("nobody foresaw this")
        really(row, outcome, event)

    monkeypatch.setattr(recording, "refused", broken)
    if as_mailing:
        notices.send_notices(until=FOREVER)
    else:
        send_claims([one for one in claim(Lane.BULK, limit=10) if one.channel == "email"], until=FOREVER)
    assert mails() == [("accepted", 1), ("failed", 1), ("unknown", 1)]
    assert list(Attempt.objects.filter(outcome="unknown").values_list("text", "is_fault")) == [
        (recording.UNWRITTEN.why, False)
    ]


@pytest.mark.parametrize("as_mailing", [True, False], ids=["mailing", "one by one"])
def test_a_database_connection_that_is_lost_on_the_wire_costs_no_outcome(
    world: World, sandbox: SandboxProgram, monkeypatch: pytest.MonkeyPatch, *, as_mailing: bool
) -> None:
    world.start()
    gateway = Breaking(gateways.gateway_named("smtp"), after=-1, error=AssertionError())
    really = gateway.submit_many

    def cut_off(batch: Sequence[Outgoing], begin: Begin) -> Iterator[tuple[int, Outcome]]:
        yield from really(batch, begin)
        with contextlib.closing(connection.copy()) as other, other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])

    monkeypatch.setattr(gateway, "submit_many", cut_off)
    monkeypatch.setitem(gateways._open, "smtp", gateway)
    with contextlib.suppress(OperationalError):
        if as_mailing:
            notices.send_notices(until=FOREVER)
        else:
            send_claims([one for one in claim(Lane.BULK, limit=10) if one.channel == "email"], until=FOREVER)
    connection.close_if_unusable_or_obsolete()
    assert mails() == [("accepted", 1)] * 3


def test_when_the_time_is_over_the_rest_of_the_claim_goes_back(
    world: World, sandbox: SandboxProgram, settings: Any
) -> None:
    settings.MAIL_WINDOW = 1
    sandbox.script(defaults={"email": {"delay_ms": 1500}})
    world.start()
    claims = [one for one in claim(Lane.BULK, limit=10) if one.channel == "email"]
    assert send_claims(claims, until=time.monotonic() + 1.4) == 1
    sandbox.forget_script()
    assert mails() == [("accepted", 1), ("queued", 0), ("queued", 0)]
    assert send_claims([], until=FOREVER) == 0


def test_one_row_that_cannot_be_made_ready_does_not_hold_up_the_others(
    world: World, sandbox: SandboxProgram, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.BACKOFF_SCALE = 1.0
    alert = world.start()
    lost = Delivery.objects.get(supporter=world.supporters[1], channel="email")
    really = notices._opened

    def opened(ring: KeyRing, sealed: bytes, column: str, supporter: str) -> str:
        if supporter == str(lost.supporter_id):
            raise DecryptionError(
                "supporters_supporter/email: key 'k1' is not in URGENTACTION_FIELD_KEYS; add it back."
            )
        return really(ring, sealed, column, supporter)

    monkeypatch.setattr(notices, "_opened", opened)
    world.send()
    assert sorted(mails()) == [("accepted", 1), ("accepted", 1), ("queued", 0)]
    lost.refresh_from_db()
    assert lost.due_at > clock.read_database_now() + timedelta(minutes=10)
    assert "URGENTACTION_FIELD_KEYS" in lost.reason
    task = HumanTask.objects.get()
    assert (task.kind, task.alert_id) == ("fix_configuration", alert.id)
    assert "add it back" in task.advice

    monkeypatch.undo()
    Delivery.objects.filter(id=lost.id).update(due_at=clock.database_now())
    world.send()
    assert {state for state, _ in mails()} == {"accepted"}


def test_a_fault_that_nobody_foresaw_tells_nothing_of_what_it_choked_on(
    world: World, sandbox: SandboxProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.start()

    def broken(*args: object, **named: object) -> object:
        raise ValueError("friend0@supporters.invalid")

    monkeypatch.setattr("urgentaction.deliveries.copies.CopyMaker.copy", broken)
    pipeline.send_due(Lane.BULK, seconds=20)
    assert {state for state, _ in mails()} == {"queued"}
    task = HumanTask.objects.get()
    assert "ValueError" in task.title
    assert "friend0" not in task.advice + Delivery.objects.filter(channel="email", state="queued")[0].reason


def test_a_time_limit_while_addresses_are_looked_up_gives_everything_back(
    world: World, sandbox: SandboxProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.start()

    def struck(*args: object) -> str:
        raise SoftTimeLimitExceeded

    monkeypatch.setattr(notices, "_opened", struck)
    with pytest.raises(SoftTimeLimitExceeded):
        pipeline.send_due(Lane.BULK, seconds=20)
    assert mails() == [("queued", 0)] * 3


def test_approvals_are_asked_once_per_alert(world: World, sandbox: SandboxProgram) -> None:
    StandingApproval.objects.all().delete()
    alert = world.update(Status.RETURN_IMMINENT).alerts[0]
    pipeline.approve(alert.id, by="user:second")
    pipeline.advance_alert(alert.id)
    assert Alert.objects.get(id=alert.id).state == "running"
    claims = claim(Lane.BULK, limit=10)
    assert len(claims) == 4
    with CaptureQueriesContext(connection) as queries:
        resolve(claims, entry_named("smtp"))
    assert sum("alerts_approval" in query["sql"] for query in queries) <= 2


def test_nothing_is_begun_once_the_lease_is_nearly_over(
    world: World, sandbox: SandboxProgram, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that was stopped between two mails and goes on after its lease: the rest is not its own any more."""
    settings.LEASE_SECONDS = 1000
    moments = iter([0.0, 0.0, 751.0])
    monkeypatch.setattr(wire, "wire_clock", lambda: next(moments))
    world.start()
    held = [one for one in claim(Lane.BULK, limit=10) if one.channel == "email"]
    seen = len(sandbox.ledger())
    send_claims(held, until=time.monotonic() + 60)
    assert len(sandbox.ledger()) == seen + 1
    assert mails() == [("accepted", 1), ("queued", 0), ("queued", 0)]


def test_a_worker_that_slept_between_intent_and_wire_sends_nothing(
    world: World, sandbox: SandboxProgram, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LEASE_SECONDS = 1000
    moments = iter([0.0, 1e6])
    monkeypatch.setattr(wire, "wire_clock", lambda: next(moments))
    world.start()
    held = [one for one in claim(Lane.URGENT, limit=10) if one.channel == "fax"]
    seen = len(sandbox.ledger())
    send_claims(held, until=time.monotonic() + 60)
    assert len(sandbox.ledger()) == seen
    assert Delivery.objects.get(channel="fax").state == "queued"
