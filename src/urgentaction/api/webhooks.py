"""Callbacks of gateways: verified, written down, answered; applied later by a worker.

The signature is the guard here: nothing of an unsigned body is believed, stored or logged.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from urgentaction.channels import registry
from urgentaction.channels.contract import Callback, ForgedCallback
from urgentaction.core import clock
from urgentaction.core.enqueue import Task, enqueue
from urgentaction.core.errors import ConfigurationError, NotFound
from urgentaction.deliveries.gateways import kind_of
from urgentaction.receipts.storing import store_callback

from .parsing import refuse_body
from .problems import from_error, problem

log = logging.getLogger(__name__)

BODY_LIMIT = 256 * 1024


class Sparing:
    """Says yes so many times at once, then so many times a second. Shared by the threads of a process.

    One hint has all waiting receipts applied. Without this, a mailing's hundred thousand callbacks would ask the broker
    a hundred thousand times; what comes after the last hint is found by beat's next look, some seconds later.
    """

    def __init__(self, *, at_once: int, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._most, self._per_second, self._clock = float(at_once), per_second, clock
        self._left, self._counted_at = float(at_once), clock()

    def may(self) -> bool:
        """Whether one more is in order; counts it if so."""
        with self._lock:
            now = self._clock()
            self._left = min(self._most, self._left + (now - self._counted_at) * self._per_second)
            self._counted_at = now
            if self._left < 1:
                return False
            self._left -= 1
            return True


_hints = Sparing(at_once=10, per_second=1.0)


@csrf_exempt
def receive(request: HttpRequest, gateway: str) -> HttpResponse:
    """Take one callback. 2xx once it is stored, repeated ones too; 403 if forged; 404 for an unknown gateway."""
    if request.method != "POST":
        detail = f"{request.method} is not offered here; gateways POST."
        return problem(HTTPStatus.METHOD_NOT_ALLOWED, detail, headers={"Allow": "POST"})
    if refusal := refuse_body(request, limit=BODY_LIMIT, must_be_json=False):
        return refusal
    callback = Callback(
        url=settings.PUBLIC_URL + request.get_full_path(),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=request.body,
        received_at=clock.now(),
    )
    try:
        new = store_callback(gateway, callback)
    except ForgedCallback as error:
        log.warning("callback for %s refused: %s", gateway, error)
        return _refused(error)
    except NotFound as error:
        log.warning("callback refused: %s", error)  # which providers there are is nobody else's business
        return problem(HTTPStatus.NOT_FOUND, "There is no gateway of this name here.", kind="not-found")
    except (ConfigurationError, OperationalError) as error:
        return _refused(error)
    if new and _hints.may():
        enqueue(Task.APPLY_RECEIPTS)
    thanks = registry.acknowledgement(kind_of(gateway))
    return HttpResponse(thanks.content, status=thanks.status, content_type=thanks.content_type)


def _refused(error: Exception) -> HttpResponse:
    answer = from_error(error)
    if answer is None:
        raise error
    return answer
