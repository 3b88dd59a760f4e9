"""People who leave: whoever can no longer decide, answers in advance for nothing any more. Each is one transaction."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.db import transaction

from urgentaction.accounts import people
from urgentaction.accounts.models import User
from urgentaction.alerts import service as alerts
from urgentaction.alerts.standing import GIVERS, hold_standing_approvals_of, revoke_standing_approvals_of
from urgentaction.deliveries import announcing
from urgentaction.deliveries.people import hold_decision


@dataclass(frozen=True, slots=True)
class Restaffed:
    """Whom, the rules whose alerts no longer start in their name, and the alerts that wait for another yes."""

    user: User
    rules: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()


@transaction.atomic
def lock_out(user_id: uuid.UUID, *, why: str, by: str) -> Restaffed:
    """Shut somebody out, and take back what is approved in their name: in advance, or not started yet.

    An alert that lacks their yes waits for approval again. Raises as `people.change_role`.
    """
    names, who = _held(user_id), f"user:{user_id}"
    approved = alerts.held_by_yes_of(who)
    for alert in approved:
        hold_decision(alert)
    user = people.lock_user(user_id, why=why, by=by)
    waiting = alerts.void_yes_of(who, approved, by=by)
    for alert in waiting:
        announcing.approver_is_shut_out(alert)
    return Restaffed(user, _taken_back(names, by=by), tuple(alert.number for alert in waiting))


@transaction.atomic
def give_role(user_id: uuid.UUID, role: str, *, by: str) -> Restaffed:
    """Another role. One that may not approve takes the standing approvals in their name back, too.

    Their sessions go on, with what the new role may do: it is read with every request. Raises as `people.change_role`.
    """
    names = _held(user_id)
    user = people.change_role(user_id, role, by=by)
    return Restaffed(user, () if role in GIVERS else _taken_back(names, by=by))


def _held(user_id: uuid.UUID) -> set[str]:
    """Their names; what stands in them is locked before anything is written into the audit log, as elsewhere."""
    user = User.objects.filter(id=user_id).first()
    if user is None:
        return set()
    names = {name for name in (user.get_full_name(), user.username, user.email, f"user:{user.pk}") if name}
    hold_standing_approvals_of(names)
    return names


def _taken_back(names: set[str], *, by: str) -> tuple[str, ...]:
    """The rules they had approved in advance, under whichever of their names."""
    return tuple(sorted({one.rule for one in revoke_standing_approvals_of(names, actor=by)}))
