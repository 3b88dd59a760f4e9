"""What states, outcomes, classes and kinds are called, and what they mean to whoever has to act. Words only."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

STATES: Mapping[str, Promise] = {
    "queued": _("waiting"),
    "leased": _("taken up"),
    "sending": _("being sent"),
    "accepted": _("accepted"),
    "delivered": _("delivered"),
    "failed": _("failed"),
    "unknown": _("unknown"),
    "withdrawn": _("withdrawn"),
    "expired": _("too late"),
    "suppressed": _("suppressed"),
}
MEANINGS: Mapping[str, Promise] = {
    "queued": _("It waits for its turn. Nothing of it has left since the last try."),
    "leased": _("A worker has taken it up and will hand it to a gateway within seconds, or give it back."),
    "sending": _("It is on the wire right now: it may already be arriving."),
    "accepted": _("A gateway took it. Whether it arrived is not reported yet; of mail it never is."),
    "delivered": _("It arrived. Nothing that comes later takes that back."),
    "failed": _("It did not arrive, and this delivery is not tried any more."),
    "unknown": _("Nobody can say whether it arrived. It is not sent again until somebody knows."),
    "withdrawn": _("It was stopped before it left."),
    "expired": _("The deadline passed before it could be sent."),
    "suppressed": _("The recipient asked for no messages, or the address may not be used."),
}
ROLES: Mapping[str, Promise] = {"to": _("official"), "cc": _("copy to"), "supporter": _("supporters")}
CHANNELS: Mapping[str, Promise] = {"email": _("email"), "fax": _("fax"), "sms": _("SMS")}
COLUMNS: Mapping[str, Promise] = {
    "waiting": _("waiting"),
    "accepted": _("accepted"),
    "delivered": _("delivered"),
    "unknown": _("unknown"),
    "failed": _("failed"),
    "stopped": _("stopped"),
}
OUTCOMES: Mapping[str, Promise] = {
    "accepted": _("taken by the gateway"),
    "refused": _("refused"),
    "unknown": _("no answer: unknown"),
}
RETRY_CLASSES: Mapping[str, Promise] = {
    "soon": _("a passing fault: tried again in seconds to minutes"),
    "busy": _("the line is engaged: tried again after 3, 6, 12 … minutes"),
    "later": _("nobody answers: tried again in a quarter of an hour to hours"),
    "throttle": _("the gateway asked us to slow down; the recipient is not to blame"),
    "fix-first": _("our set-up or document must be put right first; no try is used up"),
    "never": _("this address will not work"),
    "opt-out": _("the person said stop"),
}
RECEIPT_KINDS: Mapping[str, Promise] = {
    "progress": _("on its way"),
    "delivered": _("delivered"),
    "failed": _("failed"),
    "opted-out": _("said stop"),
    "opted-in": _("said start"),
    "inbound": _("a message for us"),
}
TASK_KINDS: Mapping[str, Promise] = {
    "reach_official": _("Reach an official"),
    "settle_unknown": _("Find out whether it arrived"),
    "fix_configuration": _("Put our set-up right"),
    "read_reply": _("Read a message"),
    "decide": _("Decide on an alert"),
    "replace_contact": _("Replace a contact point"),
}
#: Steps of the axis of time in plots, and the words there.
MOMENTS: tuple[tuple[float, Promise], ...] = (
    (1, _("1 s")),
    (10, _("10 s")),
    (60, _("1 min")),
    (600, _("10 min")),
    (3600, _("1 h")),
    (6 * 3600, _("6 h")),
    (24 * 3600, _("1 day")),
    (7 * 24 * 3600, _("1 week")),
)
#: One for each bucket of `tracking.courses.TOOK_EDGES`.
TOOK: tuple[Promise, ...] = (
    _("under 5 s"),
    _("5 to 30 s"),
    _("30 s to 2 min"),
    _("2 to 10 min"),
    _("10 min to 1 h"),
    _("1 to 6 h"),
    _("6 h to 1 day"),
    _("over 1 day"),
)
