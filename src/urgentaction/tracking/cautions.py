"""What somebody should know before they agree to an update and what follows from it. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from urgentaction.cases.models import Case
from urgentaction.cases.service import UpdateText
from urgentaction.cases.vocabulary import Confidence
from urgentaction.channels.contract import Channel
from urgentaction.core import clock
from urgentaction.deliveries.gateways import entries
from urgentaction.deliveries.models import GatewayState
from urgentaction.deliveries.queries import still_paused
from urgentaction.directory.kinds import Health
from urgentaction.letters.models import Publication
from urgentaction.letters.publishing import GRAVE
from urgentaction.triggers.decision import OfficialsAudience, ReasonCode

from .audience import Addressed
from .forecast_views import Caution, Forecast, Warned


def cautions(case: Case, told: UpdateText, found: Forecast, offices: Iterable[Addressed]) -> Iterator[Warned]:
    """Everything to be careful about, the gravest first."""
    offices = list(offices)
    yield from _about_letters(found)
    yield from _about_the_news(told, found)
    yield from _about_offices(found, offices)
    yield from _about_persons(case, found)
    yield from _about_ways(found)
    if case.embargo_until and case.embargo_until > clock.now():
        yield Warned(Caution.EMBARGO, {"until": case.embargo_until.isoformat()})
    if found.decision.supersedes_case:
        public = Publication.objects.filter(alert__case=case, withdrawn_at=None).count()
        if public:
            yield Warned(Caution.PUBLISHED, {"letters": str(public)})


def _about_letters(found: Forecast) -> Iterator[Warned]:
    faults = [letter.fault for letter in found.letters] + [notice.fault for notice in found.notices]
    for fault in dict.fromkeys(filter(None, faults)):
        yield Warned(Caution.LETTER_FAULTY, {"why": fault})


def _about_the_news(told: UpdateText, found: Forecast) -> Iterator[Warned]:
    decision = found.decision
    for reason in decision.reasons:
        if reason.code is ReasonCode.STALE:
            yield Warned(Caution.STALE, reason.values)
    if told.confidence is Confidence.RUMOURED:
        yield Warned(Caution.RUMOUR)
    if told.status in GRAVE and not told.is_family_informed:
        yield Warned(Caution.FAMILY)
    if decision.remainder:
        yield Warned(Caution.REMAINDER, {"persons": ", ".join(decision.remainder)})
    if decision.makes_alert and decision.officials_audience is OfficialsAudience.NEW_TARGET:
        yield Warned(Caution.NEW_TARGET)
    elif decision.makes_alert and not found.letters and not found.supporters:
        yield Warned(Caution.NOBODY)


def _about_offices(found: Forecast, offices: Iterable[Addressed]) -> Iterator[Warned]:
    used = {letter.office_id: letter for letter in found.letters}
    for one in offices:
        office = {"office": str(one.addressee.office)}
        if one.official is None:
            yield Warned(Caution.VACANT, office)
            continue
        letter = used.get(one.addressee.office_id)
        if letter is None:
            continue
        if not letter.channels:
            yield Warned(Caution.NO_CONTACT, office)
        for channel in letter.channels:
            first = min((point for point in one.points if point.channel == channel), key=lambda point: point.rank)
            values = office | {"channel": channel.value}
            if first.health == Health.FAILING:
                yield Warned(Caution.FAILING, values)
            elif first.verified_at is None:
                yield Warned(Caution.UNVERIFIED, values)
        if letter.preferred:
            yield Warned(Caution.IN_ENGLISH, office | {"preferred": letter.preferred, "language": letter.language})


def _about_persons(case: Case, found: Forecast) -> Iterator[Warned]:
    if not (found.letters or found.notices):
        return
    concerned = set(found.decision.concerned)
    sent = case.alerts.filter(frozen_at__isnull=False).order_by("-frozen_at").values_list("frozen_at", flat=True)
    since = sent.first()
    for key, consent_at in case.persons.order_by("key").values_list("key", "consent_at"):
        if concerned and key not in concerned:
            continue
        if consent_at is None:
            yield Warned(Caution.NO_CONSENT, {"person": key})
        elif since is not None and consent_at > since:
            yield Warned(Caution.CONSENT_CHANGED, {"person": key})


def _about_ways(found: Forecast) -> Iterator[Warned]:
    used = {channel for letter in found.letters for channel in letter.channels}
    used |= {one.channel for one in found.notices if one.people}
    if not used:
        return
    shut = set(GatewayState.objects.filter(still_paused()).values_list("name", flat=True))
    shut |= set(GatewayState.objects.filter(broken_since__isnull=False).values_list("name", flat=True))
    open_ways = {entry.channel for name, entry in entries().items() if name not in shut}
    for channel in Channel:
        if channel in used and channel not in open_ways:
            yield Warned(Caution.NO_GATEWAY, {"channel": channel.value})
