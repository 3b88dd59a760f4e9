"""Proofs: a letter or notice of an alert, mailed to whoever asks for it, to see how it arrives. No deliveries.

    send_proof(alert, contents.letter(key), to=user, by="user:…")

A proof goes to the asker's own address and nowhere else, is marked as a test wherever a reader or a mail program may
look, counts for nothing, and is never tried again: whoever waits for it can ask again. It takes the ordinary way:
the live-dial guard, suppression, gateways' pauses, breakers and limits hold for it too.
"""

from __future__ import annotations

import html
import re
import uuid

from django.conf import settings
from django.db import transaction

from urgentaction.accounts.models import User
from urgentaction.accounts.service import record_audit
from urgentaction.alerts.models import Alert
from urgentaction.channels import guard
from urgentaction.channels.contract import Accepted, Attachment, Channel, Outcome, OutgoingEmail, Refused
from urgentaction.core import clock
from urgentaction.core.errors import Conflict
from urgentaction.core.phrases import say
from urgentaction.letters.ahead import LetterAhead, NoticeAhead
from urgentaction.letters.organisation import organisation
from urgentaction.supporters.service import address_index, suppressed_indexes

from . import breaker, pace
from .gateways import gateway_named
from .recording import scaled
from .references import message_id, return_path
from .rules import THROTTLE_PAUSE
from .ways import Way, find_way, held_back

MARK = "[TEST]"
_BANNER = (
    "TEST – not sent to anybody else. This is a proof of a message of alert {number}; nobody has approved it by this."
)
_BODY = re.compile(r"<body[^>]*>", re.IGNORECASE)


def send_proof(
    alert: Alert, shown: LetterAhead | NoticeAhead, *, to: User, by: str, pdfs: tuple[tuple[str, bytes], ...] = ()
) -> None:
    """Mail one letter or notice to a member of staff, marked as a test. Talks to a gateway: no transaction may be open.

    Args:
        shown: what it would be, made without a fault.
        to: gets it at the address of their account.
        by: the same person, as the audit log names them.
        pdfs: pages to attach, by the end of their names (`letter`, `fax`).

    Raises:
        SandboxRefusal: the account's address may be real, and the mode is sandbox.
        Conflict: nothing left, and why: no gateway may carry it now, the address is suppressed, or it was refused.
    """
    guard.check_destination(settings.MODE, Channel.EMAIL, to.email)
    if suppressed_indexes({(Channel.EMAIL.value, address_index(Channel.EMAIL, to.email))}):
        raise Conflict.of("email", say("your own address is on the suppression list; nothing is mailed there"))
    way = find_way(Channel.EMAIL, wanted=1)
    if way is None:
        raise Conflict.of("gateway", say("no mail gateway may carry it just now; look at the gateways, then try again"))
    if held_back(way.entry, {0: to.email}):
        raise Conflict.of("email", say("your mail domain takes no more just now; try again in some minutes"))
    mail = _proof(alert, shown, to=to.email, pdfs=pdfs)
    with transaction.atomic():
        record_audit(by, "alert.proof", f"alert:{alert.id}", message=str(shown.key))
    outcome = _submit(way, mail)
    if isinstance(outcome, Refused):
        if outcome.is_about_domain:
            pace.pause_domain(way.entry.name, to.email, scaled(outcome.retry_after or THROTTLE_PAUSE))
        raise Conflict.of(
            "gateway", say("the mail gateway did not take it: %(said)s", said=f"{outcome.code} {outcome.text}".strip())
        )
    if not isinstance(outcome, Accepted):
        raise Conflict.of(
            "gateway", say("nobody can say whether the gateway took it: %(why)s; look at your mail", why=outcome.why)
        )


def _submit(way: Way, mail: OutgoingEmail) -> Outcome:
    outcomes: list[Outcome] = []
    try:
        outcomes.append(gateway_named(way.entry.name).submit(mail))
    finally:
        breaker.after_tries(way.entry.name, outcomes, is_trial=way.is_trial)
    return outcomes[0]


def _proof(
    alert: Alert, shown: LetterAhead | NoticeAhead, *, to: str, pdfs: tuple[tuple[str, bytes], ...]
) -> OutgoingEmail:
    reference = f"t{uuid.uuid4().hex}"  # begins like no delivery's, so that no bounce of it is taken for one
    banner = _BANNER.format(number=alert.number)
    name = f"TEST-{alert.number.replace('/', '-')}"
    return OutgoingEmail(
        reference=reference,
        attempt=1,
        to=to,
        sender=settings.MAIL_FROM,
        sender_name=organisation().view(shown.language).name,
        reply_to=settings.MAIL_FROM,
        return_path=return_path(reference),
        message_id=message_id(reference),
        date=clock.now(),
        subject=f"{MARK} {shown.subject or alert.number}",
        text=f"{banner}\n\n{shown.text}",
        html=marked(shown.html, banner) if shown.html else "",
        language=shown.language,
        attachments=tuple(Attachment(f"{name}-{end}.pdf", "application/pdf", pages) for end, pages in pdfs),
        headers=(("X-Urgentaction-Test", "proof"),),
    )


def marked(document: str, banner: str) -> str:
    """The HTML of a message with a line above everything else that says what it is. Pure."""
    line = f"<p><strong>{html.escape(banner)}</strong></p>"
    found = _BODY.search(document)
    return f"{document[: found.end()]}{line}{document[found.end() :]}" if found else f"{line}{document}"
