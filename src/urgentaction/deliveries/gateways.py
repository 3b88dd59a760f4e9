"""The gateways of this process, built from the settings and kept with their connections."""

from __future__ import annotations

from functools import cache

from django.conf import settings

from urgentaction.channels import registry
from urgentaction.channels.contract import Channel, Gateway, GatewayConfig
from urgentaction.core.errors import NotFound


@cache
def gateway_named(name: str) -> Gateway:
    """The gateway of that name. Raises NotFound, or ConfigurationError naming what is missing."""
    if name not in settings.GATEWAYS:
        raise NotFound.of("gateway", f"there is none called {name!r}; known: {', '.join(sorted(settings.GATEWAYS))}")
    return registry.build(
        GatewayConfig(name=name, kind=name, mode=settings.MODE, options=settings.GATEWAYS[name])
    )


def gateway_for(channel: Channel) -> Gateway:
    """The gateway that carries a channel."""
    return gateway_named(settings.GATEWAY_FOR[channel.value])
