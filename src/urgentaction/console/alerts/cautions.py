"""What an approver should know before they agree: what can't be made, whom nothing can reach, what reads otherwise.

Reads only. Words what it finds; decides nothing: faults are refused by the services themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from urgentaction.alerts.models import Alert, AlertTarget
from urgentaction.alerts.plan import AlertPlan
from urgentaction.channels.contract import Channel
from urgentaction.channels.guard import check_destination
from urgentaction.console.vocabulary import CHANNELS, language_name
from urgentaction.core import clock
from urgentaction.core.errors import SandboxRefusal
from urgentaction.core.languages import LETTER_LANGUAGES
from urgentaction.deliveries.ways import look_at_gates
from urgentaction.directory.kinds import Health
from urgentaction.directory.models import ContactPoint
from urgentaction.directory.queries import contact_points_in_order, officials_in_office
from urgentaction.letters.ahead import Contents
from urgentaction.letters.lint import MANY_SEGMENTS
from urgentaction.letters.models import TemplateVersion
from urgentaction.letters.sms import unfit_for_korea
from urgentaction.triggers.decision import OfficialsAudience


@dataclass(frozen=True, slots=True)
class Caution:
    """One thing to know. `is_grave`: with it the alert would stop or reach nobody there."""

    text: str
    is_grave: bool = False


def cautions_of(alert: Alert, contents: Contents, targets: list[AlertTarget]) -> list[Caution]:
    """Everything worth a warning, the grave ones first. For an alert that has not been frozen."""
    plan = AlertPlan.from_json(alert.plan)
    found = [Caution(fault, is_grave=True) for fault in contents.faults]
    found += [*_of_the_case(alert), *_of_offices(alert, plan, targets)]
    for target in targets:
        found += _of_contact_points(target, plan)
    found += [*_of_languages(plan, contents), *_of_texts(contents), *_of_gateways(plan)]
    return sorted(found, key=lambda one: not one.is_grave)


def _of_the_case(alert: Alert) -> Iterator[Caution]:
    now = clock.now()
    if alert.fence != alert.case.version:
        yield Caution(_("The case has a newer status: this alert is stale and can't be sent."), is_grave=True)
    if alert.case.embargo_until is not None and alert.case.embargo_until > now:
        until = f"{alert.case.embargo_until:%Y-%m-%d %H:%M} UTC"
        yield Caution(_("The case is under embargo until %(until)s.") % {"until": until}, is_grave=True)
    if alert.deadline_at is not None and alert.deadline_at <= now:
        yield Caution(_("Its deadline has passed: it expires instead of being sent."), is_grave=True)


def _of_offices(alert: Alert, plan: AlertPlan, targets: list[AlertTarget]) -> Iterator[Caution]:
    if plan.officials is None:
        return
    if not targets:
        is_new = plan.officials_audience is OfficialsAudience.NEW_TARGET
        told = _("Nobody is addressed yet: name the officials whom this letter goes to.")
        yield Caution(told if is_new else _("No official would be written to."), is_grave=True)
    for entry, holder in officials_in_office(alert.case.addressees.select_related("office")):
        if holder is None:
            told = _("Nobody is recorded as holding “%(office)s”: no letter goes there.")
            yield Caution(told % {"office": entry.office})


def _of_contact_points(target: AlertTarget, plan: AlertPlan) -> Iterator[Caution]:
    if plan.officials is None:
        return
    channels = plan.officials.to if target.role == "to" else plan.officials.cc
    points = contact_points_in_order(target.official.office, channels)
    who = {"who": f"{target.official.office} · {target.official}"}
    if not points:
        told = _("%(who)s: there is no contact point for these channels; a person has to deliver it.")
        yield Caution(told % who, is_grave=True)
    for point in points:
        named = {**who, "channel": CHANNELS[point.channel]}
        if point.health == Health.FAILING:
            yield Caution(_("%(who)s: its %(channel)s has been failing lately.") % named)
        elif point.health == Health.UNVERIFIED or point.verified_at is None:
            yield Caution(_("%(who)s: nobody has verified its %(channel)s yet.") % named)
        if _is_refused_here(point):
            yield Caution(
                _("%(who)s: its %(channel)s may be a real one, so nothing goes there in sandbox mode.") % named
            )


def _is_refused_here(point: ContactPoint) -> bool:
    try:
        check_destination(settings.MODE, Channel(point.channel), point.dial_value)
    except SandboxRefusal:
        return True
    return False


def _of_languages(plan: AlertPlan, contents: Contents) -> Iterator[Caution]:
    for letter in contents.letters:
        if letter.language != letter.wanted_language and not letter.fault:
            told = {
                "who": f"{letter.official.office} · {letter.official}",
                "wanted": language_name(letter.wanted_language),
                "language": language_name(letter.language),
            }
            yield Caution(_("%(who)s prefers %(wanted)s, which is missing; the letter is in %(language)s.") % told)
    if plan.supporters is not None:
        there = {notice.language for notice in contents.notices}
        missing = [code for code in (plan.readers or LETTER_LANGUAGES) if code not in there]
        if missing:
            told = {"missing": ", ".join(language_name(code) for code in missing)}
            yield Caution(_("No notice in %(missing)s: who reads these gets the English one.") % told)


def _of_texts(contents: Contents) -> Iterator[Caution]:
    for notice in contents.notices:
        if notice.segments > MANY_SEGMENTS:
            told = {"language": language_name(notice.language), "segments": notice.segments}
            yield Caution(_("The SMS in %(language)s takes %(segments)s segments; each is billed.") % told)
        if notice.channel is Channel.SMS and notice.language == "ko" and (unfit := unfit_for_korea(notice.text)):
            yield Caution(_("Korean carriers drop these characters of the SMS: %(unfit)s") % {"unfit": unfit})
    used = [*(one.version for one in contents.letters), *(one.version for one in contents.notices)]
    versions = {version for version in used if version is not None}
    for version in TemplateVersion.objects.filter(id__in=versions).only("family", "kind", "language", "warnings"):
        for warning in version.warnings:
            yield Caution(f"{version.name}: {_told(warning)}")


def _told(warning: object) -> str:
    return str(warning.get("message", warning)) if isinstance(warning, dict) else str(warning)


def _of_gateways(plan: AlertPlan) -> Iterator[Caution]:
    wanted = {*(plan.officials.to if plan.officials else ()), *(plan.supporters.channels if plan.supporters else ())}
    gates = look_at_gates()
    for channel in sorted(wanted):
        if not gates.of(channel):
            told = {"channel": CHANNELS[channel]}
            yield Caution(_("No gateway may carry %(channel)s just now; it waits until one may.") % told)
