"""The live-dial guard: in sandbox mode nothing outside the reserved test ranges is mailed, dialled or connected to.

Pure functions over text. What is reserved: RFC 2606 and RFC 6761 for names; the North American Numbering Plan's
555-01xx and Ofcom's 020 7946 0xxx for numbers. Whatever is not recognised for certain is refused.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from urgentaction.channels.contract import Channel, Mode
from urgentaction.core.errors import SandboxRefusal

_RESERVED_TLDS = ("invalid", "test", "example")
_RESERVED_DOMAINS = ("example.com", "example.net", "example.org")
_HOST_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9-]{1,63}(?<!-))*")
_CONTAINER_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
#: Stricter than RFC 5321 on purpose: no quoting, no routing characters, nothing that a server might read twice.
_PLAIN_LOCAL_PART = re.compile(r"[^\s\x00-\x20\x7f<>()\[\]\\,;:@\"%!]+")

#: 555-01xx is set aside in every area code except the toll-free and premium ones.
_NANP = re.compile(r"\+1(?!800|822|833|844|855|866|877|888|900)[2-9][0-9]{2}55501[0-9]{2}")
_OFCOM_LONDON = re.compile(r"\+442079460[0-9]{3}")


def is_reserved(channel: Channel, address: str) -> bool:
    """Whether an address can't belong to anybody: a reserved mail domain, or an E.164 number of a drama range."""
    if channel is Channel.EMAIL:
        local, at, domain = address.rpartition("@")
        return bool(at) and _PLAIN_LOCAL_PART.fullmatch(local) is not None and _is_reserved_domain(domain)
    return any(pattern.fullmatch(address) for pattern in (_NANP, _OFCOM_LONDON))


def check_destination(mode: Mode, channel: Channel, address: str) -> None:
    """Let a message to `address` pass, or raise SandboxRefusal with a message that does not repeat the address.

    In live mode everything passes; in sandbox mode only what `is_reserved`.
    """
    if mode is Mode.LIVE or is_reserved(channel, address):
        return
    if channel is Channel.EMAIL:
        domain = address.rpartition("@")[2]
        shown = f"an address at {domain!r}" if _HOST_NAME.fullmatch(domain.lower()) else "this address"
        allowed = "addresses under .invalid, .test, .example or example.com, .net, .org"
    else:
        shown = f"the number ending in {address[-2:]}" if address[-2:].isdigit() else "this number"
        allowed = "+1 NPA 555 01xx and +44 20 7946 0xxx"
    raise SandboxRefusal(
        f"Sandbox mode: {shown} may belong to somebody, so no {channel} goes there. Only {allowed} are used here; "
        "to reach real people, set URGENTACTION_MODE=live after `urgentaction doctor`."
    )


def check_host(mode: Mode, host: str, *, allow: Iterable[str] = ()) -> None:
    """Let a gateway's host pass, or raise SandboxRefusal.

    Args:
        mode: in live mode every host passes.
        host: name or IP literal, without port.
        allow: further hosts for sandbox mode, such as the service names of a container network. Only single-label
            names and private IP addresses have an effect: listing a public host must not open the way to it.
    """
    if mode is Mode.LIVE:
        return
    name = host.strip().strip("[]").lower()
    is_listed = name in {entry.strip().strip("[]").lower() for entry in allow}
    if _is_loopback(name) or (is_listed and _is_private(name)):
        return
    reason = "it is listed, but is no private address or single-label name" if is_listed else "it is not this machine"
    raise SandboxRefusal(
        f"Sandbox mode: the host {host!r} is refused ({reason}). Use 127.0.0.1, or name a container "
        "in URGENTACTION_ALLOW_HOSTS."
    )


def _is_reserved_domain(domain: str) -> bool:
    name = domain.lower()
    if not _HOST_NAME.fullmatch(name):
        return False
    is_reserved_tld = name.rpartition(".")[2] in _RESERVED_TLDS
    return is_reserved_tld or any(name == known or name.endswith(f".{known}") for known in _RESERVED_DOMAINS)


def _is_loopback(name: str) -> bool:
    address = _ip(name)
    if address is not None:
        return address.is_loopback
    return name == "localhost" or (name.endswith(".localhost") and _HOST_NAME.fullmatch(name) is not None)


def _is_private(name: str) -> bool:
    address = _ip(name)
    if address is None:
        # A name that starts with a digit may be a number in disguise (134744072 is 8.8.8.8).
        return _CONTAINER_NAME.fullmatch(name) is not None
    return address.is_private and not (address.is_unspecified or address.is_multicast or address.is_reserved)


def _ip(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
