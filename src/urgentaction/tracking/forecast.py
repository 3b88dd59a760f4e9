"""What an update would lead to, in full: letters, notices, costs, and what somebody should know first. Reads only.

The decision is the rules' own; whom it reaches is counted as in the dry run (`audience`), and each letter is rendered
as it would be frozen (`letters.preview`), so that one which can't be made is known before anybody agrees to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date

from urgentaction.cases.models import Case
from urgentaction.cases.service import UpdateText
from urgentaction.channels.contract import Channel
from urgentaction.core.errors import NotFound, TemplateError
from urgentaction.core.phrases import Named
from urgentaction.deliveries.gateways import entries
from urgentaction.directory.models import Official
from urgentaction.letters import preview, views
from urgentaction.letters.preview import News, Wish
from urgentaction.letters.service import FALLBACK, has_notices, writable_in
from urgentaction.letters.typeset import pdf_pages
from urgentaction.triggers.decision import TriggerDecision
from urgentaction.triggers.explain import SupporterCount, explain

from .audience import Addressed, addressed, audience_counts
from .cautions import cautions
from .forecast_views import Cost, Forecast, LetterForecast, NoticeForecast


def forecast(case: Case, told: UpdateText, decision: TriggerDecision, *, dated_on: date | None = None) -> Forecast:
    """What follows if `told` is recorded now; `decision` is what the rules said of it.

    Args:
        dated_on: the date to print on the letters; None for the day they are frozen.
    """
    counts = audience_counts(case, decision)
    offices = addressed(case, decision)
    letters = tuple(_letters(case, told, decision, offices, dated_on)) if decision.makes_alert else ()
    notices = tuple(_notices(case, told, decision, counts.supporters)) if decision.makes_alert else ()
    found = Forecast(
        decision=decision,
        lines=tuple(explain(decision, counts=counts)),
        letters=letters,
        notices=notices,
        costs=tuple(costs_of(letters, notices)),
        unsent=counts.unsent,
    )
    return replace(found, cautions=tuple(cautions(case, told, found, offices)))


def wish_for(told: UpdateText, decision: TriggerDecision, *, kind: str, language: str) -> Wish:
    """What to show a letter or notice of: as if the update had been recorded."""
    concerned = decision.concerned if decision.is_split else ()
    news = News(
        status=told.status,
        as_of=told.as_of,
        place=told.place,
        confidence=told.confidence.value,
        concerned=concerned,
    )
    return Wish(kind=kind, language=language, news=news)


@dataclass(slots=True)
class _Drawn:
    """Letters rendered so far: copies of one letter in one language differ in nothing but whom they are for."""

    case: Case
    told: UpdateText
    decision: TriggerDecision
    dated_on: date | None
    _made: dict[tuple[str, str], preview.Letter | str] = field(default_factory=dict)

    def letter(self, reader: Official, main: Official, language: str) -> tuple[preview.Letter | None, str]:
        """The letter, or None and why it can't be made."""
        key = (main.slug, language)
        if key not in self._made:
            kind = str(self.decision.letter_kind or "")
            wish = wish_for(self.told, self.decision, kind=kind, language=language)
            try:
                self._made[key] = preview.letter(self.case, replace(wish, to=reader.slug, dated_on=self.dated_on))
            except (TemplateError, NotFound) as error:
                self._made[key] = str(error)
        made = self._made[key]
        return (None, made) if isinstance(made, str) else (made, "")


def _letters(
    case: Case,
    told: UpdateText,
    decision: TriggerDecision,
    offices: Iterable[Addressed],
    dated_on: date | None,
) -> Iterator[LetterForecast]:
    plan = decision.official_plan
    held = [(one, one.official) for one in offices if one.official is not None]
    if plan is None or not held:
        return
    kind = str(decision.letter_kind or "")
    written = set(case.texts.values_list("language", flat=True))
    main = next((official for one, official in held if one.role == "to"), held[0][1])
    drawn = _Drawn(case, told, decision, dated_on)
    for one, official in held:
        office = one.office
        preferred = office.preferred_language
        shown_to = official if one.role == "to" else main
        language = preferred if preferred in written else FALLBACK
        language = writable_in(language, kind=kind, to=shown_to)
        letter, fault = drawn.letter(official, shown_to, language)
        channels = one.channels_of(plan)
        pages, too_late = _fax_pages(letter, official, language) if letter and Channel.FAX in channels else (0, "")
        yield LetterForecast(
            to=official.slug,
            official=Named.of(official, official.names),
            office=Named.of(office, office.names),
            office_id=office.id,
            role=one.role,
            kind=kind,
            language=language,
            preferred=preferred if preferred != language else "",
            channels=channels,
            fax_pages=pages,
            fault=fault or too_late,
        )


def _fax_pages(letter: preview.Letter, reader: Official, language: str) -> tuple[int, str]:
    copy_for = views.cc_entry(reader, language) if letter.copy_for is not None else None
    try:
        return pdf_pages(replace(letter, copy_for=copy_for).fax_pdf()), ""
    except TemplateError as error:
        return 0, str(error)


def _notices(
    case: Case, told: UpdateText, decision: TriggerDecision, counts: Iterable[SupporterCount]
) -> Iterator[NoticeForecast]:
    plan = decision.supporter_plan
    if plan is None or decision.notice_kind is None:
        return
    kind = decision.notice_kind.value
    people: dict[tuple[Channel, str], int] = {}
    for one in counts:
        language = one.language if has_notices(kind, plan.channels, one.language) else FALLBACK
        people[one.channel, language] = people.get((one.channel, language), 0) + one.people
    for (channel, language), number in sorted(people.items()):
        wish = wish_for(told, decision, kind=kind, language=language)
        segments, fault = 0, ""
        try:
            if channel is Channel.SMS:
                segments = preview.sms(case, wish).segments
            else:
                preview.notice(case, wish)
        except TemplateError as error:
            fault = str(error)
        yield NoticeForecast(
            kind=kind, channel=channel, language=language, people=number, segments=segments, fault=fault
        )


def costs_of(letters: Iterable[LetterForecast], notices: Iterable[NoticeForecast]) -> Iterator[Cost]:
    """What these would cost. Mail is not counted: nobody bills it by the piece."""
    units = {
        Channel.FAX: sum(letter.fax_pages for letter in letters),
        Channel.SMS: sum(one.people * one.segments for one in notices),
    }
    for channel, number in units.items():
        if number:
            yield _cost(channel, number)


def _cost(channel: Channel, units: int) -> Cost:
    carriers = [entry for entry in entries().values() if entry.channel is channel and entry.price is not None]
    if not carriers:
        return Cost(channel=channel, units=units)
    first = max(carriers, key=lambda entry: entry.weight)
    return Cost(channel=channel, units=units, gateway=first.name, price=first.price)
