"""What would be sent for a case as it stands, in every form, without an alert: rendered, shown, kept nowhere.

Uses the same contexts (`compose`), templates and typesetter as freezing does (`service`), and the same consent. Only
reads the database; must not write to it or send anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from django.conf import settings

from urgentaction.cases.models import Case, StatusUpdate
from urgentaction.cases.vocabulary import Status
from urgentaction.channels.contract import Channel
from urgentaction.core import clock
from urgentaction.core.errors import InvalidInput, NotFound
from urgentaction.directory.models import Official
from urgentaction.directory.queries import officials_in_office
from urgentaction.triggers import ruleset
from urgentaction.triggers.decision import Rule

from . import compose, views
from .consent import check_consent, guard_of
from .content import AlertView, Audience, CcEntry, LetterContext, NoticeContext, SmsContext, UpdateView
from .personal import SMS_LINK
from .render import RenderedLetter, RenderedNotice, render_letter, render_notice, render_sms
from .sections import parse_sections
from .service import MANUAL_LETTER, MANUAL_NOTICE, sms_kind, template, typesetter
from .sms import SmsEncoding, sms_segments
from .source import Family, shipped_kinds
from .typeset import FaxHeader


class Form(StrEnum):
    """What a letter or notice is made into."""

    PDF = "pdf"
    FAX = "fax"
    HTML = "html"
    TEXT = "text"
    SMS = "sms"


#: Stands where a delivery's reference goes in a text message's link, and is as long.
_EXAMPLE = "EXAMPLE".ljust(20, "0")


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """An update that nobody has recorded yet, to be written about as if somebody had.

    Attributes:
        concerned: keys of the persons of a split group whom it is about; empty for all.
    """

    status: Status
    as_of: date
    place: str
    confidence: str
    concerned: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be looked at.

    Attributes:
        kind: of a letter (`first_appeal`) or of a notice (`appeal`).
        language: a code such as `ko` or `zh-Hans`.
        audience: whose consent rules apply; None: officials for a letter, supporters for a notice.
        status: the status to write about; None: the case's own, or without one `status_for`.
        to: short name of an official; empty: whoever holds the case's main office. Who is on the CC list gets a copy.
        dated_on: the date on the letter; None: today where the addressee sits.
        news: what to write about instead of what is on record; goes before `status`.
    """

    kind: str
    language: str
    audience: Audience | None = None
    status: Status | None = None
    to: str = ""
    dated_on: date | None = None
    news: News | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedLetter:
    """What a letter would read, before anything is rendered. `notes` as in `Letter`."""

    context: LetterContext
    copy_for: CcEntry | None
    fax_number: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter to look at. `notes` says what stands in for a missing translation."""

    rendered: RenderedLetter
    context: LetterContext
    copy_for: CcEntry | None
    fax_number: str
    notes: tuple[str, ...]

    def pdf(self) -> bytes:
        """The letter on paper. Raises TemplateError where it can't be set."""
        return typesetter().letter_pdf(self.rendered, self.context, copy_for=self.copy_for)

    def fax_pdf(self) -> bytes:
        """The pages as they would be faxed. Raises TemplateError where they can't be set."""
        header = FaxHeader(
            sent_on=self.context.alert.dated_on,
            sender_number=self.context.organisation.fax,
            to_number=self.fax_number,
        )
        return typesetter().fax_pdf(self.rendered, self.context, header=header, copy_for=self.copy_for)


@dataclass(frozen=True, slots=True)
class Sms:
    """A text message to look at, with what it costs."""

    text: str
    encoding: SmsEncoding
    segments: int


def families_of(kind: str) -> tuple[Family, ...]:
    """In which library a kind is: letters, notices or both. Raises NotFound listing what there is."""
    kinds = {
        family: shipped_kinds(family, root=settings.SHIPPED_TEMPLATES) for family in (Family.LETTERS, Family.NOTICES)
    }
    found = tuple(family for family, there in kinds.items() if kind in there)
    if not found:
        told = "; ".join(f"{family.value}: {', '.join(there)}" for family, there in kinds.items())
        raise NotFound.of("kind", f"there is no letter or notice {kind!r}; {told}")
    return found


def is_letter(kind: str) -> bool:
    """Whether a kind has an addressee, PDF and fax. Raises NotFound where there is no such kind at all."""
    return Family.LETTERS in families_of(kind)


