"""Mail that comes back to the return path or the abuse address: what it changes, and whom it suppresses."""

from __future__ import annotations

import pytest

from tests.flow.returning import (
    handed_over,
    is_suppressed,
    mail_state,
    reasons,
    running_alert,
    sample,
    start_anew,
    state_after,
)
from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction.cases.vocabulary import Status
from urgentaction.deliveries.models import Delivery, HumanTask
from urgentaction.deliveries.references import reference_of
from urgentaction.receipts.bounces import MailKind
from urgentaction.receipts.mail import take_mail
from urgentaction.receipts.models import Receipt
from urgentaction.receipts.queries import incoming


@pytest.fixture
def world(db: None) -> World:
    return World.make()


@pytest.fixture
def row(world: World) -> Delivery:
    return handed_over(running_alert(world), world.supporters[1])


# Bounces.


def test_a_late_hard_bounce_fails_the_delivery_and_ends_mail_to_that_address(world: World, row: Delivery) -> None:
    for name in ("postfix_unknown_user", "exim_unknown_user", "exim_plain", "sendmail_unknown_host"):
        start_anew(row)
        assert state_after(row, sample(name, row)) == "failed"
        assert reasons() == ["hard_bounce"]
        receipt = Receipt.objects.get()
        assert (receipt.gateway, receipt.delivery_id, receipt.effect) == ("smtp", row.id, "accepted → failed")
        assert "@" not in receipt.text
    assert is_suppressed()
    later = world.start(Status.EXECUTION_IMMINENT)
    assert [mail_state(later, friend) for friend in world.supporters] == ["queued", "suppressed", "queued"]


def test_what_is_not_the_addresss_fault_suppresses_nobody(row: Delivery) -> None:
    for name, state in (
        ("exchange_full", "queued"),
        ("postfix_expired", "queued"),
        ("gmail_blocked", "queued"),
        ("postfix_delayed", "accepted"),
        ("postfix_delivered", "delivered"),
        ("qmail_plain", "failed"),
        ("out_of_office", "accepted"),
        ("unreadable", "accepted"),
    ):
        start_anew(row)
        assert (name, state_after(row, sample(name, row))) == (name, state)
        assert reasons() == []


def test_the_same_mail_twice_is_stored_once(row: Delivery) -> None:
    raw = sample("postfix_unknown_user", row)
    assert state_after(row, raw) == "failed"
    again = take_mail(raw)
    assert not again.is_new
    assert Receipt.objects.count() == 1
    assert again.receipt.effect == "accepted → failed"


def test_a_forged_bounce_changes_nothing_and_is_shown(row: Delivery) -> None:
    forged = sample("postfix_unknown_user").replace(b"d1-", reference_of(row.id).partition("-")[0].encode() + b"-")
    assert state_after(row, forged) == "accepted"
    assert reasons() == []
    (shown,) = incoming(only_unplaced=True)
    assert (shown.delivery, shown.code) == (None, "5.1.1")
    assert shown.effect == "no delivery of ours has this reference"


def test_a_reference_of_a_text_message_is_none_for_mail(world: World, row: Delivery) -> None:
    text = handed_over(row.alert, world.supporters[0], channel="sms")
    assert take_mail(sample("postfix_unknown_user", text)).receipt.delivery is None


def test_the_envelope_finds_what_the_headers_have_lost(row: Delivery) -> None:
    bare = sample("postfix_unknown_user").replace(b"d1-0123456789abcdef0123", b"redacted")
    assert state_after(row, bare, recipient=f"b+{reference_of(row.id)}@bounces.urgentaction.invalid") == "failed"


# Complaints, and words of people.


def test_a_complaint_ends_mail_and_leaves_the_delivery_as_it_is(row: Delivery) -> None:
    for name in ("arf_abuse", "arf_redacted"):
        start_anew(row)
        assert state_after(row, sample(name, row)) == "accepted"
        assert reasons() == ["complaint"]
        assert is_suppressed()
    start_anew(row)
    assert state_after(row, sample("arf_not_spam", row)) == "accepted"
    assert reasons() == []


def test_a_complaint_reaches_what_is_still_queued(world: World, sandbox: SandboxProgram) -> None:
    alert = world.start()
    queued = Delivery.objects.get(alert=alert, supporter=world.supporters[1], channel="email")
    take_mail(sample("arf_abuse", queued))
    world.send()
    queued.refresh_from_db()
    assert (queued.state, queued.reason) == ("suppressed", "suppressed before it was sent")
    assert not queued.tries.exists()


def test_an_office_that_complains_is_a_task_and_stays_written_to(row: Delivery, world: World) -> None:
    Delivery.objects.filter(id=row.id).update(supporter=None, official=world.minister, role="cc")
    take_mail(sample("arf_abuse", row))
    assert reasons() == []
    task = HumanTask.objects.get(kind="read_reply")
    assert "An office marked mail of alert UA-2026-0001/1" in task.title


def test_an_absence_note_is_counted_and_not_kept(row: Delivery) -> None:
    taken = take_mail(sample("out_of_office", row))
    assert (taken.kind, taken.receipt.raw, taken.receipt.address) == (MailKind.AUTOMATIC, "", "")
    assert not HumanTask.objects.exists()
    assert [one.code for one in incoming()] == ["automatic"]


@pytest.mark.django_db
def test_mail_that_belongs_nowhere_makes_one_task() -> None:
    for number in range(3):
        take_mail(sample("reply_with_forwarded_bounce") + b"%d\n" % number)
    assert HumanTask.objects.count() == 1
    assert len(incoming(only_unplaced=True)) == 3


def test_mail_to_somebody_erased_is_kept_without_what_names_them(world: World, row: Delivery) -> None:
    from urgentaction.receipts.erasing import erase_supporter

    assert erase_supporter(world.supporters[1].id)
    for name in ("reply", "postfix_unknown_user", "arf_abuse"):
        take_mail(sample(name, row))
    state_after(row, sample("postfix_delayed", row))
    assert {(one.raw, one.address) for one in Receipt.objects.all()} == {("", "")}
