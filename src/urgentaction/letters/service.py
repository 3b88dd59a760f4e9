"""Freezing: an alert's letters and notices are rendered once and written down; afterwards nobody changes them.

Freezing again finds the rows and leaves them alone, so a worker that dies half-way loses nothing and doubles nothing.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache

from django.conf import settings

from urgentaction.alerts.agreed import LETTER, NOTICE, Part
from urgentaction.alerts.models import Alert, AlertTarget
from urgentaction.alerts.plan import AlertPlan
from urgentaction.alerts.service import keep_languages, write_in
from urgentaction.channels.contract import Channel
from urgentaction.core import clock
from urgentaction.core.errors import TemplateError
from urgentaction.core.languages import LETTER_LANGUAGES
from urgentaction.directory.models import ContactPoint, Official
from urgentaction.directory.queries import officials_in_office
from urgentaction.triggers.decision import OfficialsAudience, SupportersAudience

from . import compose, fingerprints, views
from .consent import guard_of
from .content import Audience, CcEntry, LetterContext, NoticeContext, SmsContext
from .library import Library
from .models import Letter, Notice
from .personal import SMS_LINK
from .render import RenderedLetter, render_letter, render_notice, render_sms
from .source import Family, TemplateSource
from .typeset import FaxHeader, Typesetter, pdf_sha256
from .wording import MissingTranslation

#: Always complete.
FALLBACK = LETTER_LANGUAGES[0]
#: A manual alert without kinds of its own uses these.
MANUAL_LETTER, MANUAL_NOTICE = "first_appeal", "appeal"


@cache
def typesetter() -> Typesetter:
    """This process's typesetter: fonts are loaded once."""
    return Typesetter(settings.SHIPPED_TEMPLATES / "typst")


def freeze_letters(alert: Alert, plan: AlertPlan) -> dict[str, Part]:
    """Write a letter for each target that has none yet. Returns what was written, to be held against what was agreed.

    An office whose language has no template of this kind, or no salutation for the addressee, is written to in English.

    Raises:
        TemplateError: a template is missing or can't be rendered; nothing is written then.
        ConsentError: a letter would name somebody who did not agree to that; nothing is written then.
    """
    if plan.officials is None:
        return {}
    done = set(alert.letters.values_list("official_id", flat=True))
    targets = list(alert.targets.select_related("official__office"))
    library = Library()
    guard, latest = guard_of(alert.case), _latest_letters(alert)
    fresh, parts = [], {}
    for target in targets:
        if target.official_id not in done:
            write_in(target, language_of(target, targets, plan))
    for target in targets:
        if target.official_id not in done:
            made = lay_out(alert, plan, target, targets, library=library)
            letter = _letter(alert, plan, target, made, supersedes=latest.get(target.official_id))
            guard.check_letter(letter)
            fresh.append(letter)
            parts[f"{LETTER}{target.official_id}"] = part_of(plan, target, made)
    Letter.objects.bulk_create(fresh, ignore_conflicts=True)
    return parts


def freeze_notices(alert: Alert, plan: AlertPlan) -> dict[str, Part]:
    """Write the notices, one for each channel and language. Returns what was written, as `freeze_letters` does.

    A case may have texts in more languages than a kind of notice has templates: those languages are taken off the
    alert, and their readers get the English notice.

    Raises:
        TemplateError: the English text is missing or a template can't be rendered.
        ConsentError: a notice would name somebody who did not agree to that.
    """
    if plan.supporters is None:
        return {}
    done = set(alert.notices.values_list("channel", "language"))
    keep_languages(alert, notice_languages(alert, plan))
    library = Library()
    fresh = [
        lay_out_notice(alert, plan, channel, language, library)
        for channel in notice_channels(plan)
        for language in alert.languages
        if (channel.value, language) not in done
    ]
    guard = guard_of(alert.case)
    for made in fresh:
        guard.check_notice(made.notice)
    Notice.objects.bulk_create([made.notice for made in fresh], ignore_conflicts=True)
    return {made.key: made.part() for made in fresh}


def letter_context(
    alert: Alert,
    plan: AlertPlan,
    target: AlertTarget,
    targets: Collection[AlertTarget],
    *,
    dated_on: date,
    audience: Audience = Audience.GOVERNMENT,
) -> LetterContext:
    """Everything the template may read of this letter, consent applied for its audience."""
    return compose.letter_context(
        _occasion(alert, plan, target.language, kind=_letter_kind(plan), day=dated_on),
        to=_main(target, targets),
        cc=[other.official for other in targets if other.role == "cc"],
        audience=audience,
    )