def status_for(case: Case, wish: Wish) -> Status | None:
    """What a case that has no status yet is shown at: the most urgent one that has letters or notices of this kind.

    One for which the case has texts of its own comes first. None where the wish names a status, or the case has one.
    """
    if wish.news is not None or wish.status is not None or case.status:
        return None
    rules = ruleset.shipped()
    fitting = [status for status in Status if wish.kind in _kinds_of(rules.plan_for(status))]
    fitting.sort(key=rules.priority_of)
    text = case.texts.filter(language=wish.language).first()
    marks = {key.partition("@")[2] for key in parse_sections(text.markdown)} if text is not None else set()
    written = [status for status in fitting if status.value in marks]
    return next(iter([*written, *fitting]), None)


def _kinds_of(rule: Rule) -> frozenset[str]:
    kinds = (rule.letter, rule.letter_again, rule.notice, rule.notice_again)
    return frozenset(kind.value for kind in kinds if kind is not None)


def letter(case: Case, wish: Wish) -> Letter:
    """The letter as it would be frozen now.

    Raises:
        NotFound: no such kind of letter, or nobody to write to.
        MissingTranslation: the template or the case's text is not there in this language; names the file to add.
        TemplateError: the template can't be rendered.
        ConsentError: it would name somebody who did not agree to that.
    """
    if not is_letter(wish.kind):
        raise InvalidInput.of("kind", f"{wish.kind} is a notice to supporters; it has no addressee, PDF or fax")
    source = template(Family.LETTERS, wish.kind, wish.language)
    prepared = prepared_letter(case, wish)
    rendered = render_letter(source, prepared.context)
    check_letter(case, prepared.context.audience, re_line=rendered.re_line, text=rendered.text, html=rendered.html)
    return Letter(rendered, prepared.context, prepared.copy_for, prepared.fax_number, prepared.notes)


def prepared_letter(case: Case, wish: Wish) -> PreparedLetter:
    """What a letter of this kind would read, whichever text it is made from.

    Raises:
        NotFound: nobody to write to.
        MissingTranslation: the case's text is not there in this language; names the file to add.
    """
    addressed = _addressed(case, wish.to)
    occasion = _occasion(case, wish, addressed.main.office.time_zone)
    reader = addressed.reader
    faxes = reader.office.contact_points.filter(channel=Channel.FAX, retired_at=None)
    return PreparedLetter(
        context=compose.letter_context(
            occasion, to=addressed.main, cc=addressed.copies, audience=wish.audience or Audience.GOVERNMENT
        ),
        copy_for=views.cc_entry(reader, wish.language) if reader != addressed.main else None,
        fax_number=faxes.order_by("rank", "dial_value").values_list("printed_value", flat=True).first() or "",
        notes=_untranslated(addressed.main, wish.language),
    )


def check_letter(case: Case, audience: Audience, *, re_line: str, text: str, html: str) -> None:
    """Refuse a rendered letter that names somebody who did not agree to that. Raises ConsentError."""
    guard_of(case).check_rendered(audience, re_line=re_line, text=text, html=html)


def notice(case: Case, wish: Wish) -> RenderedNotice:
    """The notice to supporters, addressed to somebody without a name.

    Raises:
        MissingTranslation: the template or the case's text is not there in this language; names the file to add.
        TemplateError: the template can't be rendered.
        ConsentError: it would name somebody who did not agree to that.
    """
    source = template(Family.NOTICES, wish.kind, wish.language)
    made = render_notice(source, prepared_notice(case, wish))
    check_notice(case, wish, made)
    return filled(made)


def prepared_notice(case: Case, wish: Wish) -> NoticeContext:
    """What a notice would read. Raises MissingTranslation where the case has no text in this language."""
    occasion = _occasion(case, wish, settings.TIME_ZONE)
    return compose.notice_context(occasion, audience=wish.audience or Audience.SUPPORTER)


def check_notice(case: Case, wish: Wish, made: RenderedNotice) -> None:
    """Refuse a rendered notice that names somebody who did not agree to that. Raises ConsentError."""
    check_consent(case, wish.audience or Audience.SUPPORTER, {"text": made.text, "HTML": made.html})
    check_consent(case, Audience.PUBLIC, {"subject": made.subject})


def filled(made: RenderedNotice) -> RenderedNotice:
    """A notice as somebody without a name would get it, with addresses that lead nowhere in particular."""
    address = settings.PUBLIC_URL.rstrip("/")
    return made.fill(name="", unsubscribe_url=f"{address}/unsubscribe", preferences_url=f"{address}/preferences")


