"""The reads of deliveries' and tasks' pages. Writes nothing, decides nothing."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from urgentaction.alerts.models import Alert, AlertState
from urgentaction.alerts.queries import is_current
from urgentaction.core import clock
from urgentaction.core.errors import NotFound
from urgentaction.deliveries.escalate import official_of
from urgentaction.deliveries.models import Attempt, Delivery, GatewayState, HumanTask
from urgentaction.deliveries.queries import may_have_printed, still_paused
from urgentaction.deliveries.rules import Event, State, after, may_hurry
from urgentaction.deliveries.service import refusal_to_send_again
from urgentaction.directory.models import ContactPoint, Office, Official
from urgentaction.incidents.models import Incident
from urgentaction.letters.models import Letter
from urgentaction.receipts.models import Receipt
from urgentaction.tracking.queries import recipient_of
from urgentaction.tracking.steps import StepsView, steps_of

RECEIPTS = 200
ENGLISH = "en"
#: Never read where a list only shows that there is a letter.
_PAGES = ("pdf", "fax_pdf", "fax_repeat_pdf", "text", "html")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFacts:
    """One delivery with everything known of it, and which deeds its state allows."""

    row: Delivery
    recipient: str
    #: What the contact point is printed as; empty for a supporter, whose address is shown nowhere here.
    printed: str
    attempts: Sequence[Attempt]
    receipts: Sequence[Receipt]
    steps: StepsView
    tasks: Sequence[HumanTask]
    is_current: bool
    is_gateway_shut: bool
    may_have_arrived: bool
    may_hurry: bool
    may_withdraw: bool
    may_settle: bool
    may_send_again: bool
    why_not_again: str

    @property
    def is_supporter(self) -> bool:
        """Whose receipts stay sealed, and whose address is not shown."""
        return self.row.supporter_id is not None

    @property
    def can_act(self) -> bool:
        """Whether anything can be done about it now."""
        return self.may_hurry or self.may_withdraw or self.may_settle or self.may_send_again


def delivery_facts(delivery_id: int) -> DeliveryFacts:
    """One delivery. About a dozen queries. Raises NotFound."""
    row = (
        Delivery.objects.select_related("alert__case", "official__office", "contact_point__office", "letter")
        .defer(*(f"letter__{name}" for name in _PAGES))
        .filter(id=delivery_id)
        .first()
    )
    if row is None:
        raise NotFound.of("delivery", f"there is no delivery {delivery_id}")
    state = State(row.state)
    why_not_again = refusal_to_send_again(row, row.alert)
    return DeliveryFacts(
        row=row,
        recipient=recipient_of(row),
        printed=row.contact_point.printed_value if row.contact_point else "",
        attempts=list(row.tries.order_by("number")),
        receipts=list(row.receipts.defer("raw", "address").order_by("received_at", "id")[:RECEIPTS]),
        steps=steps_of(row) if row.official_id else StepsView(()),
        tasks=list(row.human_tasks.order_by("created_at")),
        is_current=is_current(row.alert),
        is_gateway_shut=GatewayState.objects.filter(still_paused(), name=row.gateway).exists(),
        may_have_arrived=may_have_printed(row),
        may_hurry=state is State.QUEUED
        and row.alert.state == AlertState.RUNNING
        and may_hurry(is_supporter=row.supporter_id is not None, channel=row.channel),
        may_withdraw=after(state, Event.WITHDRAW) is not None,
        may_settle=after(state, Event.SETTLE_LOST) is not None,
        may_send_again=not why_not_again,
        why_not_again=why_not_again,
    )


def unknown_rows() -> QuerySet[Delivery]:
    """Deliveries of which nobody can say whether they arrived; no supporter's row is fetched."""
    return Delivery.objects.filter(state=State.UNKNOWN.value).select_related("alert", "official__office")


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """A task with what its page needs: the letter to post, and where to."""

    task: HumanTask
    official: Official | None
    letter: Letter | None
    points: Sequence[ContactPoint]
    now: datetime

    @property
    def address(self) -> list[str]:
        """The office's postal address, in the letter's language where there is one."""
        return self._address(self.official.office) if self.official else []

    @property
    def care_of_address(self) -> list[str]:
        """The mission's."""
        care_of = self.official.office.care_of if self.official else None
        return self._address(care_of) if care_of else []

    def _address(self, office: Office) -> list[str]:
        lines: Mapping[str, list[str]] = office.postal_address
        language = self.letter.language if self.letter else ENGLISH
        return list(lines.get(language) or lines.get(ENGLISH, []))


def task_facts(task_id: uuid.UUID) -> TaskFacts:
    """One task. Raises NotFound."""
    task = HumanTask.objects.select_related("alert__case", "delivery__alert").filter(id=task_id).first()
    if task is None:
        raise NotFound.of("task", f"there is no task {task_id}")
    wanted = official_of(task) or (task.delivery.official_id if task.delivery else None)
    official = Official.objects.select_related("office__care_of").filter(id=wanted).first() if wanted else None
    alert = task.alert or (task.delivery.alert if task.delivery else None)
    if official is None:
        return TaskFacts(task, None, None, (), clock.now())
    letters = Letter.objects.defer(*_PAGES).filter(alert=alert, official=official)
    points = official.office.contact_points.exclude(printed_value="").order_by("channel", "rank")
    return TaskFacts(task, official, letters.first(), list(points), clock.now())


def task_rows() -> QuerySet[HumanTask]:
    """All tasks, with the alert's and the case's names."""
    return HumanTask.objects.select_related("alert__case")


def alert_with_case(alert_id: uuid.UUID) -> Alert:
    """Raises NotFound."""
    found = Alert.objects.select_related("case").filter(id=alert_id).first()
    if found is None:
        raise NotFound.of("alert", f"there is no alert {alert_id}")
    return found


def incident_numbered(incident_id: uuid.UUID) -> Incident:
    """Raises NotFound."""
    found = Incident.objects.filter(id=incident_id).first()
    if found is None:
        raise NotFound.of("incident", f"there is no incident {incident_id}")
    return found
