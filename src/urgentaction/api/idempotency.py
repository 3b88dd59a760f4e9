"""One answer for each Idempotency-Key: what was done stays done, and is told again in the same words.

The row is written in the transaction of the deed, behind a lock on token and key. So two requests at the same moment
do one thing: the second waits for the first, then reads its answer. A request that was refused leaves no row, because
nothing was done: correct it and use the same key.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.http import HttpRequest, JsonResponse

from urgentaction.accounts.models import ApiToken
from urgentaction.core import clock
from urgentaction.core.errors import InvalidInput

from .models import IdempotentRequest

HEADER, REPLAYED = "Idempotency-Key", "Idempotency-Replayed"
_KEY = re.compile(r"[\x21-\x7e]{1,200}")


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a JSON body; `is_replayed` when it was given before."""

    status: int
    body: dict[str, Any]
    is_replayed: bool = False

    def response(self) -> JsonResponse:
        """As HTTP. Names are sorted: the database does not keep their order, and a repetition should look the same."""
        response = JsonResponse(self.body, status=self.status, json_dumps_params={"sort_keys": True})
        if self.is_replayed:
            response.headers[REPLAYED] = "true"
        return response


def key_of(request: HttpRequest) -> str:
    """The key of a request, or empty. Raises InvalidInput for one that can't be kept."""
    key = request.headers.get(HEADER)
    if key is None:
        return ""
    if not _KEY.fullmatch(key):
        raise InvalidInput.of(HEADER, "should be 1 to 200 printable ASCII characters without spaces; a UUID is best")
    return key


@transaction.atomic
def once(request: HttpRequest, token: ApiToken, deed: Callable[[], Answer]) -> Answer:
    """Do `deed`, or tell again what came of it. Without a key it is simply done.

    Raises:
        InvalidInput: the key was used for another request.
    """
    key = key_of(request)
    if not key:
        return deed()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"idempotency:{token.id}:{key}"])
    fingerprint = _fingerprint(request)
    known = IdempotentRequest.objects.filter(token=token, key=key).first()
    if known is not None:
        if known.fingerprint != fingerprint:
            raise InvalidInput.of(HEADER, "was used for another request before; take a new key for a new request")
        return Answer(known.status, known.body, is_replayed=True)
    answer = deed()
    IdempotentRequest.objects.create(
        token=token,
        key=key,
        fingerprint=fingerprint,
        status=answer.status,
        body=answer.body,
        created_at=clock.now(),
    )
    return answer


def _fingerprint(request: HttpRequest) -> str:
    parts = (str(request.method).encode(), request.get_full_path().encode(), request.body)
    return hashlib.sha256(b"\0".join(parts)).hexdigest()
