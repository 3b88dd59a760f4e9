"""A mailing cut into requests, its merge fields, and the configuration of the gateway that sends it."""

from __future__ import annotations

import dataclasses
import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.channels.esp_shapes import copies
from tests.unit.channels.samples import COPY, MAILING, config
from urgentaction.channels.contract import (
    Mode,
    Refused,
)
from urgentaction.channels.email.esp import merging
from urgentaction.channels.email.esp.providers import TRAITS, Provider
from urgentaction.channels.mailing import MailingGateway, written_out
from urgentaction.channels.registry import build
from urgentaction.core.errors import ConfigurationError, SandboxRefusal

AWKWARD = st.text(max_size=20) | st.sampled_from(
    ["%recipient.t0%", "%unsubscribe_url%", "{{ params.x }}", "{% if %}", "<b>", "&amp;", "MARK0LINK", "김철수", "-t0-"]
)


def read(provider: Provider, request: merging.Merged, to: str) -> tuple[str, str]:
    """Text and HTML as the provider makes them of the request."""
    if not TRAITS[provider].has_merge_fields:
        return request.texts[to]
    data = request.data[to].items()
    spelled = {name if name.startswith("-") else f"%recipient.{name}%": value for name, value in data}
    pattern = re.compile("|".join(map(re.escape, spelled)))
    text, markup = (pattern.sub(lambda field: spelled[field[0]], one) for one in (request.text, request.html))
    return text, markup


@given(st.lists(st.tuples(AWKWARD, AWKWARD, AWKWARD), min_size=1, max_size=4), st.sampled_from(Provider))
def test_whatever_a_name_looks_like_it_is_filled_in_as_it_stands(
    values: list[tuple[str, str, str]], provider: Provider
) -> None:
    some = [dataclasses.replace(copy, values=own) for copy, own in zip(copies(len(values)), values, strict=True)]
    request = merging.merged(provider, MAILING, some)
    for copy in some:
        text, markup = read(provider, request, copy.to)
        assert "{{" not in text or provider is not Provider.BREVO
        wanted = written_out(
            MAILING, dataclasses.replace(copy, values=tuple(v.replace("\u2060", "") for v in copy.values))
        )
        assert text.replace("\u2060", "") == wanted.text
        assert html.unescape(markup.replace("\u2060", "")) == html.unescape(wanted.html)


@given(st.lists(st.sampled_from([f"{letter}@mail.invalid" for letter in "abcABC"]), max_size=20), st.integers(1, 5))
def test_no_address_stands_twice_in_a_request_and_the_order_is_kept(addresses: list[str], size: int) -> None:
    some = [dataclasses.replace(COPY, to=address) for address in addresses]
    requests = list(merging.requests(some, size=size))
    assert [place for places in requests for place in places] == list(range(len(some)))
    for places in requests:
        assert 1 <= len(places) <= size
        assert len({addresses[place].casefold() for place in places}) == len(places)


# Configuration.


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"provider": "pigeon"}, "provider: is 'pigeon'; write postmark, mailgun, brevo, sendgrid"),
        ({"sender_domain": ""}, "sender_domain: is not set; Mailgun"),
        ({"provider": "postmark", "webhook_secret": "word"}, "webhook_secret: must look like user:password"),
        ({"provider": "sendgrid", "webhook_secret": "word"}, "webhook_secret: is not the key that SendGrid"),
        ({"webhook_secret": ""}, "webhook_secret: is not set"),
        ({"batch": "1001"}, "batch: '1001' is not a number from 1 to 1000"),
    ],
)
def test_a_faulty_option_is_named(changed: dict[str, str], message: str) -> None:
    options = {
        "provider": "mailgun",
        "base_url": "http://127.0.0.1:1",
        "api_key": "s3cret-key",
        "webhook_secret": "s3cret",
        "sender_domain": "mg.invalid",
        "_file": "*",
    }
    with pytest.raises(ConfigurationError, match=rf"^\[esp-test\] {message}") as fault:
        build(config("esp", options | changed))
    assert "s3cret" not in str(fault.value)


def test_in_sandbox_mode_the_providers_own_host_is_refused() -> None:
    options = {"provider": "postmark", "api_key": "k", "webhook_secret": "a:b", "_file": "*"}
    with pytest.raises(SandboxRefusal, match=r"^\[esp-test\] base_url: Sandbox mode: the host 'api.postmarkapp.com'"):
        build(config("esp", options))
    live = build(config("esp", options, mode=Mode.LIVE))
    assert "https://api.postmarkapp.com/" in repr(live)
    live.close()


def test_it_is_a_gateway_for_mailings_also_behind_the_guard() -> None:
    guarded = build(
        config(
            "esp",
            {
                "provider": "postmark",
                "base_url": "http://127.0.0.1:1",
                "api_key": "k",
                "webhook_secret": "a:b",
                "batch": "7",
            },
        )
    )
    assert isinstance(guarded, MailingGateway)
    assert guarded.capabilities.takes_mailings
    assert guarded.capabilities.batch == 7
    real = dataclasses.replace(COPY, to="friend@mail.org")
    ((_, outcome),) = guarded.submit_mailing(MAILING, [real], lambda _: True)
    assert isinstance(outcome, Refused)
    assert outcome.code == "sandbox"
    guarded.close()
