"""An address as a list may show it: enough to tell two rows apart for somebody who knows both. Pure."""

from __future__ import annotations

_DOTS = "•••"


def masked_email(address: str) -> str:
    """`mary@example.org` → `m•••@e•••.org`; nothing for nothing."""
    name, at, domain = address.rpartition("@")
    if not at:
        return ""
    host, dot, top = domain.rpartition(".")
    return f"{name[:1]}{_DOTS}@{(host or top)[:1]}{_DOTS}{dot + top if host else ''}"


def masked_phone(number: str) -> str:
    """`+442079460200` → `+44•••00`; nothing for nothing."""
    return f"{number[:3]}{_DOTS}{number[-2:]}" if len(number) > 5 else ""
