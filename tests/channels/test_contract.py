"""The contract of `channels.contract`, put to every registered gateway against the sandbox's real protocols.

The sandbox's ledger is the oracle: *accepted* and *unknown-but-taken* are in it once, *refused* is not in it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from tests.channels.bench import Bench, Ear, Sandbox, fresh_address, fresh_number
from urgentaction.channels.contract import (
    Accepted,
    Callback,
    CannotTell,
    ForgedCallback,
    Found,
    Gateway,
    Lookup,
    Mode,
    Outcome,
    Outgoing,
    ReceiptKind,
    Refused,
    RetryClass,
    Unknown,
)
from urgentaction.channels.registry import KINDS


def capable(ability: str) -> pytest.MarkDecorator:
    """The gateways that claim an ability; the class says so before anything is built."""
    kinds = [name for name, kind in sorted(KINDS.items()) if getattr(kind.load().capabilities, ability)]
    return pytest.mark.parametrize("bench", kinds, indirect=True)


CALLS_BACK = capable("has_callbacks")
CAN_BE_ASKED = capable("has_lookup")


def test_a_gateway_says_what_it_is(bench: Bench, gateway: Gateway) -> None:
    assert isinstance(gateway, Gateway)
    assert gateway.channel == bench.channel == KINDS[bench.kind].channel
    assert gateway.capabilities.batch >= 1


def test_accepted_is_in_the_ledger_once_under_the_reference_returned(
    bench: Bench, gateway: Gateway, sandbox: Sandbox, ear: Ear
) -> None:
    outgoing = bench.outgoing(ear)
    outcome = gateway.submit(outgoing)
    assert isinstance(outcome, Accepted)
    (entry,) = sandbox.accepted(outgoing.to)
    assert entry["ref"] == outcome.ref
    assert entry["channel"] == bench.channel


def test_a_batch_has_one_outcome_each(bench: Bench, gateway: Gateway, sandbox: Sandbox, ear: Ear) -> None:
    step, retry_class, _ = bench.refusal
    batch = [bench.outgoing(ear) for _ in range(4)]
    sandbox.script(bench.channel, batch[1].to, step)
    results = list(gateway.submit_many(batch, lambda _: True))
    assert sorted(place for place, _ in results) == [0, 1, 2, 3]
    told = dict(results)
    assert [type(told[place]) for place in range(4)] == [Accepted, Refused, Accepted, Accepted]
    assert [len(sandbox.accepted(outgoing.to)) for outgoing in batch] == [1, 0, 1, 1]
    refused = told[1]
    assert isinstance(refused, Refused)
    assert refused.retry_class is retry_class


def test_a_batch_that_is_broken_off_has_sent_nothing_that_it_did_not_begin(
    bench: Bench, gateway: Gateway, sandbox: Sandbox, ear: Ear
) -> None:
    batch = [bench.outgoing(ear) for _ in range(3 * gateway.capabilities.at_once)]
    begun: list[int] = []

    def begin(place: int) -> bool:
        begun.append(place)
        return True

    next(iter(gateway.submit_many(batch, begin)))
    assert len(begun) <= gateway.capabilities.at_once + 1
    addresses = {entry["to"] for entry in sandbox.accepted()}
    taken = {place for place, outgoing in enumerate(batch) if outgoing.to in addresses}
    assert taken
    assert taken <= set(begun)


def test_a_batch_ends_where_nothing_more_may_be_begun(
    bench: Bench, gateway: Gateway, sandbox: Sandbox, ear: Ear
) -> None:
    batch = [bench.outgoing(ear) for _ in range(4)]
    results = dict(gateway.submit_many(batch, lambda place: place < 2))
    assert sorted(results) == [0, 1], "what was begun is brought to its end"
    assert [len(sandbox.accepted(outgoing.to)) for outgoing in batch] == [1, 1, 0, 0]


def test_a_definite_refusal(bench: Bench, gateway: Gateway, sandbox: Sandbox, ear: Ear) -> None:
    step, retry_class, code = bench.refusal
    outgoing = bench.outgoing(ear)
    sandbox.script(bench.channel, outgoing.to, step)
    outcome = gateway.submit(outgoing)
    assert isinstance(outcome, Refused)
    assert (outcome.retry_class, outcome.code) == (retry_class, code)
    assert outgoing.to not in outcome.text
    assert sandbox.accepted(outgoing.to) == []
    assert isinstance(gateway.submit(outgoing), Accepted), "the next try is not spoilt by the one before"


def test_being_told_to_slow_down(bench: Bench, gateway: Gateway, sandbox: Sandbox, ear: Ear) -> None:
    outgoing = bench.outgoing(ear)
    sandbox.script(bench.channel, outgoing.to, bench.throttle)
    outcome = gateway.submit(outgoing)
    assert isinstance(outcome, Refused)
    assert outcome.retry_class is RetryClass.THROTTLE
    assert not outcome.is_gateway_fault
    assert outcome.is_about_domain is (bench.kind == "smtp"), "the stand-in refuses at RCPT"
    if isinstance(bench.throttle, Mapping) and "retry_after" in bench.throttle:
        assert outcome.retry_after is not None
        assert outcome.retry_after.total_seconds() == bench.throttle["retry_after"]
    assert sandbox.accepted(outgoing.to) == []


def submitted(gateway: Gateway, outgoing: Outgoing) -> tuple[Outcome, Lookup]:
    started = datetime.now(UTC)
    outcome = gateway.submit(outgoing)
    ended = datetime.now(UTC)
    question = Lookup(reference=outgoing.reference, to=outgoing.to, submitted_from=started, submitted_until=ended)
    return outcome, question


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("bench", "step"),
    [
        *((kind, "timeout_after_acceptance") for kind in sorted(KINDS)),
        ("smtp", "drop_before_reply"),
        ("telnyx", {"http": 500, "accepted": True}),
        ("twilio", {"http": 500, "accepted": True}),
    ],
    indirect=["bench"],
)
def test_silence_after_the_point_of_no_return_is_unknown_and_can_be_settled(
    bench: Bench, sandbox: Sandbox, ear: Ear, step: object
) -> None:
    gateway = bench.gateway()
    outgoing = bench.outgoing(ear)
    sandbox.script(bench.channel, outgoing.to, step)
    outcome, question = submitted(gateway, outgoing)
    assert isinstance(outcome, Unknown)
    (entry,) = sandbox.accepted(outgoing.to)
    found = gateway.lookup(question)
    if gateway.capabilities.has_lookup:
        assert isinstance(found, Found)
        assert [candidate.ref for candidate in found.candidates] == [entry["ref"]]
        by_ref = gateway.lookup(dataclasses.replace(question, ref=entry["ref"]))
        assert isinstance(by_ref, Found)
        assert [(candidate.ref, candidate.is_certain) for candidate in by_ref.candidates] == [(entry["ref"], True)]
    else:
        assert isinstance(found, CannotTell)
        assert found.is_final
    gateway.close()


@CAN_BE_ASKED
def test_what_was_never_taken_is_not_found(bench: Bench, gateway: Gateway, ear: Ear) -> None:
    now = datetime.now(UTC)
    to = bench.outgoing(ear).to
    assert gateway.lookup(Lookup(reference="d-none", to=to, submitted_from=now, submitted_until=now)) == Found()


@CALLS_BACK
def test_callbacks_end_in_delivered_and_carry_our_reference(bench: Bench, gateway: Gateway, ear: Ear) -> None:
    outgoing = bench.outgoing(ear)
    outcome = gateway.submit(outgoing)
    assert isinstance(outcome, Accepted)

    def receipts(heard: list[Callback]) -> list[ReceiptKind]:
        return [receipt.kind for callback in heard for receipt in gateway.parse(callback)]

    heard = ear.wait_for(lambda heard: ReceiptKind.DELIVERED in receipts(heard))
    seen = [receipt for callback in heard for receipt in gateway.parse(callback)]
    assert {(receipt.ref, receipt.reference) for receipt in seen} == {(outcome.ref, outgoing.reference)}
    assert len({receipt.event_id for receipt in seen}) == len(seen)
    progress = {ReceiptKind.PROGRESS} if bench.tells_progress else set()
    assert {receipt.kind for receipt in seen} == {ReceiptKind.DELIVERED} | progress


@CALLS_BACK
def test_a_doubled_callback_is_the_same_event(bench: Bench, gateway: Gateway, sandbox: Sandbox, ear: Ear) -> None:
    outgoing = bench.outgoing(ear)
    sandbox.script(bench.channel, outgoing.to, "doubled")
    gateway.submit(outgoing)

    def ends(heard: list[Callback]) -> list[str]:
        receipts = [receipt for callback in heard for receipt in gateway.parse(callback)]
        return [receipt.event_id for receipt in receipts if receipt.kind is ReceiptKind.DELIVERED]

    heard = ear.wait_for(lambda heard: len(ends(heard)) == 2)
    assert len(set(ends(heard))) == 1


def test_a_callback_that_was_tampered_with_is_refused(bench: Bench, gateway: Gateway, ear: Ear) -> None:
    forged = Callback(url=f"{ear.url}/hooks/", headers={}, body=b"status=delivered", received_at=datetime.now(UTC))
    with pytest.raises(ForgedCallback):
        list(gateway.parse(forged))
    if not gateway.capabilities.has_callbacks:
        return
    gateway.submit(bench.outgoing(ear))
    genuine = ear.wait_for(bool)[0]
    assert list(gateway.parse(genuine))
    if bench.is_body_signed:
        with pytest.raises(ForgedCallback):
            list(gateway.parse(dataclasses.replace(genuine, body=genuine.body + b" ")))
    with pytest.raises(ForgedCallback):
        list(gateway.parse(dataclasses.replace(genuine, headers={})))


@pytest.mark.parametrize(
    ("bench", "step", "retry_class", "code"),
    [
        ("telnyx", "busy", RetryClass.BUSY, "user_busy"),
        ("telnyx", "no_answer", RetryClass.LATER, "receiver_no_answer"),
        ("telnyx", {"failure": "something_new"}, RetryClass.LATER, "something_new"),
        ("twilio", {"undelivered": 30005}, RetryClass.NEVER, "30005"),
        ("twilio", {"failed": 30003}, RetryClass.LATER, "30003"),
    ],
    indirect=["bench"],
)
def test_a_failure_reported_later(
    bench: Bench, gateway: Gateway, sandbox: Sandbox, ear: Ear, step: object, retry_class: RetryClass, code: str
) -> None:
    outgoing = bench.outgoing(ear)
    sandbox.script(bench.channel, outgoing.to, step)
    outcome, question = submitted(gateway, outgoing)
    assert isinstance(outcome, Accepted)

    def failures(heard: list[Callback]) -> list[tuple[RetryClass | None, str]]:
        receipts = [receipt for callback in heard for receipt in gateway.parse(callback)]
        return [(receipt.retry_class, receipt.code) for receipt in receipts if receipt.kind is ReceiptKind.FAILED]

    heard = ear.wait_for(lambda heard: bool(failures(heard)))
    assert failures(heard) == [(retry_class, code)]
    found = gateway.lookup(dataclasses.replace(question, ref=outcome.ref))
    assert isinstance(found, Found)
    receipt = found.candidates[0].receipt
    assert receipt is not None
    assert (receipt.kind, receipt.retry_class, receipt.code) == (ReceiptKind.FAILED, retry_class, code)


def test_wrong_credentials_are_ours_to_fix(bench: Bench, sandbox: Sandbox, ear: Ear) -> None:
    gateway = bench.gateway(bench.wrong)
    outgoing = bench.outgoing(ear)
    outcome = gateway.submit(outgoing)
    assert isinstance(outcome, Refused)
    assert outcome.retry_class is RetryClass.FIX_FIRST
    health = gateway.check()
    assert not health.is_ok
    assert health.detail
    assert sandbox.accepted(outgoing.to) == []
    gateway.close()


def test_an_unreachable_gateway_has_taken_nothing(bench: Bench, ear: Ear) -> None:
    gateway = bench.gateway(bench.nowhere)
    outcome = gateway.submit(bench.outgoing(ear))
    assert isinstance(outcome, Refused)
    assert (outcome.retry_class, outcome.code, outcome.is_gateway_fault) == (RetryClass.SOON, "connect", True)
    assert not gateway.check().is_ok
    gateway.close()


def test_check_sends_nothing(gateway: Gateway, sandbox: Sandbox) -> None:
    before = sandbox.accepted()
    assert gateway.check().is_ok
    assert sandbox.accepted() == before


def test_no_real_address_is_handed_over(bench: Bench, gateway: Gateway, ear: Ear, sandbox: Sandbox) -> None:
    real = "minister@office.gov" if bench.channel == "email" else "+442076362981"
    outcome = gateway.submit(dataclasses.replace(bench.outgoing(ear), to=real))
    assert isinstance(outcome, Refused)
    assert (outcome.retry_class, outcome.code) == (RetryClass.NEVER, "sandbox")
    assert sandbox.accepted(real) == []


def test_a_message_of_another_channel_is_a_mistake_of_the_caller(bench: Bench, gateway: Gateway) -> None:
    to = fresh_address() if bench.channel == "email" else fresh_number()
    with pytest.raises(TypeError):
        gateway.submit(Outgoing(reference="d-1", attempt=1, to=to))


def test_closing_twice_and_using_it_again_is_no_accident(bench: Bench, ear: Ear) -> None:
    gateway = bench.gateway()
    assert isinstance(gateway.submit(bench.outgoing(ear)), Accepted)
    gateway.close()
    gateway.close()


@pytest.mark.parametrize("bench", ["smtp"], indirect=True)  # the stand-in has a certificate for SMTP only
def test_in_live_mode_a_certificate_nobody_signed_is_not_accepted(bench: Bench, sandbox: Sandbox, ear: Ear) -> None:
    gateway = bench.gateway(mode=Mode.LIVE)
    outgoing = bench.outgoing(ear)
    outcome = gateway.submit(outgoing)
    assert isinstance(outcome, Refused)
    assert (outcome.retry_class, outcome.code) == (RetryClass.FIX_FIRST, "tls")
    assert sandbox.accepted(outgoing.to) == []
    gateway.close()
