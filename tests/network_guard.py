"""No test leaves this machine: a socket may connect to loopback or to a Unix path, to nothing else.

A pytest plugin (`pytest_plugins = ["tests.network_guard"]` in tests/conftest.py). It works through an audit hook, so
it also sees sockets made by C extensions that go through Python's socket module and by libraries that kept their own
reference to `socket.connect`; it does not see what a child process or libpq does by itself.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


class OutsideAddress(RuntimeError):
    """A test tried to reach something that is not on this machine."""


#: Whether the hook refuses; an audit hook can't be removed once added, only told to look away.
_state = {"is_on": False}


def is_loopback(host: str) -> bool:
    """True for 127.0.0.0/8, ::1 and the name `localhost`, the only hosts a test may name."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _audit(event: str, args: tuple[object, ...]) -> None:
    if not (_state and _state["is_on"]):  # at the very end of the process there is no `_state` any more
        return
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        sock, address = args
        is_unix = getattr(sock, "family", None) not in {socket.AF_INET, socket.AF_INET6}
        if not is_unix and isinstance(address, tuple) and not is_loopback(str(address[0])):
            raise OutsideAddress(f"A test tried to reach {address[0]}; tests may only use loopback.")
    elif event in {"socket.getaddrinfo", "socket.gethostbyname"}:
        host = args[0].decode() if isinstance(args[0], bytes) else args[0]
        if isinstance(host, str) and host and not is_loopback(host) and not _is_wildcard(host):
            raise OutsideAddress(f"A test tried to look up {host!r}; tests may only use loopback.")


def _is_wildcard(host: str) -> bool:
    return host in {"0.0.0.0", "::"}  # a server being bound


@contextmanager
def refusing() -> Iterator[None]:
    """Refuse everything but loopback for the length of the block, then go back to what was before."""
    before = _state["is_on"]
    _state["is_on"] = True
    try:
        yield
    finally:
        _state["is_on"] = before


sys.addaudithook(_audit)


@pytest.fixture(autouse=True, scope="session")
def only_loopback() -> Iterator[None]:
    """On for the whole run, so that session-wide servers and threads are held to it as well."""
    with refusing():
        yield
