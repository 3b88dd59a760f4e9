"""What a letter, a notice and a text message are made of: plain frozen values, nothing else.

Owns the allow-list: a template can read the public fields of these classes and nothing more, so a field
that is not here can't leak. The caller has already chosen the language, applied each person's consent
for the audience, and put the facts in their wording.

Must not import Django, touch a database or a file, or know a channel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class Audience(StrEnum):
    """Who will read it; consent on each person decides what each of them sees."""

    GOVERNMENT = "government"
    PUBLIC = "public"
    SUPPORTER = "supporter"


class MarkdownText(str):
    """Text that *is* Markdown, written by staff. Every other string is data and appears literally."""

    __slots__ = ()


#: Places that are filled once per person after a notice has been rendered once per language. They are chosen
#: so that Markdown, HTML cleaning and line wrapping leave them alone.
SLOT_NAME = "SLOT0SUPPORTER0NAME0SLOT"
SLOT_UNSUBSCRIBE = "https://unsubscribe.slot.invalid/SLOT0UNSUBSCRIBE0SLOT"
SLOT_PREFERENCES = "https://preferences.slot.invalid/SLOT0PREFERENCES0SLOT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """Who writes. `name`, `about` and `postal_address` (lines) are in the letter's language."""

    name: str
    about: MarkdownText
    postal_address: tuple[str, ...] = ()
    phone: str = ""
    fax: str = ""
    email: str = ""
    website: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signatory:
    """Who signs, as printed under the letter."""

    name: str
    title: str
    division: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressee:
    """Whom the letter is to, in its language.

    Attributes:
        honorific: printed with the name ("H.E.", "귀하"); may be empty.
        postal_address: lines, without name and office.
        printed_fax, printed_email: as the office publishes them, never what is dialled.
        salutation: complete, without the mark that ends it ("Dear President Park", "존경하는 박근혜 대통령님께").
        closing: the words before the signature, without that mark; empty: the template's own.
    """

    name: str
    office: str
    salutation: str
    honorific: str = ""
    postal_address: tuple[str, ...] = ()
    printed_fax: str = ""
    printed_email: str = ""
    closing: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CcEntry:
    """One line of the CC list."""

    name: str
    office: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonView:
    """A person as this audience may see them: real name, pseudonym or description, as consent allows."""

    name: str
    is_minor: bool = False
    pronoun: str = ""
    age_text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountriesView:
    """Names of the countries in the letter's language, by role; empty where a case has no such country."""

    custodian: str = ""
    origin: str = ""
    intercessor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseView:
    """The case.

    Attributes:
        title: for the body; may carry what this audience may see.
        public_title: for subjects; only what is public.
        re_line: for the letter's "Re:" line, without the "Re:".
        texts: sections by name (`request`, `latest`, `law`, …), as `sections.sections_for` picks them.
        background_url: public page, or empty.
    """

    reference: str
    title: str
    public_title: str
    re_line: str
    texts: Mapping[str, MarkdownText]
    group_size: int = 1
    countries: CountriesView = field(default_factory=CountriesView)
    background_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateView:
    """The latest status. `status` is the vocabulary's code, the labels are in the letter's language."""

    status: str
    status_label: str
    as_of: date
    place: str = ""
    confidence: str = ""
    previous_status_label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertView:
    """The call to act.

    Attributes:
        number: as printed, "UA 117/15".
        dated_on: the date on the letter.
        previous_dated_on: date of the letter this one follows, or None.
    """

    kind: str
    level: int
    number: str
    dated_on: date
    deadline: date | None = None
    previous_dated_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterContext:
    """Everything a letter template may read. `language` is a code such as `en` or `ko`.

    `enclosures` are titles of what goes with the letter, listed under the copies.
    """

    language: str
    audience: Audience
    organisation: Organisation
    signatory: Signatory
    addressee: Addressee
    case: CaseView
    update: UpdateView
    alert: AlertView
    persons: tuple[PersonView, ...] = ()
    cc: tuple[CcEntry, ...] = ()
    enclosures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeContext:
    """Everything a notice to supporters may read.

    The three last fields are slots: left alone, the notice is rendered once per language and
    `RenderedNotice.fill` puts each person's values in.
    """

    language: str
    organisation: Organisation
    case: CaseView
    update: UpdateView
    alert: AlertView
    action_url: str
    persons: tuple[PersonView, ...] = ()
    supporter_name: str = SLOT_NAME
    unsubscribe_url: str = SLOT_UNSUBSCRIBE
    preferences_url: str = SLOT_PREFERENCES


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsContext:
    """Everything a text message may read. No case and no person on purpose: a carrier's records name nobody."""

    language: str
    organisation_name: str
    alert: AlertView
    link: str
