"""Gateways in memory for the delivery machine, and the ledger of what they really took: the truth beside the database.

A gateway does what its script says, message by message: take it and say so, take it and fall silent, lose it, refuse
it, break. Between two messages something else may happen, as it does while a real one is on the wire.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from celery.exceptions import SoftTimeLimitExceeded

from urgentaction.channels.contract import (
    Accepted,
    Begin,
    Callback,
    Candidate,
    CannotTell,
    Capabilities,
    Channel,
    Found,
    Health,
    Lookup,
    Outcome,
    Outgoing,
    OutgoingEmail,
    Receipt,
    ReceiptKind,
    Refused,
    RetryClass,
    Unknown,
)
from urgentaction.channels.mailing import Copy, Mailing, written_out
from urgentaction.core import clock
from urgentaction.deliveries.references import delivery_id_of


class Wire(StrEnum):
    """What becomes of one message on the wire."""

    TAKE = "take"
    TAKE_SILENTLY = "take silently"
    LOSE_SILENTLY = "lose silently"
    TAKE_AND_BREAK = "take and break"
    BREAK = "break"
    TAKE_AND_RUN_OUT_OF_TIME = "take and run out of time"


class Answering(StrEnum):
    """How a gateway answers questions about unknowns."""

    TRULY = "truly"
    DENYING = "denying"  # it does not see the message yet
    UNABLE = "unable"
    UNABLE_FOR_GOOD = "unable for good"


class No(NamedTuple):
    """A refusal that a script may hold."""

    retry_class: RetryClass
    code: str
    is_about_us: bool = False
    is_gateway_fault: bool = False

    def outcome(self) -> Refused:
        return Refused(
            self.retry_class,
            self.code,
            f"refused: {self.code}",
            is_about_us=self.is_about_us,
            is_gateway_fault=self.is_gateway_fault,
        )


@dataclass(slots=True)
class Taken:
    """One message that a gateway really took."""

    delivery: int
    channel: Channel
    gateway: str
    ref: str
    message_id: str
    at: datetime
    end: No | bool | None = None  # None: nobody knows yet; True: it arrived; a refusal: it did not
    is_denied: bool = False  # the gateway said that it never had it
    is_end_reported: bool = False
    is_told_failed: bool = False  # the gateway said so, when it was asked
    events: list[str] = field(default_factory=list)  # of the receipts about it, latest last


@dataclass(slots=True)
class Wires:
    """What all gateways share: the ledger, and the machine's eyes on it."""

    before_batch: Callable[[Sequence[int]], None]
    before_take: Callable[[Taken], None]
    ledger: list[Taken] = field(default_factory=list)
    script: deque[Wire | No] = field(default_factory=deque)
    interlude: Callable[[], None] | None = None
    answering: Answering = Answering.TRULY


@dataclass(slots=True)
class MemoryGateway:
    """One gateway."""

    name: str
    channel: Channel
    capabilities: Capabilities
    wires: Wires

    def submit(self, outgoing: Outgoing) -> Outcome:
        for _, outcome in self.submit_many([outgoing], lambda _: True):
            return outcome
        raise AssertionError("no outcome")

    def submit_many(self, batch: Sequence[Outgoing], begin: Begin) -> Iterator[tuple[int, Outcome]]:
        self.wires.before_batch([delivery_of(outgoing) for outgoing in batch])
        for place, outgoing in enumerate(batch):
            if not begin(place):
                return
            step = self.wires.script.popleft() if self.wires.script else Wire.TAKE
            outcome = self._play(outgoing, step)
            interlude, self.wires.interlude = self.wires.interlude, None
            if interlude is not None:
                interlude()
            yield place, outcome

    def submit_mailing(self, mailing: Mailing, copies: Sequence[Copy], begin: Begin) -> Iterator[tuple[int, Outcome]]:
        return self.submit_many([written_out(mailing, copy) for copy in copies], begin)

    def _play(self, outgoing: Outgoing, step: Wire | No) -> Outcome:
        if isinstance(step, No):
            return step.outcome()
        if step in (Wire.LOSE_SILENTLY, Wire.BREAK):
            if step is Wire.BREAK:
                raise RuntimeError("the adapter broke")
            return Unknown("silence")
        taken = self._take(outgoing)
        match step:
            case Wire.TAKE_SILENTLY:
                return Unknown("silence")
            case Wire.TAKE_AND_BREAK:
                raise RuntimeError("the adapter broke")
            case Wire.TAKE_AND_RUN_OUT_OF_TIME:
                raise SoftTimeLimitExceeded
        return Accepted(taken.ref)

    def _take(self, outgoing: Outgoing) -> Taken:
        taken = Taken(
            delivery=delivery_of(outgoing),
            channel=self.channel,
            gateway=self.name,
            ref=f"{self.name}-{len(self.wires.ledger) + 1}",
            message_id=outgoing.message_id if isinstance(outgoing, OutgoingEmail) else "",
            at=clock.now(),
        )
        self.wires.before_take(taken)
        self.wires.ledger.append(taken)
        return taken

    def lookup(self, question: Lookup) -> Found | CannotTell:
        match self.wires.answering:
            case Answering.UNABLE:
                return CannotTell("ask later", is_final=False)
            case Answering.UNABLE_FOR_GOOD:
                return CannotTell("gone from the log", is_final=True)
        about = delivery_id_of(question.reference)
        mine = [one for one in self.wires.ledger if (one.delivery, one.gateway) == (about, self.name)]
        if self.wires.answering is Answering.DENYING:
            for one in mine:
                one.is_denied = True
            return Found()
        return Found(tuple(self._candidate(one) for one in mine))

    def _candidate(self, one: Taken) -> Candidate:
        if one.end is None:
            return Candidate(ref=one.ref, is_certain=True, created_at=one.at)
        kind = ReceiptKind.DELIVERED if one.end is True else ReceiptKind.FAILED
        refusal = one.end if isinstance(one.end, No) else None
        one.is_told_failed = one.is_told_failed or refusal is not None
        told = Receipt(
            event_id=f"asked-{one.ref}",
            kind=kind,
            ref=one.ref,
            retry_class=refusal.retry_class if refusal else None,
            code=refusal.code if refusal else "",
        )
        return Candidate(ref=one.ref, is_certain=True, created_at=one.at, receipt=told)

    def parse(self, callback: Callback) -> Iterable[Receipt]:
        raise NotImplementedError

    def cancel(self, ref: str) -> bool:
        return False

    def check(self) -> Health:
        return Health(is_ok=True, detail="")

    def close(self) -> None:
        pass


def delivery_of(outgoing: Outgoing) -> int:
    """Which delivery a message is."""
    found = delivery_id_of(outgoing.reference)
    assert found is not None
    return found
