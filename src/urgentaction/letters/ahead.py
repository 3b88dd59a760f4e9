"""What an alert would send if it were frozen now: made by the same functions as freezing (`service`), kept nowhere.

Once it is frozen, the letters and notices that stand. Only reads the database.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from django.conf import settings

from urgentaction.alerts.agreed import LETTER, NOTICE, Agreed, Part
from urgentaction.alerts.models import Alert, AlertTarget
from urgentaction.alerts.plan import AlertPlan
from urgentaction.channels.contract import Channel
from urgentaction.core.errors import NotFound, TemplateError
from urgentaction.directory.models import Official

from . import fingerprints
from .consent import Guard, guard_of
from .content import Audience
from .library import Library
from .models import Letter, Notice
from .preview import with_example_link
from .render import RenderedNotice
from .service import (
    LaidOut,
    fax_pdf,
    language_of,
    lay_out,
    lay_out_notice,
    notice_channels,
    notice_languages,
    part_of,
    typesetter,
)
from .sms import SmsEncoding, sms_segments
from .typeset import pdf_pages


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterAhead:
    """A letter to look at.

    Attributes:
        key: names it among the alert's letters: the official's id.
        wanted_language: what the office prefers; another one than `language` where that can't be written.
        version: of its template; None for a shipped file.
        frozen_id: the letter's own id, once it stands.
        fault: why it can't be made; its texts are empty then.
        part: what is agreed to with it; None once it is frozen.
    """

    key: uuid.UUID
    official: Official
    role: str
    language: str
    wanted_language: str
    is_faxed: bool
    subject: str = ""
    text: str = ""
    html: str = ""
    version: uuid.UUID | None = None
    frozen_id: uuid.UUID | None = None
    fault: str = ""
    part: Part | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeAhead:
    """A notice to look at, addressed to nobody by name; of a text message also what it costs."""

    channel: Channel
    language: str
    subject: str = ""
    text: str = ""
    html: str = ""
    encoding: SmsEncoding | None = None
    segments: int = 0
    version: uuid.UUID | None = None
    fault: str = ""
    part: Part | None = None

    @property
    def key(self) -> str:
        """Names it among the alert's notices: `sms-ko`."""
        return f"{self.channel.value}-{self.language}"


Ahead = TypeVar("Ahead", LetterAhead, NoticeAhead)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """Everything that an alert sends, in words. `digest` is what an approver agrees to; empty once it is frozen."""

    letters: tuple[LetterAhead, ...] = ()
    notices: tuple[NoticeAhead, ...] = ()
    is_frozen: bool = False
    digest: str = ""

    @property
    def faults(self) -> tuple[str, ...]:
        """What can't be made, and why: each of these would stop the alert when it starts."""
        told = [*(one.fault for one in self.letters), *(one.fault for one in self.notices)]
        return tuple(dict.fromkeys(fault for fault in told if fault))

    @property
    def agreed(self) -> Agreed:
        """What somebody agrees to who approves this; empty once it is frozen."""
        letters = {f"{LETTER}{one.key}": one.part for one in self.letters}
        notices = {f"{NOTICE}{one.key}": one.part for one in self.notices}
        return {key: part for key, part in {**letters, **notices}.items() if part is not None}

    def letter(self, key: str) -> LetterAhead:
        """The letter with this key; the first one for an empty key. Raises NotFound."""
        return _chosen(self.letters, key)

    def notice(self, key: str) -> NoticeAhead:
        """The notice with this key; the first one for an empty key. Raises NotFound."""
        return _chosen(self.notices, key)


def contents_of(alert: Alert, targets: Sequence[AlertTarget]) -> Contents:
    """What stands, if the alert is frozen, else what would be frozen now.

    Args:
        targets: those officials who would be written to (a follow-up leaves out whom nothing reached).
    """
    if alert.frozen_at is not None:
        return _frozen(alert)
    plan = AlertPlan.from_json(alert.plan)
    guard, library = guard_of(alert.case), Library()
    letters = tuple(_letters(alert, plan, targets, guard=guard, library=library))
    notices = tuple(_notices(alert, plan, guard=guard, library=library))
    return Contents(letters=letters, notices=notices, digest=_digest(alert, letters, notices))


