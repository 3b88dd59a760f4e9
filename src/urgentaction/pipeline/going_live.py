"""From drills to real people, and back: one transaction, after which nothing that began as the other can be sent."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from urgentaction.accounts.service import record_audit
from urgentaction.alerts.queries import under_way
from urgentaction.alerts.standing import revoke_standing_approvals
from urgentaction.core.errors import Conflict
from urgentaction.core.live import live_since, write_mode
from urgentaction.core.phrases import Phrase

from .deciding import withdraw

WAS_A_DRILL = Phrase("it was a drill: the service writes to real people now")
IS_A_DRILL = Phrase("it was for real people: from now on this is a drill")


@dataclass(frozen=True, slots=True)
class ModeChanged:
    """The alerts that were under way and are withdrawn, and the rules whose alerts no longer start by themselves."""

    withdrawn: tuple[str, ...]
    rules: tuple[str, ...]


@transaction.atomic
def change_mode(*, is_live: bool, by: str) -> ModeChanged:
    """Make the database a live one, or one of drills. What is under way is withdrawn, what is approved in advance void.

    No program of the old mode claims anything after this commit. Stop them first all the same: one that still runs
    could draft a new alert.

    Args:
        by: who does this, as the audit log names people.

    Raises:
        Conflict: it is what it should become.
    """
    if is_live == (live_since() is not None):
        raise Conflict.of("mode", f"the database is {'live' if is_live else 'one of drills'} already")
    reason = WAS_A_DRILL() if is_live else IS_A_DRILL()
    stopped = [withdraw(alert.id, reason=reason, by=by).number for alert in under_way()]
    rules = sorted({one.rule for one in revoke_standing_approvals(actor=by)})
    write_mode(is_live=is_live, by=by)
    record_audit(by, "service.live" if is_live else "service.drill", "service", withdrawn=len(stopped))
    return ModeChanged(tuple(stopped), tuple(rules))
