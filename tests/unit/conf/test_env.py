"""What is set up wrongly stops every program at its start, and the variable is named."""

from __future__ import annotations

import pytest

from urgentaction.conf import env
from urgentaction.core.errors import ConfigurationError

ENVIRON = {
    "URGENTACTION_SECRET_KEY": "x" * 50,
    "URGENTACTION_FIELD_KEYS": "check:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "URGENTACTION_INDEX_KEY": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://nobody@127.0.0.1/none"),
        ("DATABASE_URL", "none"),
        ("REDIS_URL", "127.0.0.1:6379"),
        ("REDIS_URL", "amqp://127.0.0.1"),
        ("URGENTACTION_FIELD_KEYS", "k1:short"),
        ("URGENTACTION_FIELD_KEYS", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        ("URGENTACTION_INDEX_KEY", "c2hvcnQ="),
    ],
)
def test_a_value_that_nothing_can_work_with_is_named_at_the_start(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name) as told:
        env.load({**ENVIRON, name: value})
    assert value not in str(told.value)  # it may be a secret


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_both_names_of_the_database_are_taken(scheme: str) -> None:
    config = env.load({**ENVIRON, "DATABASE_URL": f"{scheme}://nobody@127.0.0.1:1/none", "REDIS_URL": "rediss://there"})
    assert config.database["NAME"] == "none"