def sms(case: Case, wish: Wish) -> Sms:
    """The text message that goes with a letter or notice of this kind, with an address as long as a real one.

    Raises:
        MissingTranslation: the template is not there in this language; names the file to add.
        TemplateError: the template can't be rendered.
    """
    goes_with = wish.kind
    if is_letter(wish.kind):
        goes_with = MANUAL_NOTICE if wish.kind == MANUAL_LETTER else "update"
    source = template(Family.SMS, sms_kind(goes_with), wish.language)
    made = render_sms(source, prepared_sms(case, wish))
    guard_of(case).check({"text message": made})
    return linked(made)


def prepared_sms(case: Case, wish: Wish) -> SmsContext:
    """What a text message would read."""
    return compose.sms_context(_occasion(case, wish, settings.TIME_ZONE), link=SMS_LINK)


def linked(made: str) -> Sms:
    """A rendered text message with an address as long as a real one, and what it costs."""
    text = with_example_link(made)
    return Sms(text, *sms_segments(text))


def with_example_link(text: str) -> str:
    """A frozen text message with an address in the place of each recipient's own, and as long."""
    return text.replace(SMS_LINK, f"{settings.PUBLIC_URL.rstrip('/')}/m/{_EXAMPLE}/")


@dataclass(frozen=True, slots=True)
class _Addressed:
    """Whom the letter is addressed to, who gets copies, and which of them is to read this one."""

    main: Official
    copies: Sequence[Official]
    reader: Official


def _addressed(case: Case, wanted: str) -> _Addressed:
    entries = officials_in_office(case.addressees.select_related("office"))
    held = [(entry.role, official) for entry, official in entries if official is not None]
    copies = [official for role, official in held if role == "cc"]
    main = next((official for role, official in held if role == "to"), None)
    if not wanted:
        if main is None:
            raise NotFound.of(
                "to",
                f"case {case.reference} has no addressee in office; add one to its case.toml, or name one with --to",
            )
        return _Addressed(main, copies, main)
    reader = next((official for _, official in held if official.slug == wanted), None)
    reader = reader or Official.objects.select_related("office").filter(slug=wanted).first()
    if reader is None:
        there = ", ".join(official.slug for _, official in held) or "nobody"
        raise NotFound.of("to", f"there is no official {wanted!r}; this case writes to {there}")
    if main is not None and reader in copies:
        return _Addressed(main, copies, reader)
    return _Addressed(reader, copies, reader)


def _occasion(case: Case, wish: Wish, time_zone: str) -> compose.Occasion:
    latest = case.updates.order_by("-recorded_at", "-id").first()
    update = _update(case, wish, latest)
    return compose.Occasion(
        case=case,
        language=wish.language,
        update=update,
        alert=_call(case, wish, update, clock.today(time_zone)),
        concerned=wish.news.concerned if wish.news else (),
    )


def _update(case: Case, wish: Wish, latest: StatusUpdate | None) -> UpdateView:
    if wish.news is not None:
        return UpdateView(
            status=wish.news.status.value,
            status_label=views.status_label(wish.news.status.value, wish.language),
            as_of=wish.news.as_of,
            place=wish.news.place,
            confidence=wish.news.confidence,
            previous_status_label=views.status_label(case.status, wish.language),
        )
    status = wish.status or status_for(case, wish)
    if status is None or (latest is not None and latest.status == status):
        return views.update(case, wish.language, row=latest)
    return UpdateView(
        status=status.value,
        status_label=views.status_label(status.value, wish.language),
        as_of=clock.today(settings.TIME_ZONE),
        place=case.place,
        confidence=case.confidence,
        previous_status_label=views.status_label(case.status, wish.language),
    )


def _call(case: Case, wish: Wish, update: UpdateView, today: date) -> AlertView:
    """The alert that the shipped rules would make of this status."""
    day = wish.dated_on or today
    rule = ruleset.shipped().plan_for(Status(update.status)) if update.status else None
    earlier = case.alerts.exclude(frozen_at=None).order_by("-frozen_at").first()
    hours = rule.deadline_hours if rule else None
    return AlertView(
        kind=wish.kind,
        level=(rule.level or rule.priority) if rule else 1,
        number=f"{case.reference}/{case.alerts.count() + 1}",
        dated_on=day,
        deadline=day + timedelta(hours=hours) if hours else None,
        previous_dated_on=views.printed_on(earlier) if earlier else None,
    )


def _untranslated(official: Official, language: str) -> tuple[str, ...]:
    """What the directory lacks in this language, so that English stands in the letter."""
    texts = {
        f"official {official.slug}: name": official.names,
        f"office {official.office.slug}: name": official.office.names,
        f"office {official.office.slug}: postal_address": official.office.postal_address,
    }
    return tuple(
        f"{what} is not in the directory in {language}; the English one is shown"
        for what, of in texts.items()
        if of and language not in of
    )
