"""The rules of delivery, pure: which state follows which, when to try again, what to do about an unknown.

    queued ─claim─> leased ─intent─> sending ─accepted─> accepted ─receipt─> delivered
      ^  ^            │ lease expired   ├─ refused, passing ──> queued (later)   └─ receipt ──> failed
      │  └────────────┘                 ├─ refused for good ──> failed
      └── reconciled: not sent ── unknown <── no answer after the point of no return

`TABLE` holds every legal step, `WAITS` what has to come again later, `IGNORED` what changes nothing, each with its
reason; together they hold every pair of state and event. What is not in `TABLE` does not happen: `after` answers None.
Late, repeated and out-of-order receipts are entries like any other: `NEWS` says what a receipt is, by the try it is
about, and there is no `if` for them elsewhere.

What ends a delivery ends it for good: it is never sent again. One thing may still become known: that it arrived after
all. `delivered` therefore wins over every other end, because those who were reached must hear the rest of the story.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from itertools import product

from urgentaction.channels.contract import Channel, RetryClass


class State(StrEnum):
    """Where a delivery stands."""

    QUEUED = "queued"
    LEASED = "leased"
    SENDING = "sending"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    FAILED = "failed"
    UNKNOWN = "unknown"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    SUPPRESSED = "suppressed"


TERMINAL = frozenset({State.DELIVERED, State.FAILED, State.WITHDRAWN, State.EXPIRED, State.SUPPRESSED})
#: May have been read by the recipient: a follow-up must go to these.
REACHED = frozenset({State.SENDING, State.ACCEPTED, State.DELIVERED, State.UNKNOWN})
#: On its way through a worker; settles within one lease.
IN_FLIGHT = frozenset({State.LEASED, State.SENDING})
#: An official's letter may go to the same contact point once more, as a new delivery, by a person's decision: only from
#: an end of which we know that this one did not arrive, or that a person had brought about.
SENT_AGAIN = frozenset({State.FAILED, State.WITHDRAWN})


class Event(StrEnum):
    """What can happen to a delivery."""

    CLAIM = "claim"
    RELEASE = "release"  # given back untried: gateway paused, worker stopping, not to be made ready now
    LEASE_EXPIRED = "lease_expired"
    INTENT = "intent"
    BEGIN = "begin"  # claimed and declared at once: the mails of a mailing
    REFUSE_UNTRIED = "refuse_untried"  # refused by ourselves before the wire: live-dial guard, no address
    ACCEPT = "accept"
    RETRY = "retry"  # the gateway refused, for now
    REFUSE = "refuse"  # the gateway refused, for good
    OPT_OUT = "opt_out"
    SILENCE = "silence"  # no answer after the point of no return
    RECEIPT_PROGRESS = "receipt_progress"
    RECEIPT_TRACE = "receipt_trace"  # the gateway has another try of it, whose end nobody knows
    RECEIPT_DELIVERED = "receipt_delivered"
    RECEIPT_RETRY = "receipt_retry"
    RECEIPT_FAILED = "receipt_failed"
    RECEIPT_OPT_OUT = "receipt_opt_out"
    RECEIPT_STALE = "receipt_stale"  # about a try that is over: known before, or overtaken
    FOUND = "found"  # the gateway has it
    NOT_SENT = "not_sent"  # the gateway never took it
    REPEAT = "repeat"  # policy: send again with the same Message-ID
    SETTLE_REACHED = "settle_reached"  # a person found out
    SETTLE_LOST = "settle_lost"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"
    SUPPRESS = "suppress"


_Q, _L, _S, _A, _U = State.QUEUED, State.LEASED, State.SENDING, State.ACCEPTED, State.UNKNOWN

TABLE: Mapping[tuple[State, Event], State] = {
    (_Q, Event.CLAIM): _L,
    (_L, Event.RELEASE): _Q,
    (_L, Event.LEASE_EXPIRED): _Q,
    (_S, Event.LEASE_EXPIRED): _U,
    (_L, Event.INTENT): _S,
    (_Q, Event.BEGIN): _S,
    (_L, Event.REFUSE_UNTRIED): State.FAILED,
    (_Q, Event.REFUSE_UNTRIED): State.FAILED,  # judged while it was claimed, as a mailing is
    (_S, Event.ACCEPT): _A,
    # The window was broken off before this one was begun: it has certainly not left.
    (_S, Event.RELEASE): _Q,
    (_S, Event.RETRY): _Q,
    (_S, Event.REFUSE): State.FAILED,
    (_S, Event.OPT_OUT): State.SUPPRESSED,
    (_S, Event.SILENCE): _U,
    # Receipts. One that meets `sending` waits (see WAITS).
    (_A, Event.RECEIPT_PROGRESS): _A,
    (_U, Event.RECEIPT_PROGRESS): _A,
    (_A, Event.RECEIPT_RETRY): _Q,
    (_U, Event.RECEIPT_RETRY): _Q,
    (_A, Event.RECEIPT_FAILED): State.FAILED,
    (_U, Event.RECEIPT_FAILED): State.FAILED,
    (_A, Event.RECEIPT_OPT_OUT): State.SUPPRESSED,
    (_U, Event.RECEIPT_OPT_OUT): State.SUPPRESSED,
    # It waits for its next try because the gateway denied having it, or because mail is repeated without knowing. News
    # of that try says otherwise: it must not be sent again, and a worker that holds it finds its claim gone.
    (_Q, Event.RECEIPT_PROGRESS): _A,
    (_L, Event.RECEIPT_PROGRESS): _A,
    (_Q, Event.RECEIPT_TRACE): _A,
    (_L, Event.RECEIPT_TRACE): _A,
    (_Q, Event.RECEIPT_RETRY): _Q,
    (_L, Event.RECEIPT_RETRY): _Q,
    (_Q, Event.RECEIPT_FAILED): State.FAILED,
    (_L, Event.RECEIPT_FAILED): State.FAILED,
    (_Q, Event.RECEIPT_OPT_OUT): State.SUPPRESSED,
    (_L, Event.RECEIPT_OPT_OUT): State.SUPPRESSED,
    # Whichever try arrived, it arrived; also where everybody had given it up.
    (_Q, Event.RECEIPT_DELIVERED): State.DELIVERED,
    (_L, Event.RECEIPT_DELIVERED): State.DELIVERED,
    (_A, Event.RECEIPT_DELIVERED): State.DELIVERED,
    (_U, Event.RECEIPT_DELIVERED): State.DELIVERED,
    (State.FAILED, Event.RECEIPT_DELIVERED): State.DELIVERED,
    (State.WITHDRAWN, Event.RECEIPT_DELIVERED): State.DELIVERED,
    (State.EXPIRED, Event.RECEIPT_DELIVERED): State.DELIVERED,
    (State.SUPPRESSED, Event.RECEIPT_DELIVERED): State.DELIVERED,
    # Unknowns are settled by the gateway, by policy, or by a person.
    (_U, Event.FOUND): _A,
    (_U, Event.NOT_SENT): _Q,
    (_U, Event.REPEAT): _Q,
    (_U, Event.SETTLE_REACHED): State.DELIVERED,
    (_U, Event.SETTLE_LOST): State.FAILED,
    # What has not left may be stopped.
    (_Q, Event.WITHDRAW): State.WITHDRAWN,
    (_L, Event.WITHDRAW): State.WITHDRAWN,
    (_Q, Event.EXPIRE): State.EXPIRED,
    (_Q, Event.SUPPRESS): State.SUPPRESSED,
    (_L, Event.SUPPRESS): State.SUPPRESSED,
}

RECEIPTS = frozenset(event for event in Event if event.value.startswith("receipt_"))
#: A receipt can overtake the answer to its own request: it is applied once the worker has written that down.
WAITS = frozenset((State.SENDING, event) for event in RECEIPTS)

_WORKERS = frozenset(
    {
        Event.CLAIM,
        Event.RELEASE,
        Event.LEASE_EXPIRED,
        Event.INTENT,
        Event.BEGIN,
        Event.REFUSE_UNTRIED,
        Event.ACCEPT,
        Event.RETRY,
        Event.REFUSE,
        Event.OPT_OUT,
        Event.SILENCE,
    }
)
_ALL, _ANY = frozenset(State), frozenset(Event)
_SETTLING = frozenset({Event.FOUND, Event.NOT_SENT, Event.REPEAT, Event.SETTLE_REACHED, Event.SETTLE_LOST})


#: Why a pair that is neither in TABLE nor in WAITS changes nothing: the first line that fits.
_REASONS: tuple[tuple[frozenset[State], frozenset[Event], str], ...] = (
    (_ALL, frozenset({Event.RECEIPT_STALE}), "what it tells was known before, or a later try has overtaken it"),
    (_ALL, _WORKERS, "nobody holds it like that, or somebody else does: the fence refuses this"),
    (_ALL, _SETTLING, "only an unknown has anything to settle; somebody else was quicker"),
    (frozenset({State.DELIVERED}), _ANY, "it has arrived; nothing that comes later takes that back"),
    (TERMINAL, _ANY, "it is over and is never sent again; only its arrival would still be news"),
    (frozenset({_A, _U}), frozenset({Event.RECEIPT_TRACE}), "the present try stands; its own news settles it"),
    (frozenset({_L}), frozenset({Event.EXPIRE}), "the intent asks for the deadline again; else the lease ends"),
    (
        REACHED,
        frozenset({Event.WITHDRAW, Event.EXPIRE, Event.SUPPRESS}),
        "it has left, or may have: nobody can call it back",
    ),
)

#: What changes nothing, and why. A pair is in exactly one of TABLE, WAITS and IGNORED (a test counts them).
IGNORED: Mapping[tuple[State, Event], str] = {
    pair: why
    for pair in product(State, Event)
    if pair not in TABLE and pair not in WAITS
    for why in [next((why for states, events, why in _REASONS if pair[0] in states and pair[1] in events), "")]
    if why
}


class About(StrEnum):
    """Which try of a delivery a receipt is about."""

    PRESENT = "present"  # the one that its state speaks of, and whose end is not known
    ANOTHER = "another"  # another one, or nobody can say which, and its end is not known
    OVER = "over"  # one that is known to have failed


_STALE = dict.fromkeys((About.ANOTHER, About.OVER), Event.RECEIPT_STALE)
_NEWS: Mapping[Event, Mapping[About, Event]] = {
    # A line that is said to be busy and then to ring: the receipts came in the wrong order.
    Event.RECEIPT_PROGRESS: {About.ANOTHER: Event.RECEIPT_TRACE, About.OVER: Event.RECEIPT_STALE},
    Event.RECEIPT_DELIVERED: {},
    Event.RECEIPT_RETRY: _STALE,
    Event.RECEIPT_FAILED: _STALE,
    Event.RECEIPT_OPT_OUT: _STALE,
}
#: What a receipt is, by the try that it is about: news of a try that is over must not touch the next one.
NEWS: Mapping[tuple[Event, About], Event] = {
    (event, about): others.get(about, event) for event, others in _NEWS.items() for about in About
}


def after(state: State, event: Event) -> State | None:
    """The state that follows, or None where the event changes nothing."""
    return TABLE.get((state, event))


def sources(event: Event) -> tuple[str, ...]:
    """The states in which `event` is legal, for the guard of an UPDATE."""
    return tuple(state.value for (state, what) in TABLE if what is event)


def target(event: Event) -> State:
    """The one state `event` leads to. Raises ValueError where that depends on the state it meets."""
    targets = {new for (_, what), new in TABLE.items() if what is event}
    if len(targets) != 1:
        raise ValueError(f"{event} has no single target")
    return targets.pop()


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses after the first, second … counted refusal; the last one repeats. `most` refusals, then it has failed."""

    pauses: tuple[timedelta, ...]
    most: int | None  # None: until the deadline


