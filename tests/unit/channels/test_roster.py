"""Gateways as they are configured become entries with weight and limits, or an error that names gateway and key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urgentaction.channels.contract import Channel, GatewayConfig, Mode
from urgentaction.channels.registry import KINDS, build
from urgentaction.channels.roster import RESERVED, roster
from urgentaction.core.errors import ConfigurationError

PLAIN = {"smtp": {"host": "127.0.0.1", "tls": "none"}, "telnyx": {"sender": "+12025550100"}, "twilio": {"sender": ""}}


def test_plain_gateways_need_no_further_keys() -> None:
    entries = roster(PLAIN)
    assert list(entries) == ["smtp", "telnyx", "twilio"]
    assert [entry.channel for entry in entries.values()] == [Channel.EMAIL, Channel.FAX, Channel.SMS]
    assert {(entry.weight, entry.per_second, entry.domain_per_minute) for entry in entries.values()} == {
        (10, None, None)
    }
    assert {name: entry.options for name, entry in entries.items()} == PLAIN


def test_a_second_gateway_of_a_channel() -> None:
    keys = {"kind": "smtp", "weight": "0", "per_second": "2.5", "domain_per_minute": "30"}
    entry = roster({**PLAIN, "backup-mail": {**keys, "host": "127.0.0.1", "tls": "none"}})["backup-mail"]
    assert (entry.name, entry.kind, entry.channel, entry.weight) == ("backup-mail", "smtp", Channel.EMAIL, 0)
    assert (entry.per_second, entry.domain_per_minute) == (2.5, 30.0)
    config = GatewayConfig(name=entry.name, kind=entry.kind, mode=Mode.SANDBOX, options=entry.options)
    gateway = build(config)
    assert gateway.name == "backup-mail"
    gateway.close()


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("Backup", {"kind": "smtp"}, r"Gateway 'Backup': a name has 1 to 40"),
        ("", {"kind": "smtp"}, r"Gateway '': a name"),
        ("a/b", {"kind": "smtp"}, r"Gateway 'a/b': a name"),
        ("x" * 41, {"kind": "smtp"}, r"a name has 1 to 40"),
        ("backup", {}, r"\[backup\] kind: is not set; write one of esp, smtp, telnyx, twilio"),
        ("backup", {"kind": "pigeon"}, r"\[backup\] kind: there is no kind 'pigeon'; known are esp, smtp"),
        ("smtp", {"weight": "101"}, r"\[smtp\] weight: '101' is not a whole number from 0 to 100"),
        ("smtp", {"weight": "-1"}, r"\[smtp\] weight"),
        ("smtp", {"weight": "2.5"}, r"\[smtp\] weight"),
        ("smtp", {"weight": "٣"}, r"\[smtp\] weight"),
        ("smtp", {"per_second": "0"}, r"\[smtp\] per_second: '0' is not a number from 0.001 to 1000000"),
        ("smtp", {"per_second": "-1"}, r"\[smtp\] per_second"),
        ("smtp", {"per_second": "nan"}, r"\[smtp\] per_second"),
        ("smtp", {"per_second": "1e9"}, r"\[smtp\] per_second"),
        ("smtp", {"domain_per_minute": "many"}, r"\[smtp\] domain_per_minute: 'many'"),
        ("telnyx", {"domain_per_minute": "5"}, r"\[telnyx\] domain_per_minute: is for mail; telnyx carries fax"),
    ],
)
def test_what_can_not_be_used_is_named(name: str, options: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        roster({name: options})


KEYS = st.sampled_from([*sorted(RESERVED), "host", "password"])


@given(
    name=st.sampled_from([*KINDS, "backup-2", "Ü", ""]),
    options=st.dictionaries(KEYS, st.one_of(st.text(max_size=8), st.sampled_from(["smtp", "7", "0.5", "100"]))),
)
def test_any_text_gives_an_entry_or_a_configuration_error(name: str, options: dict[str, str]) -> None:
    try:
        entry = roster({name: options})[name]
    except ConfigurationError:
        return
    assert 0 <= entry.weight <= 100
    assert entry.per_second is None or entry.per_second > 0
    assert entry.domain_per_minute is None or entry.channel is Channel.EMAIL
    assert not entry.options.keys() & RESERVED
    assert "password" not in repr(entry)


def test_a_price_is_an_amount_in_a_currency() -> None:
    entry = roster({"telnyx": {"price": "0.07 USD"}})["telnyx"]
    assert str(entry.price) == "0.07 USD"
    assert "price" not in entry.options
    assert roster(PLAIN)["twilio"].price is None


@pytest.mark.parametrize("price", ["0.07", "USD 0.07", "-1 USD", "0,07 USD", "0.07 usd", "NaN USD"])
def test_a_price_that_is_none_is_named(price: str) -> None:
    with pytest.raises(ConfigurationError, match=r"\[telnyx\] price"):
        roster({"telnyx": {"price": price}})
