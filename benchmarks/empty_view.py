"""The product's web process with one more view, which does nothing: what a request costs before anybody looks at it.

It ends when its standard input does: with the benchmark that started it, however that ends.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from urgentaction.conf.wsgi import application

from urgentaction.conf import urls  # isort: skip - only once the settings stand

__all__ = ["application"]


@csrf_exempt
def empty(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=204)


urls.urlpatterns.append(path("empty/", empty))


def _end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)
    os.kill(os.getppid(), signal.SIGTERM)  # gunicorn's first process; it ends all others


threading.Thread(target=_end_with_parent, daemon=True).start()
