"""What staff does with one supporter or one address: each verb says who and why, and stands in the audit log."""

from __future__ import annotations

import uuid

from django.db import transaction

from urgentaction.accounts.service import record_audit
from urgentaction.channels.contract import Channel
from urgentaction.core import clock
from urgentaction.core.errors import Conflict, InvalidInput, NotFound
from urgentaction.core.phrases import Code, say

from .models import Supporter, Suppression
from .rules import WISHES, SuppressionReason
from .service import address_index, agreed_again, close_suppression, held_entry, suppress_index, unsubscribe

#: What is shown of a wish or reason in a list; the columns are as long.
LONGEST_WORDS = 200

_SAID = {
    SuppressionReason.UNSUBSCRIBED.value: say("this person unsubscribed"),
    SuppressionReason.STOP.value: say("this person answered STOP"),
    SuppressionReason.COMPLAINT.value: say("this person complained about a mail"),
    SuppressionReason.ERASED.value: say("this person asked to be forgotten"),
}


# --- Suppressing ------------------------------------------------------------------------------------------------------


@transaction.atomic
def suppress_by_hand(channel: Channel, address: str, *, by: str, why: str) -> Suppression:
    """Staff decides that an address gets nothing on this channel, until somebody lifts it.

    Args:
        by: who, as the audit log names people.
        why: in words, without names; it stays with the row.

    Raises:
        InvalidInput: no reason given, or a channel on which nobody is suppressed.
    """
    _check(channel, why)
    return _suppress(channel, address_index(channel, address), by=by, why=why)


@transaction.atomic
def suppress_supporter(supporter_id: uuid.UUID, channel: Channel, *, by: str, why: str) -> Suppression:
    """`suppress_by_hand` for the address that a supporter has. Raises NotFound too: they have none on this channel."""
    _check(channel, why)
    return _suppress(channel, _index_of(supporter_id, channel), by=by, why=why)


@transaction.atomic
def stop_index(channel: Channel, index: bytes, *, by: str, source: str) -> Suppression:
    """A person said in their own words that they want to hear no more; staff understood it so."""
    row = suppress_index(channel, index, reason=SuppressionReason.STOP, source=source)
    record_audit(by, "suppression.add", f"suppression:{row.id}", channel=channel, holds=row.reason)
    return row


def _suppress(channel: Channel, index: bytes, *, by: str, why: str) -> Suppression:
    row = suppress_index(channel, index, reason=SuppressionReason.MANUAL, source=f"{by}: {why.strip()}")
    record_audit(by, "suppression.add", f"suppression:{row.id}", channel=channel, holds=row.reason)
    return row


def _check(channel: Channel, why: str) -> None:
    if channel is Channel.FAX:
        raise InvalidInput.of("channel", say("supporters get no fax, and offices are not suppressed; say email or sms"))
    if not why.strip():
        raise InvalidInput.of("why", say("say why; it stays with the entry"))


def _index_of(supporter_id: uuid.UUID, channel: Channel) -> bytes:
    supporter = Supporter.objects.filter(id=supporter_id, erased_at=None).first()
    if supporter is None:
        raise NotFound.of("supporter", say("this person has been erased, or never was"))
    index = supporter.email_index if channel is Channel.EMAIL else supporter.phone_index
    if index is None:
        raise NotFound.of(
            "channel", say("this person has no address for %(channel)s", channel=Code.of("channel", channel))
        )
    return bytes(index)


# --- The way back -----------------------------------------------------------------------------------------------------


@transaction.atomic
def lift_by_hand(channel: Channel, address: str, *, by: str, why: str, wish: str = "") -> Suppression:
    """Let an address be written to again. The row stays, with who lifted it and why.

    Args:
        why: in words, without names.
        wish: how the person asked for it, where it was the person who had said no.

    Raises:
        InvalidInput: no reason given.
        NotFound: nothing holds for this address.
        Conflict: the person said no, and nothing is said of their having changed their mind.
    """
    _check(channel, why)
    row = held_entry(channel, address_index(channel, address))
    if row is None:
        raise NotFound.of(
            "address", say("by %(channel)s it is not suppressed; nothing to lift", channel=Code.of("channel", channel))
        )
    return _lift(row, by=by, why=why, wish=wish)


@transaction.atomic
def lift_entry(suppression_id: uuid.UUID, *, by: str, why: str, wish: str = "") -> Suppression:
    """`lift_by_hand` for an entry of the list, whose address nobody here knows."""
    row = Suppression.objects.select_for_update().filter(id=suppression_id).first()
    if row is None:
        raise NotFound.of("suppression", f"there is no entry {suppression_id}")
    _check(Channel(row.channel), why)
    if row.lifted_at is not None:
        raise Conflict.of("suppression", say("this entry has been lifted already; the list shows what holds now"))
    return _lift(row, by=by, why=why, wish=wish)


def _lift(row: Suppression, *, by: str, why: str, wish: str) -> Suppression:
    if row.expires_at is not None and row.expires_at <= clock.read_database_now():
        raise NotFound.of(
            "address",
            say("by %(channel)s it is not suppressed; nothing to lift", channel=Code.of("channel", row.channel)),
        )
    if SuppressionReason(row.reason) in WISHES and not wish.strip():
        raise Conflict.of(
            "wish", say("%(said)s; lift it only at their wish, and say how they asked", said=_SAID[row.reason])
        )
    words = f"{why.strip()} (at their wish: {wish.strip()})" if wish.strip() else why.strip()
    close_suppression(row, by=by, why=words)
    if wish.strip():
        agreed_again(row, source=wish.strip())
    record_audit(
        by,
        "suppression.lift",
        f"suppression:{row.id}",
        channel=row.channel,
        was=row.reason,
        at_their_wish=bool(wish.strip()),
    )
    return row


# --- At their wish ----------------------------------------------------------------------------------------------------


@transaction.atomic
def unsubscribe_by_hand(supporter_id: uuid.UUID, channel: Channel, *, by: str, how: str) -> None:
    """A person told us, not the machine, that they want no more on this channel.

    Args:
        how: they said it (“letter of 3 May”), without names; it stays with the entry.

    Raises:
        InvalidInput: nothing is said of how.
        NotFound: nobody is there any more.
    """
    if not how.strip():
        raise InvalidInput.of("how", say("say how they asked for it; it stays with the entry"))
    _index_of(supporter_id, channel)
    unsubscribe(supporter_id, source=f"told staff: {how.strip()}", channel=channel)
    record_audit(by, "supporter.unsubscribe", f"supporter:{supporter_id}", channel=channel)
