"""Pausing a gateway, and letting it go on. A pause burns nobody's attempts: claims leave its channel alone.

Three things pause one: a person, a gateway that asks to slow down, and a refusal that blames our account, sender or
connection. A refusal that may be about one message or one mailbox holds that delivery back; only several of them in a
row, with nothing accepted in between, speak against us after all.
"""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Q

from urgentaction.accounts.service import record_audit
from urgentaction.channels import registry
from urgentaction.channels.contract import Refused, RetryClass
from urgentaction.core import clock
from urgentaction.core.enqueue import Task, enqueue
from urgentaction.core.errors import InvalidInput
from urgentaction.core.phrases import Phrase, say

from .breaker import works_again
from .gateways import entry_named, kind_of
from .models import Attempt, Delivery, GatewayState, HumanTaskKind
from .people import open_task
from .rules import HELD_IN_A_ROW, HELD_WITHIN, THROTTLE_PAUSE, State

HELD = Phrase("%(gateway)s refuses single deliveries of alert %(number)s: %(code)s")
LOOK = Phrase.typed(
    "Delivery %(delivery)s was the first. %(said)s Look at the message, the recipient and our "
    "standing with them. They are tried again by themselves, and at once after `urgentaction gateway resume "
    "%(gateway)s`."
)
REFUSED = Phrase("Gateway %(gateway)s refuses our set-up: %(code)s")
PUT_RIGHT = Phrase.typed(
    "%(said)s Correct the credentials, the sender or the document, try `urgentaction doctor`, "
    "then `urgentaction gateway resume %(gateway)s`. Nothing was lost; deliveries wait."
)
SLOW_DOWN = Phrase("asked to slow down (%(code)s)")
_HELD = Q(outcome="refused", retry_class=RetryClass.FIX_FIRST.value)


def is_about_us(gateway: str, outcome: Refused) -> bool:
    """Whether every other message would be refused likewise: the adapter says so, or the code does (by receipt)."""
    kind = kind_of(gateway)
    return outcome.is_about_us or (bool(kind) and registry.is_about_us(kind, outcome.code))


def after_uncounted(row: Delivery, outcome: Refused) -> None:
    """What a refusal that is not the recipient's fault means for the others: pause the gateway, or hold this one."""
    if outcome.is_about_domain:
        return  # mail to that domain slows down (`pace`), nobody else's
    if outcome.retry_class is RetryClass.THROTTLE or is_about_us(row.gateway, outcome):
        pause_for(row.gateway, outcome)
        return
    open_task(
        HumanTaskKind.FIX_CONFIGURATION,
        key=f"held:{row.gateway}:{outcome.code[:60]}:{row.alert_id}",
        title=HELD(gateway=row.gateway, number=row.alert.number, code=outcome.code),
        advice=LOOK(delivery=row.id, said=outcome.text[:160], gateway=row.gateway),
        alert=row.alert,
        may_reopen=True,
    )
    if _others_held(row) + 1 >= HELD_IN_A_ROW:
        pause_for(row.gateway, outcome)


def _others_held(row: Delivery) -> int:
    """How many other deliveries this gateway refused in the same manner lately, with nothing accepted in between."""
    tries = Attempt.objects.filter(gateway=row.gateway, ended_at__gt=clock.now() - HELD_WITHIN)
    # Whoever resumed the gateway has looked at what came before.
    states = GatewayState.objects.filter(name=row.gateway, is_paused=False)
    resumed_at = states.values_list("changed_at", flat=True).first()
    accepted_at = tries.filter(outcome="accepted").aggregate(last=Max("ended_at"))["last"]
    for moment in (resumed_at, accepted_at):
        if moment is not None:
            tries = tries.filter(ended_at__gt=moment)
    return tries.filter(_HELD).exclude(delivery=row).values("delivery").distinct().count()


def pause_for(gateway: str, outcome: Refused) -> None:
    """Pause after a refusal that blames us and not the recipient.

    Throttling ends by itself. Anything that must be fixed first stays paused until a person says `gateway resume`.
    """
    if outcome.retry_class is RetryClass.THROTTLE:
        wait = outcome.retry_after or THROTTLE_PAUSE * settings.BACKOFF_SCALE
        until = clock.read_database_now() + wait
        _lengthen(gateway, until=until, reason=SLOW_DOWN(code=outcome.code))
        return
    _lengthen(gateway, until=None, reason=f"{outcome.code} {outcome.text}".strip())
    open_task(
        HumanTaskKind.FIX_CONFIGURATION,
        key=f"fix:{gateway}:{outcome.code[:60]}",
        title=REFUSED(gateway=gateway, code=outcome.code),
        advice=PUT_RIGHT(said=outcome.text[:200], gateway=gateway),
        may_reopen=True,
    )


@transaction.atomic
def pause_by_hand(gateway: str, *, reason: str, by: str) -> None:
    """A person takes a gateway out of use until a person says `resume`. Its deliveries wait; nothing is lost.

    Raises:
        NotFound: no such gateway is configured.
        InvalidInput: no reason, or one that is not plain text on one line.
    """
    entry_named(gateway)
    why = reason.strip()
    if not why or not why.isprintable():
        raise InvalidInput.of("reason", say("say why, on one line; everybody sees it where the gateway is shown"))
    pause_gateway(gateway, reason=why)
    record_audit(by, "gateway.pause", f"gateway:{gateway}")


@transaction.atomic
def resume_by_hand(gateway: str, *, by: str) -> bool:
    """A person lets a gateway go on. Returns whether anything had held it back. Raises NotFound."""
    was_held_back = resume_gateway(gateway)
    if was_held_back:
        record_audit(by, "gateway.resume", f"gateway:{gateway}")
        enqueue(Task.SWEEP)
    return was_held_back


def pause_gateway(gateway: str, *, reason: str) -> None:
    """Pause by hand, whatever pause there is already."""
    GatewayState.objects.update_or_create(name=gateway, defaults=_paused(until=None, reason=reason))


def resume_gateway(gateway: str) -> bool:
    """Let it go on, and try at once what it held back.

    Returns True if it was paused, taken for broken, or held anything back.
    Raises NotFound for a gateway that is not configured.
    """
    entry_named(gateway)
    was_broken = works_again(gateway)
    changed = GatewayState.objects.filter(name=gateway, is_paused=True).update(
        is_paused=False, paused_until=None, reason="", changed_at=clock.now()
    )
    now = clock.database_now()
    held = Delivery.objects.filter(
        gateway=gateway, state=State.QUEUED, retry_class=RetryClass.FIX_FIRST, due_at__gt=now
    ).update(due_at=now)
    return bool(changed or held or was_broken)


def _lengthen(gateway: str, *, until: datetime | None, reason: str) -> None:
    """Pause until then, or None: until a person resumes it. Never lifts or shortens a pause that there is.

    The condition is part of the UPDATE, so that the longer one wins also where two workers pause at once.
    """
    GatewayState.objects.get_or_create(name=gateway, defaults={"changed_at": clock.now()})
    shorter = Q(paused_until__isnull=False) if until is None else Q(paused_until__lt=until)
    GatewayState.objects.filter(Q(is_paused=False) | shorter, name=gateway).update(
        **_paused(until=until, reason=reason)
    )


def _paused(*, until: datetime | None, reason: str) -> dict[str, object]:
    return {"is_paused": True, "paused_until": until, "reason": reason[:300], "changed_at": clock.now()}
