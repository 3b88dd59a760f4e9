"""Invitations: how somebody becomes a member of staff, and how a member of staff gets a new password.

    invite ─> row, due ─> mail with the link (deliveries.invitations) ─> the link's page ─> accept ─> User

Nobody but the reader of the mail sees the link: it is made when the mail is, and kept nowhere. It works once, until
`LIFETIME` is over, and only in its newest sending.
"""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.core import signing
from django.db import IntegrityError, transaction

from urgentaction.core import clock
from urgentaction.core.enqueue import Task, enqueue
from urgentaction.core.errors import Conflict, InvalidInput, NotAllowed, NotFound
from urgentaction.core.phrases import say

from .models import Invitation, User
from .people import STAFF_ROLES, add_user, set_password
from .service import record_audit

LIFETIME = timedelta(days=3)
#: For a new password: whoever asked for it waits for the mail.
SHORT_LIFETIME = timedelta(hours=4)
_SALT = "urgentaction.accounts.invitation"
_MOST_CHARACTERS = 300


@transaction.atomic
def invite(email: str, *, role: str, language: str, by: str) -> Invitation:
    """Ask somebody in by mail.

    Raises:
        InvalidInput: no such role. Conflict: they are a member of staff, or have been invited already.
    """
    if role not in {one.value for one in STAFF_ROLES}:
        raise InvalidInput.of("role", say("choose one of the list"))
    if User.objects.filter(email__iexact=email).exists():
        raise Conflict.of("email", say("%(email)s is a member of staff already", email=email))
    return _begun(email, role=role, language=language, by=by, lifetime=LIFETIME)


@transaction.atomic
def offer_new_password(user_id: uuid.UUID, *, by: str) -> Invitation:
    """Send a member of staff a link by which they choose a new password. An older one is void from now on.

    Raises NotFound, Conflict (locked out).
    """
    user = User.objects.filter(id=user_id).first()
    if user is None:
        raise NotFound.of("user", f"there is no member of staff {user_id}")
    if not user.is_active:
        raise Conflict.of("user", say("%(username)s is locked out; unlock them first", username=user.username))
    open_ones = Invitation.objects.filter(email__iexact=user.email, accepted_at=None, withdrawn_at=None)
    open_ones.update(withdrawn_at=clock.now(), due_at=None)
    return _begun(user.email, role=user.role, language=user.language, by=by, lifetime=SHORT_LIFETIME, user=user)


@transaction.atomic
def send_again(invitation_id: uuid.UUID, *, by: str) -> Invitation:
    """Send it once more, with a new link and all of its time. Raises NotFound, Conflict (used or taken back)."""
    row = _open(invitation_id)
    now = clock.now()
    row.sendings, row.tries, row.problem, row.sent_at = row.sendings + 1, 0, "", None
    row.due_at, row.expires_at = now, now + (SHORT_LIFETIME if row.user_id else LIFETIME)
    row.save()
    record_audit(by, "invitation.send-again", f"invitation:{row.id}", sending=row.sendings)
    enqueue(Task.SEND_CONFIRMATIONS)
    return row


@transaction.atomic
def withdraw_invitation(invitation_id: uuid.UUID, *, by: str) -> Invitation:
    """Take it back: its link opens nothing any more. Raises NotFound, Conflict."""
    row = _open(invitation_id)
    row.withdrawn_at, row.due_at = clock.now(), None
    row.save(update_fields=["withdrawn_at", "due_at"])
    record_audit(by, "invitation.withdraw", f"invitation:{row.id}")
    return row


def token_of(invitation: Invitation) -> str:
    """What the link in the mail carries."""
    return signing.dumps([invitation.id.hex, invitation.sendings], salt=_SALT)


def invitation_for(token: str) -> Invitation | None:
    """The invitation that a token still opens. None: not ours, used, taken back, sent anew, or too old."""
    found = _carried(token)
    if found is None:
        return None
    row = Invitation.objects.select_related("user").filter(id=found[0], sendings=found[1]).first()
    return row if row is not None and _is_good(row) else None


@transaction.atomic
def accept(token: str, *, username: str, password: str) -> User:
    """The invited has chosen name and password (for a new password the name is left as it is): the link is used up.

    Raises:
        NotAllowed: the link is void. InvalidInput, Conflict: the name or password can't be used; it can be tried again.
    """
    found = _carried(token)
    rows = Invitation.objects.select_for_update(of=("self",)).select_related("user")
    row = rows.filter(id=found[0], sendings=found[1]).first() if found else None
    if row is None or not _is_good(row):
        raise NotAllowed(say("This link is used up or too old. Ask an administrator for a new one."))
    by = f"invitation:{row.id}"
    if row.user is not None:
        user = row.user
        set_password(user, password, by=by)
    else:
        user = add_user(row.email, username=username, role=row.role, password=password, language=row.language, by=by)
    row.accepted_at, row.due_at = clock.now(), None
    row.save(update_fields=["accepted_at", "due_at"])
    return user


def _begun(
    email: str, *, role: str, language: str, by: str, lifetime: timedelta, user: User | None = None
) -> Invitation:
    now = clock.now()
    try:
        with transaction.atomic():
            row = Invitation.objects.create(
                user=user,
                email=email,
                role=role,
                language=language,
                invited_by=by,
                created_at=now,
                expires_at=now + lifetime,
                due_at=now,
            )
    except IntegrityError:
        raise Conflict.of(
            "email", say("%(email)s has been invited already; send the invitation again", email=email)
        ) from None
    record_audit(by, "invitation.create", f"invitation:{row.id}", role=role, is_for_password=user is not None)
    enqueue(Task.SEND_CONFIRMATIONS)
    return row


def _is_good(row: Invitation) -> bool:
    is_open = row.accepted_at is None and row.withdrawn_at is None and clock.now() < row.expires_at
    return is_open and (row.user is None or row.user.is_active)


def _open(invitation_id: uuid.UUID) -> Invitation:
    row = Invitation.objects.select_for_update().filter(id=invitation_id).first()
    if row is None:
        raise NotFound.of("invitation", f"there is no invitation {invitation_id}")
    if row.accepted_at is not None or row.withdrawn_at is not None:
        raise Conflict.of("invitation", say("it is used or taken back already; invite anew"))
    return row


def _carried(token: str) -> tuple[uuid.UUID, int] | None:
    if len(token) > _MOST_CHARACTERS:
        return None
    try:
        identity, sendings = signing.loads(token, salt=_SALT)
        return uuid.UUID(hex=identity), int(sendings)
    except (signing.BadSignature, ValueError, TypeError):
        return None
