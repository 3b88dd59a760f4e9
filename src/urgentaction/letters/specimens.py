"""Invented contexts to try a template on: every branch that the data can open or close, opened and closed.

Pure. Must not know a real case, and must not be sent to anybody.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

from urgentaction.letters.content import (
    Addressee,
    AlertView,
    Audience,
    CaseView,
    CcEntry,
    CountriesView,
    LetterContext,
    MarkdownText,
    NoticeContext,
    Organisation,
    PersonView,
    Signatory,
    SmsContext,
    UpdateView,
)

#: About as long as the links in real text messages.
SMS_LINK = "https://safepassage.example/m/AbCdEfGhIjKlMnOp/"
_DAY = date(2015, 11, 24)
_SENTENCE = MarkdownText("This sentence stands in the place of a text about the *case*.")
ORGANISATION = Organisation(
    name="Safe Passage Watch",
    about=MarkdownText("Safe Passage Watch is an independent organisation."),
    postal_address=("12 Example Street", "London N1 0XX"),
    phone="+44 20 7946 0100",
    fax="+44 20 7946 0101",
    email="urgent@safepassage.example",
    website="https://safepassage.example",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One set of circumstances. What a reader of an error is told about it is `words`.

    Attributes:
        is_full: texts that a template only may have are there, and so are places, addresses, countries.
    """

    has_deadline: bool = True
    has_predecessor: bool = True
    is_group: bool = True
    is_urgent: bool = True
    is_full: bool = True
    has_people: bool = True
    status: str = "return_imminent"

    def words(self) -> str:
        """What is special about it: "without a deadline, for one person"."""
        told = [
            word
            for is_so, word in (
                (not self.has_deadline, "without a deadline"),
                (not self.has_predecessor, "as the first letter"),
                (not self.is_group, "for one person"),
                (not self.is_urgent, "at a lower level"),
                (not self.is_full, "without the texts that may be missing"),
                (not self.has_people, "without persons and copies"),
                (self.status != "return_imminent", f"at the status {self.status}"),
            )
            if is_so
        ]
        return ", ".join(told) or "with everything there"


_SWITCHES = ("has_deadline", "has_predecessor", "is_group", "is_urgent", "is_full", "has_people")


def scenes(statuses: Iterable[str] = ()) -> Iterator[Scene]:
    """Everything there, nothing there, and every pair of circumstances in each of its four ways; then each status.

    Args:
        statuses: those the template asks about.
    """
    everything = Scene()
    nothing = replace(everything, **dict.fromkeys(_SWITCHES, False))  # type: ignore[arg-type]
    pairs = (
        replace(base, **{one: value, other: value})  # type: ignore[arg-type]
        for base, value in ((everything, False), (nothing, True))
        for one, other in itertools.combinations_with_replacement(_SWITCHES, 2)
    )
    by_status = (replace(base, status=status) for status in statuses for base in (everything, nothing))
    yield from dict.fromkeys((everything, nothing, *pairs, *by_status))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What all scenes of a trial share.

    Attributes:
        sections: names of the case's texts that the template counts on.
        optional: those that it asks for first.
    """

    language: str
    kind: str
    sections: tuple[str, ...]
    optional: tuple[str, ...]
    organisation: Organisation = ORGANISATION


def letter(stage: Stage, scene: Scene) -> LetterContext:
    """A letter's context."""
    return LetterContext(
        language=stage.language,
        audience=Audience.GOVERNMENT,
        organisation=stage.organisation,
        signatory=Signatory(name="N. N.", title="Director", division="Asia" if scene.is_full else ""),
        addressee=Addressee(
            name="N. N.",
            office="Ministry",
            salutation="Dear Minister",
            honorific="H.E." if scene.is_full else "",
            postal_address=("1 Street",) if scene.is_full else (),
            printed_fax="+1 202 555 0101" if scene.is_full else "",
            printed_email="office@ministry.example" if scene.is_full else "",
        ),
        case=_case(stage, scene),
        update=_update(scene),
        alert=_alert(stage, scene),
        persons=_persons(scene),
        cc=(CcEntry(name="N. N.", office="Embassy"), CcEntry(name="M. M.", office="Commission"))
        if scene.has_people
        else (),
        enclosures=("Map of the border",) if scene.is_full else (),
    )


def notice(stage: Stage, scene: Scene) -> NoticeContext:
    """A notice's context, with its slots open."""
    return NoticeContext(
        language=stage.language,
        organisation=stage.organisation,
        case=_case(stage, scene),
        update=_update(scene),
        alert=_alert(stage, scene),
        action_url="https://safepassage.example/a/117",
        persons=_persons(scene),
    )


def sms(stage: Stage, scene: Scene) -> SmsContext:
    """A text message's context, with a link as long as real ones."""
    return SmsContext(
        language=stage.language,
        organisation_name=stage.organisation.name,
        alert=_alert(stage, scene),
        link=SMS_LINK,
    )


def _case(stage: Stage, scene: Scene) -> CaseView:
    names = stage.sections if scene.is_full else tuple(name for name in stage.sections if name not in stage.optional)
    texts: Mapping[str, MarkdownText] = dict.fromkeys(names, _SENTENCE)
    return CaseView(
        reference="UA-2015-0117",
        title="Nine refugees",
        public_title="Nine refugees",
        re_line="Nine refugees",
        texts=texts,
        group_size=9 if scene.is_group else 1,
        countries=CountriesView(custodian="China", origin="North Korea", intercessor="Republic of Korea")
        if scene.is_full
        else CountriesView(),
        background_url="https://safepassage.example/cases/ua-2015-0117" if scene.is_full else "",
    )


def _update(scene: Scene) -> UpdateView:
    return UpdateView(
        status=scene.status,
        status_label=scene.status.replace("_", " "),
        as_of=_DAY,
        place="Tumen" if scene.is_full else "",
        confidence="confirmed",
        previous_status_label="detained" if scene.has_predecessor else "",
    )


def _alert(stage: Stage, scene: Scene) -> AlertView:
    return AlertView(
        kind=stage.kind,
        level=1 if scene.is_urgent else 3,
        number="UA-2015-0117/12",
        dated_on=_DAY,
        deadline=date(2015, 12, 28) if scene.has_deadline else None,
        previous_dated_on=date(2015, 10, 24) if scene.has_predecessor else None,
    )


def _persons(scene: Scene) -> tuple[PersonView, ...]:
    if not scene.has_people:
        return ()
    one = PersonView(name="a child", is_minor=True, pronoun="they", age_text="eleven months")
    return (one, PersonView(name="N. N.")) if scene.is_group else (one,)
