"""Who gets nothing any more, and for how long: the rules of suppression, pure.

Two questions are answered here and nowhere else: what a refusal says about an address (`suppression_for`), and what
becomes of a suppression when there is another reason for it (`combined`). Both are tables. What is not listed never
suppresses: a full mailbox (5.2.2), our own reputation (5.7.x) and passing faults (4.x.x) are nobody's fault but ours
or time's, and must not cost anybody their place among the recipients.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from urgentaction.channels.contract import Channel, RetryClass


class SuppressionReason(StrEnum):
    """Why an address gets nothing any more."""

    SOFT_BOUNCE = "soft_bounce"  # refused again and again, for its own sake; ends by itself
    HARD_BOUNCE = "hard_bounce"  # the address does not exist
    MANUAL = "manual"  # staff decided
    UNSUBSCRIBED = "unsubscribed"  # the person's wish, as the next three
    STOP = "stop"
    COMPLAINT = "complaint"
    ERASED = "erased"  # asked to be forgotten


#: A reason of a higher rank replaces one of a lower; among equals the first stays.
RANK: Mapping[SuppressionReason, int] = {
    SuppressionReason.SOFT_BOUNCE: 1,
    SuppressionReason.HARD_BOUNCE: 2,
    SuppressionReason.MANUAL: 3,
    SuppressionReason.UNSUBSCRIBED: 4,
    # These two may come from somebody who gets the messages and is not who signed up. The preferences page lifts an
    # `unsubscribed`, so that must not stand in their place.
    SuppressionReason.STOP: 5,
    SuppressionReason.COMPLAINT: 5,
    SuppressionReason.ERASED: 6,
}
#: Said by the person: staff lifts these only where the person says otherwise.
WISHES = frozenset(
    {
        SuppressionReason.UNSUBSCRIBED,
        SuppressionReason.STOP,
        SuppressionReason.COMPLAINT,
        SuppressionReason.ERASED,
    }
)
#: A START takes back what the person or a machine decided; what staff decided stays.
ENDED_BY_START = frozenset(SuppressionReason) - {SuppressionReason.MANUAL}

SOFT_LIFETIME = timedelta(days=30)
#: So many alerts in a row have to be refused softly before an address is left out for a while.
SOFT_IN_A_ROW = 3

_H, _S = SuppressionReason.HARD_BOUNCE, SuppressionReason.SOFT_BOUNCE

#: What a code says about the address itself. Mail: enhanced codes (RFC 3463, RFC 7505), or three digits where the
#: server gave no better. SMS: Twilio's numbers. Fax goes to offices only, whose contact points are not suppressed.
ABOUT_THE_ADDRESS: Mapping[Channel, Mapping[str, SuppressionReason]] = {
    Channel.EMAIL: {
        "5.1.1": _H,  # no such mailbox
        "5.1.2": _H,  # no such domain
        "5.1.6": _H,  # moved, nobody knows where to
        "5.1.10": _H,  # the domain takes no mail
        "5.2.1": _H,  # switched off
        "5.1.0": _S,
        "5.1.3": _S,  # not an address to that server
        "5.1.4": _S,
        "5.2.0": _S,
        "5.2.4": _S,  # a mailing list that can't be expanded
        "5.4.4": _S,  # no way there
        "550": _S,
        "551": _S,
        "553": _S,
    },
    Channel.SMS: {
        "21211": _H,  # not a number
        "21614": _H,  # not a mobile number
        "30005": _H,  # unknown handset
        "30006": _H,  # a landline, or out of every carrier's reach
        "21214": _S,
        "21217": _S,
        "21635": _S,
        "30003": _S,  # switched off, every time
    },
    Channel.FAX: {},
}
_LIFETIMES: Mapping[SuppressionReason, timedelta | None] = {_H: None, _S: SOFT_LIFETIME}
#: How the person's own no reaches us on each channel, told apart from every code by its retry class.
_OPT_OUTS: Mapping[Channel, SuppressionReason] = {
    Channel.EMAIL: SuppressionReason.COMPLAINT,
    Channel.SMS: SuppressionReason.STOP,
    Channel.FAX: SuppressionReason.STOP,
}
#: A refusal of another class blames us, the gateway or the moment, whatever its code.
_BLAMES_THE_ADDRESS = frozenset({RetryClass.NEVER, RetryClass.LATER})


def suppression_for(
    channel: Channel, code: str, retry_class: RetryClass
) -> tuple[SuppressionReason, timedelta | None] | None:
    """What a final refusal means for the address: (reason, how long; None for good), or None for nothing at all.

    A SOFT_BOUNCE counts only once `SOFT_IN_A_ROW` alerts in a row ended in one.

    Args:
        code: the gateway's, as `Refused.code` has it.
    """
    if retry_class is RetryClass.OPT_OUT:
        return _OPT_OUTS[channel], None
    reason = ABOUT_THE_ADDRESS[channel].get(code) if retry_class in _BLAMES_THE_ADDRESS else None
    return (reason, _LIFETIMES[reason]) if reason is not None else None


@dataclass(frozen=True, slots=True)
class Standing:
    """A suppression as it stands: why, and until when (None: for good)."""

    reason: SuppressionReason
    expires_at: datetime | None = None


def combined(old: Standing, new: Standing) -> Standing:
    """What holds when `new` comes on top of `old`, which has not expired: the stronger reason, the longer time."""
    reason = new.reason if RANK[new.reason] > RANK[old.reason] else old.reason
    if old.expires_at is None or new.expires_at is None:
        return Standing(reason)
    return Standing(reason, max(old.expires_at, new.expires_at))
