"""Whom a decision or an alert would reach at this moment, and what it would stop. Reads only.

The counting statement asks the same questions as `deliveries.expand` does when it makes the rows (a test compares the
two), but before the alert exists.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Count, prefetch_related_objects

from urgentaction.alerts.models import Alert, AlertTarget
from urgentaction.alerts.plan import AlertPlan
from urgentaction.alerts.queries import live_alerts, sent_alerts
from urgentaction.alerts.service import FALLBACK_LANGUAGE, follows_up
from urgentaction.cases.models import Case
from urgentaction.channels.contract import Channel
from urgentaction.deliveries.expand import EVERYBODY, REACHED_BEFORE
from urgentaction.deliveries.queries import OFFICIALS, SUPPORTERS, follow, followed_by, reached_by, unsent_of
from urgentaction.deliveries.rules import REACHED
from urgentaction.directory.kinds import Health
from urgentaction.directory.models import ContactPoint, Office, Official
from urgentaction.directory.queries import holder_among
from urgentaction.letters.service import notice_languages
from urgentaction.triggers.decision import (
    OfficialPlan,
    OfficialsAudience,
    SupporterPlan,
    SupportersAudience,
    TriggerDecision,
)
from urgentaction.triggers.explain import AddresseeRole, AudienceCounts, OfficialCount, SupporterCount, UnsentCount

_SUPPORTERS = """
SELECT n.channel, CASE WHEN s.language = ANY(%(languages)s) THEN s.language ELSE %(fallback)s END AS language, count(*)
FROM supporters_supporter s
CROSS JOIN unnest(%(possible)s::text[]) AS n (channel)
WHERE s.erased_at IS NULL
  AND ((n.channel = 'email' AND s.wants_email AND s.email_index IS NOT NULL)
    OR (n.channel = 'sms' AND s.wants_sms AND s.phone_index IS NOT NULL))
  AND NOT EXISTS (
      SELECT 1 FROM supporters_suppression stop
      WHERE stop.channel = n.channel AND stop.lifted_at IS NULL
        AND (stop.expires_at IS NULL OR stop.expires_at > ua_now())
        AND stop.address_index = CASE n.channel WHEN 'email' THEN s.email_index ELSE s.phone_index END)
  AND (%(readers)s::text[] = '{{}}' OR s.language = ANY(%(readers)s::text[]))
  AND ({audience})
GROUP BY 1, 2 ORDER BY 1, 2
"""


def audience_counts(case: Case, decision: TriggerDecision) -> AudienceCounts:
    """Officials by name with their channels, supporters by channel and language, and what is unsent by alert."""
    return AudienceCounts(
        officials=tuple(_officials(case, decision, _followed(case, decision, OFFICIALS))),
        supporters=_supporters(case, decision.supporter_plan, _followed(case, decision, SUPPORTERS)),
        unsent=_unsent(case, decision),
    )


def supporters_of(alert: Alert) -> tuple[SupporterCount, ...]:
    """How many supporters an alert that has not started would reach now, by channel and language of its notices."""
    plan = AlertPlan.from_json(alert.plan)
    followed = followed_by(alert, roles=SUPPORTERS) if follows_up(plan) else []
    languages = notice_languages(alert, plan)
    return _supporters(alert.case, plan.supporters, followed, readers=plan.readers, languages=languages)


def _followed(case: Case, decision: TriggerDecision, roles: Sequence[str]) -> list[uuid.UUID]:
    """The alerts a follow-up would follow, for officials or for supporters."""
    overtaken = live_alerts(case).filter(started_at__isnull=False) if decision.supersedes_case else Alert.objects.none()
    return follow(set(overtaken.values_list("id", flat=True)), sent_alerts(case), roles=roles)


@dataclass(frozen=True, slots=True)
class Addressed:
    """An office that is written to: who holds it today (None: nobody is recorded), and where it is reached.

    `role` is "to" or "cc". `points` are those not known to be dead, the office's own before its mission's.
    """

    office: Office
    role: str
    official: Official | None
    points: tuple[ContactPoint, ...]

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The channels there is a contact point for."""
        return tuple(channel for channel in Channel if any(point.channel == channel for point in self.points))

    def channels_of(self, plan: OfficialPlan) -> tuple[Channel, ...]:
        """Those of a plan there is a contact point for, in the plan's order."""
        return tuple(channel for channel in (plan.to if self.role == "to" else plan.cc) if channel in self.channels)

    def first_point(self, channel: Channel) -> ContactPoint:
        """The contact point that is tried first on one of its channels."""
        return next(point for point in self.points if point.channel == channel)


