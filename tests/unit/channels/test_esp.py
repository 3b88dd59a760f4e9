"""The gateway to mail providers: what it asks of them, and what it makes of their answers and of their silence."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Callable, Sequence
from urllib.parse import parse_qs

import pytest

from tests.unit.channels.esp_shapes import (
    READERS,
    TAKEN,
    answered,
    batch_answer,
    body_of,
    copies,
    gateway,
    read_mailgun,
)
from tests.unit.channels.hostile import HANG_UP, SILENCE, HttpScript, Server, http_answer
from tests.unit.channels.samples import COPY, MAIL, MAILING
from urgentaction.channels.contract import (
    Accepted,
    Attachment,
    Outcome,
    Refused,
    RetryClass,
    Unknown,
)
from urgentaction.channels.email.esp.providers import TRAITS, Provider
from urgentaction.channels.mailing import Copy, written_out

Start = Callable[[HttpScript], Server]
each_provider = pytest.mark.parametrize("provider", list(Provider))


def mailed(
    start: Start, provider: Provider, some: Sequence[Copy], *answers: bytes, **more: str
) -> tuple[list[Outcome], HttpScript]:
    """The outcomes in the order of the copies, and what was asked for."""
    esp = gateway(provider, start(script := HttpScript(list(answers))).port, **more)
    told = dict(esp.submit_mailing(MAILING, some, lambda _: True))
    esp.close()
    assert sorted(told) == list(range(len(some))), "exactly one outcome each"
    return [told[place] for place in range(len(some))], script


@each_provider
def test_one_request_carries_everybodys_own_copy(start: Start, provider: Provider) -> None:
    some = copies(3)
    outcomes, script = mailed(start, provider, some, batch_answer(provider, some))
    assert [type(outcome) for outcome in outcomes] == [Accepted] * 3
    (request,) = script.requests
    read = READERS[provider](body_of(request))
    assert list(read) == [copy.to for copy in some]
    for copy in some:
        wanted, got = written_out(MAILING, copy), read[copy.to]
        assert (got["text"], got["html"], got["subject"]) == (wanted.text, wanted.html, wanted.subject)
        assert got["reference"] == copy.reference
        headers = {name.lower(): value for name, value in got["headers"].items()}
        assert headers["list-unsubscribe"] == f"<{copy.values[1]}>"
        assert headers["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
        assert (headers["auto-submitted"], headers["content-language"]) == ("auto-generated", "en")
        assert headers.get("message-id") == (copy.message_id if TRAITS[provider].keeps_message_id_in_batch else None)


def test_nobody_is_watched_reading(start: Start) -> None:
    some = copies(2)
    sent = {p: mailed(start, p, some, batch_answer(p, some))[1].requests[0] for p in Provider if TRAITS[p].may_track}
    assert json.loads(body_of(sent[Provider.POSTMARK]))[0]["TrackOpens"] is False
    assert json.loads(body_of(sent[Provider.POSTMARK]))[0]["TrackLinks"] == "None"
    assert parse_qs(body_of(sent[Provider.MAILGUN]))["o:tracking-opens"] == ["no"]
    settings = json.loads(body_of(sent[Provider.SENDGRID]))["tracking_settings"]
    assert settings["open_tracking"] == {"enable": False}


def test_two_copies_to_one_address_go_in_two_requests(start: Start) -> None:
    first, second = copies(2)
    some = [first, dataclasses.replace(second, to=first.to)]
    answers = [batch_answer(Provider.MAILGUN, [copy]) for copy in some]
    outcomes, script = mailed(start, Provider.MAILGUN, some, *answers)
    assert [type(outcome) for outcome in outcomes] == [Accepted] * 2
    assert [read_mailgun(body_of(request))[first.to]["reference"] for request in script.requests] == ["d-0", "d-1"]


def test_a_domain_in_another_script_is_told_as_dns_knows_it(start: Start) -> None:
    some = [dataclasses.replace(COPY, to="friend@\ud55c\uad6d.invalid")]
    for provider in Provider:
        answer = batch_answer(provider, [dataclasses.replace(COPY, to="friend@xn--3e0b707e.invalid")])
        outcomes, script = mailed(start, provider, some, answer)
        assert [type(outcome) for outcome in outcomes] == [Accepted], provider
        assert list(READERS[provider](body_of(script.requests[0]))) == ["friend@xn--3e0b707e.invalid"]


# How much goes at once, and when it ends.


def test_a_mailing_goes_in_requests_of_as_many_copies_as_configured(start: Start) -> None:
    some = copies(25)
    answers = [batch_answer(Provider.POSTMARK, some[n : n + 10]) for n in (0, 10, 20)]
    outcomes, script = mailed(start, Provider.POSTMARK, some, *answers, batch="10")
    assert outcomes == [Accepted(f"m-{copy.to}") for copy in some]
    assert [len(json.loads(body_of(request))) for request in script.requests] == [10, 10, 5]


def test_what_may_not_be_begun_is_not_sent_and_what_was_begun_is(start: Start) -> None:
    some = copies(8)
    answers = [batch_answer(Provider.POSTMARK, some[:4]), batch_answer(Provider.POSTMARK, some[4:6])]
    esp = gateway(Provider.POSTMARK, start(script := HttpScript(answers)).port, batch="4")
    told = dict(esp.submit_mailing(MAILING, some, lambda place: place < 6))
    esp.close()
    assert sorted(told) == [0, 1, 2, 3, 4, 5]
    assert [len(json.loads(body_of(request))) for request in script.requests] == [4, 2]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (answered(429, {"message": "slow down"}, "Retry-After: 7\r\n"), "429"),
        (answered(503, {"message": "maintenance"}), "503"),
        (answered(401, {"message": "Invalid private key"}), "401"),
    ],
)
def test_where_the_provider_takes_nothing_it_is_not_asked_again(start: Start, answer: bytes, code: str) -> None:
    outcomes, script = mailed(start, Provider.MAILGUN, copies(6), answer, batch="2")
    assert {outcome.code for outcome in outcomes if isinstance(outcome, Refused)} == {code}
    assert [type(outcome) for outcome in outcomes] == [Refused] * 6
    assert len(script.requests) == 1


# What the answers mean.


#: SendGrid says nothing but the status.
GARBLED: list[tuple[Provider, bytes]] = [
    (provider, http_answer(200, b"<html>")) for provider in Provider if provider is not Provider.SENDGRID
]
BROKEN = [(p, answer) for p in Provider for answer in (SILENCE, HANG_UP, answered(500, {}), http_answer(502))]


@pytest.mark.parametrize(("provider", "answer"), BROKEN + GARBLED)
def test_a_request_without_an_answer_is_unknown_for_exactly_its_copies(
    start: Start, provider: Provider, answer: bytes
) -> None:
    some = copies(5)
    outcomes, script = mailed(start, provider, some, answer, batch_answer(provider, some[3:]), batch="3")
    assert [type(outcome) for outcome in outcomes] == [Unknown] * 3 + [Accepted] * 2
    assert len(script.requests) == 2, "never repeated"


def test_a_provider_that_can_not_be_reached_has_taken_nothing() -> None:
    told = list(gateway(Provider.POSTMARK).submit_mailing(MAILING, copies(3), lambda _: True))
    assert {(one.retry_class, one.code) for _, one in told if isinstance(one, Refused)} == {
        (RetryClass.SOON, "connect")
    }
    assert len(told) == 3


@pytest.mark.parametrize(
    ("provider", "answer", "retry_class", "code", "is_about_us"),
    [
        (Provider.POSTMARK, answered(401, {"ErrorCode": 10, "Message": "No token"}), RetryClass.FIX_FIRST, "10", True),
        (Provider.POSTMARK, answered(422, {"ErrorCode": 400, "Message": "x"}), RetryClass.FIX_FIRST, "400", True),
        (Provider.POSTMARK, answered(422, {"ErrorCode": 406, "Message": "x"}), RetryClass.NEVER, "406", False),
        (
            Provider.POSTMARK,
            answered(422, {"ErrorCode": 300, "Message": "Invalid 'To' address: 'a@b'."}),
            RetryClass.NEVER,
            "5.1.3",
            False,
        ),
        (
            Provider.POSTMARK,
            answered(422, {"ErrorCode": 300, "Message": "Invalid 'From' address"}),
            RetryClass.FIX_FIRST,
            "300",
            False,
        ),
        (Provider.MAILGUN, http_answer(401, b"Forbidden"), RetryClass.FIX_FIRST, "401", True),
        (
            Provider.MAILGUN,
            answered(400, {"message": "'to' parameter is not a valid address. please check documentation"}),
            RetryClass.NEVER,
            "5.1.3",
            False,
        ),
        (Provider.MAILGUN, answered(400, {"message": "'from' is missing"}), RetryClass.FIX_FIRST, "400", False),
        (Provider.MAILGUN, answered(429, {"message": "x"}, "Retry-After: 7\r\n"), RetryClass.THROTTLE, "429", False),
        (
            Provider.BREVO,
            answered(400, {"code": "invalid_parameter", "message": "email is not valid in to"}),
            RetryClass.NEVER,
            "5.1.3",
            False,
        ),
        (
            Provider.BREVO,
            answered(402, {"code": "not_enough_credits", "message": "x"}),
            RetryClass.FIX_FIRST,
            "not_enough_credits",
            True,
        ),
        (
            Provider.SENDGRID,
            answered(400, {"errors": [{"message": "no address", "field": "personalizations.0.to.0.email"}]}),
            RetryClass.NEVER,
            "5.1.3",
            False,
        ),
        (Provider.SENDGRID, answered(413, {"errors": [{"message": "big"}]}), RetryClass.FIX_FIRST, "413", False),
    ],
)
def test_a_refusal_of_one_mail(
    start: Start,
    provider: Provider,
    answer: bytes,
    retry_class: RetryClass,
    code: str,
    is_about_us: bool,  # noqa: FBT001
) -> None:
    esp = gateway(provider, start(HttpScript([answer])).port)
    outcome = esp.submit(MAIL)
    esp.close()
    assert isinstance(outcome, Refused)
    assert (outcome.retry_class, outcome.code, outcome.is_about_us) == (retry_class, code, is_about_us)
    assert (outcome.retry_after is not None) is (retry_class is RetryClass.THROTTLE)


def test_postmark_answers_for_each_of_a_batch(start: Start) -> None:
    some = copies(4)
    answer = answered(
        200,
        [
            TAKEN[Provider.POSTMARK] | {"To": some[0].to},
            {"ErrorCode": 406, "Message": f"inactive addresses: {some[1].to}"},
            {"ErrorCode": 300, "Message": f"Invalid 'To' address: '{some[2].to}'."},
            {"ErrorCode": 300, "Message": "Metadata is too long"},
        ],
    )
    outcomes, script = mailed(start, Provider.POSTMARK, some, answer)
    assert outcomes[0] == Accepted("m-1")
    refusals = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    assert [(refusal.retry_class, refusal.code) for refusal in refusals] == [
        (RetryClass.NEVER, "406"),
        (RetryClass.NEVER, "5.1.3"),
        (RetryClass.FIX_FIRST, "300"),
    ]
    assert not any("person" in refusal.text for refusal in refusals)
    assert len(script.requests) == 1


def test_an_answer_about_fewer_than_were_sent_says_nothing_of_any(start: Start) -> None:
    outcomes, _ = mailed(start, Provider.POSTMARK, copies(2), answered(200, [TAKEN[Provider.POSTMARK]]))
    assert [type(outcome) for outcome in outcomes] == [Unknown] * 2


def test_one_bad_address_does_not_hold_up_the_others(start: Start) -> None:
    bad = answered(400, {"message": "'to' parameter is not a valid address. please check documentation"})
    good = answered(200, TAKEN[Provider.MAILGUN])
    # All four; the first two; the last two; the third; the fourth.
    outcomes, script = mailed(start, Provider.MAILGUN, copies(4), bad, good, bad, bad, good)
    assert [type(outcome) for outcome in outcomes] == [Accepted, Accepted, Refused, Accepted]
    assert isinstance(outcomes[2], Refused)
    assert (outcomes[2].retry_class, outcomes[2].code) == (RetryClass.NEVER, "5.1.3")
    assert [len(read_mailgun(body_of(request))) for request in script.requests] == [4, 2, 2, 1, 1]


@pytest.mark.parametrize(
    "to", ["a@b.invalid, c@d.invalid", "A <a@b.invalid>", "nobody", "a@b.invalid\r\nBcc: c@d.invalid"]
)
def test_what_is_not_one_plain_address_is_never_handed_over(to: str) -> None:
    some = [dataclasses.replace(COPY, to=to)]
    ((_, outcome),) = gateway(Provider.MAILGUN).submit_mailing(MAILING, some, lambda _: True)
    assert isinstance(outcome, Refused)
    assert (outcome.retry_class, outcome.code) == (RetryClass.FIX_FIRST, "invalid-message")
    single = gateway(Provider.MAILGUN).submit(dataclasses.replace(MAIL, to=to))
    assert isinstance(single, Refused)
    assert single.code == "invalid-message"


# Letters.


@each_provider
def test_a_letter_goes_by_itself_with_its_attachment(start: Start, provider: Provider) -> None:
    letter = dataclasses.replace(MAIL, attachments=(Attachment("letter.pdf", "application/pdf", b"%PDF-1.7 \xff"),))
    script = HttpScript([answered(200, TAKEN[provider])])
    esp = gateway(provider, start(script).port)
    outcome = esp.submit(letter)
    esp.close()
    assert isinstance(outcome, Accepted)
    assert outcome.ref
    request = script.requests[0]
    encoded = base64.b64encode(letter.attachments[0].content)
    assert letter.attachments[0].content in request if provider is Provider.MAILGUN else encoded in request
    assert b"letter.pdf" in request
    assert letter.reference.encode() in request
    assert (letter.message_id.encode() in request) is TRAITS[provider].keeps_message_id
    if provider is Provider.POSTMARK:
        headers = json.loads(body_of(request))["Headers"]
        assert {"Name": "X-PM-KeepID", "Value": "true"} in headers


def test_the_key_is_sent_and_never_shown(start: Start) -> None:
    for provider in Provider:
        esp = gateway(provider, start(script := HttpScript([answered(401, {"message": "no"})])).port)
        health = esp.check()
        assert not health.is_ok
        assert "s3cret" not in f"{esp!r} {health}"
        basic = base64.b64encode(b"api:s3cret-key")
        assert b"s3cret-key" in script.requests[0] or basic in script.requests[0]
        assert script.requests[0].startswith(b"GET ")
        esp.close()
