"""The gateways of this process, built from the settings and kept with their connections."""

from __future__ import annotations

from django.conf import settings

from urgentaction.channels import registry
from urgentaction.channels.contract import Channel, Gateway, GatewayConfig
from urgentaction.core.errors import NotFound

_open: dict[str, Gateway] = {}


def gateway_named(name: str) -> Gateway:
    """The gateway of that name. Raises NotFound, or ConfigurationError naming what is missing."""
    if name not in _open:
        _open[name] = _build(name)
    return _open[name]


def close_gateways() -> None:
    """Let go of every connection; the next use builds anew from the settings."""
    while _open:
        _open.popitem()[1].close()


def _build(name: str) -> Gateway:
    if name not in settings.GATEWAYS:
        raise NotFound.of("gateway", f"there is none called {name!r}; known: {', '.join(sorted(settings.GATEWAYS))}")
    return registry.build(GatewayConfig(name=name, kind=name, mode=settings.MODE, options=settings.GATEWAYS[name]))


def gateway_for(channel: Channel) -> Gateway:
    """The gateway that carries a channel."""
    return gateway_named(settings.GATEWAY_FOR[channel.value])