def _minutes(*values: float) -> tuple[timedelta, ...]:
    return tuple(timedelta(minutes=value) for value in values)


_URGENT_MAIL = Backoff(_minutes(0, 0.5, 2, 5, 15, 60), None)
_MAIL = Backoff(_minutes(1, 5, 15, 30, 60, 120, 240), 40)
_SOON = Backoff(_minutes(0.5, 2, 5, 15, 30, 60), 12)
_BUSY = Backoff(_minutes(3, 6, 12, 24, 48, 60), 10)
_LATER = Backoff(_minutes(15, 60, 240), 8)
#: For one delivery that is held back until a person has put something right; the last one repeats.
HELD_PAUSES = _LATER.pauses
#: So many different deliveries held back in a row, within so long, and it is not about one recipient any more.
HELD_IN_A_ROW, HELD_WITHIN = 5, timedelta(minutes=10)
#: A pause for the whole gateway where it named none.
THROTTLE_PAUSE = timedelta(minutes=1)
#: Refusals by these say nothing against the recipient: they are not counted.
UNCOUNTED = frozenset({RetryClass.THROTTLE, RetryClass.FIX_FIRST})
FINAL = frozenset({RetryClass.NEVER, RetryClass.OPT_OUT})
#: Without a deadline even urgent mail is given up some day.
LAST_RESORT = 120


