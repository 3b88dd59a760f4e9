"""The second factor may be optional for trying things, and never where people are reached."""

from __future__ import annotations

import pytest

from tests.unit.conf.test_env import ENVIRON
from urgentaction.conf import env
from urgentaction.core.errors import ConfigurationError

LIVE = {**ENVIRON, "URGENTACTION_MODE": "live", "URGENTACTION_PUBLIC_URL": "https://alerts.example.org"}


def test_it_is_required_unless_somebody_says_otherwise() -> None:
    assert env.load(ENVIRON).is_second_factor_required
    assert env.load(LIVE).is_second_factor_required
    assert not env.load({**ENVIRON, "URGENTACTION_SECOND_FACTOR": "optional"}).is_second_factor_required


@pytest.mark.parametrize("said", ["optional", "no", "false", "REQUIRED"])
def test_live_mode_takes_nothing_less(said: str) -> None:
    with pytest.raises(ConfigurationError, match="URGENTACTION_SECOND_FACTOR"):
        env.load({**LIVE, "URGENTACTION_SECOND_FACTOR": said})
