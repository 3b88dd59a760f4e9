"""What a person can do about a gateway that can't be used."""

from __future__ import annotations

import pytest

from urgentaction.channels.advice import advice_for


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("401", "revoked"),
        ("535", "user name and password"),
        ("connect", "host and the port"),
        ("not-offered", "starttls"),
        ("503", "status page"),
        ("421", "status page"),
        ("429", "per_second"),
        ("late", "firewall"),
        ("452", "status page"),
        ("made-up", "ask its support"),
    ],
)
def test_each_code_has_something_to_do(code: str, words: str) -> None:
    assert words in advice_for(code)


def test_where_all_is_well_there_is_nothing_to_do() -> None:
    assert advice_for("") == ""
