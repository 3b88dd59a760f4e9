"""What somebody should know before they agree to an update, and to what goes out. Reads only.

What letters and notices give rise to is asked here for an update (`cautions`) and for an alert (`alert_forecast`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from django.conf import settings

from urgentaction.cases.models import Case
from urgentaction.cases.service import UpdateText
from urgentaction.cases.vocabulary import Confidence
from urgentaction.channels.contract import Channel
from urgentaction.channels.guard import check_destination
from urgentaction.core import clock
from urgentaction.core.errors import SandboxRefusal
from urgentaction.core.phrases import Named
from urgentaction.deliveries.ways import look_at_gates
from urgentaction.directory.kinds import Health
from urgentaction.directory.models import ContactPoint
from urgentaction.letters.lint import MANY_SEGMENTS
from urgentaction.letters.models import Publication
from urgentaction.letters.publishing import GRAVE
from urgentaction.triggers.decision import OfficialsAudience, ReasonCode

from .audience import Addressed
from .forecast_views import Caution, Forecast, LetterForecast, Warned


def cautions(case: Case, told: UpdateText, found: Forecast, offices: Collection[Addressed]) -> Iterator[Warned]:
    """Everything to be careful about with an update."""
    yield from about_faults([*(one.fault for one in found.letters), *(one.fault for one in found.notices)])
    yield from _about_the_news(told, found)
    yield from about_offices(found.letters, offices)
    if found.letters or found.notices:
        yield from about_persons(case, found.decision.concerned)
    for notice in found.notices:
        yield from about_length(notice.language, notice.segments)
    used = {channel for letter in found.letters for channel in letter.channels}
    yield from about_ways(used | {one.channel for one in found.notices if one.people})
    yield from about_embargo(case)
    if found.decision.supersedes_case:
        public = Publication.objects.filter(alert__case=case, withdrawn_at=None).count()
        if public:
            yield Warned(Caution.PUBLISHED, {"letters": str(public)})


def about_faults(faults: Iterable[str]) -> Iterator[Warned]:
    """Texts that can't be made, each reason once."""
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


def about_offices(letters: Iterable[LetterForecast], offices: Iterable[Addressed]) -> Iterator[Warned]:
    """Offices without a holder or a way to them, ways that may not work, letters in another language than theirs."""
    used = {letter.office_id: letter for letter in letters}
    for one in offices:
        office: dict[str, str] = {"office": Named.of(one.office, one.office.names)}
        if one.official is None:
            yield Warned(Caution.VACANT, office)
            continue
        letter = used.get(one.office.id)
        if letter is None:
            continue
        if not letter.channels:
            yield Warned(Caution.NO_CONTACT, office)
        for channel in letter.channels:
            yield from _about_point(one.first_point(channel), office | {"channel": channel.value})
        if letter.preferred:
            yield Warned(Caution.IN_ENGLISH, office | {"preferred": letter.preferred, "language": letter.language})


def _about_point(point: ContactPoint, values: dict[str, str]) -> Iterator[Warned]:
    if point.health == Health.FAILING:
        yield Warned(Caution.FAILING, values)
    elif point.health == Health.UNVERIFIED or point.verified_at is None:
        yield Warned(Caution.UNVERIFIED, values)
    try:
        check_destination(settings.MODE, Channel(point.channel), point.dial_value)
    except SandboxRefusal:
        yield Warned(Caution.SANDBOX, {"who": values["office"], "channel": values["channel"]})


def about_persons(case: Case, concerned: Collection[str]) -> Iterator[Warned]:
    """Persons without consent on record, or with one newer than the last letter. Nobody concerned: everybody."""
    sent = case.alerts.filter(frozen_at__isnull=False).order_by("-frozen_at").values_list("frozen_at", flat=True)
    since = sent.first()
    for key, consent_at in case.persons.order_by("key").values_list("key", "consent_at"):
        if concerned and key not in concerned:
            continue
        if consent_at is None:
            yield Warned(Caution.NO_CONSENT, {"person": key})
        elif since is not None and consent_at > since:
            yield Warned(Caution.CONSENT_CHANGED, {"person": key})


def about_length(language: str, segments: int) -> Iterator[Warned]:
    """A text message that costs more than one might think."""
    if segments > MANY_SEGMENTS:
        yield Warned(Caution.LONG_SMS, {"language": language, "segments": str(segments)})


def about_ways(channels: Collection[Channel]) -> Iterator[Warned]:
    """Channels that no gateway may carry at this moment."""
    gates = look_at_gates()
    for channel in Channel:
        if channel in channels and not gates.of(channel):
            yield Warned(Caution.NO_GATEWAY, {"channel": channel.value})


def about_embargo(case: Case) -> Iterator[Warned]:
    """Nothing of the case is public yet."""
    if case.embargo_until and case.embargo_until > clock.now():
        yield Warned(Caution.EMBARGO, {"until": case.embargo_until.isoformat()})
