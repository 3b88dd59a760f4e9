"""The audit log and API tokens."""

from __future__ import annotations

import hashlib
import json
import secrets
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q

from urgentaction.core import clock
from urgentaction.core.errors import Conflict, InvalidInput, NotFound
from urgentaction.core.phrases import say

from .models import ApiToken, AuditEntry, Scope

_AUDIT_LOCK = 0x55_41_01  # "UA": one writer of the chain at a time, until its transaction ends
#: A token's last use is written down at most so often: who calls a thousand times an hour makes no thousand writes.
USE_PRECISION = timedelta(minutes=5)
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
        entry.hash = chain_hash(entry)
        entry.save(force_insert=True)
    return entry


def verify_audit() -> tuple[int, int | None]:
    """Walk the whole chain. Returns (entries read, id of the first broken one or None)."""
    previous, count = bytes(32), 0
    for entry in AuditEntry.objects.order_by("id").iterator(chunk_size=2000):
        count += 1
        if bytes(entry.previous_hash) != previous or bytes(entry.hash) != chain_hash(entry):
            return count, entry.id
        previous = bytes(entry.hash)
    return count, None


def chain_hash(entry: AuditEntry) -> bytes:
    """What an entry's hash must be: SHA-256 over the hash before it and the entry's own content."""
    content = [entry.at.isoformat(), entry.actor, entry.action, entry.subject, entry.detail]
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(bytes(entry.previous_hash) + text.encode()).digest()


@transaction.atomic
def make_token(name: str, *, scopes: Iterable[str], lifetime: timedelta, by: str) -> tuple[ApiToken, str]:
    """A new API token: the row, and the token itself, which is not kept and can't be shown again.

    Raises:
        InvalidInput: no name, no scope or an unknown one, or a lifetime that is over already.
    """
    name, wanted = name.strip(), sorted(set(scopes))
    known = {scope.value for scope in Scope}
    if not name or len(name) > 80 or not name.isprintable():
        raise InvalidInput.of("name", say("say on one line, in at most 80 letters, which program it is for"))
    if not wanted:
        raise InvalidInput.of(
            "scopes", say("say what it may do; choose from %(known)s", known=", ".join(sorted(known)))
        )
    if lifetime <= timedelta(0):
        raise InvalidInput.of("lifetime", say("must be longer than nothing"))
    if strangers := [scope for scope in wanted if scope not in known]:
        raise InvalidInput.of(
            "scopes",
            say(
                "%(strangers)s: unknown; choose from %(known)s",
                strangers=", ".join(strangers),
                known=", ".join(sorted(known)),
            ),
        )
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


@transaction.atomic
def revoke_token(token_id: uuid.UUID, *, by: str) -> ApiToken:
    """A token opens nothing any more, from the commit on. It can't be given back; make another one instead.

    Raises:
        NotFound: there is no such token.
        Conflict: it was revoked before, or is over.
    """
    token = ApiToken.objects.select_for_update().filter(id=token_id).first()
    if token is None:
        raise NotFound.of("token", say("there is no such token; look at the list again"))
    if token.revoked_at is not None:
        raise Conflict.of(
            "token",
            say(
                "%(name)s (%(prefix)s…) was revoked on %(revoked_at)s",
                name=token.name,
                prefix=token.prefix,
                revoked_at=f"{token.revoked_at:%Y-%m-%d}",
            ),
        )
    if token.expires_at <= clock.now():
        raise Conflict.of(
            "token",
            say(
                "%(name)s (%(prefix)s…) is over since %(expires_at)s",
                name=token.name,
                prefix=token.prefix,
                expires_at=f"{token.expires_at:%Y-%m-%d}",
            ),
        )
    token.revoked_at = clock.now()
    token.save(update_fields=["revoked_at"])
    record_audit(by, "token.revoke", f"token:{token.prefix}")
    return token


def token_for(secret: str, *, at: datetime | None = None) -> ApiToken | None:
    """The live token with this secret, or None: unknown, expired and revoked look the same. Notes that it was used."""
    row = ApiToken.objects.filter(token_hash=hashlib.sha256(secret.encode()).digest(), revoked_at=None).first()
    now = at or clock.now()
    if row is None or row.expires_at <= now:
        return None
    if row.last_used_at is None or row.last_used_at < now - USE_PRECISION:
        stale = Q(last_used_at=None) | Q(last_used_at__lt=now - USE_PRECISION)
        ApiToken.objects.filter(stale, id=row.id).update(last_used_at=now)
    return row
