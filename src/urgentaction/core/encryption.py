"""Encryption of single fields, and the blind index to find them again.

AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce. The associated data is `table/column/row`, so a ciphertext
copied to another row or column does not decrypt. A stored value is

    version (1 byte, 0x01) | length of key id (1 byte) | key id | nonce (12 bytes) | ciphertext and tag

The key ring comes from `URGENTACTION_FIELD_KEYS` as `id:base64,id:base64`; the first key encrypts, all decrypt.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import unicodedata
from dataclasses import dataclass, field
from functools import cache, lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from .errors import ConfigurationError, DecryptionError

VERSION = b"\x01"
NONCE_BYTES = 12
KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Keys by id; `current` is the one that encrypts."""

    current: str
    ciphers: dict[str, AESGCM] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> KeyRing:
        """Read `id:base64,id:base64`. Raises ConfigurationError without showing any key."""
        ciphers: dict[str, AESGCM] = {}
        for number, part in enumerate(filter(None, (piece.strip() for piece in text.split(","))), start=1):
            key_id, colon, encoded = part.partition(":")
            if not colon or not key_id or len(key_id) > 32 or not key_id.isascii():
                raise ConfigurationError(f"URGENTACTION_FIELD_KEYS: key {number} must look like `id:base64`.")
            try:
                key = base64.b64decode(encoded, validate=True)
            except binascii.Error:
                raise ConfigurationError(f"URGENTACTION_FIELD_KEYS: key {key_id} is not base64.") from None
            if len(key) != KEY_BYTES:
                raise ConfigurationError(
                    f"URGENTACTION_FIELD_KEYS: key {key_id} has {len(key)} bytes; it needs {KEY_BYTES} "
                    "(`openssl rand -base64 32` makes one)."
                )
            ciphers[key_id] = AESGCM(key)
        if not ciphers:
            raise ConfigurationError("URGENTACTION_FIELD_KEYS is empty; write `k1:` and `openssl rand -base64 32`.")
        return cls(current=next(iter(ciphers)), ciphers=ciphers)

    def encrypt(self, plaintext: str, *, context: str) -> bytes:
        """Encrypt for the place named by `context`."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self.ciphers[self.current].encrypt(nonce, plaintext.encode(), context.encode())
        key_id = self.current.encode()
        return VERSION + bytes([len(key_id)]) + key_id + nonce + sealed

    def decrypt(self, sealed: bytes, *, context: str) -> str:
        """Decrypt a value found at the place named by `context`. Raises DecryptionError."""
        if sealed[:1] != VERSION or len(sealed) < 2:
            raise DecryptionError(f"{context}: not a value this version wrote.")
        start = 2 + sealed[1]
        key_id = sealed[2:start].decode("ascii", "replace")
        cipher = self.ciphers.get(key_id)
        if cipher is None:
            raise DecryptionError(f"{context}: key {key_id!r} is not in URGENTACTION_FIELD_KEYS; add it back.")
        nonce, body = sealed[start : start + NONCE_BYTES], sealed[start + NONCE_BYTES :]
        try:
            return cipher.decrypt(nonce, body, context.encode()).decode()
        except (InvalidTag, ValueError):
            raise DecryptionError(f"{context}: the value was altered, or moved here from another row.") from None


@cache
def key_ring() -> KeyRing:
    """The ring of this process, read once."""
    return KeyRing.parse(settings.FIELD_KEYS)


def blind_index(purpose: str, value: str) -> bytes:
    """A keyed hash (HMAC-SHA-256) by which an encrypted value is found again.

    Args:
        purpose: `email`, `phone`, `name` …: the same text under two purposes gives two hashes.
        value: any spelling; it is compared without regard to case, surrounding spaces or Unicode form (NFKC).
    """
    plain = unicodedata.normalize("NFKC", value).casefold().strip()
    return hmac.new(settings.INDEX_KEY, f"{purpose}\0{plain}".encode(), hashlib.sha256).digest()


@lru_cache(maxsize=64)
def purpose_key(purpose: str) -> bytes:
    """A key derived for one purpose (unsubscribe links, media links, references): HKDF's expand step, one block.

    Kept for the life of the process, as the key ring is.
    """
    return hmac.digest(settings.INDEX_KEY, f"key\0{purpose}\x01".encode(), "sha256")
