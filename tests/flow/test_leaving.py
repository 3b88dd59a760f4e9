"""Supporters who want to hear no more: by channel, and altogether."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.db import connection, transaction
from django.test import Client

from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction.channels.contract import Channel, ReceiptKind
from urgentaction.core import clock
from urgentaction.core.errors import InvalidInput
from urgentaction.deliveries.models import Delivery
from urgentaction.deliveries.references import reference_of
from urgentaction.receipts.erasing import erase_supporter
from urgentaction.receipts.models import Receipt
from urgentaction.receipts.service import apply_pending
from urgentaction.supporters.models import Supporter, Suppression
from urgentaction.supporters.preferences import Preferences, change_preferences
from urgentaction.supporters.service import address_index, lift_suppression, suppressed_indexes, unsubscribe


def suppressed() -> list[tuple[str, str, str]]:
    return list(Suppression.objects.order_by("channel").values_list("channel", "reason", "source"))


@pytest.mark.parametrize(
    ("channel", "wants"), [(Channel.EMAIL, (False, True)), (Channel.SMS, (True, False))], ids=["email", "sms"]
)
def test_unsubscribing_ends_one_channel_and_leaves_the_other(
    world: World, channel: Channel, wants: tuple[bool, bool]
) -> None:
    friend = world.supporters[0]
    with transaction.atomic():
        assert unsubscribe(friend.id, source="page", channel=channel)
    friend.refresh_from_db()
    assert (friend.wants_email, friend.wants_sms) == wants
    assert suppressed() == [(channel.value, "unsubscribed", "page")]
    address = friend.email if channel is Channel.EMAIL else friend.phone
    assert bytes(Suppression.objects.get().address_index) == address_index(channel, address)


def test_nobody_can_unsubscribe_from_faxes(world: World) -> None:
    with pytest.raises(InvalidInput):
        unsubscribe(world.supporters[0].id, source="page", channel=Channel.FAX)


def test_the_button_behind_a_text_message_takes_the_wish_back_for_good(world: World) -> None:
    friend = world.supporters[0]
    row = world.start().deliveries.get(channel="sms")
    assert Client().post(f"/m/{reference_of(row.id)}/").status_code == 200
    friend.refresh_from_db()
    assert (friend.wants_email, friend.wants_sms) == (True, False)
    assert suppressed() == [("sms", "stop", "link in a text message")]


@pytest.mark.parametrize("before", [(), (False,)], ids=["at once", "after ending it on the page"])
def test_who_signed_up_with_anothers_number_can_not_lift_its_holders_stop(
    world: World, before: tuple[bool, ...]
) -> None:
    signed_up = world.supporters[0]  # with the number of somebody who is no supporter
    row = world.start().deliveries.get(channel="sms")
    wish = Preferences(
        wants_email=True,
        wants_sms=True,
        language="en",
        time_zone="UTC",
        quiet_from=None,
        quiet_until=None,
        may_override_quiet_hours=False,
    )
    for wants in before:
        change_preferences(signed_up.id, replace(wish, wants_sms=wants))
    Client().post(f"/m/{reference_of(row.id)}/")  # the holder of the number
    assert change_preferences(signed_up.id, wish) == (Channel.SMS,)
    signed_up.refresh_from_db()
    index = address_index(Channel.SMS, signed_up.phone)
    assert suppressed_indexes({("sms", index)}) == {("sms", index)}
    assert not signed_up.wants_sms

    assert lift_suppression(Channel.SMS, signed_up.phone) == 1  # the holder answers START
    signed_up.refresh_from_db()
    assert suppressed_indexes({("sms", index)}) == set()
    assert signed_up.wants_sms


def test_erasing_somebody_blanks_what_gateways_told_of_them(world: World, sandbox: SandboxProgram) -> None:
    friend, other = world.supporters[0], world.supporters[1]
    world.start()
    world.send()
    row = Delivery.objects.get(supporter=friend, channel="sms")
    kept = Delivery.objects.get(supporter=other, channel="email")

    def told(event: str, *, about: Delivery | None = None, address: str = "", raw: str) -> Receipt:
        return Receipt.objects.create(
            gateway="twilio",
            event_id=event,
            kind=ReceiptKind.PROGRESS if about else ReceiptKind.INBOUND,
            ref=about.gateway_ref if about else "",
            reference=reference_of(about.id) if about else "",
            address=address,
            raw=raw,
            received_at=clock.now(),
        )

    status = told("status", about=row, raw=f"To={friend.phone}")
    reply = told("reply", address=friend.phone, raw=f"From={friend.phone}&Body=I+am+Kim")
    stranger = told("stranger", address="+442079460999", raw="Body=hello")
    another = told("another", about=kept, raw="MessageSid=x")
    apply_pending()
    late = told("late", about=row, raw=f"To={friend.phone}")

    assert erase_supporter(friend.id)
    apply_pending()
    assert Supporter.objects.get(id=friend.id).erased_at is not None
    for gone in (status, reply, late):
        gone.refresh_from_db()
        assert (gone.raw, gone.address, gone.address_index) == ("", "", None)
        assert gone.applied_at is not None
    for stays in (stranger, another):
        raw = stays.raw
        stays.refresh_from_db()
        assert stays.raw == raw
    assert not erase_supporter(friend.id)


def test_the_index_of_an_address_is_no_address(world: World) -> None:
    phone = world.supporters[0].phone
    Receipt.objects.create(
        gateway="twilio", event_id="e", kind=ReceiptKind.INBOUND, address=phone, received_at=clock.now()
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT receipts_receipt::text FROM receipts_receipt")
        (stored,) = cursor.fetchone()
    assert phone not in stored
    assert phone.encode().hex() not in stored
