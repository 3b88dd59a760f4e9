"""What an alert that is not frozen yet would lead to: letters, notices, costs, and what an approver should know.

The same questions are asked as of an update (`forecast`, `cautions`), but the alert stands already: its texts are those
that would be frozen (`forthcoming`), and they may be stale, late or without an addressee. Reads only.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence

from urgentaction.alerts.deciding import waits_for_family
from urgentaction.alerts.models import Alert
from urgentaction.alerts.plan import AlertPlan
from urgentaction.channels.contract import Channel
from urgentaction.core import clock
from urgentaction.core.languages import LETTER_LANGUAGES
from urgentaction.letters import ahead
from urgentaction.letters.ahead import Contents
from urgentaction.letters.models import TemplateVersion
from urgentaction.letters.sms import unfit_for_korea
from urgentaction.triggers.decision import OfficialsAudience

from .audience import Addressed, addressed_by, supporters_of
from .cautions import about_embargo, about_faults, about_length, about_offices, about_persons, about_ways
from .forecast import costs_of
from .forecast_views import Caution, Cost, LetterForecast, NoticeForecast, Warned
from .forthcoming import targets_of


def cautions_of(alert: Alert, contents: Contents) -> list[Warned]:
    """Everything to be careful about before somebody agrees to an alert."""
    plan = AlertPlan.from_json(alert.plan)
    return list(_cautions(alert, plan, contents))


def notices_of(alert: Alert, contents: Contents) -> list[NoticeForecast]:
    """How many supporters it would reach now, by channel and language; `segments` of the text they would get."""
    plan = AlertPlan.from_json(alert.plan)
    made = {(one.channel, one.language): one for one in contents.notices}
    found = []
    for count in supporters_of(alert):
        notice = made.get((count.channel, count.language))
        found.append(
            NoticeForecast(
                kind=plan.notice_kind,
                channel=count.channel,
                language=count.language,
                people=count.people,
                segments=notice.segments if notice else 0,
                fault=notice.fault if notice else "",
            )
        )
    return found


def alert_costs(alert: Alert, contents: Contents, notices: Sequence[NoticeForecast]) -> list[Cost]:
    """What an alert would cost at most; each letter is set as a fax for that, so that its pages can be counted."""
    plan = AlertPlan.from_json(alert.plan)
    targets = targets_of(alert)
    pages = ahead.fax_page_counts(alert, targets)
    letters = _letters(plan, contents, addressed_by(alert, targets), pages)
    return list(costs_of(letters, notices))


def _cautions(alert: Alert, plan: AlertPlan, contents: Contents) -> Iterator[Warned]:
    yield from about_faults(contents.faults)
    yield from _about_its_time(alert)
    used: set[Channel] = set(plan.supporters.channels) if plan.supporters else set()
    if plan.officials is not None:
        offices = addressed_by(alert, targets_of(alert))
        letters = list(_letters(plan, contents, offices))
        if not letters:
            is_open = plan.officials_audience is OfficialsAudience.NEW_TARGET
            yield Warned(Caution.NOT_ADDRESSED if is_open else Caution.NO_LETTER)
        yield from about_offices(letters, offices)
        used |= {channel for letter in letters for channel in letter.channels}
    yield from about_persons(alert.case, plan.concerned)
    yield from _about_notices(plan, contents)
    yield from _about_templates(contents)
    yield from about_ways(used)
    yield from about_embargo(alert.case)


def _about_its_time(alert: Alert) -> Iterator[Warned]:
    if alert.fence != alert.case.version:
        yield Warned(Caution.OVERTAKEN)
    if alert.deadline_at is not None and alert.deadline_at <= clock.now():
        yield Warned(Caution.TOO_LATE)
    if waits_for_family(alert):
        yield Warned(Caution.FAMILY)


def _letters(
    plan: AlertPlan,
    contents: Contents,
    offices: Collection[Addressed],
    pages: Mapping[uuid.UUID, int] | None = None,
) -> Iterator[LetterForecast]:
    """The letters of `contents`, with the ways of the offices they go to and their `pages` as a fax."""
    places = {one.official.id: one for one in offices if one.official is not None}
    for letter in contents.letters:
        one = places.get(letter.key)
        if one is None or plan.officials is None:
            continue
        channels = one.channels_of(plan.officials)
        yield LetterForecast(
            to=letter.official.slug,
            official=str(letter.official),
            office=str(one.office),
            office_id=one.office.id,
            role=letter.role,
            kind=plan.letter_kind,
            language=letter.language,
            preferred=letter.wanted_language if letter.wanted_language != letter.language else "",
            channels=channels,
            fax_pages=(pages or {}).get(letter.key, 0) if Channel.FAX in channels else 0,
            fault=letter.fault,
        )


def _about_notices(plan: AlertPlan, contents: Contents) -> Iterator[Warned]:
    if plan.supporters is None:
        return
    there = {notice.language for notice in contents.notices}
    missing = [code for code in (plan.readers or LETTER_LANGUAGES) if code not in there]
    if missing:
        yield Warned(Caution.NO_NOTICE, {"missing": ",".join(missing)})
    for one in contents.notices:
        yield from about_length(one.language, one.segments)
        if one.channel is Channel.SMS and one.language == "ko" and (unfit := unfit_for_korea(one.text)):
            yield Warned(Caution.UNFIT_SMS, {"unfit": unfit})


def _about_templates(contents: Contents) -> Iterator[Warned]:
    """What was noted about the templates when they were saved."""
    versions = [*(one.version for one in contents.letters), *(one.version for one in contents.notices)]
    used = {version for version in versions if version is not None}
    for version in TemplateVersion.objects.filter(id__in=used).only("family", "kind", "language", "warnings"):
        for noted in version.warnings:
            why = str(noted.get("message", noted)) if isinstance(noted, dict) else str(noted)
            yield Warned(Caution.TEMPLATE, {"template": str(version.name), "why": why})
