"""The mails with which staff are invited. The link in them is made here and kept nowhere.

Two tries send the same message (Message-ID) with the same link; sending an invitation again makes another of both.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from urgentaction.accounts.invitations import token_of
from urgentaction.accounts.models import Invitation
from urgentaction.channels import guard
from urgentaction.channels.contract import Accepted, Channel, Outcome, OutgoingEmail, Refused
from urgentaction.core import clock
from urgentaction.core.errors import InvalidInput, SandboxRefusal
from urgentaction.letters.invitation import invitation_mail
from urgentaction.letters.organisation import organisation

from .single_mails import FINAL, Waiting, mail_with_link, next_try, send_waiting

log = logging.getLogger(__name__)


def check_address(email: str) -> None:
    """Raises InvalidInput where no mail may go: in sandbox mode to anything but a reserved test address."""
    try:
        guard.check_destination(settings.MODE, Channel.EMAIL, email)
    except SandboxRefusal as refusal:
        raise InvalidInput.of("email", str(refusal)) from None


def are_due() -> bool:
    """Whether any invitation waits to be sent now."""
    return Invitation.objects.filter(due_at__lte=clock.database_now()).exists()


def send_invitations(*, seconds: float) -> int:
    """Send what is due until nothing is, no gateway may carry it, or the time is over. Returns how many were tried."""
    return send_waiting(_take, seconds=seconds) if are_due() else 0


def _take() -> Waiting | None:
    while (row := _claim()) is not None:
        try:
            guard.check_destination(settings.MODE, Channel.EMAIL, row.email)
        except SandboxRefusal as refusal:
            log.warning("invitation %s: %s", row.id, refusal)
            _settle(row, problem="sandbox")
        else:
            return _waiting(row)
    return None


@transaction.atomic
def _claim() -> Invitation | None:
    """The next that is due, put off so that nobody else takes it meanwhile; one whose time is over is due no more."""
    due = Invitation.objects.select_for_update(skip_locked=True).filter(due_at__lte=clock.database_now())
    now = clock.read_database_now()
    due.filter(expires_at__lte=now).update(due_at=None, problem="expired")
    row = due.order_by("due_at").first()
    if row is not None:
        row.tries += 1
        row.due_at = now + next_try(row.tries)
        row.save(update_fields=["tries", "due_at"])
    return row


def _waiting(row: Invitation) -> Waiting:
    def put_off(wait: timedelta) -> None:
        _this_sending(row).update(due_at=clock.read_database_now() + wait)

    return Waiting(_mail(row), put_off, lambda outcome: _write_down(row, outcome))


def _mail(row: Invitation) -> OutgoingEmail:
    ours = organisation().view(row.language)
    mail = invitation_mail(
        row.language,
        organisation=ours.name,
        link=f"{settings.PUBLIC_URL}/console/join/{token_of(row)}/",
        until=f"{row.expires_at:%Y-%m-%d %H:%M}",
        is_for_password=row.user_id is not None,
    )
    return mail_with_link(
        mail,
        reference=f"i{row.id.hex}-{row.sendings}",
        attempt=row.tries,
        to=row.email,
        language=row.language,
        written_at=row.created_at,
        valid_until=row.expires_at,
    )


def _write_down(row: Invitation, outcome: Outcome) -> None:
    if isinstance(outcome, Accepted):
        _settle(row, problem="")
    elif isinstance(outcome, Refused) and outcome.retry_class in FINAL:
        _settle(row, problem=outcome.code or "refused")
    elif isinstance(outcome, Refused):
        log.warning("invitation %s: not taken (%s); tried again", row.id, outcome.code)


def _settle(row: Invitation, *, problem: str) -> None:
    sent_at = None if problem else clock.now()
    _this_sending(row).update(due_at=None, problem=problem[:120], sent_at=sent_at)


def _this_sending(row: Invitation) -> QuerySet[Invitation]:
    """The row, unless it was sent again, used or taken back meanwhile."""
    return Invitation.objects.filter(id=row.id, sendings=row.sendings, accepted_at=None, withdrawn_at=None)
