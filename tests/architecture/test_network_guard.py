"""Tests reach this machine and nothing else."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request

import httpx
import pytest

from tests.network_guard import OutsideAddress, is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost", "::ffff:127.0.0.1"])
def test_loopback_is_let_through(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["192.0.2.1", "10.0.0.1", "2001:db8::1", "example.org", "", "127.0.0.1.example.org"])
def test_everything_else_is_outside(host: str) -> None:
    assert not is_loopback(host)


def test_a_connection_to_a_public_address_is_refused() -> None:
    with socket.socket() as sock, pytest.raises(OutsideAddress, match=r"192\.0\.2\.1"):
        sock.connect(("192.0.2.1", 80))


def test_a_datagram_to_a_public_address_is_refused() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sock, pytest.raises(OutsideAddress):
        sock.sendto(b"x", ("192.0.2.1", 53))


def test_a_name_is_not_even_looked_up() -> None:
    with pytest.raises(OutsideAddress, match=r"example\.org"):
        socket.getaddrinfo("example.org", 443)


@pytest.mark.parametrize("url", ["http://192.0.2.1/", "http://example.org/"])
def test_http_clients_are_refused(url: str) -> None:
    with pytest.raises((OutsideAddress, httpx.TransportError, urllib.error.URLError)):
        httpx.get(url, timeout=2, trust_env=False)
    with pytest.raises((OutsideAddress, urllib.error.URLError)):
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=2)


def test_a_server_on_this_machine_can_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.getpeername() == server.getsockname()