def pdf_of(alert: Alert, targets: Sequence[AlertTarget], key: uuid.UUID, *, as_fax: bool) -> bytes:
    """A letter's PDF, or the pages as faxed, before or after it is frozen.

    Raises:
        NotFound: the alert has no such letter, or doesn't fax it.
        TemplateError: it can't be made.
    """
    if alert.frozen_at is not None:
        letter = alert.letters.filter(official_id=key).first()
        found = (bytes(letter.fax_pdf) if as_fax else bytes(letter.pdf)) if letter is not None else b""
    else:
        plan = AlertPlan.from_json(alert.plan)
        target, made = _laid_out(alert, plan, targets, key)
        if as_fax:
            found = fax_pdf(plan, target, made)
        else:
            found = typesetter().letter_pdf(made.rendered, made.context, copy_for=made.copy_for)
    if not found:
        raise NotFound.of("letter", f"alert {alert.number} has no such letter")
    return found


def fax_page_counts(alert: Alert, targets: Sequence[AlertTarget]) -> dict[uuid.UUID, int]:
    """How many pages each letter would take on a fax, by the official's id; without those that can't be made.

    Args:
        alert: one that is not frozen.
    """
    plan, library = AlertPlan.from_json(alert.plan), Library()
    counts: dict[uuid.UUID, int] = {}
    with suppress(TemplateError):  # `contents_of` says why something can't be made
        for target, _ in _in_their_languages(targets, plan):
            with suppress(TemplateError):
                made = lay_out(alert, plan, target, list(targets), library=library)
                counts[target.official_id] = pdf_pages(fax_pdf(plan, target, made))
    return counts


def letter_for(alert: Alert, targets: Sequence[AlertTarget], key: uuid.UUID, audience: Audience) -> LaidOut:
    """A letter as it would read if this audience were to see it; what is published is rendered so.

    Raises:
        NotFound: the alert has no such letter.
        TemplateError: it can't be made.
        ConsentError: it would name somebody whom this audience may not know by name.
    """
    made = _laid_out(alert, AlertPlan.from_json(alert.plan), targets, key, audience=audience)[1]
    shown = made.rendered
    guard_of(alert.case).check_rendered(audience, re_line=shown.re_line, text=shown.text, html=shown.html)
    return made


def _laid_out(
    alert: Alert,
    plan: AlertPlan,
    targets: Sequence[AlertTarget],
    key: uuid.UUID,
    *,
    audience: Audience = Audience.GOVERNMENT,
) -> tuple[AlertTarget, LaidOut]:
    there = _in_their_languages(targets, plan)
    target = next((one for one, _ in there if one.official_id == key), None)
    if target is None:
        raise NotFound.of("letter", f"alert {alert.number} writes to no such official")
    targets = [one for one, _ in there]
    return target, lay_out(alert, plan, target, targets, library=Library(), audience=audience)


def _in_their_languages(targets: Sequence[AlertTarget], plan: AlertPlan) -> list[tuple[AlertTarget, str]]:
    """The targets with the language that each letter would be in, and the one the office prefers. Saves nothing."""
    preferred = [target.official.office.preferred_language for target in targets]
    for target in targets:
        target.language = language_of(target, targets, plan)
    return list(zip(targets, preferred, strict=True))


def _letters(
    alert: Alert, plan: AlertPlan, targets: Sequence[AlertTarget], *, guard: Guard, library: Library
) -> Iterator[LetterAhead]:
    if plan.officials is None:
        return
    try:
        there = _in_their_languages(targets, plan)
    except TemplateError as error:  # copies without an addressee
        there = [(target, target.language) for target in targets]
        for target, wanted in there:
            yield _letter(plan, target, wanted, fault=str(error))
        return
    for target, wanted in there:
        try:
            made = lay_out(alert, plan, target, [one for one, _ in there], library=library)
            text, html, subject = made.rendered.text, made.rendered.html, made.rendered.re_line[:250]
            guard.check_letter(Letter(subject=subject, text=text, html=html))
            part = part_of(plan, target, made)
        except TemplateError as error:
            yield _letter(plan, target, wanted, fault=str(error))
            continue
        bare = _letter(plan, target, wanted)
        yield replace(bare, subject=subject, text=text, html=html, version=made.source.version, part=part)


