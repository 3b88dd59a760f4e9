"""What a check of a contact point says about its health. Pure."""

from __future__ import annotations

from .kinds import CheckMethod, CheckResult, Health

#: Checks by which the office hears from us. They are logged as contacts.
CONTACTS = frozenset({CheckMethod.PHONE_CALL, CheckMethod.TEST_MESSAGE})
#: Checks of the contact point itself; the others read what somebody printed about it.
_AT_THE_POINT = CONTACTS | {CheckMethod.BOUNCE}


def health_after(health: Health, method: CheckMethod, result: CheckResult) -> Health:
    """The health that follows from a check.

    What was tried outweighs what was read: a number on a letterhead doesn't bring one back to life that a gateway
    found dead, and one that has gone from a web site is doubtful, not dead.
    """
    is_tried = method in _AT_THE_POINT
    if result is CheckResult.UNCLEAR:
        return health
    if result is CheckResult.WRONG:
        return Health.DEAD if is_tried or health is Health.DEAD else Health.FAILING
    return Health.WORKING if is_tried or health is Health.UNVERIFIED else health
