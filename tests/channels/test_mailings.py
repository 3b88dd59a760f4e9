"""The contract of mailings, put to every gateway that takes them, against the sandbox's real protocols."""

from __future__ import annotations

import dataclasses

import pytest

from tests.channels.bench import Bench, Ear, Sandbox
from tests.unit.channels.samples import MAIL
from urgentaction.channels.contract import Accepted, Gateway, Outcome, OutgoingEmail, Refused, RetryClass, Unknown
from urgentaction.channels.mailing import Copy, Mailing, MailingGateway
from urgentaction.channels.registry import KINDS

TAKES_MAILINGS = [name for name, kind in sorted(KINDS.items()) if kind.load().capabilities.takes_mailings]
pytestmark = pytest.mark.parametrize("bench", TAKES_MAILINGS, indirect=True)

NOTICE = Mailing(
    key="contract",
    sender=MAIL.sender,
    sender_name=MAIL.sender_name,
    reply_to=MAIL.reply_to,
    date=MAIL.date,
    subject=MAIL.subject,
    text="Dear %name%,\n\nNine people at risk.\n",
    html="<p>Dear %name%,</p>\n<p>Nine people at risk.</p>\n",
    language="en",
    headers=(("Precedence", "bulk"),),
    marks=("%name%",),
)


def copy_of(outgoing: object, name: str) -> Copy:
    assert isinstance(outgoing, OutgoingEmail)
    return Copy(
        reference=outgoing.reference,
        attempt=1,
        to=outgoing.to,
        return_path=outgoing.return_path,
        message_id=outgoing.message_id,
        values=(name,),
    )


def copies(bench: Bench, ear: Ear, count: int) -> list[Copy]:
    """To people no other test writes to."""
    return [copy_of(bench.outgoing(ear), f"Person {number} <&>") for number in range(count)]


def mailing_gateway(gateway: Gateway) -> MailingGateway:
    assert isinstance(gateway, MailingGateway)
    return gateway


def counts(sandbox: Sandbox, window: list[Copy]) -> list[int]:
    taken = [entry["to"] for entry in sandbox.accepted()]
    return [taken.count(copy.to) for copy in window]


def test_each_copy_is_in_the_ledger_once_under_the_reference_returned(
    bench: Bench, gateway: Gateway, sandbox: Sandbox, ear: Ear
) -> None:
    window = copies(bench, ear, 20)
    told = dict(mailing_gateway(gateway).submit_mailing(NOTICE, window, lambda _: True))
    assert sorted(told) == list(range(20)), "exactly one outcome each"
    refs = {entry["to"]: entry["ref"] for entry in sandbox.accepted()}
    assert [told[place] for place in range(20)] == [Accepted(refs[copy.to]) for copy in window]
    assert counts(sandbox, window) == [1] * 20


def test_a_refused_copy_costs_no_other(bench: Bench, gateway: Gateway, sandbox: Sandbox, ear: Ear) -> None:
    step, retry_class, code = bench.refusal
    window = copies(bench, ear, 6)
    sandbox.script(bench.channel, window[2].to, step)
    told = dict(mailing_gateway(gateway).submit_mailing(NOTICE, window, lambda _: True))
    refused = told.pop(2)
    assert isinstance(refused, Refused)
    assert (refused.retry_class, refused.code) == (retry_class, code)
    assert sorted(told) == [0, 1, 3, 4, 5]
    assert {type(outcome) for outcome in told.values()} == {Accepted}
    assert counts(sandbox, window) == [1, 1, 0, 1, 1, 1]


def test_no_real_address_is_handed_over(bench: Bench, gateway: Gateway, sandbox: Sandbox, ear: Ear) -> None:
    window = copies(bench, ear, 3)
    window[1] = dataclasses.replace(window[1], to="minister@office.gov")
    told = dict(mailing_gateway(gateway).submit_mailing(NOTICE, window, lambda _: True))
    refused = told[1]
    assert isinstance(refused, Refused)
    assert (refused.retry_class, refused.code) == (RetryClass.NEVER, "sandbox")
    assert counts(sandbox, window) == [1, 0, 1]


def test_nothing_is_sent_that_was_not_begun(bench: Bench, gateway: Gateway, sandbox: Sandbox, ear: Ear) -> None:
    window = copies(bench, ear, 12)
    begun: list[int] = []

    def begin(place: int) -> bool:
        if len(begun) == 5:
            return False
        begun.append(place)
        return True

    told = dict(mailing_gateway(gateway).submit_mailing(NOTICE, window, begin))
    assert sorted(told) == sorted(begun), "what was begun is brought to its end"
    taken = {place for place, count in enumerate(counts(sandbox, window)) if count}
    accepted = {place for place, outcome in told.items() if isinstance(outcome, Accepted)}
    assert taken == accepted <= set(begun)


def test_what_is_broken_off_has_sent_nothing_that_it_did_not_begin(
    bench: Bench, gateway: Gateway, sandbox: Sandbox, ear: Ear
) -> None:
    window = copies(bench, ear, 40)
    begun: set[int] = set()

    def begin(place: int) -> bool:
        begun.add(place)
        return True

    outcomes = iter(mailing_gateway(gateway).submit_mailing(NOTICE, window, begin))
    place, first = next(outcomes)
    assert isinstance(first, Accepted)
    del outcomes
    taken = {number for number, count in enumerate(counts(sandbox, window)) if count}
    assert place in taken
    assert taken <= begun
    assert len(begun) <= gateway.capabilities.at_once + 1


def test_an_unreachable_gateway_has_taken_nothing(bench: Bench, ear: Ear) -> None:
    gateway = bench.gateway(bench.nowhere)
    outcomes = [o for _, o in mailing_gateway(gateway).submit_mailing(NOTICE, copies(bench, ear, 5), lambda _: True)]
    assert len(outcomes) == 5
    assert {(o.code, o.is_gateway_fault) for o in outcomes if isinstance(o, Refused)} == {("connect", True)}
    gateway.close()


@pytest.mark.usefixtures("impatient")
def test_silence_after_the_point_of_no_return_is_unknown(bench: Bench, sandbox: Sandbox, ear: Ear) -> None:
    gateway = bench.gateway()
    window = copies(bench, ear, 3)
    sandbox.script(bench.channel, window[1].to, "timeout_after_acceptance")
    told: dict[int, Outcome] = dict(mailing_gateway(gateway).submit_mailing(NOTICE, window, lambda _: True))
    assert isinstance(told[1], Unknown)
    for place, count in enumerate(counts(sandbox, window)):
        assert not (isinstance(told[place], Refused) and count), "what is refused was not taken"
        assert count or not isinstance(told[place], Accepted), "what is accepted was taken"
    gateway.close()
