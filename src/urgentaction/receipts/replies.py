"""What people wrote back and no machine understands: read by staff, who may take it for a STOP or file it.

Each open reply is a task (`read_reply`); the words stay sealed in the receipt until somebody opens that one.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from django.db import transaction
from django.db.models import Q, QuerySet

from urgentaction.accounts.service import record_audit
from urgentaction.channels.contract import Channel
from urgentaction.channels.contract import ReceiptKind as Kind
from urgentaction.core.errors import Conflict, NotFound
from urgentaction.core.phrases import say
from urgentaction.deliveries.gateways import entry_named
from urgentaction.deliveries.models import Delivery, HumanTask, HumanTaskKind
from urgentaction.deliveries.service import close_task
from urgentaction.deliveries.suppressing import index_of
from urgentaction.supporters.by_hand import stop_index
from urgentaction.supporters.models import Supporter
from urgentaction.supporters.service import address_index

from .mail import EVENT_PREFIX
from .models import Receipt
from .queries import opened

_KEY = "reply:"


@dataclass(frozen=True, slots=True)
class Reply:
    """A task, with what came in. `channel` "" and `receipt` None: the task stands for several, or for none we keep."""

    task: HumanTask
    receipt: Receipt | None = None
    channel: str = ""
    supporter_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class Words:
    """What somebody wrote. Personal."""

    sender: str = field(default="", repr=False)
    subject: str = field(default="", repr=False)
    text: str = field(default="", repr=False)


def reply_tasks() -> QuerySet[HumanTask]:
    """Everything that people wrote and that became a task, open or done."""
    return HumanTask.objects.filter(kind=HumanTaskKind.READ_REPLY).select_related("alert", "delivery")


def replies_to(tasks: Iterable[HumanTask]) -> list[Reply]:
    """What came in for each of these tasks, in their order: three queries for all of them; no word is opened."""
    found = list(tasks)
    receipts = _receipts_of(found)
    senders = _supporters_with({bytes(row.address_index) for row in receipts.values() if row.address_index})
    replies = []
    for task in found:
        row = receipts.get(_event_of(task))
        channel = _channel_of(row) if row is not None else ""
        supporter_id = task.delivery.supporter_id if task.delivery is not None else None
        if supporter_id is None and row is not None and row.address_index:
            supporter_id = senders.get(bytes(row.address_index))
        replies.append(Reply(task, row, channel, supporter_id))
    return replies


def reply_called(task_id: uuid.UUID) -> Reply:
    """One of them. Raises NotFound."""
    task = reply_tasks().filter(id=task_id).first()
    if task is None:
        raise NotFound.of("reply", f"there is no reply {task_id}")
    return replies_to([task])[0]


@transaction.atomic
def open_reply(reply: Reply, *, by: str) -> Words:
    """What it says. The audit log keeps who opened it."""
    if reply.receipt is None:
        return Words()
    row = Receipt.objects.get(id=reply.receipt.id)
    record_audit(by, "reply.open", f"receipt:{row.id}")
    return words_of(row)


def words_of(row: Receipt) -> Words:
    """The words in a receipt's sealed body: of a mail, or of a text message as its gateway posted it."""
    if not row.raw:
        return Words()
    if row.event_id.startswith(EVENT_PREFIX):
        mail = opened(row)
        return Words(mail.sender, mail.subject, mail.text)
    if row.kind not in (Kind.INBOUND, Kind.OPTED_OUT, Kind.OPTED_IN):
        return Words()
    form = dict(parse_qsl(row.raw, keep_blank_values=True))
    return Words(sender=row.address, text=form.get("Body", ""))


@transaction.atomic
def take_for_stop(task_id: uuid.UUID, *, by: str) -> None:
    """Staff reads it as “no more of this”: the sender gets nothing on that channel, and the task is done.

    Raises:
        NotFound: no such reply.
        Conflict: nobody knows whom to leave out, or the task was closed before.
    """
    reply = reply_called(task_id)
    channel, index = _sender_of(reply)
    if channel is None or index is None:
        raise Conflict.of(
            "reply", say("it names no address that could be suppressed; look the person up and suppress them")
        )
    stop_index(channel, index, by=by, source=f"reply read by staff as STOP, task {reply.task.id.hex[-8:]}")
    close_task(reply.task.id, by=by, result="taken for a STOP; the sender gets nothing any more")


@transaction.atomic
def file_reply(task_id: uuid.UUID, *, by: str, result: str) -> None:
    """It has been read, and something done about it, or nothing needed. Raises NotFound, Conflict."""
    reply_called(task_id)
    close_task(task_id, by=by, result=result)


def _sender_of(reply: Reply) -> tuple[Channel | None, bytes | None]:
    """On which channel, and under which hash, the sender is known to suppression; of offices none."""
    row = reply.receipt
    if row is None or reply.channel not in (Channel.EMAIL, Channel.SMS):
        return None, None
    if reply.channel == Channel.SMS:
        return Channel.SMS, bytes(row.address_index) if row.address_index else None
    if reply.task.delivery is not None:
        delivery = Delivery.objects.select_related("supporter").get(id=reply.task.delivery.id)
        return Channel.EMAIL, index_of(delivery)
    return Channel.EMAIL, address_index(Channel.EMAIL, row.address) if row.address else None


def _event_of(task: HumanTask) -> tuple[str, str]:
    """Gateway and event of the receipt that a task was opened for; a mail's gateway is found with its row."""
    name = task.key.removeprefix(_KEY) if task.key.startswith(_KEY) else ""
    if name.startswith(EVENT_PREFIX):
        return "", name
    gateway, _, event = name.partition(":")
    return gateway, event


def _receipts_of(tasks: Iterable[HumanTask]) -> Mapping[tuple[str, str], Receipt]:
    wanted, mails = Q(pk__in=()), []
    for task in tasks:
        gateway, event = _event_of(task)
        if not event:
            continue
        if gateway:
            wanted |= Q(gateway=gateway, event_id=event)
        elif task.delivery is not None:
            mails.append((task.delivery.id, event))
    if mails:
        wanted |= Q(delivery__in=[delivery for delivery, _ in mails], event_id__in=[event for _, event in mails])
    rows = Receipt.objects.filter(wanted).defer("raw", "address")
    return {("" if row.event_id.startswith(EVENT_PREFIX) else row.gateway, row.event_id): row for row in rows}


def _channel_of(row: Receipt) -> str:
    if row.event_id.startswith(EVENT_PREFIX):
        return Channel.EMAIL.value
    try:
        return entry_named(row.gateway).channel.value
    except NotFound:
        return ""


def _supporters_with(indexes: set[bytes]) -> dict[bytes, uuid.UUID]:
    """Whose numbers these are. Mail addresses are found by the delivery that was answered."""
    rows = Supporter.objects.filter(phone_index__in=indexes).values_list("phone_index", "id") if indexes else ()
    return {bytes(index): supporter_id for index, supporter_id in rows if index}
