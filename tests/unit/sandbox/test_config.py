"""Which addresses and hosts the sandbox touches, whatever it is asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urgentaction.sandbox.config import (
    Config,
    ConfigError,
    from_environment,
    is_reserved_address,
    is_reserved_number,
)


@pytest.mark.parametrize(
    "address",
    ["a@b.invalid", "a@B.TEST", "a@x.y.example", "a@example.org", "a@mail.example.com", "한@b.test", "a@b.test."],
)
def test_reserved_addresses(address: str) -> None:
    assert is_reserved_address(address)


@pytest.mark.parametrize(
    "address", ["President@president.go.kr", "a@notexample.org", "a@example.org.kr", "a@b.invalid.net", "a", ""]
)
def test_everything_else_might_be_somebody(address: str) -> None:
    assert not is_reserved_address(address)


@pytest.mark.parametrize("number", ["+12025550100", "+19995550199", "+442079460000", "+442079460999"])
def test_reserved_numbers(number: str) -> None:
    assert is_reserved_number(number)


@pytest.mark.parametrize(
    "number",
    ["+8227704721", "+12025550200", "+12025551100", "12025550100", "+4420794600000", "+12025550100\n", "+11025550100"],
)
def test_other_numbers(number: str) -> None:
    assert not is_reserved_number(number)


@given(st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True))
def test_a_number_of_any_other_country_is_never_reserved(number: str) -> None:
    assert not is_reserved_number(number) or number.startswith(("+1", "+44"))


@pytest.mark.parametrize(
    ("url", "is_allowed"),
    [
        ("http://127.0.0.1:8000/x", True),
        ("http://[::1]/x", True),
        ("https://localhost/x", True),
        ("http://web:8000/x", True),
        ("http://WEB/x", True),
        ("http://example.org/", False),
        ("http://127.0.0.1.nip.example/", False),
        ("http://localhost.example.org/", False),
        ("http://10.0.0.1/", False),
        ("http://user@169.254.169.254/", False),
        ("file:///etc/passwd", False),
        ("", False),
    ],
)
def test_where_it_may_call(tmp_path: Path, *, url: str, is_allowed: bool) -> None:
    config = Config(data=tmp_path, allowed_hosts=frozenset({"web"}))
    assert config.may_call(url) is is_allowed


def test_it_listens_on_loopback_unless_told_otherwise(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--allow-host"):
        Config(data=tmp_path, host="0.0.0.0")
    assert Config(data=tmp_path, host="0.0.0.0", may_listen_anywhere=True).host == "0.0.0.0"


@pytest.mark.parametrize("seed", ["xyz", "00"])
def test_a_wrong_seed_is_named(seed: str) -> None:
    with pytest.raises(ConfigError, match="SANDBOX_TELNYX_SEED"):
        from_environment({"SANDBOX_TELNYX_SEED": seed})


def test_empty_variables_leave_the_defaults() -> None:
    assert from_environment({"TWILIO_AUTH_TOKEN": "", "TELNYX_API_KEY": "k"}) == {"telnyx_api_key": "k"}
