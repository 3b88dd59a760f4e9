"""From models to what templates see: language chosen, consent applied. The only bridge between the two."""

from __future__ import annotations

from datetime import date

from babel import Locale
from django.conf import settings

from urgentaction.alerts.models import Alert
from urgentaction.cases.models import Case, StatusUpdate
from urgentaction.cases.queries import person_as_shown
from urgentaction.cases.vocabulary import Status, label
from urgentaction.channels.contract import Channel
from urgentaction.directory.kinds import AddressedAs, OfficeKind
from urgentaction.directory.models import Official

from .content import Addressee, AlertView, Audience, CaseView, CcEntry, CountriesView, PersonView, UpdateView
from .forms_of_address import FormOfAddress, form_of_address
from .models import Letter
from .sections import parse_sections, sections_for
from .wording import MissingTranslation

SHOWN_TO = {
    Audience.GOVERNMENT: "shown_to_government",
    Audience.PUBLIC: "shown_to_public",
    Audience.SUPPORTER: "shown_to_supporters",
}


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
        for point in reversed(office.contact_points.order_by("rank"))
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


def case(found: Case, language: str, *, status: str) -> CaseView:
    """The case with its texts for one language, as they read at `status`.

    Raises:
        MissingTranslation: the case has no text in this language.
    """
    text = found.texts.filter(language=language).first()
    if text is None:
        raise MissingTranslation(
            f"case {found.reference} has no text in {language!r}; add texts/{language}.md and import the case again"
        )
    texts = sections_for(parse_sections(text.markdown), status)
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


def _countries(found: Case, language: str) -> CountriesView:
    names = Locale.parse(language.replace("-", "_")).territories
    by_role: dict[str, str] = {}
    for entry in found.countries.all():
        by_role[entry.role] = names.get(entry.country, entry.country)
    return CountriesView(**by_role)


def persons(found: Case, audience: Audience, language: str, *, only: tuple[str, ...]) -> tuple[PersonView, ...]:
    """The persons as this audience may see them; `only` names those a split group's letter is about."""
    shown = SHOWN_TO[audience]
    people = found.persons.order_by("key")
    seen = (
        person_as_shown(person, getattr(person, shown), language, is_government=audience is Audience.GOVERNMENT)
        for person in people
        if not only or person.key in only
    )
    return tuple(PersonView(name=one.name, is_minor=one.is_minor, pronoun=one.pronoun) for one in seen if one.name)


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
    before = [letter.frozen_at.date() for letter in _earlier_letters(row)]
    earlier_dates = [one.dated_on for one in row.predecessors.all() if one.dated_on]
    previous = max(earlier_dates or before, default=None)
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


def _earlier_letters(row: Alert) -> list[Letter]:
    return [letter for one in row.predecessors.all() for letter in one.letters.only("frozen_at")[:1]]
