"""From a claimed delivery to what a gateway is told: addresses are resolved here, at the last moment, and kept nowhere.

Everything that may have changed since the row was made is asked again: suppression, consent, approvals, and in
sandbox mode the live-dial guard.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.conf import settings
from django.db import Error as DatabaseFault

from urgentaction.alerts.models import Alert
from urgentaction.alerts.queries import has_enough_approvals
from urgentaction.channels import guard
from urgentaction.channels.contract import Attachment, Channel, Outgoing, OutgoingEmail, OutgoingFax, OutgoingSms
from urgentaction.channels.mailing import written_out
from urgentaction.channels.roster import Entry
from urgentaction.core.errors import SandboxRefusal, UrgentActionError
from urgentaction.core.interruptions import INTERRUPTIONS
from urgentaction.core.phrases import Phrase
from urgentaction.directory.kinds import Health
from urgentaction.directory.models import ContactPoint
from urgentaction.letters.organisation import organisation
from urgentaction.letters.personal import personal_sms
from urgentaction.supporters.models import Supporter
from urgentaction.supporters.service import suppressed_indexes

from .agreeing import Agreement
from .claim import Claim
from .copies import CopyMaker, mailing_of
from .models import Delivery, HumanTaskKind
from .people import open_task
from .queries import may_have_printed
from .reasons import GONE, NO_ADDRESS, NOT_AGREED, NOT_APPROVED, POINT_RETIRED, STOPPED
from .references import callback_url, media_url, message_id, read_on_url, reference_of, return_path
from .rules import Event

log = logging.getLogger(__name__)

SEE_THE_LOG = Phrase("see the worker's log")
UNREADY = Phrase("Deliveries of alert %(number)s can't be made ready: %(kind)s")
UNREADY_WAIT = Phrase(
    "Delivery %(delivery)s was the first. %(why)s They wait, and are tried again by themselves every quarter of an "
    "hour."
)

NOT_THIS_ROWS: tuple[type[Exception], ...] = (*INTERRUPTIONS, DatabaseFault)


@dataclass(frozen=True, slots=True)
class Untried:
    """A delivery that must not touch the wire, and why."""

    claim: Claim
    event: Event
    reason: str


@dataclass(frozen=True, slots=True)
class Unready:
    """A delivery whose address or content can't be had just now, and why. Nothing about it is final."""

    claim: Claim
    alert: Alert
    kind: str  # of the fault, short
    why: str

    @property
    def reason(self) -> str:
        """As it stands at the delivery."""
        return f"can't be made ready: {self.kind}: {self.why}"[:200]


@dataclass(slots=True)
class Resolved:
    """What came of resolving a batch."""

    ready: list[tuple[Claim, Outgoing]] = field(default_factory=list)
    untried: list[Untried] = field(default_factory=list)
    unready: list[Unready] = field(default_factory=list)


def resolve(claims: Sequence[Claim], entry: Entry) -> Resolved:
    """Look up the addresses and contents of claimed deliveries; a handful of queries for the whole batch.

    One that can't be made ready (its key is missing, its letter is gone) does not hold up the others.
    """
    rows = Delivery.objects.select_related(
        "alert__case", "letter", "notice", "contact_point", "supporter", "official"
    ).in_bulk([claim.id for claim in claims])
    stopped = _suppressed(list(rows.values()))
    alerts = {row.alert_id: row.alert for row in rows.values()}
    approved = {alert_id: has_enough_approvals(alert) for alert_id, alert in alerts.items()}
    agreement = Agreement()
    resolved = Resolved()
    for claim in claims:
        row = rows[claim.id]
        try:
            untried = _why_not(row, is_suppressed=row.id in stopped, is_approved=approved[row.alert_id])
            frozen = row.letter or row.notice
            if untried is None and frozen is not None and not agreement.covers(frozen, row.alert):
                untried = Event.WITHDRAW, NOT_AGREED
            if untried is not None:
                resolved.untried.append(Untried(claim, *untried))
            else:
                resolved.ready.append((claim, _outgoing(claim, row, entry)))
        except NOT_THIS_ROWS:
            raise
        except Exception as error:
            log.exception("delivery %d can't be made ready", row.id)
            resolved.unready.append(Unready(claim, row.alert, type(error).__name__, why_unready(error)))
    return resolved


def why_unready(error: Exception) -> str:
    """What to say of it. Only our own errors are worded for people; others may carry what they choked on."""
    return str(error) if isinstance(error, UrgentActionError) else SEE_THE_LOG()


def ask_for_help(item: Unready) -> None:
    """Open a task, once for each alert and kind of fault."""
    open_task(
        HumanTaskKind.FIX_CONFIGURATION,
        key=f"unready:{item.kind[:60]}:{item.alert.id}",
        title=UNREADY(number=item.alert.number, kind=item.kind),
        advice=UNREADY_WAIT(delivery=item.claim.id, why=item.why[:250]),
        alert=item.alert,
        may_reopen=True,
    )


