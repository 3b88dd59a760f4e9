"""Mail that comes back: deliveries that were handed over (without the way there), and the mails that tell of them."""

from __future__ import annotations

from pathlib import Path

from tests.flow.world import World
from urgentaction.alerts.models import Alert
from urgentaction.cases.vocabulary import Status
from urgentaction.channels.contract import Channel
from urgentaction.core import clock
from urgentaction.deliveries.models import Attempt, Delivery
from urgentaction.deliveries.references import reference_of
from urgentaction.receipts.mail import take_mail
from urgentaction.receipts.models import Receipt
from urgentaction.receipts.service import apply_pending
from urgentaction.supporters.models import Supporter, Suppression
from urgentaction.supporters.queries import history_of

MAILS = Path(__file__).parents[1] / "unit" / "receipts" / "mails"
FRIEND = "friend1@supporters.invalid"


def sample(name: str, row: Delivery | None = None) -> bytes:
    """A mail that came back to this delivery; without one, with a reference that we did not sign."""
    reference = reference_of(row.id) if row else "d1-0123456789abcdef0123"
    return (MAILS / f"{name}.eml").read_bytes().replace(b"{REF}", reference.encode())


def running_alert(world: World) -> Alert:
    """An alert that is being sent, of which nothing has been rendered."""
    alert = world.update(Status.RETURN_IMMINENT).alerts[0]
    alert.state, alert.started_at = "running", clock.now()
    alert.save()
    return alert


def handed_over(alert: Alert, friend: Supporter, *, channel: str = "email") -> Delivery:
    """A delivery to a supporter that a gateway has taken."""
    row = Delivery.objects.create(
        alert=alert,
        role="supporter",
        supporter=friend,
        channel=channel,
        priority=1,
        state="queued",
        created_at=clock.now(),
        due_at=clock.now(),
        expires_at=alert.deadline_at,
    )
    return hand_over(row)


def hand_over(row: Delivery) -> Delivery:
    """As if it had just been sent for the first time."""
    row.tries.all().delete()
    now = clock.now()
    row.state, row.attempts, row.gateway, row.gateway_ref, row.accepted_at = "accepted", 1, "smtp", "Q1", now
    row.refusals, row.reason, row.retry_class, row.settled_at = 0, "", "", None
    row.save()
    Attempt.objects.create(
        delivery=row, number=1, gateway="smtp", started_at=now, ended_at=now, outcome="accepted", gateway_ref="Q1"
    )
    return row


def state_after(row: Delivery, raw: bytes, **envelope: str) -> str:
    """Take this mail, apply it, and say where the delivery stands."""
    take_mail(raw, **envelope)
    apply_pending()
    row.refresh_from_db()
    return row.state


def start_anew(row: Delivery) -> None:
    """Nothing has come back, nobody is suppressed."""
    Receipt.objects.all().delete()
    Suppression.objects.all().delete()
    hand_over(row)


def reasons() -> list[str]:
    """Why addresses are suppressed now."""
    return list(Suppression.objects.filter(lifted_at=None).values_list("reason", flat=True))


def is_suppressed(address: str = FRIEND, channel: Channel = Channel.EMAIL) -> bool:
    """Whether this address gets nothing now."""
    return any(one.holds for one in history_of(channel, address))


def mail_state(alert: Alert, friend: Supporter) -> str:
    """Where the mail to this supporter stands."""
    return Delivery.objects.get(alert=alert, supporter=friend, channel="email").state
