"""What really happened, delivery by delivery: the gateways' ledger held against our rows. Pure, and able to say no.

The ledger is written and synced by the stand-in gateways before they answer, so it knows what arrived; our rows are
what we believe. A delivery is right when both tell the same, or when ours says visibly that it does not know.

- *lost*: we believe it arrived and the ledger has nothing; or it came to no end, or failed, or is missing, without a
  cause and without anybody being told.
- *silent duplicate*: a ledger entry that none of our tries accounts for; or a second one where the first was known,
  or believed not to have been taken.
- *repeat, listed*: mail taken twice that says so: counted on the row, and with the same Message-ID.
- *stale*: taken later after its alert was stopped than one window may take.
- *unknown*: nobody can say, and the row says that. *Unlisted* is one that nobody will settle.

Must not: ask a database, a clock, or the product's own rules; what it knows of states is written down here again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

#: A delivery in one of these has come to no end.
MOVING = frozenset({"queued", "leased", "sending"})
ARRIVED = frozenset({"accepted", "delivered"})
STOPPED_ALERT = frozenset({"withdrawn", "rejected", "expired"})
REPEATABLE = "email"
#: What we write on a try of which the gateway said later that it never took it.
NOT_TAKEN = "not-taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One message that a gateway took. `delivery` is the row it names by our reference, None for a stranger."""

    seq: int
    at: datetime
    channel: str
    ref: str
    delivery: int | None
    message_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One try as we wrote it down."""

    number: int
    outcome: str  # accepted, refused, unknown
    started_at: datetime
    ended_at: datetime
    code: str = ""
    gateway_ref: str = ""

    @property
    def was_unknown(self) -> bool:
        """Whether it ended with nobody knowing, however it was settled afterwards."""
        return self.outcome == "unknown" or self.code == NOT_TAKEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One delivery as we believe it to be.

    Attributes:
        may_fail: the script refuses this address for good.
        may_be_unknown: the script leaves it without an answer.
        is_followed_up: its failure led to the official's next contact point, or to a task for a person.
        open_tasks: for people, about this very delivery.
    """

    id: int
    alert: str
    recipient: str
    role: str
    channel: str
    state: str
    reason: str = ""
    repeats: int = 0
    gateway_ref: str = ""
    tries: tuple[Try, ...] = ()
    may_fail: bool = False
    may_be_unknown: bool = False
    is_followed_up: bool = False
    open_tasks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRow:
    """One alert. `expected` are the (recipient, channel) pairs that must have a row once it is expanded."""

    id: str
    number: str
    state: str
    stopped_at: datetime | None = None
    is_expanded: bool = True
    expected: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault that was made.

    Attributes:
        at, until: from when to when it may have left a try without an answer.
        roles: whose deliveries it may have met, by role; empty: nobody's.
        most_unknown: how many tries were in flight at most, hence may be unknown by it.
    """

    kind: str
    at: datetime
    until: datetime
    roles: frozenset[str] = frozenset()
    most_unknown: int = 0
    is_confirmed: bool = True
    what: str = ""


@dataclass(slots=True)
class Verdict:
    """What came of it. Lists hold one line for people each."""

    deliveries: int = 0
    lost: list[str] = field(default_factory=list)
    silent_duplicates: list[str] = field(default_factory=list)
    repeats_listed: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    unlisted_unknown: list[str] = field(default_factory=list)
    too_many_unknown: list[str] = field(default_factory=list)
    became_unknown: int = 0
    unattributed: int = 0  # to no fault: a time limit, a lease that ended on a slow machine
    unfinished_alerts: list[str] = field(default_factory=list)
    latest_after_stop: float = 0.0  # seconds

    @property
    def is_kept(self) -> bool:
        """Whether the promise was kept."""
        broken = (self.lost, self.silent_duplicates, self.stale, self.unlisted_unknown, self.too_many_unknown)
        return not any(broken) and not self.unfinished_alerts


def judge(
    rows: Sequence[Row],
    entries: Sequence[Entry],
    alerts: Sequence[AlertRow],
    faults: Sequence[Fault],
    *,
    in_flight: timedelta,
) -> Verdict:
    """Hold the two ledgers against each other, after everything has come to rest.

    Args:
        in_flight: how long after an alert was stopped the last window that had begun before may still leave.
    """
    verdict = Verdict(deliveries=len(rows))
    by_alert = {alert.id: alert for alert in alerts}
    taken: defaultdict[int | None, list[Entry]] = defaultdict(list)
    for entry in entries:
        taken[entry.delivery].append(entry)
    for row in rows:
        theirs = sorted(taken.pop(row.id, []), key=lambda entry: entry.seq)
        _judge_taken(row, theirs, verdict)
        _judge_end(row, theirs, by_alert[row.alert], verdict)
        _judge_staleness(row, theirs, by_alert[row.alert], in_flight, verdict)
    for strangers in taken.values():
        verdict.silent_duplicates += [
            f"entry {one.seq} ({one.channel}, {one.ref}): no row of ours" for one in strangers
        ]
    _judge_audience(rows, alerts, verdict)
    _judge_alerts(alerts, verdict)
    _judge_unknowns(rows, faults, verdict)
    return verdict


def _told(row: Row) -> str:
    tries = ", ".join(f"{one.number} {one.outcome} {one.code} {one.gateway_ref}".strip() for one in row.tries)
    return f"delivery {row.id} ({row.channel}, {row.role}, {row.state}; {row.reason}; tries: {tries or 'none'})"


def _judge_taken(row: Row, theirs: Sequence[Entry], verdict: Verdict) -> None:
    """Every entry needs a try that accounts for it; every arrival needs an entry."""
    if row.state in ARRIVED and not theirs:
        verdict.lost.append(f"{_told(row)}: no gateway has it")
    named = {one.gateway_ref: one for one in row.tries if one.gateway_ref}
    nameless = [one for one in row.tries if not one.gateway_ref and one.was_unknown]
    explained: list[tuple[Entry, Try]] = []
    for entry in theirs:
        known = named.get(entry.ref)
        if known is None and nameless:
            known = nameless.pop(0)
        if known is None:
            verdict.silent_duplicates.append(f"{_told(row)}: entry {entry.seq} ({entry.ref}) is of no try of ours")
        else:
            explained.append((entry, known))
    if len(explained) < 2:
        return
    if row.channel == REPEATABLE:
        _judge_mail_repeat(row, [entry for entry, _ in explained], verdict)
        return
    # A second fax or text is right only after the first was known to have failed.
    verdict.silent_duplicates += [
        f"{_told(row)}: entry {entry.seq} ({entry.ref}) was taken, yet another followed"
        for entry, one in sorted(explained, key=lambda pair: pair[1].number)[:-1]
        if not (one.outcome == "refused" and one.gateway_ref == entry.ref)
    ]


def _judge_mail_repeat(row: Row, theirs: Sequence[Entry], verdict: Verdict) -> None:
    more = len(theirs) - 1
    if len({entry.message_id for entry in theirs}) > 1:
        verdict.silent_duplicates.append(f"{_told(row)}: its {len(theirs)} mails differ in their Message-ID")
    elif row.repeats < more:
        verdict.silent_duplicates.append(f"{_told(row)}: taken {len(theirs)} times, {row.repeats} repeats counted")
    else:
        verdict.repeats_listed.append(f"{_told(row)}: taken {len(theirs)} times under one Message-ID")


def _judge_end(row: Row, theirs: Sequence[Entry], alert: AlertRow, verdict: Verdict) -> None:
    """A row must have come to an end that is right for it."""
    is_stopped = alert.state in STOPPED_ALERT
    if row.state in MOVING:
        verdict.lost.append(f"{_told(row)}: it came to no end")
    elif row.state == "failed" and not row.may_fail and not row.is_followed_up:
        verdict.lost.append(f"{_told(row)}: failed without a cause, and nobody was told")
    elif row.state == "withdrawn" and not is_stopped:
        verdict.lost.append(f"{_told(row)}: withdrawn although its alert was not stopped")
    elif row.state == "expired" and not row.is_followed_up:
        verdict.lost.append(f"{_told(row)}: its deadline was hours away")
    elif row.state == "suppressed" and not row.may_fail:
        verdict.lost.append(f"{_told(row)}: suppressed without a cause")
    elif row.state == "unknown":
        told = f"{_told(row)}: {'taken' if theirs else 'not taken'}; task: {', '.join(row.open_tasks) or 'none'}"
        verdict.unknown.append(told)
        # Repeating a mail of a stopped alert would be stale: it stays unknown, and counts as reached.
        if not row.open_tasks and not (row.channel == REPEATABLE and is_stopped):
            verdict.unlisted_unknown.append(told)


def _judge_staleness(
    row: Row, theirs: Sequence[Entry], alert: AlertRow, in_flight: timedelta, verdict: Verdict
) -> None:
    if alert.stopped_at is None:
        return
    for entry in theirs:
        late = entry.at - alert.stopped_at
        verdict.latest_after_stop = max(verdict.latest_after_stop, late.total_seconds())
        if late > in_flight:
            verdict.stale.append(f"{_told(row)}: entry {entry.seq} {late.total_seconds():.1f} s after the stop")


def _judge_audience(rows: Iterable[Row], alerts: Iterable[AlertRow], verdict: Verdict) -> None:
    """Nobody whom an alert was meant for may be without a row, and nobody may have two."""
    found: defaultdict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for row in rows:
        found[row.alert][(row.recipient, row.channel)] += 1
    for alert in alerts:
        if not alert.is_expanded:
            continue
        there = found[alert.id]
        verdict.lost += [
            f"alert {alert.number}: {recipient} has no row for {channel}"
            for recipient, channel in sorted(alert.expected - set(there))
        ]
        # An official has one for each contact point; a supporter has one address a channel.
        verdict.silent_duplicates += [
            f"alert {alert.number}: {recipient} has {count} rows for {channel}"
            for (recipient, channel), count in sorted(there.items())
            if count > 1 and recipient.startswith("supporter")
        ]


def _judge_alerts(alerts: Iterable[AlertRow], verdict: Verdict) -> None:
    verdict.unfinished_alerts += [
        f"alert {alert.number} is {alert.state}{'' if alert.is_expanded else ', never expanded'}"
        for alert in alerts
        if alert.state in {"held", "running"} or (alert.state == "finished" and not alert.is_expanded)
    ]


def _judge_unknowns(rows: Iterable[Row], faults: Sequence[Fault], verdict: Verdict) -> None:
    """Each try that a fault left unknown is put down to one; no fault may have more than were in flight at it."""
    holders: list[list[tuple[Row, Try]]] = [[] for _ in faults]
    for row in rows:
        for one in row.tries:
            if not one.was_unknown:
                continue
            verdict.became_unknown += 1
            met = _met(row, one, faults)
            if not met or row.may_be_unknown:
                verdict.unattributed += 0 if row.may_be_unknown else 1
            elif not _place(row, one, faults, holders, seen=set()):
                fault = faults[met[0]]
                verdict.too_many_unknown.append(
                    f"{fault.what or fault.kind}: more than the {fault.most_unknown} in flight: {_told(row)}"
                )


def _met(row: Row, one: Try, faults: Sequence[Fault]) -> list[int]:
    """The faults that may have cut this try off: it was under way when they happened."""
    return [
        number
        for number, fault in enumerate(faults)
        if row.role in fault.roles and one.started_at <= fault.until and one.ended_at >= fault.at
    ]


def _place(
    row: Row, one: Try, faults: Sequence[Fault], holders: list[list[tuple[Row, Try]]], *, seen: set[int]
) -> bool:
    """Find it a fault with room, moving others over where they have a choice (bipartite matching, Kuhn 1955)."""
    for number in _met(row, one, faults):
        if number in seen:
            continue
        seen.add(number)
        if len(holders[number]) < faults[number].most_unknown:
            holders[number].append((row, one))
            return True
        for place, (other_row, other) in enumerate(holders[number]):
            if _place(other_row, other, faults, holders, seen=seen):
                holders[number][place] = (row, one)
                return True
    return False


def as_counts(verdict: Verdict) -> Mapping[str, int]:
    """The numbers of the report."""
    return {
        "deliveries": verdict.deliveries,
        "lost": len(verdict.lost),
        "silent_duplicates": len(verdict.silent_duplicates),
        "repeats_listed": len(verdict.repeats_listed),
        "unknown": len(verdict.unknown),
        "stale": len(verdict.stale),
    }
