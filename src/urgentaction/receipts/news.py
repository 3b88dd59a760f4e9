"""What a receipt says of a delivery, on rows in memory: which try it is about, what that try and the delivery become.

One receipt at a time (`service`) or many at once (`batches`), this is asked. Must not ask or change the database: the
caller locks the rows, reads what follows from the answer, and writes.
"""

from __future__ import annotations

from collections.abc import Sequence

from urgentaction.channels.contract import ReceiptKind as Kind
from urgentaction.channels.contract import Refused, RetryClass
from urgentaction.core import clock
from urgentaction.deliveries import rules
from urgentaction.deliveries.models import Attempt, Delivery
from urgentaction.deliveries.reasons import AFTER_ALL, GATEWAY_HAS_IT
from urgentaction.deliveries.recording import receipt_event

from .effects import EARLIER, STANDS
from .models import Receipt
from .rules import NOT_TAKEN, Meant, Try, is_over, which_try

FAILURES = frozenset({rules.Event.RECEIPT_RETRY, rules.Event.RECEIPT_FAILED, rules.Event.RECEIPT_OPT_OUT})
#: Columns of a try that `note` may change, and columns of a delivery that `goes_on` may.
TRY_FIELDS = ("gateway_ref", "outcome", "retry_class", "code", "text")
DELIVERY_FIELDS = ("state", "reason", "gateway", "gateway_ref", "accepted_at", "settled_at")
#: The name that a waiting delivery bears is that of the try before.
_WAITING = (rules.State.QUEUED, rules.State.LEASED)


def event_for(receipt: Receipt) -> rules.Event:
    """What it tells, before it is known which try it is about."""
    match receipt.kind:
        case Kind.DELIVERED:
            return rules.Event.RECEIPT_DELIVERED
        case Kind.FAILED:
            return receipt_event(class_of(receipt))
    return rules.Event.RECEIPT_PROGRESS


def class_of(receipt: Receipt) -> RetryClass:
    """The retry class of a failure."""
    return RetryClass(receipt.retry_class) if receipt.retry_class else RetryClass.LATER


def refusal_of(receipt: Receipt) -> Refused:
    """A failure, as if it had been said at the wire."""
    return Refused(class_of(receipt), receipt.code, receipt.text)


def meant_by(receipt: Receipt, row: Delivery, tries: Sequence[Attempt]) -> Meant:
    """Which of the delivery's tries (in the order of their numbers) it is about."""
    known = [Try(one.number, one.gateway, one.gateway_ref, is_over(one.outcome, one.code)) for one in tries]
    return which_try(known, gateway=receipt.gateway, ref=receipt.ref, present=(row.gateway, row.gateway_ref))


def note(
    receipt: Receipt, told: rules.Event, meant: Meant, tries: Sequence[Attempt], *, is_arrived: bool
) -> Attempt | None:
    """Put down at the try itself what has become known of it, whether or not the delivery changes.

    Args:
        is_arrived: the delivery had arrived before.

    Returns:
        The try, with TRY_FIELDS to be saved; None where nothing of it is news.
    """
    one = next((one for one in tries if one.number == meant.number), None)
    if one is None or meant.about is rules.About.OVER:
        return None
    before = _values(one)
    one.gateway_ref = one.gateway_ref or receipt.ref
    if one.code == NOT_TAKEN and told not in FAILURES:
        # The gateway denied having it. It may be read, so whoever was to get it counts as reached.
        one.outcome, one.code, one.text = "unknown", "", "the gateway has it after all"
    if told in FAILURES and not is_arrived:
        one.outcome, one.retry_class = "refused", class_of(receipt).value
        one.code, one.text = receipt.code, receipt.text
    return one if _values(one) != before else None


def _values(one: Attempt) -> list[str]:
    return [getattr(one, name) for name in TRY_FIELDS]


def goes_on(row: Delivery, receipt: Receipt, event: rules.Event, new: rules.State) -> None:
    """The gateway has it, or it has arrived: changes DELIVERY_FIELDS of `row`, the caller saves them."""
    if row.accepted_at is None:
        row.accepted_at = clock.now()
    if new is rules.State.DELIVERED:
        is_late = rules.State(row.state) in rules.TERMINAL
        row.reason = AFTER_ALL(state=row.state, reason=row.reason)[:200] if is_late else ""
        row.settled_at = receipt.occurred_at or clock.now()
    elif event is rules.Event.RECEIPT_TRACE or not row.gateway_ref or row.state in _WAITING:
        row.gateway, row.gateway_ref, row.reason = receipt.gateway, receipt.ref, GATEWAY_HAS_IT
    row.state = new.value


def unchanged(state: rules.State, meant: Meant, tries: Sequence[Attempt]) -> str:
    """The effect, in words for the receipt's row, where the delivery stays in `state`."""
    is_past = meant.about is not rules.About.PRESENT and (meant.number is None or meant.number < tries[-1].number)
    return EARLIER if is_past else STANDS(state=state.value)
