"""From an alert to its delivery rows. Supporters: one INSERT … SELECT in the database; officials: a handful of rows.

Running either twice adds nothing: the unique index on (alert, recipient, channel, contact point) sees to it.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.db import connection

from urgentaction.alerts.models import Alert, AlertTarget
from urgentaction.alerts.plan import AlertPlan
from urgentaction.channels.contract import Channel
from urgentaction.core import clock
from urgentaction.directory.models import ContactPoint
from urgentaction.directory.queries import contact_points_in_order
from urgentaction.letters.models import Letter
from urgentaction.supporters.models import Supporter
from urgentaction.triggers.decision import OfficialPlan, SupporterPlan, SupportersAudience

from . import cascade
from .cascade import Point
from .models import Delivery
from .openings import opening_of
from .quiet_hours import AFTER_QUIET_HOURS
from .rules import REACHED, State

#: Supporters of one page: half a second of work, in which an update of the same case has to wait.
PAGE = 20_000

# A supporter hears on each channel they chose and the plan names. In a follow-up, somebody who was reached by SMS only
# and has no usable mail address hears by SMS, because a correction must come where the news came.
_SUPPORTERS = """
INSERT INTO deliveries_delivery (
    alert_id, role, supporter_id, notice_id, channel, step, priority, state, reason, created_at, due_at, expires_at,
    attempts, refusals, questions, repeats, retry_class, gateway, gateway_ref
)
SELECT a.id, 'supporter', s.id, n.id, n.channel, 1, a.priority,
       CASE WHEN stop.reason IS NULL THEN 'queued' ELSE 'suppressed' END,
       CASE WHEN stop.reason IS NULL THEN '' ELSE 'suppressed before: ' || stop.reason END,
       (SELECT ua_now()), {due}, a.deadline_at, 0, 0, 0, 0, '', '', ''
FROM alerts_alert a
JOIN letters_notice n ON n.alert_id = a.id
JOIN supporters_supporter s ON n.language = CASE WHEN s.language = ANY(a.languages) THEN s.language ELSE 'en' END
LEFT JOIN supporters_suppression stop
       ON stop.channel = n.channel AND stop.lifted_at IS NULL
      AND (stop.expires_at IS NULL OR stop.expires_at > (SELECT ua_now()))
      AND stop.address_index = CASE n.channel WHEN 'email' THEN s.email_index ELSE s.phone_index END
WHERE a.id = %(alert)s AND s.erased_at IS NULL
  AND (%(after)s::uuid IS NULL OR s.id > %(after)s) AND (%(last)s::uuid IS NULL OR s.id <= %(last)s)
  AND ((n.channel = 'email' AND s.wants_email AND s.email_index IS NOT NULL)
    OR (n.channel = 'sms' AND s.wants_sms AND s.phone_index IS NOT NULL))
  AND (%(readers)s::text[] = '{{}}' OR s.language = ANY(%(readers)s::text[]))
  AND ({audience})
ORDER BY s.id
ON CONFLICT DO NOTHING
"""

#: Conditions on a supporter `s` and a channel `n.channel`; the dry run counts by the same ones.
EVERYBODY = "n.channel = ANY(%(channels)s)"

# Reached as `queries.reached_by` says it: by its state, or because one of its tries may have arrived.
REACHED_BEFORE = """
EXISTS (SELECT 1 FROM deliveries_delivery r
        WHERE r.alert_id = ANY(%(followed)s) AND r.supporter_id = s.id
          AND (r.state = ANY(%(reached)s) OR EXISTS (
              SELECT 1 FROM deliveries_attempt t WHERE t.delivery_id = r.id
              AND (t.outcome = 'unknown'
                OR (t.outcome = 'refused' AND t.retry_class = 'soon' AND t.gateway_ref <> ''))))
          AND (n.channel = ANY(%(channels)s)
            OR (r.channel = n.channel
                AND NOT (s.wants_email AND s.email_index IS NOT NULL AND NOT EXISTS (
                    SELECT 1 FROM supporters_suppression gone WHERE gone.channel = 'email' AND gone.lifted_at IS NULL
                      AND (gone.expires_at IS NULL OR gone.expires_at > ua_now())
                      AND gone.address_index = s.email_index)))))