def _occasion(alert: Alert, plan: AlertPlan, language: str, *, kind: str, day: date) -> compose.Occasion:
    return compose.Occasion(
        case=alert.case,
        language=language,
        update=views.update(alert.case, language, row=alert.update),
        alert=views.alert(alert, dated_on=day, kind=kind),
        concerned=plan.concerned,
    )


def dated_on(alert: Alert) -> date:
    """The date printed on the letters: the one set, else today where the first addressee sits."""
    if alert.dated_on is not None:
        return alert.dated_on
    return clock.now().astimezone(views.zone_of(alert)).date()


def notice_channels(plan: AlertPlan) -> list[Channel]:
    """The channels that notices are written for. A follow-up must be able to reach those reached by SMS alone."""
    if plan.supporters is None:
        return []
    follows_up = plan.supporters.audience is SupportersAudience.REACHED_BEFORE
    return sorted({*plan.supporters.channels, *((Channel.SMS,) if follows_up else ())})


def notice_languages(alert: Alert, plan: AlertPlan) -> list[str]:
    """Those of the alert's languages in which every notice of it can be written; English always."""
    channels = notice_channels(plan)
    return [one for one in alert.languages if one == FALLBACK or _has_notices(plan, channels, one)]


def _latest_letters(alert: Alert) -> dict[uuid.UUID, uuid.UUID]:
    """The latest letter of the case to each official, from the alerts before this one."""
    earlier = Letter.objects.filter(alert__case=alert.case).exclude(alert=alert).order_by("frozen_at", "id")
    return dict(earlier.values_list("official_id", "id"))


@dataclass(frozen=True, slots=True)
class LaidOut:
    """A letter before it is set: its template, what that was filled with, and the text that came of it."""

    source: TemplateSource
    context: LetterContext
    rendered: RenderedLetter
    copy_for: CcEntry | None


def lay_out(
    alert: Alert,
    plan: AlertPlan,
    target: AlertTarget,
    targets: Collection[AlertTarget],
    *,
    library: Library,
    audience: Audience = Audience.GOVERNMENT,
) -> LaidOut:
    """The text of a target's letter. Raises TemplateError where it can't be made."""
    source = library.template(Family.LETTERS, _letter_kind(plan), target.language)
    context = letter_context(alert, plan, target, targets, dated_on=dated_on(alert), audience=audience)
    copy_for = views.cc_entry(target.official, target.language) if target.role == "cc" else None
    return LaidOut(source, context, render_letter(source, context), copy_for)


def part_of(plan: AlertPlan, target: AlertTarget, made: LaidOut) -> Part:
    """The letter as something to agree to."""
    return fingerprints.of_letter(
        made.source,
        made.context,
        target.official,
        copy_for=made.copy_for,
        has_open_copies=plan.officials_audience is OfficialsAudience.REACHED_BEFORE,
    )


def _letter(
    alert: Alert, plan: AlertPlan, target: AlertTarget, made: LaidOut, *, supersedes: uuid.UUID | None
) -> Letter:
    source, rendered = made.source, made.rendered
    pdf = typesetter().letter_pdf(rendered, made.context, copy_for=made.copy_for)
    fax, repeat = fax_pages(plan, target, made)
    return Letter(
        alert=alert,
        official_id=target.official_id,
        role=target.role,
        language=target.language,
        kind=_letter_kind(plan),
        template_sha256=source.sha256,
        template_version_id=source.version,
        subject=rendered.re_line[:250],
        text=rendered.text,
        html=rendered.html,
        pdf=pdf,
        fax_pdf=fax,
        fax_repeat_pdf=repeat,
        sha256=pdf_sha256(pdf),
        text_sha256=text_sha256(rendered.text),
        fax_sha256=pdf_sha256(fax) if fax else "",
        fax_repeat_sha256=pdf_sha256(repeat) if repeat else "",
        frozen_at=clock.now(),
        supersedes_id=supersedes,
    )


def fax_pages(plan: AlertPlan, target: AlertTarget, made: LaidOut) -> tuple[bytes, bytes]:
    """A letter's pages as they are faxed, and as they are faxed again; empty where it is not faxed."""
    return fax_pdf(plan, target, made), fax_pdf(plan, target, made, is_repeat=True)


def fax_pdf(plan: AlertPlan, target: AlertTarget, made: LaidOut, *, is_repeat: bool = False) -> bytes:
    """A letter's pages as they are faxed first, or with `is_repeat` again; empty where it is not faxed."""
    if plan.officials is None:
        return b""
    channels = plan.officials.to if target.role == "to" else plan.officials.cc
    if Channel.FAX not in channels:
        return b""
    faxes = ContactPoint.objects.filter(office_id=target.official.office_id, channel=Channel.FAX, retired_at=None)
    printed = faxes.order_by("rank", "dial_value").values_list("printed_value", flat=True).first() or ""
    return typesetter().fax_pdf(
        made.rendered,
        made.context,
        header=FaxHeader(
            sent_on=made.context.alert.dated_on,
            sender_number=made.context.organisation.fax,
            to_number=printed,
            is_repeat=is_repeat,
        ),
        copy_for=made.copy_for,
    )


