"""No address that opens something to whoever has it reaches the log."""

from __future__ import annotations

import logging

import pytest
from django.urls import URLResolver, get_resolver

from urgentaction.conf.secret_paths import WithoutTokens, without_tokens

SECRETS = ("<str:token>", "<str:reference>")


def paths(resolver: URLResolver, before: str = "/") -> list[str]:
    """Every path of ours that ends in a token, with `SEALED` for it."""
    found: list[str] = []
    for one in resolver.url_patterns:
        route = str(one.pattern)
        if isinstance(one, URLResolver):
            found += paths(one, before + route)
        elif any(secret in route for secret in SECRETS):
            for secret in SECRETS:
                route = route.replace(secret, "SEALED-1.a:b_c")
            found.append(before + route)
    return found


def test_every_address_with_a_token_is_known() -> None:
    known = paths(get_resolver())
    assert "/console/join/SEALED-1.a:b_c/" in known
    assert len(known) > 5
    for path in known:
        assert "SEALED" not in without_tokens(f"Unprocessable Content: {path}"), path


@pytest.mark.parametrize("path", ["/console/cases/UA-2026-0001/", "/letters/a-letter/en.pdf", "/console/people/join/"])
def test_other_addresses_stay_as_they_are(path: str) -> None:
    assert without_tokens(path) == path


@pytest.mark.parametrize("name", ["django.request", "django.security.csrf"])
def test_those_who_write_paths_down_are_filtered(name: str) -> None:
    assert any(isinstance(one, WithoutTokens) for one in logging.getLogger(name).filters)
