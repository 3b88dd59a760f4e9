"""Pausing a gateway, and letting it go on. A pause burns nobody's attempts: claims leave its channel alone."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings

from urgentaction.channels.contract import Refused, RetryClass
from urgentaction.core import clock
from urgentaction.core.errors import NotFound

from .models import GatewayState, HumanTaskKind
from .people import open_task
from .rules import THROTTLE_PAUSE


def pause_for(gateway: str, outcome: Refused) -> None:
    """Pause after a refusal that blames us and not the recipient.

    Throttling ends by itself. Anything that must be fixed first stays paused until a person says `gateway resume`.
    """
    if outcome.retry_class is RetryClass.THROTTLE:
        wait = outcome.retry_after or THROTTLE_PAUSE * settings.BACKOFF_SCALE
        until = clock.read_database_now() + wait
        _write(gateway, until=until, reason=f"asked to slow down ({outcome.code})")
        return
    _write(gateway, until=None, reason=f"{outcome.code} {outcome.text}".strip())
    open_task(
        HumanTaskKind.FIX_CONFIGURATION,
        key=f"fix:{gateway}:{outcome.code}:{clock.now():%Y-%m-%d}",
        title=f"Gateway {gateway} refuses our set-up: {outcome.code}",
        advice=(
            f"{outcome.text[:200]} Correct the credentials, the sender or the document, try `urgentaction doctor`, "
            f"then `urgentaction gateway resume {gateway}`. Nothing was lost; deliveries wait."
        ),
    )


def pause_gateway(gateway: str, *, reason: str) -> None:
    """Pause by hand."""
    _write(gateway, until=None, reason=reason)


def resume_gateway(gateway: str) -> bool:
    """Let it go on. True if it was paused. Raises NotFound for a gateway that is not configured."""
    if gateway not in settings.GATEWAYS:
        raise NotFound.of("gateway", f"there is none called {gateway!r}; known: {', '.join(settings.GATEWAYS)}")
    changed = GatewayState.objects.filter(name=gateway, is_paused=True).update(
        is_paused=False, paused_until=None, reason="", changed_at=clock.now()
    )
    return bool(changed)


def _write(gateway: str, *, until: datetime | None, reason: str) -> None:
    GatewayState.objects.update_or_create(
        name=gateway,
        defaults={"is_paused": True, "paused_until": until, "reason": reason[:300], "changed_at": clock.now()},
    )
