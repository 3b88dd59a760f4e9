"""The mails that ask whether somebody really signed up. No deliveries: there is no alert, no supporter, no lasting row.

A request's row is put off before the wire and deleted once a gateway has the mail, so a kill in between sends it twice
at worst. That is harmless here, where losing it is not: both are the same message (Message-ID), with the same link.
Suppression is asked again now; everything else is as `single_mails` has it.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from django.conf import settings
from django.db import transaction

from urgentaction.channels import guard
from urgentaction.channels.contract import Accepted, Channel, Outcome, OutgoingEmail, Refused
from urgentaction.core import clock
from urgentaction.core.errors import DecryptionError, SandboxRefusal
from urgentaction.letters.confirmation import confirmation_mail
from urgentaction.letters.organisation import organisation
from urgentaction.supporters.models import SignUpRequest
from urgentaction.supporters.sign_up import LIFETIME, SignUp, may_be_asked, seal

from .single_mails import FINAL, Waiting, mail_with_link, next_try, send_waiting

log = logging.getLogger(__name__)


def are_due() -> bool:
    """Whether any confirmation mail waits to be sent now."""
    return SignUpRequest.objects.filter(due_at__lte=clock.database_now()).exists()


def send_confirmations(*, seconds: float) -> int:
    """Send what is due until nothing is, no gateway may carry it, or the time is over. Returns how many were tried."""
    return send_waiting(_take, seconds=seconds) if are_due() else 0


def forget_overdue() -> int:
    """Delete what could not be sent within the link's lifetime. Returns how many."""
    overdue = SignUpRequest.objects.filter(created_at__lt=clock.read_database_now() - LIFETIME)
    return overdue.delete()[0]


def _take() -> Waiting | None:
    """The next that is due and may be sent; those that may not are put away on the way."""
    while (row := _claim()) is not None:
        asked = _readable(row)
        if asked is not None:
            return _waiting(row, asked)
    return None


def _waiting(row: SignUpRequest, asked: SignUp) -> Waiting:
    def put_off(wait: timedelta) -> None:
        SignUpRequest.objects.filter(id=row.id).update(due_at=clock.read_database_now() + wait)

    return Waiting(_mail(row, asked), put_off, lambda outcome: _write_down(row, outcome))


@transaction.atomic
def _claim() -> SignUpRequest | None:
    """The next that is due, put off so that nobody else takes it meanwhile."""
    due = SignUpRequest.objects.select_for_update(skip_locked=True).filter(due_at__lte=clock.database_now())
    row = due.order_by("due_at").first()
    if row is not None:
        row.tries += 1
        row.due_at = clock.read_database_now() + next_try(row.tries)
        row.save(update_fields=["tries", "due_at"])
    return row


def _readable(row: SignUpRequest) -> SignUp | None:
    """What was typed; None where no mail may go there, and then the request is gone."""
    try:
        asked = SignUp.from_json(row.sealed)
        guard.check_destination(settings.MODE, Channel.EMAIL, asked.email)
    except DecryptionError:
        log.exception("sign-up %s can't be read with the keys at hand; it waits for them", row.id)
        return None
    except SandboxRefusal as refusal:
        log.warning("sign-up %s: %s", row.id, refusal)
    else:
        if may_be_asked(asked):
            return asked
    row.delete()
    return None


def _mail(row: SignUpRequest, asked: SignUp) -> OutgoingEmail:
    ours = organisation().view(asked.language)
    link = f"{settings.PUBLIC_URL}/sign-up/confirm/{seal(asked)}/?lang={asked.language}"
    mail = confirmation_mail(asked.language, organisation=ours.name, link=link)
    return mail_with_link(
        mail,
        reference=f"c{row.id.hex}",
        attempt=row.tries,
        to=asked.email,
        language=asked.language,
        written_at=asked.asked_at,
        valid_until=asked.asked_at + LIFETIME,
    )


def _write_down(row: SignUpRequest, outcome: Outcome) -> None:
    if isinstance(outcome, Accepted) or (isinstance(outcome, Refused) and outcome.retry_class in FINAL):
        row.delete()
    elif isinstance(outcome, Refused):
        log.warning("sign-up %s: not taken (%s); tried again", row.id, outcome.code)
