"""The SMTP gateway against servers that misbehave: each case ends on the right side of the point of no return."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Callable, Iterator

import pytest

from tests.unit.channels.hostile import HANG_UP, SILENCE, Server, SmtpScript
from tests.unit.channels.samples import MAIL, config
from urgentaction.channels.contract import Accepted, CannotTell, Gateway, Lookup, Outcome, Refused, RetryClass, Unknown
from urgentaction.channels.registry import build

Start = Callable[[SmtpScript], Server]
PIPELINING = ("PIPELINING", "8BITMIME", "SIZE 1000000")


_built: list[Gateway] = []


@pytest.fixture(autouse=True)
def all_closed() -> Iterator[None]:
    yield
    while _built:
        _built.pop().close()


def gateway(port: int, **options: str) -> Gateway:
    _built.append(build(config("smtp", {"host": "127.0.0.1", "tls": "none", "port": str(port), **options})))
    return _built[-1]


def outcome_of(start: Start, script: SmtpScript, **options: str) -> Outcome:
    return gateway(start(script).port, **options).submit(MAIL)


@pytest.fixture(params=[(), ("PIPELINING",)], ids=["in turn", "pipelined"])
def features(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return ("8BITMIME", "SIZE 1000000", *request.param)


@pytest.mark.parametrize("is_dribbling", [False, True])
def test_a_message_arrives_with_its_dots(start: Start, features: tuple[str, ...], is_dribbling: bool) -> None:  # noqa: FBT001
    script = SmtpScript(features, is_dribbling=is_dribbling)
    assert outcome_of(start, script) == Accepted(MAIL.message_id)
    assert script.commands[1:4] == [
        f"MAIL FROM:<{MAIL.return_path}> SIZE={len(script.messages[0])}",
        f"RCPT TO:<{MAIL.to}>",
        "DATA",
    ]
    assert script.messages[0].endswith(MAIL.text.replace("\n", "\r\n").encode())


@pytest.mark.parametrize(
    ("reply", "ref"),
    [
        (b"250 2.0.0 Ok: queued as 4F1c2-X\r\n", "4F1c2-X"),
        (b"250 OK id=1qXyz-0001-AB\r\n", "1qXyz-0001-AB"),
        (b"250-2.0.0 Ok\r\n250 queued as ABCDEF\r\n", "ABCDEF"),
        (b"250\r\n", MAIL.message_id),
    ],
)
def test_the_queue_id_is_the_reference(start: Start, reply: bytes, ref: str) -> None:
    assert outcome_of(start, SmtpScript(replies={"DOT": [reply]})) == Accepted(ref)


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("end", [HANG_UP, SILENCE, b"what?\r\n"])
def test_what_breaks_before_the_final_dot_is_not_sent(
    start: Start, features: tuple[str, ...], step: str, end: bytes
) -> None:
    outcome = outcome_of(start, SmtpScript(features, {step: [end]}))
    assert isinstance(outcome, Refused)
    assert outcome.retry_class is RetryClass.SOON
    assert "Nothing was handed over" in outcome.text
    assert outcome.is_gateway_fault


@pytest.mark.parametrize("end", [HANG_UP, SILENCE, b"what?\r\n", b"250-first line +\r\n" + HANG_UP, b"300 hm\r\n"])
def test_silence_after_the_final_dot_is_unknown(start: Start, features: tuple[str, ...], end: bytes) -> None:
    script = SmtpScript(features, {"DOT": [end]})
    assert isinstance(outcome_of(start, script), Unknown)
    assert len(script.messages) == 1, "never sent twice"


def test_a_server_that_stops_reading_within_the_message_got_nothing(start: Start) -> None:
    script = SmtpScript(replies={"DATA": [b"354 go on\r\n+" + HANG_UP]})
    mail = gateway(start(script).port)
    outcome = mail.submit(dataclasses.replace(MAIL, text="x" * 70 + "\n" + "y" * 60 + "\n", subject="z" * 900))
    assert isinstance(outcome, Refused | Unknown)  # small: it may all be in the kernel before the end is seen
    big = SmtpScript(("8BITMIME",), {"DATA": [b"354 go on\r\n+" + HANG_UP]})
    other = gateway(start(big).port)
    outcome = other.submit(dataclasses.replace(MAIL, text="line of text\n" * 1_000_000))
    assert isinstance(outcome, Refused)
    assert outcome.retry_class is RetryClass.SOON


@pytest.mark.parametrize(
    ("step", "reply", "code", "retry_class"),
    [
        ("RCPT", b"550 5.1.1 no such user\r\n", "5.1.1", RetryClass.NEVER),
        ("RCPT", b"550 no such user\r\n", "550", RetryClass.NEVER),
        ("RCPT", b"451 4.7.1 greylisted\r\n", "4.7.1", RetryClass.SOON),
        ("RCPT", b"452-4.2.2 full\r\n452 4.2.2 really\r\n", "4.2.2", RetryClass.LATER),
        ("MAIL", b"550 no such user\r\n", "550", RetryClass.FIX_FIRST),
        ("MAIL", b"530 5.7.0 log in first\r\n", "5.7.0", RetryClass.FIX_FIRST),
        ("DATA", b"554 5.5.1 no valid recipients\r\n", "5.5.1", RetryClass.FIX_FIRST),
        ("DOT", b"552 5.3.4 too big\r\n", "5.3.4", RetryClass.FIX_FIRST),
        ("DOT", b"451 4.3.0 disk\r\n", "4.3.0", RetryClass.SOON),
        ("DOT", b"554 5.7.1 spam\r\n", "5.7.1", RetryClass.FIX_FIRST),
    ],
)
def test_a_refusal_is_classified_and_the_connection_goes_on(
    start: Start, features: tuple[str, ...], step: str, reply: bytes, code: str, retry_class: RetryClass
) -> None:
    server = start(script := SmtpScript(features, {step: [reply]}))
    mail = gateway(server.port)
    outcome = mail.submit(MAIL)
    assert isinstance(outcome, Refused)
    assert (outcome.code, outcome.retry_class) == (code, retry_class)
    assert mail.submit(MAIL) == Accepted(MAIL.message_id)
    assert server.connections == 1
    assert len([message for message in script.messages if message]) == (2 if step == "DOT" else 1)


@pytest.mark.parametrize(
    ("step", "reply", "is_about_us"),
    [
        ("MAIL", b"550 5.7.1 sender not allowed\r\n", True),
        ("MAIL", b"530 5.7.0 log in first\r\n", True),
        ("MAIL", b"552 5.3.4 too big, by SIZE\r\n", False),
        ("RCPT", b"530 log in first\r\n", True),
        ("RCPT", b"550 5.1.8 sender's domain not found\r\n", True),
        ("RCPT", b"550 5.7.1 policy of this mailbox\r\n", False),
        ("RCPT", b"554 relay access denied\r\n", False),
        ("DATA", b"554 5.5.1 no valid recipients\r\n", False),
        ("DOT", b"554 5.7.1 spam\r\n", False),
        ("DOT", b"552 5.3.4 too big\r\n", False),
        ("RCPT", b"550 5.1.1 no such user\r\n", False),
    ],
)
def test_one_mailbox_or_one_message_is_told_from_what_concerns_all(
    start: Start,
    step: str,
    reply: bytes,
    is_about_us: bool,  # noqa: FBT001
) -> None:
    outcome = outcome_of(start, SmtpScript(replies={step: [reply]}))
    assert isinstance(outcome, Refused)
    assert outcome.is_about_us is is_about_us


@pytest.mark.parametrize(
    ("step", "reply", "is_gateway_fault"),
    [
        ("GREETING", b"421 too many connections\r\n", True),
        ("GREETING", b"hello\r\n", True),
        ("EHLO", b"421 4.3.2 shutting down\r\n+" + HANG_UP, True),
        ("MAIL", b"421 4.3.2 shutting down\r\n", True),
        ("MAIL", b"452 4.3.1 disk full\r\n", True),
        ("MAIL", b"452 4.3.4 larger than there is room\r\n", False),
        ("MAIL", b"451 4.4.0 no way out\r\n", True),
        ("RCPT", b"451 4.4.1 that host does not answer\r\n", False),
        ("RCPT", b"450 4.2.1 mailbox busy\r\n", False),
        ("RCPT", b"451 4.3.0 look-up failed\r\n", False),
        ("RCPT", b"421 try another server\r\n", False),
        ("DATA", b"451 4.3.0 queue file\r\n", True),
        ("DATA", b"250 what?\r\n", True),
        ("DOT", b"452 4.3.1 disk full\r\n", True),
        ("DOT", b"421 closing\r\n", True),
        ("DOT", b"451 4.3.0 the scanner stumbled over this one\r\n", False),
        ("DOT", b"451 4.7.1 try later\r\n", False),
        ("DOT", b"554 5.3.2 no more mail today\r\n", False),
    ],
)
def test_the_servers_own_trouble_is_told_from_the_recipients(
    start: Start,
    step: str,
    reply: bytes,
    is_gateway_fault: bool,  # noqa: FBT001
) -> None:
    script = SmtpScript(replies={step: [reply]})
    outcome = outcome_of(start, script)
    assert isinstance(outcome, Refused)
    assert outcome.is_gateway_fault is is_gateway_fault
    assert not outcome.is_about_us


@pytest.mark.parametrize(
    ("step", "reply", "is_about_domain"),
    [
        ("GREETING", b"421 4.7.0 too many connections\r\n", False),
        ("MAIL", b"450 4.7.28 you write too much\r\n", False),
        ("RCPT", b"450 4.7.28 unusual rate\r\n", True),
        ("RCPT", b"421 4.7.0 try later\r\n", True),
        ("RCPT", b"450 4.2.1 mailbox busy\r\n", False),
        ("DOT", b"421 4.7.28 too much for Office.invalid today\r\n", True),
        ("DOT", b"451 4.7.0 you write too much\r\n", False),
    ],
)
def test_one_domain_that_asks_to_slow_down_is_told_from_the_server(
    start: Start,
    step: str,
    reply: bytes,
    is_about_domain: bool,  # noqa: FBT001
) -> None:
    outcome = outcome_of(start, SmtpScript(replies={step: [reply]}))
    assert isinstance(outcome, Refused)
    assert outcome.is_about_domain is is_about_domain
    assert not outcome.is_gateway_fault
    assert outcome.retry_class is (RetryClass.LATER if b"4.2.1" in reply else RetryClass.THROTTLE)


def test_a_refused_recipient_is_not_mailed_although_data_is_granted(start: Start) -> None:
    replies = {"RCPT": [b"550 5.1.1 no such user\r\n"], "DATA": [b"354 go on\r\n"], "DOT": [b"554 no recipients\r\n"]}
    server = start(script := SmtpScript(PIPELINING, replies))
    mail = gateway(server.port)
    first, second = mail.submit(MAIL), mail.submit(MAIL)
    assert isinstance(first, Refused)
    assert first.code == "5.1.1"
    assert second == Accepted(MAIL.message_id)
    assert script.messages[0] == b"", "a lone dot"
    assert server.connections == 1


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "DOT"])
def test_421_in_the_middle_costs_one_attempt_and_a_connection(
    start: Start, features: tuple[str, ...], step: str
) -> None:
    script = SmtpScript(features, {step: [b"421 4.3.2 shutting down\r\n+" + HANG_UP]})
    server = start(script)
    mail = gateway(server.port)
    outcome = mail.submit(MAIL)
    is_its_fault = step != "RCPT"  # there it may be what the recipient's side said
    assert outcome == Refused(RetryClass.SOON, "4.3.2", "421 4.3.2 shutting down", is_gateway_fault=is_its_fault)
    assert mail.submit(MAIL) == Accepted(MAIL.message_id)
    assert server.connections == 2


@pytest.mark.parametrize("goodbye", [HANG_UP, b"421 4.4.2 idle too long\r\n+" + HANG_UP])
def test_a_connection_closed_between_two_messages_costs_nothing(
    start: Start, features: tuple[str, ...], goodbye: bytes
) -> None:
    script = SmtpScript(features, {"MAIL": [b"250 ok\r\n", goodbye]})
    server = start(script)
    mail = gateway(server.port)
    assert [mail.submit(MAIL) for _ in range(2)] == [Accepted(MAIL.message_id)] * 2
    assert (server.connections, len(script.messages)) == (2, 2)


def test_a_batch_goes_over_one_connection_in_order(start: Start) -> None:
    script = SmtpScript(replies={"RCPT": [b"250 ok\r\n", b"550 5.1.1 gone\r\n"]})
    server = start(script)
    mail = gateway(server.port)
    batch = [dataclasses.replace(MAIL, reference=f"d-{n}", to=f"p{n}@office.invalid") for n in range(4)]
    results = list(mail.submit_many(batch, lambda _: True))
    assert [place for place, _ in results] == [0, 1, 2, 3]
    assert [type(outcome) for _, outcome in results] == [Accepted, Refused, Accepted, Accepted]
    assert server.connections == 1


def test_a_batch_asks_an_unreachable_server_once(start: Start) -> None:
    server = start(SmtpScript(replies={"GREETING": [SILENCE]}))
    results = list(gateway(server.port).submit_many([MAIL] * 50, lambda _: True))
    assert len(results) == 50
    refusals = {(o.retry_class, o.code, o.is_gateway_fault) for _, o in results if isinstance(o, Refused)}
    assert refusals == {(RetryClass.SOON, "closed", True)}
    assert server.connections == 1


@pytest.mark.parametrize(
    ("step", "reply", "retry_class", "code"),
    [
        ("GREETING", b"554 5.7.1 go away\r\n", RetryClass.FIX_FIRST, "5.7.1"),
        ("GREETING", b"421 4.7.0 too many connections\r\n", RetryClass.THROTTLE, "4.7.0"),
        ("GREETING", HANG_UP, RetryClass.SOON, "closed"),
        ("EHLO", HANG_UP, RetryClass.SOON, "closed"),
    ],
)
def test_without_a_session_nothing_was_sent(
    start: Start, step: str, reply: bytes, retry_class: RetryClass, code: str
) -> None:
    outcome = outcome_of(start, SmtpScript(replies={step: [reply]}))
    assert isinstance(outcome, Refused)
    assert (outcome.retry_class, outcome.code) == (retry_class, code)


@pytest.mark.parametrize(
    ("reply", "retry_class", "code"),
    [
        (b"535 5.7.8 wrong password\r\n", RetryClass.FIX_FIRST, "5.7.8"),
        (b"535 wrong password\r\n", RetryClass.FIX_FIRST, "535"),
        (b"454 4.7.0 try again\r\n", RetryClass.THROTTLE, "4.7.0"),
    ],
)
def test_a_refused_login_blames_nobody_but_us(start: Start, reply: bytes, retry_class: RetryClass, code: str) -> None:
    script = SmtpScript((*PIPELINING, "AUTH PLAIN"), {"AUTH": [reply]})
    outcome = outcome_of(start, script, username="u", password="s3cret")
    assert isinstance(outcome, Refused)
    assert (outcome.retry_class, outcome.code) == (retry_class, code)
    assert outcome.is_about_us is (retry_class is RetryClass.FIX_FIRST)
    assert "s3cret" not in outcome.text


@pytest.mark.parametrize("options", [{"tls": "starttls"}, {"username": "u", "password": "p"}])
def test_what_the_server_does_not_offer_must_be_fixed_first(start: Start, options: dict[str, str]) -> None:
    outcome = outcome_of(start, SmtpScript(), **options)
    assert isinstance(outcome, Refused)
    assert (outcome.retry_class, outcome.code, outcome.is_about_us) == (RetryClass.FIX_FIRST, "not-offered", True)


def test_nobody_listening() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    mail = gateway(port)
    outcome = mail.submit(MAIL)
    assert isinstance(outcome, Refused)
    assert (outcome.retry_class, outcome.code, outcome.is_gateway_fault) == (RetryClass.SOON, "connect", True)
    assert not mail.check().is_ok


def test_a_message_beyond_the_servers_limit_is_not_offered_to_it(start: Start) -> None:
    script = SmtpScript(("SIZE 300",))
    outcome = outcome_of(start, script)
    assert isinstance(outcome, Refused)
    assert (outcome.retry_class, outcome.code) == (RetryClass.FIX_FIRST, "5.3.4")
    assert not any(command.startswith("MAIL") for command in script.commands)


@pytest.mark.parametrize("limit", ["SIZE", "SIZE 0", "SIZE lots"])
def test_a_limit_that_is_none(start: Start, limit: str) -> None:
    assert outcome_of(start, SmtpScript((limit,))) == Accepted(MAIL.message_id)


def test_8bitmime_is_used_only_if_offered(start: Start) -> None:
    korean = dataclasses.replace(MAIL, text="안녕하십니까\n")
    for features, is_raw in ((("8BITMIME",), True), ((), False)):
        script = SmtpScript(features)
        gateway(start(script).port).submit(korean)
        assert ("BODY=8BITMIME" in script.commands[1]) is is_raw
        assert ("안녕하십니까".encode() in script.messages[0]) is is_raw
        assert script.messages[0].isascii() is not is_raw


def test_smtputf8_is_used_only_if_needed_and_offered(start: Start) -> None:
    korean = dataclasses.replace(MAIL, to="사람@예시.invalid")
    script = SmtpScript(("8BITMIME", "SMTPUTF8"))
    assert isinstance(gateway(start(script).port).submit(korean), Refused), "the guard knows ASCII domains only"
    ascii_domain = dataclasses.replace(MAIL, to="사람@office.invalid")
    assert isinstance(gateway(start(script).port).submit(ascii_domain), Accepted)
    assert script.commands[-2].startswith("RCPT TO:<사람@office.invalid>")
    assert "SMTPUTF8" in script.commands[-3]
    without = gateway(start(SmtpScript(("8BITMIME",))).port).submit(ascii_domain)
    assert isinstance(without, Refused)
    assert (without.retry_class, without.code) == (RetryClass.NEVER, "smtputf8")


def test_a_message_with_a_line_break_in_a_header_stays_here(start: Start) -> None:
    script = SmtpScript()
    mail = gateway(start(script).port)
    outcome = mail.submit(dataclasses.replace(MAIL, subject="Hello\r\nBcc: x@office.invalid"))
    assert isinstance(outcome, Refused)
    assert (outcome.retry_class, outcome.code) == (RetryClass.FIX_FIRST, "invalid-message")
    assert "subject" in outcome.text
    assert mail.submit(MAIL) == Accepted(MAIL.message_id)
    assert len(script.messages) == 1


def test_a_time_limit_in_the_middle_leaves_no_half_used_connection(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    from urgentaction.channels.email.smtp import session

    def interrupted(_content: bytes) -> bytes:
        raise KeyboardInterrupt

    server = start(SmtpScript())
    mail = gateway(server.port)
    assert isinstance(mail.submit(MAIL), Accepted)
    with monkeypatch.context() as patch:
        patch.setattr(session, "dot_stuff", interrupted)
        with pytest.raises(KeyboardInterrupt):
            mail.submit(MAIL)
    assert isinstance(mail.submit(MAIL), Accepted)
    assert server.connections == 2


def test_check_look_up_and_cancel(start: Start) -> None:
    mail = gateway(start(SmtpScript()).port)
    assert mail.check().is_ok
    assert not mail.cancel("x")
    found = mail.lookup(Lookup(reference="d-1", to=MAIL.to, submitted_from=MAIL.date, submitted_until=MAIL.date))
    assert isinstance(found, CannotTell)
    assert found.is_final