def backoff(retry_class: RetryClass, *, channel: Channel, priority: int) -> Backoff:
    """Which pauses apply."""
    match retry_class, channel:
        case RetryClass.BUSY, _:
            return _BUSY
        case RetryClass.LATER, Channel.EMAIL:
            return _MAIL
        case RetryClass.LATER, _:
            return _LATER
        case RetryClass.SOON, Channel.EMAIL if priority == 1:
            return _URGENT_MAIL
        case RetryClass.SOON, Channel.EMAIL:
            return _MAIL
        case _:
            return _SOON


def pause_after(
    retry_class: RetryClass,
    *,
    refusals: int,
    channel: Channel,
    priority: int,
    jitter: float,
    has_deadline: bool,
    retry_after: timedelta | None = None,
) -> timedelta | None:
    """How long to wait before the next try; None when it has failed for good.

    Args:
        refusals: counted refusals so far, this one included (0 for an uncounted one).
        jitter: 0 ≤ jitter < 1; spreads the pause over 100 % to 120 %, so that thousands don't return at once.
        has_deadline: the alert's deadline ends the tries that have no limit of their own.
        retry_after: what the gateway asked for; never undercut.
    """
    if retry_class in FINAL:
        return None
    if retry_class in UNCOUNTED:
        return retry_after or (THROTTLE_PAUSE if retry_class is RetryClass.THROTTLE else timedelta(0))
    plan = backoff(retry_class, channel=channel, priority=priority)
    most = plan.most or (None if has_deadline else LAST_RESORT)
    if most is not None and refusals >= most:
        return None
    pause = plan.pauses[min(max(refusals, 1), len(plan.pauses)) - 1] * (1 + jitter / 5)
    return max(pause, retry_after) if retry_after else pause


