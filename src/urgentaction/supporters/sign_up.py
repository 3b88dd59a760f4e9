"""Signing up: what somebody typed travels, sealed, in the link of a confirmation mail; only pressing the button there
makes a supporter of them.

    form ─> request (sealed row) ─> mail (deliveries.confirmations), the row goes ─> link ─> confirm ─> Supporter

Whoever types an address proves nothing. So a suppressed address gets no confirmation mail, whatever the form says, and
a link is void once its owner has said no after it was asked for. The way back for those who once said no is their own
act: the link to their preferences in a mail they have, a START by text message, or a word to us.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from urgentaction.accounts.service import record_audit
from urgentaction.channels.contract import Channel
from urgentaction.core import clock
from urgentaction.core.encryption import key_ring
from urgentaction.core.errors import DecryptionError

from .models import SignUpRequest, Supporter, Suppression
from .service import address_index, suppressed_indexes

#: How long the link in the mail works, and how long sending the mail is tried.
LIFETIME = timedelta(days=3)
_CONTEXT = "sign-up/token"
_MOST_CHARACTERS = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUp:
    """What somebody typed, checked and in its one spelling.

    Attributes:
        language: of our messages to them.
        phone: in E.164; empty: no text messages.
        words: names the words they agreed to, as `consent_source` keeps it.
        asked_at: when (UTC).
    """

    email: str
    language: str
    name: str = ""
    phone: str = ""
    words: str
    asked_at: datetime

    def to_json(self) -> str:
        """As one line of text."""
        return json.dumps({**asdict(self), "asked_at": self.asked_at.isoformat()}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> SignUp:
        """What `to_json` wrote."""
        data = json.loads(text)
        return cls(**{**data, "asked_at": datetime.fromisoformat(data["asked_at"])})


def request_sign_up(sign_up: SignUp) -> SignUpRequest:
    """Write down that a confirmation mail is due. The same work for every address: time tells nothing either."""
    return SignUpRequest.objects.create(sealed=sign_up.to_json(), created_at=sign_up.asked_at, due_at=sign_up.asked_at)


def may_be_asked(sign_up: SignUp) -> bool:
    """Whether a confirmation mail may go there: not to an address that gets nothing any more, for whatever reason."""
    index = address_index(Channel.EMAIL, sign_up.email)
    return not suppressed_indexes({(Channel.EMAIL.value, index)})


def seal(sign_up: SignUp) -> str:
    """The token of a confirmation link: what was typed, encrypted and authenticated; nobody else can make one."""
    sealed = key_ring().encrypt(sign_up.to_json(), context=_CONTEXT)
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def unseal(token: str) -> SignUp | None:
    """What a token carries; None if we did not make it, or it is older than `LIFETIME`."""
    if len(token) > _MOST_CHARACTERS:
        return None
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        sign_up = SignUp.from_json(key_ring().decrypt(raw, context=_CONTEXT))
    except (binascii.Error, ValueError, DecryptionError):
        return None
    return sign_up if clock.now() - sign_up.asked_at < LIFETIME else None


def confirm(sign_up: SignUp) -> Supporter | None:
    """Whoever reads the address's mail pressed the button: from now on they are a supporter. Repeating it is harmless.

    A number that is somebody else's is left out, and so is another than a supporter already has: anybody can type
    their address into the form. One that said STOP stays silent: its suppression is not lifted here.

    Returns:
        The supporter, or None where the address's owner has said no since the form was sent.
    """
    try:
        return _confirm(sign_up)
    except IntegrityError:  # the button was pressed twice at once, and the other one was quicker
        return _confirm(sign_up)


@transaction.atomic
def _confirm(sign_up: SignUp) -> Supporter | None:
    index = address_index(Channel.EMAIL, sign_up.email)
    if _has_said_no(index, since=sign_up.asked_at) or not may_be_asked(sign_up):
        return None
    supporter = Supporter.objects.select_for_update().filter(email_index=index).first()
    if supporter is None:
        supporter = Supporter(email=sign_up.email, created_at=clock.now())
    elif supporter.consented_at > sign_up.asked_at:
        return supporter  # pressed again; what they chose since then stays
    supporter.language = sign_up.language
    supporter.name = sign_up.name or supporter.name
    supporter.wants_email = True
    if sign_up.phone and supporter.phone in ("", sign_up.phone) and not _is_anothers(sign_up.phone, supporter):
        supporter.phone, supporter.wants_sms = sign_up.phone, True
    supporter.consented_at, supporter.consent_source = clock.now(), sign_up.words[:120]
    supporter.save()
    record_audit("system:sign-up", "supporter.confirm", f"supporter:{supporter.id}")
    return supporter


def _has_said_no(index: bytes, *, since: datetime) -> bool:
    """Whether anything suppressed this address after a moment, even if it was lifted again."""
    rows = Suppression.objects.filter(channel=Channel.EMAIL.value, address_index=index, created_at__gt=since)
    return rows.exists()


def _is_anothers(phone: str, supporter: Supporter) -> bool:
    index = address_index(Channel.SMS, phone)
    return Supporter.objects.filter(phone_index=index).exclude(id=supporter.id).exists()
