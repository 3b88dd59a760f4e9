"""In sandbox mode nobody can be reached, whatever somebody writes into an address, an option or an allow list."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.provisional import domains

from urgentaction.channels.contract import Channel, Mode
from urgentaction.channels.guard import check_destination, check_host, is_reserved
from urgentaction.core.errors import SandboxRefusal

RESERVED_MAIL = ["a@x.invalid", "a@test", "a@x.test", "a.b+c@deep.down.example", "a@example.com", "a@mail.example.org"]
RESERVED_NUMBERS = ["+12025550100", "+12125550199", "+442079460000", "+442079460999"]
PUBLIC_MAIL = [
    "a@office.gov",
    "a@invalid.org",
    "a@notexample.com",
    "a@example.com.evil.org",
    "a@example.co",
    "victim@office.gov,a@x.invalid",
    "victim@office.gov\r\n@x.invalid",
    "@office.gov:a@x.invalid",
    "a%office.gov@x.invalid",
    "office.gov!a@x.invalid",
    '"a@office.gov"@x.invalid',
    "<a@office.gov>@x.invalid",
    "a@x.invalid ",
    "a@x.invalid\n",
    "a@x.inval\u0131d",
    "x.invalid",
    "@x.invalid",
    "",
]
PUBLIC_NUMBERS = [
    "+12025550200",
    "+12025551234",
    "+18005550199",
    "+11025550123",
    "+4420794601234",
    "+442079461000",
    "442079460123",
    "+12025550123\n",
    "+1202555٠١٢٣",
    " +12025550123",
    "",
]


@pytest.mark.parametrize("address", RESERVED_MAIL)
def test_reserved_mail_addresses_pass(address: str) -> None:
    assert is_reserved(Channel.EMAIL, address)
    check_destination(Mode.SANDBOX, Channel.EMAIL, address)


@pytest.mark.parametrize("channel", [Channel.FAX, Channel.SMS])
@pytest.mark.parametrize("number", RESERVED_NUMBERS)
def test_reserved_numbers_pass(channel: Channel, number: str) -> None:
    assert is_reserved(channel, number)
    check_destination(Mode.SANDBOX, channel, number)


@pytest.mark.parametrize(
    ("channel", "address"),
    [(Channel.EMAIL, address) for address in PUBLIC_MAIL] + [(Channel.FAX, number) for number in PUBLIC_NUMBERS],
)
def test_everything_else_is_refused_in_sandbox_mode_and_passes_in_live_mode(channel: Channel, address: str) -> None:
    with pytest.raises(SandboxRefusal):
        check_destination(Mode.SANDBOX, channel, address)
    check_destination(Mode.LIVE, channel, address)


def test_the_refusal_tells_an_operator_what_to_do_without_the_address() -> None:
    with pytest.raises(SandboxRefusal) as mail:
        check_destination(Mode.SANDBOX, Channel.EMAIL, "kim.minister@office.gov")
    assert "office.gov" in str(mail.value)
    assert "kim" not in str(mail.value)
    assert "URGENTACTION_MODE" in str(mail.value)
    with pytest.raises(SandboxRefusal) as fax:
        check_destination(Mode.SANDBOX, Channel.FAX, "+442076362981")
    assert "ending in 81" in str(fax.value)
    assert "762981" not in str(fax.value).replace(" ", "")


E164 = st.from_regex(re.compile(r"\+[1-9][0-9]{6,14}"), fullmatch=True)
NANP = st.from_regex(re.compile(r"\+1[2-9][0-9]{9}"), fullmatch=True)


@given(number=st.one_of(E164, NANP))
def test_no_number_outside_the_ranges_passes(number: str) -> None:
    is_nanp_drama = len(number) == 12 and number.startswith("+1") and number[5:10] == "55501"
    assume(not is_nanp_drama and not number.startswith("+442079460"))
    assert not is_reserved(Channel.SMS, number)


DOMAINS = domains().filter(lambda name: not name.lower().endswith((".test", ".example", ".invalid")))


@given(domain=DOMAINS, local=st.text())
def test_no_public_domain_passes(domain: str, local: str) -> None:
    assume(not domain.lower().endswith(("example.com", "example.net", "example.org")))
    assert not is_reserved(Channel.EMAIL, f"{local}@{domain}")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.8.9.10", "::1", "[::1]", "::ffff:127.0.0.1", "localhost", "a.localhost"]
)
def test_this_machine_passes(host: str) -> None:
    check_host(Mode.SANDBOX, host)


@pytest.mark.parametrize("host", ["sandbox", "mail-sink", "10.0.0.5", "172.17.0.2", "fd00::5"])
def test_container_hosts_pass_only_when_listed(host: str) -> None:
    check_host(Mode.SANDBOX, host, allow=["other", f" {host} "])
    with pytest.raises(SandboxRefusal):
        check_host(Mode.SANDBOX, host, allow=["other"])


@pytest.mark.parametrize(
    "host",
    [
        "api.telnyx.com",
        "127.0.0.1.nip.io",
        "8.8.8.8",
        "134744072",  # 8.8.8.8 in disguise
        "0x08080808",
        "0.0.0.0",
        "::",
        "::ffff:8.8.8.8",
        "localhost.evil.org",
        "localhost@evil.org",
        "",
        "224.0.0.1",
    ],
)
def test_public_hosts_never_pass_even_when_listed(host: str) -> None:
    with pytest.raises(SandboxRefusal):
        check_host(Mode.SANDBOX, host, allow=[host])
    check_host(Mode.LIVE, host)
