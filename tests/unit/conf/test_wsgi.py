"""The web process."""

from __future__ import annotations

import gc
import importlib
import sys


def test_what_it_loads_is_out_of_the_collectors_way() -> None:
    try:
        module = importlib.import_module("urgentaction.conf.wsgi")
        assert callable(module.application)
        assert gc.get_freeze_count() > 10_000
        assert "urgentaction.console.now.pages" in sys.modules
    finally:
        gc.unfreeze()
