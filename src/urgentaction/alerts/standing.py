"""Standing approvals: a named person's yes in advance to what one rule decides, given and taken back."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from urgentaction.accounts.models import Role
from urgentaction.accounts.service import record_audit
from urgentaction.core import clock
from urgentaction.core.errors import Conflict, InvalidInput, NotFound
from urgentaction.core.phrases import say
from urgentaction.triggers.decision import Approval, Rule
from urgentaction.triggers.ruleset import shipped

from .models import StandingApproval
from .queries import in_force

#: Who may answer for what starts by itself; whoever ceases to be one of them answers for nothing any more.
GIVERS = frozenset({Role.APPROVER, Role.ADMINISTRATOR})


def approvable_rules() -> list[str]:
    """The ids of the rules that can be approved in advance, in the order of the rule set."""
    return [rule.id for rule in shipped().rules if rule.id in _needs_none_with_standing()]


@transaction.atomic
def grant_standing_approval(rule: str, *, by: str, actor: str, until: datetime | None = None) -> StandingApproval:
    """Let a rule's alerts start by themselves, in the name of `by`, until it is taken back.

    Args:
        rule: the rule's id.
        by: the person who answers for it.
        actor: who does this, for the audit log.
        until: when it ends by itself (aware), or None.

    Raises:
        NotFound: no such rule.
        InvalidInput: the rule always needs a person; or no name, or an end in the past.
        Conflict: that person's approval of this rule is in force already.
    """
    known = _needs_none_with_standing()
    if rule not in known:
        _refuse(rule, known)
    name = by.strip()
    if not name or len(name) > 80 or not name.isprintable():
        raise InvalidInput.of(
            "by", say("write the name of the person who answers for it, on one line, at most 80 letters")
        )
    if until is not None and until <= clock.now():
        raise InvalidInput.of("until", say("%(until)s lies in the past", until=f"{until:%Y-%m-%d %H:%M %Z}"))
    if in_force().filter(rule=rule, by=name).exists():
        raise Conflict.of(
            "rule",
            say("%(name)s's standing approval of %(rule)s is in force already; revoke it first", name=name, rule=rule),
        )
    row = StandingApproval.objects.create(rule=rule, by=name, granted_at=clock.now(), expires_at=until)
    record_audit(actor, "standing_approval.grant", f"rule:{rule}", approval=row.id)
    return row


@transaction.atomic
def revoke_standing_approval(rule: str, *, actor: str, by: str = "") -> list[StandingApproval]:
    """Take approvals of a rule back: everybody's, or only one person's. What has started goes on.

    Raises:
        NotFound: none is in force.
    """
    rows = in_force().filter(rule=rule).select_for_update()
    found = list(rows.filter(by=by.strip()) if by else rows)
    if not found:
        raise NotFound.of(
            "rule",
            say("%(by)s has no standing approval of %(rule)s in force", by=by, rule=rule)
            if by
            else say("no standing approval of %(rule)s is in force", rule=rule),
        )
    return _revoked(found, actor=actor)


@transaction.atomic
def revoke_standing_approvals_of(names: Collection[str], *, actor: str) -> list[StandingApproval]:
    """Take back every approval that stands in one of these names: its giver is gone. None is fine, too."""
    return _revoked(list(in_force().filter(by__in=names).select_for_update()), actor=actor)


@transaction.atomic
def revoke_standing_approvals(*, actor: str) -> list[StandingApproval]:
    """Take back every approval in force. None is fine, too."""
    return _revoked(list(in_force().select_for_update()), actor=actor)


def hold_standing_approvals_of(names: Collection[str]) -> None:
    """Lock those in force in these names, to the end of the transaction."""
    list(in_force().filter(by__in=names).select_for_update().values_list("id", flat=True))


def _revoked(rows: list[StandingApproval], *, actor: str) -> list[StandingApproval]:
    for row in rows:
        row.revoked_at = clock.now()
        row.save(update_fields=["revoked_at"])
        record_audit(actor, "standing_approval.revoke", f"rule:{row.rule}", approval=row.id)
    return rows


def _needs_none_with_standing() -> set[str]:
    rules = (rule for rule in shipped().rules if isinstance(rule, Rule))
    return {rule.id for rule in rules if rule.approval is Approval.NONE_WITH_STANDING}


def _refuse(rule: str, known: set[str]) -> None:
    listed = ", ".join(sorted(known))
    if rule in {one.id for one in shipped().rules}:
        raise InvalidInput.of(
            "rule",
            say(
                "%(rule)s always needs a person's decision; only these can be approved: %(listed)s",
                rule=rule,
                listed=listed,
            ),
        )
    raise NotFound.of(
        "rule",
        say("there is no rule %(rule)s; these can be approved in advance: %(listed)s", rule=f"{rule!r}", listed=listed),
    )
