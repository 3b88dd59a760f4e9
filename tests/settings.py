"""The real settings, filled from tests/check.env where the environment is silent: for mypy and pytest."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("URGENTACTION_ENV_FILE", str(Path(__file__).with_name("check.env")))

from urgentaction.conf.settings import *  # noqa: F403

PASSWORD_HASHERS = ["tests.hashing.OneRound"]