@dataclass(frozen=True, slots=True)
class LaidOutNotice:
    """A notice before it is saved, with its template and what that was filled with."""

    source: TemplateSource
    context: NoticeContext | SmsContext
    notice: Notice

    @property
    def key(self) -> str:
        """Names it among what is agreed to."""
        return f"{NOTICE}{self.notice.channel}-{self.notice.language}"

    def part(self) -> Part:
        """The notice as something to agree to."""
        return fingerprints.of_notice(self.source, self.context)


def lay_out_notice(alert: Alert, plan: AlertPlan, channel: Channel, language: str, library: Library) -> LaidOutNotice:
    """A notice as it would be frozen now; not saved. Raises TemplateError where it can't be made."""
    kind = plan.notice_kind or MANUAL_NOTICE
    occasion = _occasion(alert, plan, language, kind=kind, day=dated_on(alert))
    common = {"alert": alert, "channel": channel.value, "language": language, "kind": kind, "frozen_at": clock.now()}
    if channel is Channel.SMS:
        source = library.template(Family.SMS, sms_kind(kind), language)
        brief = compose.sms_context(occasion, link=SMS_LINK)
        made_of = {"template_sha256": source.sha256, "template_version_id": source.version}
        return LaidOutNotice(source, brief, Notice(**common, **made_of, text=render_sms(source, brief)))
    source = library.template(Family.NOTICES, kind, language)
    context = compose.notice_context(occasion)
    notice = render_notice(source, context)
    row = Notice(
        **common,
        template_sha256=source.sha256,
        template_version_id=source.version,
        subject=notice.subject[:250],
        text=notice.text,
        html=notice.html,
    )
    return LaidOutNotice(source, context, row)


SMS_KINDS = frozenset({"appeal", "update"})


def sms_kind(notice_kind: str) -> str:
    """The text message that goes with a notice: its own, or that of an update."""
    return notice_kind if notice_kind in SMS_KINDS else "update"


def _has_notices(plan: AlertPlan, channels: Iterable[Channel], language: str) -> bool:
    return has_notices(plan.notice_kind or MANUAL_NOTICE, channels, language)


def has_notices(kind: str, channels: Iterable[Channel], language: str) -> bool:
    """Whether a notice of this kind can be written in this language on all of these channels."""
    return all(
        _has_template(Family.SMS, sms_kind(kind), language)
        if channel is Channel.SMS
        else _has_template(Family.NOTICES, kind, language)
        for channel in channels
    )


def language_of(target: AlertTarget, targets: Iterable[AlertTarget], plan: AlertPlan) -> str:
    """The language of a target's letter: its own where that can be written, else English.

    A copy shows the letter to the main addressee: that is who must be greeted in the copy's language.
    """
    return writable_in(target.language, kind=_letter_kind(plan), to=_main(target, targets))


def writable_in(language: str, *, kind: str, to: Official) -> str:
    """The language, if a letter of this kind can be written in it to the main addressee `to`; else English."""
    if not _has_template(Family.LETTERS, kind, language):
        return FALLBACK
    try:
        is_greeted = bool(views.addressee(to, language).salutation)
    except MissingTranslation:
        is_greeted = False
    return language if is_greeted else FALLBACK


def _has_template(family: Family, kind: str, language: str) -> bool:
    try:
        template(family, kind, language)
    except MissingTranslation:
        return False
    return True


def template(family: Family, kind: str, language: str) -> TemplateSource:
    """The template in force: staff's live version, else the shipped file. Raises MissingTranslation naming the file."""
    return Library().template(family, kind, language)


def _letter_kind(plan: AlertPlan) -> str:
    return plan.letter_kind or MANUAL_LETTER


def _main(target: AlertTarget, targets: Iterable[AlertTarget]) -> Official:
    """A copy shows the letter as its main addressee gets it."""
    if target.role == "to":
        return target.official
    main = next((other for other in targets if other.role == "to"), None)
    if main is not None:
        return main.official
    # A follow-up may go to the copies alone, because only they were reached: it still shows whom it is addressed to.
    addressees = target.alert.case.addressees.filter(role="to").select_related("office")
    found = next((official for _, official in officials_in_office(addressees) if official is not None), None)
    if found is None:
        raise TemplateError(f"alert {target.alert_id}: copies without an addressee; add one with role `to`")
    return found


def text_sha256(text: str) -> str:
    """SHA-256 of a text in UTF-8, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
