"""Who gets nothing any more: which reason holds, for how long, and the way back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection, transaction

from tests.flow.returning import FRIEND, handed_over, is_suppressed, mail_state, reasons, running_alert
from tests.flow.world import World
from urgentaction.cases.vocabulary import Status
from urgentaction.channels.contract import Channel, ReceiptKind, Refused, RetryClass
from urgentaction.core import clock
from urgentaction.core.errors import Conflict, NotFound
from urgentaction.deliveries.models import Attempt, Delivery
from urgentaction.deliveries.suppressing import suppress_after
from urgentaction.receipts.models import Receipt
from urgentaction.receipts.service import apply_pending
from urgentaction.supporters.by_hand import lift_by_hand
from urgentaction.supporters.models import Suppression, SuppressionReason
from urgentaction.supporters.queries import history_of, suppressions
from urgentaction.supporters.service import lift_suppression, suppress, suppressed_indexes, unsubscribe

mail = partial(suppress, Channel.EMAIL, FRIEND, source="test")
A_MONTH = timedelta(days=30)
SOFT, HARD = SuppressionReason.SOFT_BOUNCE, SuppressionReason.HARD_BOUNCE


@pytest.fixture
def world(db: None) -> World:
    return World.make()


# Soft bounces.


def bounce(row: Delivery, code: str, retry_class: RetryClass = RetryClass.NEVER) -> bool:
    """As if the gateway had refused it for good."""
    row.state, row.retry_class = "failed", retry_class.value
    row.save()
    found = suppress_after(row, Refused(retry_class, code))
    told = {"outcome": "refused", "retry_class": retry_class.value, "code": code}
    Attempt.objects.update_or_create(
        delivery=row,
        number=1,
        defaults={"gateway": "smtp", "started_at": clock.now(), "ended_at": clock.now(), **told},
    )
    return found


def deliveries(world: World, number: int) -> list[Delivery]:
    """Mail to the same supporter in so many alerts."""
    return [handed_over(running_alert(world), world.supporters[1]) for _ in range(number)]


def test_three_soft_bounces_in_a_row_end_mail_for_thirty_days(world: World) -> None:
    found = [bounce(row, "550") for row in deliveries(world, 3)]
    assert found == [False, False, True]
    (entry,) = suppressions()
    assert (entry.reason, entry.source) == ("soft_bounce", "3 alerts in a row refused, at last by 550")
    assert entry.expires_at is not None
    assert entry.expires_at - entry.since == A_MONTH


def test_several_tries_of_one_alert_are_one(world: World) -> None:
    first, second = deliveries(world, 2)
    assert [bounce(row, "550") for row in (first, first, second, second)] == [False] * 4


def test_anything_else_in_between_begins_the_row_anew(world: World) -> None:
    first, second, third = deliveries(world, 3)
    for between in ("5.2.2", "5.7.1", "sandbox"):
        assert [bounce(first, "550"), bounce(second, between), bounce(third, "550")] == [False] * 3
    for state in ("delivered", "accepted", "unknown"):
        Delivery.objects.filter(id=second.id).update(state=state)
        assert not bounce(third, "550")
    Delivery.objects.filter(id=second.id).update(state="withdrawn")
    assert not bounce(third, "550")  # only two that say anything
    assert reasons() == []


def test_what_is_the_gateways_or_the_domains_fault_suppresses_nobody(world: World) -> None:
    (row,) = deliveries(world, 1)
    assert not suppress_after(row, Refused(RetryClass.NEVER, "5.1.1", is_gateway_fault=True))
    assert not suppress_after(row, Refused(RetryClass.NEVER, "5.1.1", is_about_domain=True))
    assert suppress_after(row, Refused(RetryClass.NEVER, "5.1.1"))


# One address, several reasons.


@pytest.mark.django_db
def test_a_stronger_reason_takes_the_place_of_a_weaker_one_and_the_history_stays() -> None:
    steps = [SOFT, HARD, SOFT, SuppressionReason.COMPLAINT, SuppressionReason.UNSUBSCRIBED]
    held = [mail(reason=reason, lifetime=A_MONTH if reason is SOFT else None) for reason in steps]
    assert [row.reason for row in held] == ["soft_bounce", "hard_bounce", "hard_bounce", "complaint", "complaint"]
    assert [row.expires_at is None for row in held] == [False, True, True, True, True]
    told = [(one.reason, one.lift_reason) for one in history_of(Channel.EMAIL, FRIEND)]
    assert told == [
        ("complaint", ""),
        ("hard_bounce", "gave way to complaint"),
        ("soft_bounce", "gave way to hard_bounce"),
    ]


@pytest.mark.django_db
def test_suppressing_again_lengthens_and_never_shortens() -> None:
    first = mail(reason=SOFT, lifetime=A_MONTH).expires_at
    assert first is not None
    assert mail(reason=SOFT, lifetime=A_MONTH / 3).expires_at == first
    longer = mail(reason=SOFT, lifetime=A_MONTH * 2).expires_at
    assert longer is not None
    assert longer > first
    assert mail(reason=SOFT).expires_at is None
    assert mail(reason=SOFT, lifetime=A_MONTH).expires_at is None
    assert Suppression.objects.count() == 1


def test_an_expired_one_lets_mail_through_and_makes_room_for_the_next(world: World) -> None:
    friend = world.supporters[1]
    row = mail(reason=SOFT, lifetime=A_MONTH)
    assert mail_state(world.start(), friend) == "suppressed"
    Suppression.objects.update(expires_at=clock.read_database_now() - timedelta(seconds=1))
    assert not is_suppressed()
    assert suppressed_indexes({("email", bytes(row.address_index))}) == set()
    assert mail_state(world.start(Status.EXECUTION_IMMINENT), friend) == "queued"
    again = mail(reason=SOFT)
    assert again.id != row.id
    assert [one.lift_reason for one in history_of(Channel.EMAIL, FRIEND)] == ["", "expired"]
    # The history does not multiply the rows of an alert.
    assert world.states(world.start())["supporter email"].count("suppressed") == 1


def together(*deeds: Callable[[], object]) -> None:
    """Do all of it at the same moment, each on a connection of its own."""
    barrier = threading.Barrier(len(deeds))
    errors: list[Exception] = []

    def run(deed: Callable[[], object]) -> None:
        try:
            barrier.wait(timeout=20)
            deed()
        except Exception as error:  # noqa: BLE001 - shown by the assertion below
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(deed,)) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert errors == []


def test_workers_that_suppress_the_same_address_at_once_agree(transactional_db: None) -> None:
    wanted = [SuppressionReason.HARD_BOUNCE, SuppressionReason.COMPLAINT, SuppressionReason.MANUAL] * 2
    for begins in ("empty", "weaker", "expired"):
        Suppression.objects.all().delete()
        if begins != "empty":
            mail(reason=SOFT, lifetime=A_MONTH)
        if begins == "expired":
            Suppression.objects.update(expires_at=clock.read_database_now() - A_MONTH)
        together(*(partial(mail, reason=reason) for reason in wanted))
        assert (begins, reasons()) == (begins, ["complaint"])


# The way back.


def test_start_takes_back_stop_but_not_what_staff_decided(world: World) -> None:
    phone = world.supporters[0].phone
    suppress(Channel.SMS, phone, reason=SuppressionReason.STOP, source="reply STOP")
    assert lift_suppression(Channel.SMS, phone) == 1
    suppress(Channel.SMS, phone, reason=SuppressionReason.MANUAL, source="the phone was seized")
    assert lift_suppression(Channel.SMS, phone) == 0
    assert is_suppressed(phone, Channel.SMS)


def test_start_after_unsubscribing_gives_the_consent_again(world: World) -> None:
    friend = world.supporters[0]
    with transaction.atomic():
        unsubscribe(friend.id, source="link in a text message", channel=Channel.SMS)
    Receipt.objects.create(
        gateway="twilio", event_id="s", kind=ReceiptKind.OPTED_IN, address=friend.phone, received_at=clock.now()
    )
    apply_pending()
    friend.refresh_from_db()
    assert friend.wants_sms
    assert friend.consent_source == "reply START"
    assert not is_suppressed(friend.phone, Channel.SMS)


@pytest.mark.django_db
def test_a_persons_no_is_lifted_only_at_their_wish() -> None:
    for reason in ("stop", "complaint", "unsubscribed", "erased"):
        mail(reason=SuppressionReason(reason))
        with pytest.raises(Conflict, match="only at their wish"):
            lift_by_hand(Channel.EMAIL, FRIEND, by="cli:ada", why="they are nice")
        assert is_suppressed()
        row = lift_by_hand(Channel.EMAIL, FRIEND, by="cli:ada", why="asked", wish="by phone, 3 May")
        assert not is_suppressed()
        assert (row.lifted_by, row.lift_reason) == ("cli:ada", "asked (at their wish: by phone, 3 May)")
        with pytest.raises(NotFound):
            lift_by_hand(Channel.EMAIL, FRIEND, by="cli:ada", why="again", wish="again")


@pytest.mark.django_db
def test_what_a_machine_or_staff_decided_is_lifted_for_a_reason() -> None:
    for reason in (SOFT, HARD, SuppressionReason.MANUAL):
        mail(reason=reason)
        lift_by_hand(Channel.EMAIL, FRIEND, by="cli:ada", why="the mailbox works again")
        assert not is_suppressed()
