"""Identifiers: UUIDs that sort by time, and short opaque references that carry nothing personal."""

from __future__ import annotations

import hmac
import secrets
import time
import uuid

REFERENCE_LENGTH = 20


def uuid7() -> uuid.UUID:
    """A version 7 UUID (RFC 9562, section 5.7): 48 bits of Unix milliseconds, then random bits."""
    value = (time.time_ns() // 1_000_000) << 80
    value |= 0x7 << 76
    value |= secrets.randbits(12) << 64
    value |= 0b10 << 62
    value |= secrets.randbits(62)
    return uuid.UUID(int=value)


def signed_reference(prefix: str, number: int, key: bytes) -> str:
    """A reference for row `number` that nobody can guess or count up: `d12k-<20 hex digits>`.

    The number stands in front (base 36), so that the row is found without a look-up table; the rest is an HMAC,
    so that a made-up reference is recognised before the database is asked.
    """
    digest = hmac.digest(key, f"{prefix}{number}".encode(), "sha256").hex()[:REFERENCE_LENGTH]
    return f"{prefix}{_base36(number)}-{digest}"


def read_signed_reference(prefix: str, reference: str, key: bytes) -> int | None:
    """The row number in a reference made by `signed_reference`, or None if it is not one of ours."""
    head, dash, _ = reference.partition("-")
    if not dash or not head.startswith(prefix) or not head[len(prefix) :].isascii():
        return None
    try:
        number = int(head[len(prefix) :], 36)
    except ValueError:
        return None
    return number if hmac.compare_digest(signed_reference(prefix, number, key), reference) else None


def _base36(number: int) -> str:
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    out = ""
    while True:
        number, rest = divmod(number, 36)
        out = digits[rest] + out
        if number == 0:
            return out
