"""People who leave: whoever can no longer decide, answers in advance for nothing any more. Each is one transaction."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.db import transaction

from urgentaction.accounts import people
from urgentaction.accounts.models import User
from urgentaction.alerts.standing import revoke_standing_approvals_of


@dataclass(frozen=True, slots=True)
class LockedOut:
    """Whom, and the rules whose alerts no longer start in their name."""

    user: User
    rules: tuple[str, ...]


@transaction.atomic
def lock_out(user_id: uuid.UUID, *, why: str, by: str) -> LockedOut:
    """Shut somebody out and take back the standing approvals in their name. Raises as `people.change_role`."""
    user = people.lock_user(user_id, why=why, by=by)
    names = {name for name in (user.get_full_name(), user.username, user.email, f"user:{user.pk}") if name}
    revoked = revoke_standing_approvals_of(names, actor=by)
    return LockedOut(user, tuple(sorted({one.rule for one in revoked})))
