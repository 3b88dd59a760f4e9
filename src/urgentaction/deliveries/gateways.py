"""The gateways of this process, built from the settings and kept with their connections."""

from __future__ import annotations

from django.conf import settings

from urgentaction.channels import registry
from urgentaction.channels.contract import Gateway, GatewayConfig
from urgentaction.channels.roster import Entry, roster
from urgentaction.core.errors import NotFound
from urgentaction.core.phrases import say

from . import pace

_open: dict[str, Gateway] = {}


def entries() -> dict[str, Entry]:
    """Every configured gateway by name. Raises ConfigurationError."""
    return roster(settings.GATEWAYS)


def entry_named(name: str) -> Entry:
    """What is configured under that name. Raises NotFound, which lists the names there are."""
    known = entries()
    if name not in known:
        raise NotFound.of(
            "gateway",
            say("there is none called %(name)s; known: %(known)s", name=f"{name!r}", known=", ".join(sorted(known))),
        )
    return known[name]


def kind_of(name: str) -> str:
    """The kind of a gateway; empty for one that is not configured any more."""
    entry = entries().get(name)
    return entry.kind if entry else ""


def gateway_named(name: str) -> Gateway:
    """The gateway of that name. Raises NotFound, or ConfigurationError naming what is missing."""
    if name not in _open:
        entry = entry_named(name)
        _open[name] = registry.build(
            GatewayConfig(name=name, kind=entry.kind, mode=settings.MODE, options=entry.options)
        )
    return _open[name]


def close_gateways() -> None:
    """Let go of every connection; the next use builds anew from the settings."""
    while _open:
        _open.popitem()[1].close()
    pace.close()
