"""From models to what templates see: language chosen, consent applied. The only bridge between the two."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from babel import Locale
from django.conf import settings

from urgentaction.alerts.models import Alert
from urgentaction.cases.marks import Mark, fill
from urgentaction.cases.models import Case, Person, StatusUpdate
from urgentaction.cases.queries import PersonAsShown, person_as_shown
from urgentaction.cases.vocabulary import Status, label
from urgentaction.channels.contract import Channel
from urgentaction.directory.kinds import AddressedAs, OfficeKind
from urgentaction.directory.models import Official

from . import markdown
from .consent import SHOWN_TO
from .content import (
    Addressee,
    AlertView,
    Audience,
    CaseView,
    CcEntry,
    CountriesView,
    MarkdownText,
    PersonView,
    UpdateView,
)
from .forms_of_address import FormOfAddress, form_of_address
from .sections import parse_sections, sections_for
from .wording import MissingTranslation, with_particle


def _in(texts: dict[str, str], language: str, default: str = "") -> str:
    return texts.get(language) or texts.get("en") or default


def addressee(official: Official, language: str) -> Addressee:
    """The address block, the salutation and the closing. Fax and email are the printed ones, never what is dialled.

    What the directory says of the official in this language comes first; where it says nothing, the form of address
    for the kind of the office does. A salutation in another language never stands in.

    Raises:
        TemplateError: the forms of address of this language are missing or can't be read.
    """
    office = official.office
    name = _in(official.names, language)
    form = _form_for(official, language)
    salutation = official.salutations.get(language) or (form.greeting(name) if form else "")
    printed = {
        point.channel: point.printed_value
        for point in reversed(office.contact_points.filter(retired_at=None).order_by("rank", "dial_value"))
        if point.printed_value
    }
    return Addressee(
        name=name,
        office=_in(office.names, language),
        honorific=official.honorifics.get(language) or (form.honorific if form else ""),
        salutation=salutation,
        closing=form.farewell(salutation) if form else "",
        postal_address=tuple(office.postal_address.get(language) or office.postal_address.get("en") or ()),
        printed_fax=printed.get(Channel.FAX.value, ""),
        printed_email=printed.get(Channel.EMAIL.value, ""),
    )


def _form_for(official: Official, language: str) -> FormOfAddress | None:
    """None where the directory doesn't say what kind of office it is."""
    if not official.office.kind:
        return None
    return form_of_address(
        language,
        OfficeKind(official.office.kind),
        AddressedAs(official.addressed_as) if official.addressed_as else None,
        root=settings.SHIPPED_TEMPLATES,
    )


def cc_entry(official: Official, language: str) -> CcEntry:
    """One line of the CC list."""
    return CcEntry(name=_in(official.names, language), office=_in(official.office.names, language))


def case(found: Case, language: str, *, status: str, audience: Audience) -> CaseView:
    """The case with its texts for one language, as they read at `status`, its persons as this audience may see them.

    Raises:
        MissingTranslation: the case has no text in this language, or a person whom a text speaks of has no form in it.
    """
    text = found.texts.filter(language=language).first()
    if text is None:
        raise MissingTranslation(
            f"case {found.reference} has no text in {language!r}; add texts/{language}.md and import the case again"
        )
    texts = _with_persons(sections_for(parse_sections(text.markdown), status), found, audience, language)
    subject = _in(found.subjects, language) or _in(found.titles, language)
    return CaseView(
        reference=found.reference,
        title=texts.get("title") or _in(found.titles, language),
        public_title=texts.get("public_title") or subject,
        re_line=texts.get("re_line") or subject,
        texts=texts,
        group_size=found.group_size,
        countries=_countries(found, language),
        background_url=found.background_url,
    )


def _with_persons(
    texts: dict[str, MarkdownText], found: Case, audience: Audience, language: str
) -> dict[str, MarkdownText]:
    """The texts with a form of each person where they hold its mark."""
    persons = {person.key: _shown(person, audience, language).name for person in found.persons.all()}

    def written(mark: Mark) -> str:
        name = persons.get(mark.key)
        if not name:
            raise MissingTranslation(
                f"case {found.reference}: its text in {language!r} speaks of [[{mark.key}]], of whom this audience can "
                "see nothing; give the person a description in case.toml and import the case again"
            )
        shown = name[0].upper() + name[1:] if mark.begins_sentence else name
        return markdown.escape(with_particle(shown, mark.particles) if mark.particles else shown)

    return {name: MarkdownText(fill(text, written)) for name, text in texts.items()}


def _countries(found: Case, language: str) -> CountriesView:
    names = Locale.parse(language.replace("-", "_")).territories
    by_role: dict[str, str] = {}
    for entry in found.countries.all():
        by_role[entry.role] = names.get(entry.country, entry.country)
    return CountriesView(**by_role)


def persons(found: Case, audience: Audience, language: str, *, only: tuple[str, ...]) -> tuple[PersonView, ...]:
    """The persons as this audience may see them; `only` names those a split group's letter is about."""
    people = (person for person in found.persons.order_by("key") if not only or person.key in only)
    seen = (_shown(person, audience, language) for person in people)
    return tuple(PersonView(name=one.name, is_minor=one.is_minor, pronoun=one.pronoun) for one in seen if one.name)


def _shown(person: Person, audience: Audience, language: str) -> PersonAsShown:
    shown = getattr(person, SHOWN_TO[audience])
    return person_as_shown(person, shown, language, is_government=audience is Audience.GOVERNMENT)


def update(found: Case, language: str, *, row: StatusUpdate | None) -> UpdateView:
    """The status one writes about: the update's, or without one the case's own."""
    status = row.status if row else found.status
    previous = row.previous_status if row else ""
    as_of = row.as_of if row else found.status_as_of
    return UpdateView(
        status=status,
        status_label=status_label(status, language),
        as_of=as_of or found.created_at.date(),
        place=row.place if row else found.place,
        confidence=row.confidence if row else found.confidence,
        previous_status_label=status_label(previous, language),
    )


def status_label(status: str, language: str) -> str:
    """A status in words, or nothing for none."""
    return label(Status(status), language) if status else ""


def alert(row: Alert, *, dated_on: date, kind: str) -> AlertView:
    """The call to act, with the date of the letter it follows."""
    before = [one for one in row.predecessors.all() if one.dated_on or one.letters.exists()]
    previous = max(filter(None, map(printed_on, before)), default=None)
    return AlertView(
        kind=kind,
        level=row.level or row.priority,
        number=row.number,
        dated_on=dated_on,
        deadline=_deadline(row, dated_on),
        previous_dated_on=previous,
    )


def _deadline(row: Alert, dated_on: date) -> date | None:
    """The last day to act, counted from the letter's own date: a replay of an old case prints days of then."""
    if row.deadline_at is None:
        return None
    return dated_on + (row.deadline_at.date() - (row.started_at or row.created_at).date())


def printed_on(row: Alert) -> date | None:
    """The date that stands on an alert's letters; None while it has none."""
    if row.dated_on is not None or row.frozen_at is None:
        return row.dated_on
    return row.frozen_at.astimezone(zone_of(row)).date()


def zone_of(row: Alert) -> ZoneInfo:
    """Where the first addressee sits: the days of an alert's letters are counted there."""
    first = row.targets.select_related("official__office").first()
    return ZoneInfo(first.official.office.time_zone if first else settings.TIME_ZONE)
