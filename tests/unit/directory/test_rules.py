"""What a check says of a contact point's health."""

from __future__ import annotations

import pytest

from urgentaction.directory.kinds import CheckMethod, CheckResult, Health
from urgentaction.directory.rules import health_after


@pytest.mark.parametrize("health", Health)
@pytest.mark.parametrize("method", CheckMethod)
def test_an_unclear_check_changes_nothing(health: Health, method: CheckMethod) -> None:
    assert health_after(health, method, CheckResult.UNCLEAR) is health


@pytest.mark.parametrize("health", Health)
def test_what_was_tried_decides(health: Health) -> None:
    assert health_after(health, CheckMethod.PHONE_CALL, CheckResult.RIGHT) is Health.WORKING
    assert health_after(health, CheckMethod.BOUNCE, CheckResult.WRONG) is Health.DEAD


def test_what_was_read_brings_nothing_back_to_life() -> None:
    read = CheckMethod.LETTERHEAD
    assert health_after(Health.DEAD, read, CheckResult.RIGHT) is Health.DEAD
    assert health_after(Health.FAILING, read, CheckResult.RIGHT) is Health.FAILING
    assert health_after(Health.UNVERIFIED, read, CheckResult.RIGHT) is Health.WORKING


def test_what_was_read_makes_doubtful_and_not_dead() -> None:
    read = CheckMethod.WEBSITE
    assert health_after(Health.WORKING, read, CheckResult.WRONG) is Health.FAILING
    assert health_after(Health.DEAD, read, CheckResult.WRONG) is Health.DEAD
