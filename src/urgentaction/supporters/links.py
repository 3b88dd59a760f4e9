"""Links that act for one supporter without a login: unsubscribe. The token is the id and a keyed hash; no row."""

from __future__ import annotations

import base64
import binascii
import hmac
import uuid

from urgentaction.core.encryption import purpose_key

SIGNATURE_BYTES = 12


def unsubscribe_token(supporter_id: uuid.UUID) -> str:
    """An unguessable token for a link (38 characters). It names nobody and never expires: RFC 8058 needs it to work."""
    signature = _sign(supporter_id.bytes)
    return base64.urlsafe_b64encode(supporter_id.bytes + signature).decode().rstrip("=")


def read_unsubscribe_token(token: str) -> uuid.UUID | None:
    """The supporter a token stands for, or None if we did not make it."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(raw) != 16 + SIGNATURE_BYTES or not hmac.compare_digest(raw[16:], _sign(raw[:16])):
        return None
    return uuid.UUID(bytes=raw[:16])


def _sign(raw: bytes) -> bytes:
    return hmac.digest(purpose_key("unsubscribe"), raw, "sha256")[:SIGNATURE_BYTES]
