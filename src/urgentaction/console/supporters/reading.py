"""The reads of the supporters' pages. Writes nothing, decides nothing."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from urgentaction.accounts.models import AuditEntry
from urgentaction.channels.contract import Channel
from urgentaction.console.reading import names_of
from urgentaction.supporters.masking import masked_email, masked_phone
from urgentaction.supporters.models import Supporter, Suppression
from urgentaction.supporters.queries import SHOWN_DIGITS
from urgentaction.supporters.service import suppressed_indexes
from urgentaction.tracking.views import short_id

from .words import DEEDS

_USER = re.compile(r"user:[0-9a-f-]{36}")


@dataclass(frozen=True, slots=True)
class ChannelShown:
    """A channel somebody agreed to. `is_suppressed`: nothing goes there all the same."""

    channel: str
    address: str
    is_suppressed: bool


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A supporter in a list: addresses masked."""

    id: uuid.UUID
    short: str
    masked: str
    row: Supporter
    channels: tuple[ChannelShown, ...]


@dataclass(frozen=True, slots=True)
class EntryRow:
    """A suppression in a list. `short`: the beginning of the address's keyed hash; `source`: with names for ids."""

    row: Suppression
    short: str
    source: str
    lifted_by: str


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that was done about a person."""

    entry: AuditEntry
    what: str
    who: str


def person_rows(people: Sequence[Supporter]) -> list[PersonRow]:
    """Supporters with what reaches them: one query for all of them."""
    pairs = {
        (channel, bytes(index))
        for one in people
        for channel, index in (("email", one.email_index), ("sms", one.phone_index))
        if index
    }
    stopped = suppressed_indexes(pairs)
    return [_person_row(one, stopped) for one in people]


def _person_row(one: Supporter, stopped: set[tuple[str, bytes]]) -> PersonRow:
    shown = []
    for channel, wants, index in (
        (Channel.EMAIL, one.wants_email, one.email_index),
        (Channel.SMS, one.wants_sms, one.phone_index),
    ):
        if wants and index:
            mask = masked_email(one.email) if channel is Channel.EMAIL else masked_phone(one.phone)
            shown.append(ChannelShown(channel.value, mask, (channel.value, bytes(index)) in stopped))
    masked = masked_email(one.email) or masked_phone(one.phone)
    return PersonRow(one.id, short_id(one.id), masked, one, tuple(shown))


def entry_rows(entries: Iterable[Suppression]) -> list[EntryRow]:
    """Entries of the suppression list with the names of staff: one query for all of them."""
    found = list(entries)
    actors = {match for one in found for match in _USER.findall(one.source)}
    actors |= {one.lifted_by for one in found if _USER.fullmatch(one.lifted_by)}
    names = names_of(actors)
    return [
        EntryRow(
            one,
            bytes(one.address_index).hex()[:SHOWN_DIGITS],
            _USER.sub(lambda match: names.get(match[0], match[0]), one.source),
            names.get(one.lifted_by, one.lifted_by),
        )
        for one in found
    ]


def deeds(entries: Iterable[AuditEntry]) -> list[Deed]:
    """Entries of the audit log with the names of staff: one query for all of them."""
    found = list(entries)
    names = names_of(entry.actor for entry in found)
    return [
        Deed(entry, str(DEEDS.get(entry.action, entry.action)), names.get(entry.actor, entry.actor)) for entry in found
    ]


def supporters_with(pairs: Iterable[tuple[str, bytes]]) -> Mapping[tuple[str, bytes], uuid.UUID]:
    """Whose these (channel, address hash) pairs are: at most two queries."""
    mails = [index for channel, index in pairs if channel == Channel.EMAIL]
    numbers = [index for channel, index in pairs if channel == Channel.SMS]
    found: dict[tuple[str, bytes], uuid.UUID] = {}
    for channel, field, indexes in (("email", "email_index", mails), ("sms", "phone_index", numbers)):
        if indexes:
            rows = Supporter.objects.filter(**{f"{field}__in": indexes}).values_list(field, "id")
            found |= {(channel, bytes(index)): supporter_id for index, supporter_id in rows}
    return found
