"""Mail that came in: to the return path of one of ours, or to the abuse address. Stored once, then acted on.

Delivery reports become receipts like any other and are applied by `service.apply_pending`. Complaints, automatic
answers and people's replies change no delivery; what follows from them is done here at once, and the row says so.

Nobody signs a bounce. It is believed where it carries our signed reference, which only the recipient of that mail (and
the servers on its way) can know; without one it changes nothing and is shown (`queries.incoming`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from django.db import transaction

from urgentaction.channels.contract import Channel
from urgentaction.channels.contract import ReceiptKind as Kind
from urgentaction.channels.wording import printable
from urgentaction.core import clock
from urgentaction.core.errors import InvalidInput
from urgentaction.core.phrases import Phrase, say
from urgentaction.deliveries.models import Delivery, HumanTaskKind
from urgentaction.deliveries.people import open_task
from urgentaction.deliveries.references import delivery_id_of, reference_of
from urgentaction.deliveries.suppressing import suppress_complainer

from . import effects
from .bounces import LIMIT, Action, IncomingMail, MailKind, parse_mail
from .complaints import UNWANTED
from .erasing import blank_if_erased
from .models import Receipt

#: What the events of mail are called; the rest is the hash of the message, so that a repeat is stored once.
EVENT_PREFIX = "mail:"
#: The gateway's name on a row whose delivery is not known.
NOBODYS = "mail"
#: In the raw text one character stands for one byte, whatever its charset.
RAW_ENCODING = "latin-1"
READ_COMPLAINT = Phrase.typed(
    "Read it: `urgentaction inbound show %(mail)s`. Offices are not suppressed; if mail goes unread there, take its "
    "address out of the directory and write by fax."
)
BELONGS_TO_NONE = Phrase("Mail came in that belongs to no delivery")
LIST_IT = Phrase.typed("`urgentaction inbound list` shows it, `urgentaction inbound show ID` opens one.")
ANSWERED = Phrase("Somebody answered a mail of alert %(number)s")
READ_REPLY = Phrase.typed(
    "Read it: `urgentaction inbound show %(mail)s`. If the sender wants to hear no more: "
    "`urgentaction suppression add - --channel email --why …`."
)

_RECEIPT_OF = {
    Action.DELIVERED: Kind.DELIVERED,
    Action.RELAYED: Kind.PROGRESS,
    Action.EXPANDED: Kind.PROGRESS,
    Action.DELAYED: Kind.PROGRESS,
    Action.FAILED: Kind.FAILED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of a mail. `is_pending`: a worker applies it."""

    kind: MailKind
    receipt: Receipt
    is_new: bool
    is_pending: bool


@transaction.atomic
def take_mail(raw: bytes, *, recipient: str = "") -> Taken:
    """Write one message down and act on it. The same message a second time changes nothing.

    Args:
        raw: the message (RFC 5322) as the mail server has it.
        recipient: the address it came to, from the envelope, where the mail server tells.

    Raises:
        InvalidInput: there is nothing in it.
    """
    if not raw.strip():
        raise InvalidInput.of("message", say("is empty; the mail server must write it to standard input"))
    mail = parse_mail(raw, recipient=recipient)
    row = _row(mail, raw, delivery=_delivery_of(mail))
    Receipt.objects.bulk_create([row], ignore_conflicts=True)
    stored = Receipt.objects.get(gateway=row.gateway, event_id=row.event_id)
    is_new = stored.id == row.id
    if is_new and mail.kind is not MailKind.REPORT:
        stored.effect, stored.applied_at = _act(mail, stored)[:200], clock.now()
        stored.save(update_fields=["effect", "applied_at"])
        blank_if_erased(stored)
    return Taken(kind=mail.kind, receipt=stored, is_new=is_new, is_pending=stored.applied_at is None)


def _delivery_of(mail: IncomingMail) -> Delivery | None:
    """The delivery that the first reference with our signature names; only of mail."""
    rows = Delivery.objects.select_related("supporter", "alert").filter(channel=Channel.EMAIL.value)
    for reference in mail.references:
        delivery_id = delivery_id_of(reference)
        if delivery_id is not None and (row := rows.filter(id=delivery_id).first()) is not None:
            return row
    return None


def _row(mail: IncomingMail, raw: bytes, *, delivery: Delivery | None) -> Receipt:
    kind, report = Kind.INBOUND, mail.report
    if report is not None:
        kind = _RECEIPT_OF[report.action]
    elif mail.kind is MailKind.COMPLAINT:
        kind = Kind.OPTED_OUT
    # Out of office: where somebody is, and until when, is none of our business.
    is_kept = mail.kind is not MailKind.AUTOMATIC
    return Receipt(
        gateway=(delivery.gateway if delivery is not None else "") or NOBODYS,
        event_id=EVENT_PREFIX + hashlib.sha256(raw).hexdigest(),
        kind=kind.value,
        reference=reference_of(delivery.id) if delivery is not None else "",
        retry_class=report.retry_class.value if report and report.retry_class else "",
        code=printable(report.code if report else mail.feedback or mail.kind.value),
        text=printable(report.text) if report else "",
        address=printable(_personal(mail)) if is_kept else "",
        raw=raw[:LIMIT].decode(RAW_ENCODING) if is_kept else "",
        received_at=clock.now(),
        delivery=delivery,
    )


def _personal(mail: IncomingMail) -> str:
    """Whom it names, so that erasing them finds it, also where no delivery is known."""
    return mail.report.address if mail.report is not None else mail.sender


def _act(mail: IncomingMail, row: Receipt) -> str:
    match mail.kind:
        case MailKind.COMPLAINT:
            return _complained(row)
        case MailKind.AUTOMATIC:
            return effects.AUTOMATIC
        case MailKind.UNREADABLE:
            return effects.UNREADABLE
    _let_somebody_read(row)
    return effects.TO_A_PERSON


def _complained(row: Receipt) -> str:
    if row.delivery is None:
        return effects.NO_REFERENCE
    if suppress_complainer(row.delivery, source=f"complaint by mail ({row.code})"):
        return effects.SUPPRESSED
    if row.delivery.supporter_id is None:
        open_task(
            HumanTaskKind.READ_REPLY,
            key=f"complaint:{row.delivery.official_id}",
            title=UNWANTED(number=row.delivery.alert.number),
            advice=READ_COMPLAINT(mail=row.id.hex[-8:]),
            alert=row.delivery.alert,
            delivery=row.delivery,
            may_reopen=True,
        )
        return effects.TO_A_PERSON
    return effects.ERASED


def _let_somebody_read(row: Receipt) -> None:
    delivery = row.delivery
    if delivery is None:
        # Anybody can write to these addresses: one task for all of it.
        open_task(
            HumanTaskKind.READ_REPLY,
            key="reply:mail",
            title=BELONGS_TO_NONE(),
            advice=LIST_IT(),
            may_reopen=True,
        )
        return
    open_task(
        HumanTaskKind.READ_REPLY,
        key=f"reply:{row.event_id}",
        title=ANSWERED(number=delivery.alert.number),
        advice=READ_REPLY(mail=row.id.hex[-8:]),
        alert=delivery.alert,
        delivery=delivery,
    )
