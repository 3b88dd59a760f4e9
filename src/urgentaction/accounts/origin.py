"""Where a request comes from: its address, and its network."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.http import HttpRequest

UNKNOWN = "unknown"


def address_of(request: HttpRequest) -> str:
    """The address a request comes from, in its one spelling; `unknown` where it has none (a socket of this machine).

    Behind the proxy that ends TLS its own last entry of X-Forwarded-For counts; those before it anybody can make up.
    """
    found = _address(request)
    return UNKNOWN if found is None else str(found)


def network_of(request: HttpRequest) -> str:
    """The network a request comes from: /24, or /48 for IPv6, which one household or office may have."""
    found = _address(request)
    if found is None:
        return UNKNOWN
    return str(ipaddress.ip_network((found, 24 if found.version == 4 else 48), strict=False))


def _address(request: HttpRequest) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    address = request.META.get("REMOTE_ADDR", "")
    if settings.SECURE_PROXY_SSL_HEADER:
        address = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip() or address
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, ipaddress.IPv6Address) else found
