"""People who leave: whoever can no longer decide, answers in advance for nothing any more. Each is one transaction."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.db import transaction

from urgentaction.accounts import people
from urgentaction.accounts.models import Role, User
from urgentaction.alerts.standing import hold_standing_approvals_of, revoke_standing_approvals_of

_MAY_APPROVE = (Role.APPROVER, Role.ADMINISTRATOR)


@dataclass(frozen=True, slots=True)
class LockedOut:
    """Who can no longer decide, or no longer log in, and the rules whose alerts no longer start in their name."""

    user: User
    rules: tuple[str, ...]


@transaction.atomic
def change_role(user_id: uuid.UUID, role: str, *, by: str) -> LockedOut:
    """Another role; one that may not approve takes back the standing approvals in their name, too.

    Raises as `people.change_role`.
    """
    names = _hold(user_id)
    user = people.change_role(user_id, role, by=by)
    if user.role in _MAY_APPROVE:
        return LockedOut(user, ())
    return _without_standing_approvals(user, names, by=by)


@transaction.atomic
def lock_out(user_id: uuid.UUID, *, why: str, by: str) -> LockedOut:
    """Shut somebody out and take back the standing approvals in their name. Raises as `people.change_role`."""
    names = _hold(user_id)
    return _without_standing_approvals(people.lock_user(user_id, why=why, by=by), names, by=by)


def _hold(user_id: uuid.UUID) -> set[str]:
    """Their names; what stands in them is locked before anything is written into the audit log, as elsewhere."""
    user = User.objects.filter(id=user_id).first()
    if user is None:
        return set()
    names = {name for name in (user.get_full_name(), user.username, user.email, f"user:{user.pk}") if name}
    hold_standing_approvals_of(names)
    return names


def _without_standing_approvals(user: User, names: set[str], *, by: str) -> LockedOut:
    revoked = revoke_standing_approvals_of(names, actor=by)
    return LockedOut(user, tuple(sorted({one.rule for one in revoked})))