def address_of(row: Delivery) -> str:
    """Where this delivery goes: a mail address or a number in E.164. Empty if it is gone."""
    if row.contact_point is not None:
        return row.contact_point.dial_value
    supporter = row.supporter
    if supporter is None:
        return ""
    return supporter.email if row.channel == Channel.EMAIL else supporter.phone


def _index_of(row: Delivery) -> bytes | None:
    supporter = row.supporter
    if supporter is None:
        return None
    index = supporter.email_index if row.channel == Channel.EMAIL else supporter.phone_index
    return bytes(index) if index else None


def _suppressed(rows: list[Delivery]) -> set[int]:
    pairs = {row.id: (row.channel, index) for row in rows if (index := _index_of(row)) is not None}
    gone = suppressed_indexes(set(pairs.values()))
    return {delivery_id for delivery_id, pair in pairs.items() if pair in gone}


def _why_not(row: Delivery, *, is_suppressed: bool, is_approved: bool) -> tuple[Event, str] | None:
    if is_suppressed:
        return Event.SUPPRESS, STOPPED
    if row.supporter is not None and not _still_wants(row.supporter, row.channel):
        return Event.SUPPRESS, GONE
    if not is_approved:
        return Event.WITHDRAW, NOT_APPROVED
    address = address_of(row)
    if not address:
        return Event.REFUSE_UNTRIED, NO_ADDRESS
    if row.contact_point is not None and not _is_used(row.contact_point, row):
        return Event.REFUSE_UNTRIED, POINT_RETIRED
    try:
        guard.check_destination(settings.MODE, Channel(row.channel), address)
    except SandboxRefusal as refusal:
        return Event.REFUSE_UNTRIED, str(refusal)
    return None


def _is_used(point: ContactPoint, row: Delivery) -> bool:
    """Retired, or found dead, while this waited: it may be somebody else's by now. The plan's next step follows.

    A person may have it tried all the same where a machine took it for dead, never where somebody retired it.
    """
    return point.retired_at is None and (point.health != Health.DEAD or row.again > 0)


def _still_wants(supporter: Supporter, channel: str) -> bool:
    wants = supporter.wants_email if channel == Channel.EMAIL else supporter.wants_sms
    return wants and supporter.erased_at is None


def _outgoing(claim: Claim, row: Delivery, entry: Entry) -> Outgoing:
    reference = reference_of(row.id)
    match claim.channel:
        case Channel.EMAIL:
            return _email(claim, row, reference)
        case Channel.FAX:
            return OutgoingFax(
                reference=reference,
                attempt=claim.attempt,
                to=address_of(row),
                callback_url=callback_url(entry.name, reference),
                valid_until=row.expires_at,
                sender=entry.options.get("sender", ""),
                media_url=media_url(reference),
                is_repeat=may_have_printed(row),
            )
        case Channel.SMS:
            return _sms(claim, row, reference, entry)


def _email(claim: Claim, row: Delivery, reference: str) -> OutgoingEmail:
    if row.notice is not None and row.supporter is not None:
        who, language = row.supporter, row.notice.language
        copy = CopyMaker(language).copy(
            claim.id, claim.attempt, supporter=who.id, to=who.email, name=who.name, expires_at=row.expires_at
        )
        return written_out(mailing_of(row.notice), copy)
    letter = row.letter
    if letter is None:
        raise AssertionError(f"delivery {row.id} carries neither letter nor notice")
    pdf = Attachment(f"{row.alert.case.reference}-{letter.language}.pdf", "application/pdf", bytes(letter.pdf))
    return OutgoingEmail(
        reference=reference,
        attempt=claim.attempt,
        to=address_of(row),
        valid_until=row.expires_at,
        sender=settings.MAIL_FROM,
        sender_name=organisation().view(letter.language).name,
        reply_to=settings.MAIL_FROM,
        return_path=return_path(reference),
        message_id=message_id(reference),
        date=row.created_at,  # the same at every try: a repeat is the same message
        subject=letter.subject,
        text=letter.text,
        html=letter.html,
        language=letter.language,
        attachments=(pdf,),
    )


def _sms(claim: Claim, row: Delivery, reference: str, entry: Entry) -> OutgoingSms:
    if row.notice is None:
        raise AssertionError(f"delivery {row.id} has no notice to send as SMS")
    return OutgoingSms(
        reference=reference,
        attempt=claim.attempt,
        to=address_of(row),
        callback_url=callback_url(entry.name, reference),
        valid_until=row.expires_at,
        text=personal_sms(row.notice, link=read_on_url(reference)),
        is_sensitive=True,
    )
