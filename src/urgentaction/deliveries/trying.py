"""Trying whether a gateway can be used, at once and for a person who waits: nothing is sent.

Mail: connect, EHLO, TLS, log in, NOOP, QUIT. The others: one read that needs the key. In sandbox mode the stand-ins are
asked. Done over a connection of its own, so that a try neither waits for the sending nor disturbs it.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from django.conf import settings

from urgentaction.accounts.service import record_audit
from urgentaction.channels import registry
from urgentaction.channels.advice import advice_for
from urgentaction.channels.contract import Gateway, GatewayConfig, Health
from urgentaction.channels.options import TIMEOUT
from urgentaction.core.errors import ConfigurationError
from urgentaction.core.phrases import say

from .gateways import entry_named

#: A person waits so long in all, and for each single answer.
PATIENCE_SECONDS, ANSWER_SECONDS = 8.0, 5


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a try: in words, and what to do where it failed."""

    gateway: str
    is_ok: bool
    detail: str
    advice: str
    seconds: float


def try_gateway(name: str, *, by: str, patience: float = PATIENCE_SECONDS) -> Trial:
    """Ask a gateway whether it would take messages from us.

    Args:
        by: as the audit log names people.
        patience: seconds after which a gateway that is still silent counts as failed.

    Raises:
        NotFound: no such gateway is configured.
    """
    entry = entry_named(name)
    options = {**entry.options, TIMEOUT: str(ANSWER_SECONDS)}
    begun = time.monotonic()
    try:
        gateway = registry.build(GatewayConfig(name=name, kind=entry.kind, mode=settings.MODE, options=options))
    except ConfigurationError as error:
        health = Health(is_ok=False, detail=str(error), code="configuration")
        advice: str = say("Correct it there, then start the programs again.")
    else:
        health = _asked(gateway, patience)
        advice = advice_for(health.code)
    record_audit(by, "gateway.check", f"gateway:{name}", is_ok=health.is_ok, code=health.code)
    return Trial(name, health.is_ok, health.detail, advice, time.monotonic() - begun)


def _asked(gateway: Gateway, patience: float) -> Health:
    """Its answer, or that it gave none in time; what then still hangs ends by its own time limits."""

    def ask() -> Health:
        try:
            return gateway.check()
        finally:
            gateway.close()

    aside = ThreadPoolExecutor(max_workers=1, thread_name_prefix="try-gateway")
    try:
        return aside.submit(ask).result(timeout=patience)
    except TimeoutError:
        return Health(is_ok=False, detail=f"No answer within {patience:.0f} seconds.", code="late")
    finally:
        aside.shutdown(wait=False)
