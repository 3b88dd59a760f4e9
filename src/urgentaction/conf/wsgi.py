"""The WSGI entry: `gunicorn urgentaction.conf.wsgi`."""

from __future__ import annotations

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "urgentaction.conf.settings")

application = get_wsgi_application()

# Every page is loaded now, not when it is first asked for; and what is loaded stays for good, so the collector need not
# walk it again: that stopped all threads for 60 to 150 ms, in the middle of somebody's request (docs/performance.md).
_ = get_resolver().url_patterns
gc.collect()
gc.freeze()
