"""The tables from gateways' codes to retry classes: the ones agreed on, and that every other input has a class."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urgentaction.channels.contract import RetryClass
from urgentaction.channels.email.smtp import codes as smtp
from urgentaction.channels.email.smtp.replies import Reply
from urgentaction.channels.fax.telnyx import codes as telnyx
from urgentaction.channels.registry import KINDS, attempt_limit, is_about_us
from urgentaction.channels.sms.twilio import codes as twilio

SOON, BUSY, LATER, THROTTLE, FIX_FIRST, NEVER, OPT_OUT = RetryClass


@pytest.mark.parametrize(
    ("code", "enhanced", "text", "expected"),
    [
        (550, "5.1.1", "no such user", NEVER),
        (550, "5.1.2", "", NEVER),
        (556, "5.1.10", "null MX", NEVER),
        (550, "5.2.1", "disabled", NEVER),
        (552, "5.2.2", "mailbox full", LATER),
        (554, "5.7.1", "blocked using a list", FIX_FIRST),
        (550, "5.7.26", "DMARC", FIX_FIRST),
        (552, "5.3.4", "too big", FIX_FIRST),
        (554, "5.6.0", "", FIX_FIRST),
        (501, "5.5.4", "", FIX_FIRST),
        (535, "5.7.8", "bad password", FIX_FIRST),
        (535, "", "bad password", FIX_FIRST),
        (530, "", "authentication required", FIX_FIRST),
        (421, "", "closing", SOON),
        (421, "4.7.0", "too many connections", THROTTLE),
        (450, "4.7.28", "rate", THROTTLE),
        (451, "4.7.1", "greylisted", SOON),
        (451, "", "try again", SOON),
        (452, "4.2.2", "mailbox full", LATER),
        (451, "4.3.2", "", SOON),
        (450, "4.4.7", "", SOON),
        (550, "", "no such user", NEVER),
        (550, "", "message looks like spam", FIX_FIRST),
        (554, "", "your host is on a blocklist", FIX_FIRST),
        (554, "", "relay access denied", FIX_FIRST),
        (450, "5.1.1", "contradiction", SOON),
        (550, "4.7.1", "contradiction", NEVER),
    ],
)
def test_smtp_replies(code: int, enhanced: str, text: str, expected: RetryClass) -> None:
    assert smtp.classify(code, enhanced, text) is expected


def test_unlisted_smtp_codes_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert smtp.classify(499, "", "?") is LATER
        assert smtp.classify(599, "", "?") is NEVER
        assert smtp.classify(450, "4.9.9", "?") is SOON
    assert [record.args for record in caplog.records] == [(499, "(no enhanced code)"), (599, "(no enhanced code)")]


@given(code=st.integers(400, 599), text=st.text(max_size=40), step=st.sampled_from(smtp.Step))
def test_a_reply_blames_one_party_only(code: int, text: str, step: smtp.Step) -> None:
    for enhanced in ("", f"{code // 100}.3.2", f"{code // 100}.7.28", f"{code // 100}.7.8"):
        refused = Reply(code, f"{enhanced} {text}").refusal(step, domain="office.invalid")
        blamed = [refused.is_about_us, refused.is_gateway_fault, refused.is_about_domain]
        assert sum(blamed) <= 1
        if refused.is_gateway_fault:
            assert code < 500
            assert step is not smtp.Step.RCPT
        if refused.is_about_domain:
            assert step.is_recipient_named


ENHANCED = st.one_of(st.just(""), st.from_regex(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}", fullmatch=True))


@given(code=st.integers(400, 599), enhanced=ENHANCED, text=st.text(max_size=40))
def test_every_smtp_reply_has_a_class(code: int, enhanced: str, text: str) -> None:
    found = smtp.classify(code, enhanced, text)
    assert isinstance(found, RetryClass)
    assert code >= 500 or found is not NEVER, "a passing refusal never condemns an address"


@given(detail=st.integers(0, 999))
def test_our_reputation_and_a_full_mailbox_never_condemn_an_address(detail: int) -> None:
    assert smtp.classify(550, f"5.7.{detail}", "") is FIX_FIRST
    assert smtp.classify(552, "5.2.2", "") is LATER


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("user_busy", BUSY),
        ("receiver_call_dropped", SOON),
        ("fax_signaling_error", SOON),
        ("service_unavailable", SOON),
        ("receiver_no_answer", LATER),
        ("no_response", LATER),
        ("destination_unreachable", LATER),
        ("fax_initial_communication_timeout", LATER),
        ("file_format_invalid", FIX_FIRST),
        ("page_count_limit_exceeded", FIX_FIRST),
        ("no_outbound_profile", FIX_FIRST),
        ("account_disabled", FIX_FIRST),
        ("destination_invalid", NEVER),
        ("receiver_unallocated_number", NEVER),
    ],
)
def test_telnyx_failure_reasons(reason: str, expected: RetryClass) -> None:
    assert telnyx.classify(reason) is expected


@given(reason=st.text(max_size=40))
def test_every_telnyx_reason_has_a_class(reason: str) -> None:
    known = telnyx.FAILURE_REASONS.get(reason.strip().lower(), LATER)
    assert telnyx.classify(reason) is known


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (21610, OPT_OUT),
        *((code, NEVER) for code in (21211, 21614, 21635, 30005, 30006)),
        *((code, FIX_FIRST) for code in (21408, 21606, 21612, 30034, 30007, 20003)),
        *((code, LATER) for code in (30001, 30003, 21730, 30008, 30500, 30004)),
        *((code, THROTTLE) for code in (21611, 20429)),
    ],
)
def test_twilio_codes(code: int, expected: RetryClass) -> None:
    assert twilio.classify(code) is expected


@given(code=st.integers(-1, 99_999))
def test_every_twilio_code_has_a_class(code: int) -> None:
    assert twilio.classify(code) is twilio.CODES.get(code, LATER)


@given(status=st.integers(300, 599), code=st.sampled_from([0, *twilio.CODES]))
def test_a_server_fault_stays_unknown_whatever_code_comes_with_it(status: int, code: int) -> None:
    is_unknown = twilio.classify_refusal(status, code) is None
    assert is_unknown == (status >= 500 and status != 503)


@pytest.mark.parametrize(
    ("kind", "code", "limit"),
    [("twilio", "30004", 2), ("twilio", "30003", None), ("telnyx", "fax_initial_communication_timeout", 2)],
)
def test_some_codes_are_worth_only_so_many_tries(kind: str, code: str, limit: int | None) -> None:
    assert attempt_limit(kind, code) == limit


def test_attempt_limits_are_for_codes_that_would_be_tried_again() -> None:
    for code in KINDS["telnyx"].attempt_limits:
        assert telnyx.classify(code) in {SOON, LATER}
    for code in KINDS["twilio"].attempt_limits:
        assert twilio.classify(int(code)) in {SOON, LATER}


@pytest.mark.parametrize(
    ("kind", "code", "expected"),
    [
        ("telnyx", "account_disabled", True),
        ("telnyx", "no_outbound_profile", True),
        ("telnyx", "file_format_invalid", False),
        ("telnyx", "page_count_limit_exceeded", False),
        ("telnyx", "destination_not_in_countries_whitelist", False),
        ("twilio", "30002", True),
        ("twilio", "30034", True),
        ("twilio", "30007", False),
        ("smtp", "5.7.1", False),
    ],
)
def test_a_code_that_comes_by_receipt_tells_whom_it_blames(kind: str, code: str, expected: bool) -> None:  # noqa: FBT001
    assert is_about_us(kind, code) is expected


def test_what_blames_us_must_be_fixed_first() -> None:
    assert {telnyx.classify(code) for code in KINDS["telnyx"].about_us} == {FIX_FIRST}
    assert {twilio.classify(int(code)) for code in KINDS["twilio"].about_us} == {FIX_FIRST}


@pytest.mark.parametrize(
    ("kind", "status", "code", "expected"),
    [
        ("telnyx", 503, "10007", True),
        ("telnyx", 503, "", True),
        ("telnyx", 503, "service_unavailable", True),
        ("telnyx", 503, "user_busy", False),
        ("telnyx", 408, "", True),
        ("telnyx", 425, "", True),
        ("telnyx", 429, "10011", False),
        ("telnyx", 422, "service_unavailable", False),
        ("twilio", 503, 20503, True),
        ("twilio", 503, 0, True),
        ("twilio", 503, 21211, False),
        ("twilio", 429, 20429, False),
        ("twilio", 400, 20503, False),
    ],
)
def test_only_a_gateway_that_can_take_nothing_is_at_fault(
    kind: str,
    status: int,
    code: object,
    expected: bool,  # noqa: FBT001
) -> None:
    table = {"telnyx": telnyx, "twilio": twilio}[kind]
    assert table.is_gateway_fault(status, code) is expected


@pytest.mark.parametrize(
    ("status", "code", "pointer", "expected"),
    [
        (401, "10009", "", True),
        (402, "", "", True),
        (403, "", "", True),
        (403, "10010", "/to", False),
        (404, "10005", "", True),
        (422, "10015", "/from", True),
        (422, "10015", "/connection_id", True),
        (422, "10015", "/media_url", False),
        (422, "account_disabled", "", True),
        (422, "file_format_invalid", "", False),
    ],
)
def test_whom_a_telnyx_error_blames(status: int, code: str, pointer: str, expected: bool) -> None:  # noqa: FBT001
    assert telnyx.is_about_us(status, code, pointer) is expected
