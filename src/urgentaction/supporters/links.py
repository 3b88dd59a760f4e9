"""Links that act for one supporter without a login: unsubscribe, preferences. A token is an id and keyed hash; no row.

Each kind has a key of its own, so that one is never taken for the other.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import uuid

from urgentaction.core.encryption import purpose_key

SIGNATURE_BYTES = 12


def unsubscribe_token(supporter_id: uuid.UUID) -> str:
    """An unguessable token for a link (38 characters). It names nobody and never expires: RFC 8058 needs it to work."""
    return _token("unsubscribe", supporter_id)


def read_unsubscribe_token(token: str) -> uuid.UUID | None:
    """The supporter a token stands for, or None if we did not make it."""
    return _read("unsubscribe", token)


def preferences_token(supporter_id: uuid.UUID) -> str:
    """As `unsubscribe_token`, for the page on which a supporter says what we may send."""
    return _token("preferences", supporter_id)


def read_preferences_token(token: str) -> uuid.UUID | None:
    """The supporter a token stands for, or None if we did not make it."""
    return _read("preferences", token)


def _token(purpose: str, supporter_id: uuid.UUID) -> str:
    return base64.urlsafe_b64encode(supporter_id.bytes + _sign(purpose, supporter_id.bytes)).decode().rstrip("=")


def _read(purpose: str, token: str) -> uuid.UUID | None:
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(raw) != 16 + SIGNATURE_BYTES or not hmac.compare_digest(raw[16:], _sign(purpose, raw[:16])):
        return None
    return uuid.UUID(bytes=raw[:16])


def _sign(purpose: str, raw: bytes) -> bytes:
    return hmac.digest(purpose_key(purpose), raw, "sha256")[:SIGNATURE_BYTES]
