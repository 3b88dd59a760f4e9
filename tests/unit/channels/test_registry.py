"""Building gateways: every fault names the variable, no secret is ever shown, the guard stands in front."""

from __future__ import annotations

import base64
import dataclasses
import logging

import pytest

from tests.unit.channels.samples import FAX, MAIL, SMS, config
from urgentaction.channels.contract import Accepted, Gateway, Mode, Outgoing, Refused, RetryClass
from urgentaction.channels.options import EVERY_KEY, FILE_KEYS
from urgentaction.channels.registry import KINDS, GuardedGateway, build
from urgentaction.core.errors import ConfigurationError, SandboxRefusal

KEY = base64.b64encode(bytes(32)).decode()
COMPLETE: dict[str, dict[str, str]] = {
    "smtp": {"host": "127.0.0.1", "port": "2525", "tls": "none", "username": "u", "password": "s3cret-pass"},
    "esp": {
        "provider": "postmark",
        "base_url": "http://127.0.0.1:1",
        "api_key": "s3cret-key",
        "webhook_secret": "us3r:s3cret-word",
    },
    "telnyx": {"base_url": "http://127.0.0.1:1", "api_key": "s3cret-key", "connection_id": "7", "public_key": KEY},
    "twilio": {
        "base_url": "http://127.0.0.1:1",
        "account_sid": "AC1",
        "auth_token": "s3cret-token",
        "sender": "+12025550100",
    },
}


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_can_be_built_and_is_a_gateway(kind: str) -> None:
    gateway = build(config(kind, COMPLETE[kind]))
    assert isinstance(gateway, Gateway)
    assert (gateway.name, gateway.channel) == (f"{kind}-test", KINDS[kind].channel)
    gateway.close()
    gateway.close()


