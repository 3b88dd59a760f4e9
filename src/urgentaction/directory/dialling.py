"""From what is printed to what is dialled. The spelling of numbers and addresses is `channels.addresses`' business."""

from __future__ import annotations

from django.conf import settings

from urgentaction.channels.addresses import normalise_email, normalise_number, parse_printed_numbers
from urgentaction.channels.contract import Channel
from urgentaction.channels.guard import check_destination
from urgentaction.core.errors import InvalidInput, SandboxRefusal
from urgentaction.core.phrases import say


def addresses_of(channel: Channel, *, printed: str, dial: str, where: str = "") -> list[str]:
    """`dial` in its one spelling; without it, every address that is printed. Never empty.

    Only the first is to be dialled; the others are alternates, which need contact points of their own.

    Args:
        where: put before the name of the field in errors.

    Raises:
        InvalidInput: there is nothing that can be dialled or mailed.
    """
    key = "dial_value" if dial else "printed_value"
    text, field = dial or printed, f"{where}{key}"
    if not text:
        raise InvalidInput.of(field, say("is empty; write a number with its country code, or a mail address"))
    if channel is Channel.EMAIL:
        return [normalise_email(text, field_name=field)]
    if dial:
        return [normalise_number(text, field_name=field)]
    return parse_printed_numbers(text, field_name=field)


def address_to_use(channel: Channel, *, printed: str, dial: str) -> str:
    """What a new contact point dials or mails.

    Raises:
        InvalidInput: nothing can be dialled; or it may belong to somebody, and the mode is `sandbox`.
    """
    address = addresses_of(channel, printed=printed, dial=dial)[0]
    try:
        check_destination(settings.MODE, channel, address)
    except SandboxRefusal as refusal:
        words = say("%(why)s Keep the printed value as it is, and give a reserved address to dial.", why=refusal)
        raise InvalidInput.of("dial_value", words) from None
    return address