def _letter(plan: AlertPlan, target: AlertTarget, wanted: str, *, fault: str = "") -> LetterAhead:
    channels = (plan.officials.to if target.role == "to" else plan.officials.cc) if plan.officials else ()
    return LetterAhead(
        key=target.official_id,
        official=target.official,
        role=target.role,
        language=target.language,
        wanted_language=wanted,
        is_faxed=Channel.FAX in channels,
        fault=fault,
        part=fingerprints.of_fault(fault) if fault else None,
    )


def _notices(alert: Alert, plan: AlertPlan, *, guard: Guard, library: Library) -> Iterator[NoticeAhead]:
    languages = notice_languages(alert, plan) if plan.supporters is not None else []
    for channel in notice_channels(plan):
        for language in languages:
            try:
                made = lay_out_notice(alert, plan, channel, language, library)
                guard.check_notice(made.notice)
                part = made.part()
            except TemplateError as error:
                told = str(error)
                yield NoticeAhead(channel=channel, language=language, fault=told, part=fingerprints.of_fault(told))
            else:
                yield _notice(made.notice, part)


def _notice(notice: Notice, part: Part | None = None) -> NoticeAhead:
    channel = Channel(notice.channel)
    if channel is Channel.SMS:
        text = with_example_link(notice.text)
        encoding, segments = sms_segments(text)
        return NoticeAhead(
            channel=channel,
            language=notice.language,
            text=text,
            encoding=encoding,
            segments=segments,
            version=notice.template_version_id,
            part=part,
        )
    address = settings.PUBLIC_URL.rstrip("/")
    made = RenderedNotice(language=notice.language, subject=notice.subject, text=notice.text, html=notice.html)
    shown = made.fill(name="", unsubscribe_url=f"{address}/unsubscribe", preferences_url=f"{address}/preferences")
    return NoticeAhead(
        channel=channel,
        language=notice.language,
        subject=shown.subject,
        text=shown.text,
        html=shown.html,
        version=notice.template_version_id,
        part=part,
    )


def _frozen(alert: Alert) -> Contents:
    rows = alert.letters.select_related("official__office").defer("pdf", "fax_pdf", "fax_repeat_pdf")
    letters = tuple(
        LetterAhead(
            key=row.official_id,
            official=row.official,
            role=row.role,
            language=row.language,
            wanted_language=row.language,
            is_faxed=bool(row.fax_sha256),
            subject=row.subject,
            text=row.text,
            html=row.html,
            version=row.template_version_id,
            frozen_id=row.id,
        )
        for row in rows.order_by("-role", "frozen_at", "id")
    )
    notices = tuple(_notice(row) for row in alert.notices.order_by("channel", "language"))
    return Contents(letters=letters, notices=notices, is_frozen=True)


def _digest(alert: Alert, letters: Sequence[LetterAhead], notices: Sequence[NoticeAhead]) -> str:
    """SHA-256 over everything that a person agrees to: the plan, whom it addresses, and each text (`fingerprints`)."""
    content = {
        "plan": alert.plan,
        "level": alert.level,
        "fence": alert.fence,
        "deadline": str(alert.deadline_at - alert.created_at) if alert.deadline_at else "",
        "dated_on": str(alert.dated_on or ""),
        "letters": [[str(one.key), one.role, *_told(one.part)] for one in letters],
        "notices": [[one.key, *_told(one.part)] for one in notices],
    }
    told = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(told.encode()).hexdigest()


def _told(part: Part | None) -> tuple[str, ...]:
    return (part.language, part.text, part.holder) if part is not None else ()


def _chosen(there: Sequence[Ahead], key: str) -> Ahead:
    found = next((one for one in there if not key or str(one.key) == key), None)
    if found is None:
        raise NotFound.of("key", "the alert has no such letter or notice")
    return found