@pytest.mark.parametrize("kind", list(KINDS))
def test_secrets_are_shown_nowhere(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    gateway = build(config(kind, COMPLETE[kind]))
    health = gateway.check()
    assert not health.is_ok
    with pytest.raises(ConfigurationError) as fault:
        build(config(kind, {**COMPLETE[kind], "no_such_option": "1"}, mode=Mode.LIVE))
    assert "s3cret" not in f"{gateway!r} {health} {fault.value} {caplog.text}"
    gateway.close()


@pytest.mark.parametrize(
    ("kind", "changed", "message"),
    [
        ("smtp", {"host": ""}, "URGENTACTION_SMTP_HOST: is not set"),
        ("smtp", {"port": "http"}, "URGENTACTION_SMTP_PORT: 'http' is not a number"),
        ("smtp", {"port": "0"}, "URGENTACTION_SMTP_PORT"),
        ("smtp", {"tls": "maybe"}, "URGENTACTION_SMTP_TLS: is 'maybe'; write starttls, tls, none"),
        ("smtp", {"password": ""}, "URGENTACTION_SMTP_PASSWORD: is not set"),
        ("telnyx", {"api_key": ""}, "URGENTACTION_TELNYX_API_KEY: is not set"),
        ("telnyx", {"api_key": "a\nb"}, "URGENTACTION_TELNYX_API_KEY: contains a line break"),
        ("telnyx", {"public_key": "short"}, "URGENTACTION_TELNYX_PUBLIC_KEY: is not the base64"),
        ("telnyx", {"base_url": "ftp://127.0.0.1"}, "URGENTACTION_TELNYX_BASE_URL: must look like"),
        ("telnyx", {"base_url": "http://u:p@127.0.0.1"}, "URGENTACTION_TELNYX_BASE_URL: must look like"),
        ("telnyx", {"base_url": "http://[::1"}, "URGENTACTION_TELNYX_BASE_URL: is not a URL"),
        ("twilio", {"sender": ""}, "URGENTACTION_TWILIO_MESSAGING_SERVICE_SID: .*URGENTACTION_TWILIO_SENDER"),
        ("twilio", {"colour": "red"}, "has no option 'colour'; twilio knows account_sid"),
    ],
)
def test_a_faulty_option_is_named(kind: str, changed: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        build(config(kind, {**COMPLETE[kind], **changed}))


@pytest.mark.parametrize(
    ("in_file", "changed", "message"),
    [
        ("*", {"host": ""}, r"^\[smtp-test\] host: is not set"),
        ("*", {"port": "0"}, r"^\[smtp-test\] port: '0' is not a number"),
        ("weight port", {"port": "0"}, r"^\[smtp-test\] port: '0' is not a number"),
        ("weight port", {"tls": "maybe"}, r"^URGENTACTION_SMTP_TLS: is 'maybe'"),
        ("*", {"host": "mail.office.org"}, r"^\[smtp-test\] host: Sandbox mode"),
        ("*", {"hots": "127.0.0.1"}, r"'smtp-test' has no option 'hots'; smtp knows connections, helo, host"),
    ],
)
def test_an_option_of_the_gateways_file_is_named_as_it_stands_there(
    in_file: str, changed: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        build(config("smtp", {**COMPLETE["smtp"], **changed, FILE_KEYS: in_file}))


def test_what_all_gateways_share_is_never_the_files() -> None:
    options = {**COMPLETE["telnyx"], FILE_KEYS: EVERY_KEY, "gateway_timeout_seconds": "0"}
    with pytest.raises(ConfigurationError, match=r"^URGENTACTION_GATEWAY_TIMEOUT_SECONDS: "):
        build(config("telnyx", options))


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"no kind 'pigeon'; known are esp, smtp, telnyx, twilio"):
        build(config("pigeon", {}))


@pytest.mark.parametrize(
    ("kind", "option", "value"),
    [
        ("smtp", "host", "smtp.office.org"),
        ("telnyx", "base_url", "https://api.telnyx.com"),
        ("telnyx", "base_url", ""),  # its default is the real service
        ("twilio", "base_url", "http://127.0.0.1.nip.io"),
        ("twilio", "base_url", ""),
    ],
)
def test_a_public_host_is_refused_in_sandbox_mode(kind: str, option: str, value: str) -> None:
    with pytest.raises(SandboxRefusal, match=f"URGENTACTION_{kind.upper()}_{option.upper()}"):
        build(config(kind, {**COMPLETE[kind], option: value}))


def test_a_container_may_be_named() -> None:
    options = {**COMPLETE["telnyx"], "base_url": "http://sandbox:8025/telnyx"}
    build(config("telnyx", {**options, "allow_hosts": "db, sandbox"})).close()
    with pytest.raises(SandboxRefusal, match="URGENTACTION_ALLOW_HOSTS"):
        build(config("telnyx", {**options, "allow_hosts": ""}))


@pytest.mark.parametrize(
    ("kind", "option", "value"), [("telnyx", "base_url", "http://fax.office.org"), ("smtp", "tls", "none")]
)
def test_nothing_leaves_in_clear_text_in_live_mode(kind: str, option: str, value: str) -> None:
    remote = {"host": "mail.office.org"} if kind == "smtp" else {}
    with pytest.raises(ConfigurationError, match=f"URGENTACTION_{kind.upper()}_{option.upper()}: must be"):
        build(config(kind, {**COMPLETE[kind], **remote, option: value}, mode=Mode.LIVE))


@pytest.mark.parametrize(
    ("kind", "outgoing", "address"),
    [
        ("smtp", MAIL, "minister@office.gov"),
        ("telnyx", FAX, "+442076362981"),
        ("twilio", SMS, "+821012345678"),
    ],
)
def test_a_real_destination_is_refused_before_the_gateway_hears_of_it(
    kind: str, outgoing: Outgoing, address: str
) -> None:
    gateway = build(config(kind, COMPLETE[kind]))
    outcome = gateway.submit(dataclasses.replace(outgoing, to=address))
    assert isinstance(outcome, Refused)
    assert (outcome.retry_class, outcome.code) == (RetryClass.NEVER, "sandbox")
    assert address not in outcome.text
    gateway.close()


def test_in_a_batch_only_the_real_destinations_are_refused() -> None:
    class Willing:
        name, channel, capabilities = "willing", KINDS["smtp"].channel, None

        def submit_many(self, batch, begin):  # type: ignore[no-untyped-def]
            for place, outgoing in enumerate(batch):
                if begin(place):
                    yield place, Accepted(outgoing.reference)

    batch = [
        dataclasses.replace(MAIL, reference=str(number), to="a@office.gov" if number % 2 else "a@office.invalid")
        for number in range(5)
    ]
    guarded = GuardedGateway(Willing(), Mode.SANDBOX)  # type: ignore[arg-type]
    begun: set[int] = set()
    results = dict(guarded.submit_many(batch, lambda place: not begun.add(place)))  # type: ignore[func-returns-value]
    assert begun == {0, 1, 2, 3, 4}
    assert [results[place] for place in (0, 2, 4)] == [Accepted("0"), Accepted("2"), Accepted("4")]
    assert all(isinstance(results[place], Refused) for place in (1, 3))
