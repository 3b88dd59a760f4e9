"""Mail that comes back, as servers and people write it: what it is, whose it is, and what it says."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from urgentaction.channels.contract import RetryClass
from urgentaction.receipts.bounces import Action, IncomingMail, MailKind, parse_mail

MAILS = Path(__file__).with_name("mails")
REFERENCE = "d12k-0123456789abcdef0123"
NEVER, LATER, FIX_FIRST = RetryClass.NEVER, RetryClass.LATER, RetryClass.FIX_FIRST


def sample(name: str) -> bytes:
    return (MAILS / f"{name}.eml").read_bytes().replace(b"{REF}", REFERENCE.encode())


def parsed(name: str, **envelope: str) -> IncomingMail:
    return parse_mail(sample(name), **envelope)


@pytest.mark.parametrize(
    ("name", "action", "code", "retry_class"),
    [
        ("postfix_unknown_user", Action.FAILED, "5.1.1", NEVER),
        ("postfix_delayed", Action.DELAYED, "4.4.1", None),
        ("postfix_expired", Action.FAILED, "4.4.1", LATER),
        ("postfix_delivered", Action.DELIVERED, "2.1.5", None),  # one of two arrived
        ("exim_unknown_user", Action.FAILED, "5.1.1", NEVER),  # the status says 5.0.0, the server's words more
        ("exim_plain", Action.FAILED, "5.1.1", NEVER),
        ("qmail_plain", Action.FAILED, "5.0.0", NEVER),
        ("exchange_full", Action.FAILED, "5.2.2", LATER),
        ("sendmail_unknown_host", Action.FAILED, "5.1.2", NEVER),
        ("gmail_blocked", Action.FAILED, "5.7.26", FIX_FIRST),
        ("utf8_report", Action.FAILED, "5.1.1", NEVER),
    ],
)
def test_a_report_says_what_became_of_our_mail(
    name: str, action: Action, code: str, retry_class: RetryClass | None
) -> None:
    mail = parsed(name)
    assert mail.kind is MailKind.REPORT
    assert mail.report is not None
    assert (mail.report.action, mail.report.code, mail.report.retry_class) == (action, code, retry_class)
    assert mail.references == (REFERENCE,)


def test_each_recipient_of_a_report_is_read() -> None:
    assert [(one.action, one.code) for one in parsed("postfix_delivered").reports] == [
        (Action.FAILED, "5.1.1"),
        (Action.DELIVERED, "2.1.5"),
    ]


@pytest.mark.parametrize("path", sorted(MAILS.glob("*.eml")), ids=lambda path: path.stem)
def test_what_is_kept_in_clear_names_nobody(path: Path) -> None:
    mail = parsed(path.stem)
    for report in mail.reports:
        assert "@" not in report.text
        assert "0142" not in report.text  # a telephone number
    assert "@" not in repr(mail)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("arf_abuse", MailKind.COMPLAINT),
        ("arf_redacted", MailKind.COMPLAINT),
        ("arf_not_spam", MailKind.UNREADABLE),
        ("out_of_office", MailKind.AUTOMATIC),
        ("out_of_office_old", MailKind.AUTOMATIC),
        ("read_receipt", MailKind.AUTOMATIC),
        ("reply", MailKind.REPLY),
        ("reply_with_forwarded_bounce", MailKind.REPLY),
        ("unreadable", MailKind.UNREADABLE),
    ],
)
def test_what_is_no_report_is_told_apart(name: str, kind: MailKind) -> None:
    mail = parsed(name)
    assert mail.kind is kind
    assert mail.reports == ()
    assert mail.report is None
    assert mail.references == (() if name == "reply_with_forwarded_bounce" else (REFERENCE,))


def test_a_complaint_names_its_kind_and_whom_it_is_about() -> None:
    mail = parsed("arf_abuse")
    assert (mail.feedback, mail.sender) == ("abuse", "friend1@supporters.invalid")


def test_the_envelope_is_believed_before_any_header() -> None:
    other = "d9-ffffffffffffffffffff"
    mail = parsed("postfix_unknown_user", recipient=f"B+{other.upper()}@bounces.urgentaction.invalid")
    assert mail.references == (other, REFERENCE)


def test_a_forwarder_may_have_wrapped_the_return_path() -> None:
    wrapped = f"SRS0=a1=xy=bounces.urgentaction.invalid=b+{REFERENCE}@forwarder.invalid"
    assert parse_mail(b"From: x@y.invalid\n\nhello", recipient=wrapped).references == (REFERENCE,)


def test_words_about_a_delivery_status_in_somebodys_text_are_no_report() -> None:
    raw = b"From: MAILER-DAEMON is down <kim@y.invalid>\nSubject: help\n\nAction: failed\nStatus: 5.1.1\n"
    assert parse_mail(raw).kind is MailKind.REPLY


@pytest.mark.parametrize(
    "block",
    [
        b"Action: failed\n",
        b"Action: error\nStatus: nonsense\n",
        b"Status: 5.0.0\nFinal-Recipient: <a@b.invalid>\n",
        b"Action: failed\nStatus: 5.1.1 (bad address)\nDiagnostic-Code: \xff\xfe\x00\n",
    ],
)
def test_sloppy_reports_are_failures_all_the_same(block: bytes) -> None:
    raw = (
        b"From: mailer-daemon@x.invalid\nContent-Type: multipart/report; boundary=b\n\n"
        b"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n" + block + b"\n--b--\n"
    )
    mail = parse_mail(raw)
    assert mail.kind is MailKind.REPORT
    assert [one.action for one in mail.reports] == [Action.FAILED]
    assert mail.reports[0].retry_class is NEVER


def test_a_mail_that_breaks_the_parser_is_shown_and_not_lost(caplog: pytest.LogCaptureFixture) -> None:
    deep = b"".join(b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (n, n) for n in range(3000))
    with caplog.at_level(logging.CRITICAL):
        mail = parse_mail(deep, recipient=f"b+{REFERENCE}@bounces.urgentaction.invalid")
    assert mail.references == (REFERENCE,)
    assert mail.kind in (MailKind.UNREADABLE, MailKind.REPLY)


FIELDS = st.sampled_from(
    [
        b"From: MAILER-DAEMON@x.invalid\n",
        b"Return-Path: <>\n",
        b"Auto-Submitted: auto-replied\n",
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n",
        b"Content-Type: multipart/report; boundary*0*=utf-8''%FF; boundary=b\n",
        b"Content-Transfer-Encoding: base64\n",
        b"Content-Type: text/plain; charset=\xff\n",
        b"\n",
        b"--b\n",
        b"--b\nContent-Type: message/delivery-status\n\n",
        b"--b\nContent-Type: message/feedback-report\n\n",
        b"--b\nContent-Type: message/global-headers\n\n",
        b"--b\nContent-Type: text/rfc822-headers\nContent-Transfer-Encoding: x-uuencode\n\n",
        b"--b\nContent-Type: message/rfc822\n\n",
        b"Action: failed\nStatus: 5.1.1\n",
        b"Final-Recipient: rfc822; =?utf-8?q?=FF?= <\xff@x.invalid\n",
        b"Diagnostic-Code: smtp; 550 5.1.1 \xed\xa0\x80\x00\n",
        b"Feedback-Type: abuse\n",
        b"--b--\n",
    ]
)


@settings(max_examples=300, deadline=None)
@given(raw=st.one_of(st.binary(max_size=400), st.lists(FIELDS | st.binary(max_size=30), max_size=25).map(b"".join)))
def test_no_bytes_break_it(raw: bytes) -> None:
    logging.disable(logging.CRITICAL)
    try:
        mail = parse_mail(raw)
    finally:
        logging.disable(logging.NOTSET)
    assert (mail.kind is MailKind.REPORT) == bool(mail.reports)
    for report in mail.reports:
        assert (report.retry_class is not None) == (report.action is Action.FAILED)
        assert len(report.code) <= 60
        assert len(report.text) <= 300


@settings(max_examples=100, deadline=None)
@given(cut=st.integers(min_value=0, max_value=4000), path=st.sampled_from(sorted(MAILS.glob("*.eml"))))
def test_half_a_mail_does_not_break_it_either(cut: int, path: Path) -> None:
    assert parse_mail(path.read_bytes()[:cut]).kind in MailKind
