"""What follows when a mail provider reports that a recipient wants no more mail. The delivery stays: it arrived.

The same by mail is in `mail`.
"""

from __future__ import annotations

from urgentaction.channels.contract import Channel
from urgentaction.core.phrases import Phrase
from urgentaction.deliveries.models import Delivery, HumanTaskKind
from urgentaction.deliveries.people import open_task
from urgentaction.deliveries.suppressing import index_of
from urgentaction.supporters.models import SuppressionReason
from urgentaction.supporters.service import suppress, suppress_index

from . import effects
from .models import Receipt

#: The code of a receipt whose recipient used the provider's own link; all others are complaints.
UNSUBSCRIBED = "unsubscribed"
UNWANTED = Phrase("An office marked mail of alert %(number)s as unwanted")
REPORTED = Phrase(
    "%(gateway)s reported it, and may refuse mail to that address now. Offices are not suppressed here; take the "
    "address out of the directory if mail goes unread there, and write by fax."
)


def no_more_mail(receipt: Receipt, delivery: Delivery | None) -> str:
    """Suppress whoever it came from; of an office, open a task. Returns what was done.

    Args:
        delivery: that it names, where it names one of ours.
    """
    is_complaint = receipt.code != UNSUBSCRIBED
    reason = SuppressionReason.COMPLAINT if is_complaint else SuppressionReason.UNSUBSCRIBED
    source = f"{receipt.code or 'complaint'}, reported by {receipt.gateway}"
    if delivery is None:
        if not receipt.address:
            return effects.NAMES_NOBODY
        suppress(Channel.EMAIL, receipt.address, reason=reason, source=source)
        return effects.SUPPRESSED
    receipt.delivery = delivery
    if (index := index_of(delivery)) is not None:
        suppress_index(Channel.EMAIL, index, reason=reason, source=source)
        return effects.SUPPRESSED
    if delivery.supporter_id is not None:
        return effects.ERASED
    open_task(
        HumanTaskKind.READ_REPLY,
        key=f"complaint:{delivery.official_id}",
        title=UNWANTED(number=delivery.alert.number),
        advice=REPORTED(gateway=receipt.gateway),
        alert=delivery.alert,
        delivery=delivery,
        may_reopen=True,
    )
    return effects.TO_A_PERSON