def addressees_of(case: Case) -> Iterator[Addressed]:
    """The offices that a case's letters go to, in order, vacant ones included."""
    rows = case.addressees.select_related("office__care_of")
    with_points = ("office__contact_points", "office__care_of__contact_points")
    for row in rows.prefetch_related("office__officials", *with_points):
        yield Addressed(row.office, row.role, holder_among(row.office), _points_of(row.office))


def addressed_by(alert: Alert, targets: Sequence[AlertTarget]) -> list[Addressed]:
    """The offices that an alert writes to: those of `targets`, and those of its case that are vacant."""
    with_points = ("official__office__contact_points", "official__office__care_of__contact_points")
    prefetch_related_objects(targets, *with_points)
    offices = ((one.official.office, one.role, one.official) for one in targets)
    found = [Addressed(office, role, official, _points_of(office)) for office, role, official in offices]
    return found + [one for one in addressees_of(alert.case) if one.official is None]


def offices_reached(followed: list[uuid.UUID]) -> set[uuid.UUID]:
    """The offices that something of these alerts reached."""
    rows = reached_by(followed, roles=OFFICIALS)
    return set(rows.values_list("official__office_id", flat=True))


def _points_of(office: Office) -> tuple[ContactPoint, ...]:
    own, through = office.contact_points.all(), office.care_of.contact_points.all() if office.care_of else ()
    points = (*sorted(own, key=_in_order), *sorted(through, key=_in_order))
    return tuple(point for point in points if point.health != Health.DEAD)


def _in_order(point: ContactPoint) -> tuple[int, str]:
    return point.rank, point.dial_value


def addressed(case: Case, decision: TriggerDecision) -> list[Addressed]:
    """The offices that a decision would write to at this moment, vacant ones included; empty where staff choose."""
    return list(_addressed(case, decision, _followed(case, decision, OFFICIALS)))


def _addressed(case: Case, decision: TriggerDecision, followed: list[uuid.UUID]) -> Iterator[Addressed]:
    audience = decision.officials_audience
    if decision.official_plan is None or audience in (OfficialsAudience.NONE, OfficialsAudience.NEW_TARGET):
        return
    reached = offices_reached(followed) if audience is OfficialsAudience.REACHED_BEFORE else None
    for one in addressees_of(case):
        if reached is None or one.office.id in reached:
            yield one


def _officials(case: Case, decision: TriggerDecision, followed: list[uuid.UUID]) -> Iterator[OfficialCount]:
    for one in _addressed(case, decision, followed):
        if one.official is not None:
            yield OfficialCount(
                name=f"{one.office} · {one.official}",
                role=AddresseeRole(one.role),
                channels=one.channels,
            )


def _supporters(
    case: Case,
    plan: SupporterPlan | None,
    followed: list[uuid.UUID],
    *,
    readers: Sequence[str] = (),
    languages: Sequence[str] = (),
) -> tuple[SupporterCount, ...]:
    if plan is None:
        return ()
    follows_up = plan.audience is SupportersAudience.REACHED_BEFORE
    parameters: dict[str, Any] = {
        "languages": sorted({FALLBACK_LANGUAGE, *(languages or case.texts.values_list("language", flat=True))}),
        "fallback": FALLBACK_LANGUAGE,
        "channels": [channel.value for channel in plan.channels],
        "possible": [channel.value for channel in {*plan.channels, *((Channel.SMS,) if follows_up else ())}],
        "readers": list(readers),
        "followed": followed,
        "reached": [state.value for state in REACHED],
    }
    with connection.cursor() as cursor:
        cursor.execute(_SUPPORTERS.format(audience=REACHED_BEFORE if follows_up else EVERYBODY), parameters)
        rows = cursor.fetchall()
    return tuple(SupporterCount(channel=Channel(row[0]), language=row[1], people=row[2]) for row in rows)


def _unsent(case: Case, decision: TriggerDecision) -> tuple[UnsentCount, ...]:
    stopped = Alert.objects.filter(case=case, number__in=decision.withdrawn_alerts).order_by("created_at")
    numbers = dict(stopped.values_list("id", "number"))
    counts = dict(
        unsent_of(list(numbers)).values("alert_id").annotate(unsent=Count("id")).values_list("alert_id", "unsent")
    )
    return tuple(UnsentCount(alert=number, deliveries=counts.get(found, 0)) for found, number in numbers.items())
