"""Forgetting a supporter also where gateways wrote about them: callbacks and mail carry addresses, and what they wrote.

The events stay, with what they changed; only the sealed body and the address go.
"""

from __future__ import annotations

import uuid

from django.db import transaction
from django.db.models import Q

from urgentaction.accounts.service import record_audit
from urgentaction.core.encryption import blind_index
from urgentaction.core.errors import Conflict, InvalidInput
from urgentaction.core.fields import Sealed
from urgentaction.core.phrases import say
from urgentaction.supporters.models import Supporter
from urgentaction.supporters.service import erase

from .models import Receipt

_NOTHING = Sealed(b"")


@transaction.atomic
def erase_supporter(supporter_id: uuid.UUID) -> bool:
    """Forget who a supporter is, here and in `supporters`. False if there is nobody to forget."""
    supporter = Supporter.objects.select_for_update().filter(id=supporter_id, erased_at=None).first()
    if supporter is None:
        return False
    about = Q(delivery__supporter=supporter_id)
    if supporter.phone_index:
        about |= Q(address_index=bytes(supporter.phone_index))
    if supporter.email:
        # Receipts index every address as they index numbers.
        about |= Q(address_index=blind_index("phone", supporter.email))
    erase(supporter_id)
    _blank(about)
    return True


@transaction.atomic
def erase_by_hand(supporter_id: uuid.UUID, *, by: str, why: str) -> None:
    """Staff forgets somebody who asked for it. It can't be undone.

    Args:
        why: what was asked for, and when, without names; the audit log keeps it.

    Raises:
        InvalidInput: no reason given.
        Conflict: they have been erased already.
    """
    if not why.strip():
        raise InvalidInput.of("why", say("say why; the audit log keeps it"))
    if not erase_supporter(supporter_id):
        raise Conflict.of("supporter", say("%(supporter_id)s has been erased already", supporter_id=supporter_id))
    record_audit(by, "supporter.erase", f"supporter:{supporter_id}", why=why.strip()[:200])


def blank_if_erased(receipt: Receipt) -> None:
    """News about a delivery to somebody who has been erased meanwhile: kept without what names them."""
    supporter = receipt.delivery.supporter if receipt.delivery is not None else None
    if supporter is not None and supporter.erased_at is not None:
        _blank(Q(id=receipt.id))


def _blank(which: Q) -> None:
    Receipt.objects.filter(which).update(raw=_NOTHING, address=_NOTHING, address_index=None)