"""


def is_my_turn() -> bool:
    """Whether nobody else makes supporters' rows right now; until the end of the transaction nobody else will."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('urgentaction expand'))")
        return bool(cursor.fetchone()[0])


def expand_supporters(
    alert: Alert,
    plan: SupporterPlan,
    *,
    followed: list[uuid.UUID],
    readers: Sequence[str] = (),
    after: uuid.UUID | None = None,
) -> uuid.UUID | None:
    """A page of rows, one for each supporter and channel. Suppressed ones get a row that says so.

    Args:
        followed: the alerts whose recipients a follow-up goes to (`queries.followed_by`).
        readers: only supporters who read these languages; empty: all.
        after: begin behind this supporter.

    Returns:
        The page's last supporter, behind whom the next one begins; None where there is no next one.
    """
    last = _last_of_page(after)
    follows_up = plan.audience is SupportersAudience.REACHED_BEFORE
    statement = _SUPPORTERS.format(
        due=AFTER_QUIET_HOURS.format(channel="n.channel", overrides="%(overrides)s"),
        audience=REACHED_BEFORE if follows_up else EVERYBODY,
    )
    parameters: dict[str, Any] = {
        "alert": alert.id,
        "channels": [channel.value for channel in plan.channels],
        "followed": followed,
        "readers": list(readers),
        "after": after,
        "last": last,
        "reached": [state.value for state in REACHED],
        "overrides": plan.override_quiet_hours_where_allowed,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
    return last


def _last_of_page(after: uuid.UUID | None) -> uuid.UUID | None:
    """None: the page goes to the end."""
    behind = Supporter.objects.all() if after is None else Supporter.objects.filter(id__gt=after)
    return behind.order_by("id").values_list("id", flat=True)[PAGE - 1 : PAGE].first()


def expand_officials(alert: Alert, plan: OfficialPlan) -> list[AlertTarget]:
    """The first steps for each official. Returns those who can't be reached by any step: they are for a person."""
    stranded = []
    for target in alert.targets.select_related("official__office"):
        points = first_points(target, plan)
        if not points:
            stranded.append(target)
        for point in points:
            add_step(alert, target, point, plan, step=1)
    return stranded


def first_points(target: AlertTarget, plan: OfficialPlan) -> list[ContactPoint]:
    """Where to begin: the best contact point of each channel at once, or only the very first (`cascade`)."""
    points = points_of(target, plan)
    return [points[point] for point in cascade.first_points(list(points), plan.order)]


def points_of(target: AlertTarget, plan: OfficialPlan) -> dict[Point, ContactPoint]:
    """Everything that may be tried for a target, in order, as the rules see it: its office's own, then a mission's."""
    office, channels = target.official.office, plan.to if target.role == "to" else plan.cc
    return {
        Point(
            id=one.id, channel=Channel(one.channel), address=one.dial_value, is_care_of=one.office_id != office.id
        ): one
        for one in contact_points_in_order(office, channels)
    }


def add_step(
    alert: Alert, target: AlertTarget, point: ContactPoint, plan: OfficialPlan, *, step: int, again: int = 0
) -> None:
    """One delivery to one contact point, due now or when the office opens.

    Args:
        again: how often a person has had the letter sent to this point once more (`service.send_again`).
    """
    letter = Letter.objects.only("id").get(alert=alert, official_id=target.official_id)
    moment = clock.read_database_now()
    due_at = opening_of(point, moment, plan=plan, deadline=alert.deadline_at)
    until = cascade.step_until(due_at, minutes=plan.escalate_after_minutes, deadline=alert.deadline_at)
    Delivery.objects.bulk_create(
        [
            Delivery(
                alert=alert,
                role=target.role,
                official_id=target.official_id,
                contact_point=point,
                letter=letter,
                channel=point.channel,
                step=step,
                again=again,
                step_until=until,
                priority=alert.priority,
                state=State.QUEUED.value,
                created_at=moment,
                due_at=due_at,
                expires_at=alert.deadline_at,
            )
        ],
        ignore_conflicts=True,
    )


def plan_of(alert: Alert) -> AlertPlan:
    """The alert's plan, read from its row."""
    return AlertPlan.from_json(alert.plan)