def may_hurry(*, is_supporter: bool, channel: str) -> bool:
    """Whether a person may end a queued delivery's wait. Not a supporter's SMS: it may wait for their night to end."""
    return not (is_supporter and channel == Channel.SMS)


def held_pause(times: int) -> timedelta:
    """How long a delivery waits that was held back for the first, second … time."""
    return HELD_PAUSES[min(max(times, 1), len(HELD_PAUSES)) - 1]


class UnknownPolicy(StrEnum):
    """What to do with an unknown now."""

    ASK = "ask"  # ask the gateway (again)
    REPEAT = "repeat"  # send again, recognisable as the same message
    HUMAN = "human"  # a person must find out


#: After this long without any trace at a gateway that can be asked, the message was never taken.
TRACE_WINDOW = timedelta(minutes=2)
#: Pauses between questions about the same unknown.
ASK_PAUSES = _minutes(0.25, 0.5, 1, 2, 5, 10, 15)
MOST_REPEATS = 3


def unknown_policy(channel: Channel, *, may_ask: bool, repeats: int) -> UnknownPolicy:
    """Ask while the gateway can still answer; then mail is repeated with its Message-ID, the rest is for people.

    Args:
        may_ask: the gateway has a look-up and has not given its last word.
        repeats: how often this delivery was already repeated without knowing.
    """
    if may_ask:
        return UnknownPolicy.ASK
    if channel is Channel.EMAIL and repeats < MOST_REPEATS:
        return UnknownPolicy.REPEAT
    return UnknownPolicy.HUMAN


#: Refusals that another gateway may not share: ours was broken, at its limit, or wrongly set up. A busy line, a full
#: mailbox and greylisting are the recipient's, and a second gateway meets them too.
FAILS_OVER = frozenset({RetryClass.SOON, RetryClass.THROTTLE, RetryClass.FIX_FIRST})


def may_fail_over(retry_class: RetryClass, *, attempts: int, others: int) -> bool:
    """Whether the next try is made at once by another gateway. Only ever after a definite refusal.

    Each round goes once through the gateways there are; then the ordinary pause applies.

    Args:
        attempts: of this delivery so far, the refused one included.
        others: gateways of its channel that may be used now, besides the one that refused.
    """
    return retry_class in FAILS_OVER and others > 0 and attempts % (others + 1) != 0
