"""The audit log and API tokens."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import connection, transaction

from urgentaction.core import clock
from urgentaction.core.errors import InvalidInput

from .models import ApiToken, AuditEntry, Scope

_AUDIT_LOCK = 0x55_41_01  # "UA": one writer of the chain at a time, until its transaction ends
TOKEN_PREFIX = "uat_"  # noqa: S105 - what tokens begin with, so that leaked ones are recognised


def record_audit(actor: str, action: str, subject: str, **detail: object) -> AuditEntry:
    """Append to the log, in the caller's transaction: the deed and its record stand or fall together.

    Args:
        actor: `user:<id>`, `token:<prefix>`, `cli:<login>` or `system:<part>`.
        detail: ids, codes and counts. Nothing personal.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_AUDIT_LOCK])
        last = AuditEntry.objects.order_by("-id").values_list("hash", flat=True).first()
        entry = AuditEntry(
            at=clock.now(),
            actor=actor[:80],
            action=action,
            subject=subject[:80],
            detail={key: str(value) for key, value in detail.items()},
            previous_hash=bytes(last) if last is not None else bytes(32),
        )
        entry.hash = _chain_hash(entry)
        entry.save(force_insert=True)
    return entry


def verify_audit() -> tuple[int, int | None]:
    """Walk the whole chain. Returns (entries read, id of the first broken one or None)."""
    previous, count = bytes(32), 0
    for entry in AuditEntry.objects.order_by("id").iterator(chunk_size=2000):
        count += 1
        if bytes(entry.previous_hash) != previous or bytes(entry.hash) != _chain_hash(entry):
            return count, entry.id
        previous = bytes(entry.hash)
    return count, None


def _chain_hash(entry: AuditEntry) -> bytes:
    content = [entry.at.isoformat(), entry.actor, entry.action, entry.subject, entry.detail]
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(bytes(entry.previous_hash) + text.encode()).digest()


def make_token(name: str, *, scopes: Iterable[str], lifetime: timedelta, by: str) -> tuple[ApiToken, str]:
    """A new API token: the row, and the token itself, which is not kept and can't be shown again.

    Raises:
        InvalidInput: an unknown scope.
    """
    wanted = sorted(set(scopes))
    known = {scope.value for scope in Scope}
    if strangers := [scope for scope in wanted if scope not in known]:
        raise InvalidInput.of("scopes", f"{', '.join(strangers)}: unknown; choose from {', '.join(sorted(known))}")
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    now = clock.now()
    token = ApiToken.objects.create(
        name=name,
        prefix=secret[:12],
        token_hash=hashlib.sha256(secret.encode()).digest(),
        scopes=wanted,
        created_at=now,
        expires_at=now + lifetime,
    )
    record_audit(by, "token.create", f"token:{token.prefix}", scopes=",".join(wanted))
    return token, secret


def token_for(secret: str, *, at: datetime | None = None) -> ApiToken | None:
    """The live token with this secret, or None: unknown, expired and revoked look the same."""
    row = ApiToken.objects.filter(token_hash=hashlib.sha256(secret.encode()).digest(), revoked_at=None).first()
    return row if row is not None and row.expires_at > (at or clock.now()) else None
