"""The guard before anything leaves: no text may name somebody whom its readers may not know by name.

`views` shows each person as consent allows; this module looks at the finished text, so that a name that came by another
way (staff wrote it into a text, a template or a title) is caught as well. It looks for every spelling on record and
for what people make of it (`cases.names`), and never repeats the name: errors carry the person's key and the place.

    check_consent(case, Audience.PUBLIC, {"page": html, "page title": title})
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from urgentaction.cases.models import Case, Person
from urgentaction.cases.names import mentions
from urgentaction.cases.queries import NamesOnRecord, names_on_record
from urgentaction.channels.contract import Channel
from urgentaction.core.errors import TemplateError
from urgentaction.directory.models import Official

from .content import Audience
from .models import Letter, Notice
from .organisation import organisation

#: The field of `cases.models.Person` with an audience's consent.
SHOWN_TO = {
    Audience.GOVERNMENT: "shown_to_government",
    Audience.PUBLIC: "shown_to_public",
    Audience.SUPPORTER: "shown_to_supporters",
}


class ConsentError(TemplateError):
    """A text names a person whom its readers may not know by name. Says who, by key, and where; never the name."""


def check_consent(case: Case, audience: Audience, texts: Mapping[str, str]) -> None:
    """Refuse texts of a case that name somebody whom this audience may not know by name.

    Args:
        texts: by what people call them ("subject", "HTML"); plain text, Markdown or HTML.

    Raises:
        ConsentError: naming each person's key, and the text and line.
    """
    guard_of(case).check(texts, audience)


def assert_consent(texts: Mapping[str, str], names: NamesOnRecord) -> None:
    """Refuse texts that show a hidden name. Pure.

    Raises:
        ConsentError: naming each person's key, and the text and line.
    """
    found = [
        f"{mention.key} in the {label}, line {mention.line}"
        for label, text in texts.items()
        for mention in mentions(text, names.hidden, shown=names.shown)
    ]
    if found:
        raise ConsentError(
            f"a name is written out that these readers may not see: {'; '.join(found[:5])}. Write [[key]] in the "
            "case's texts where a person is meant, and take the name out of titles, places and templates"
        )


@dataclass(frozen=True, slots=True)
class Guard:
    """The persons of one case, read once for many texts.

    Attributes:
        officials: names of those who are written to, copied or sign. Theirs are no secret, even where one of the
            persons bears the same.
    """

    persons: tuple[Person, ...]
    officials: tuple[str, ...] = field(default=(), repr=False)

    def check(self, texts: Mapping[str, str], *audiences: Audience) -> None:
        """Refuse texts with a name that one of these audiences may not see; without any, with any name at all.

        Raises:
            ConsentError: naming each person's key, and the text and line.
        """
        readers = [(SHOWN_TO[audience], audience is Audience.GOVERNMENT) for audience in audiences]
        names = names_on_record(self.persons, readers)
        assert_consent(texts, NamesOnRecord(names.hidden, (*names.shown, *self.officials)))

    def check_letter(self, letter: Letter) -> None:
        """A letter and its subject line, which mail servers on the way read too. Raises ConsentError."""
        self.check({"subject": letter.subject}, Audience.GOVERNMENT, Audience.PUBLIC)
        self.check({"text": letter.text, "HTML": letter.html}, Audience.GOVERNMENT)

    def check_rendered(self, audience: Audience, *, re_line: str, text: str, html: str) -> None:
        """A letter as one audience would see it; its "Re:" line is read on the way by anybody. Raises ConsentError."""
        self.check({"Re: line": re_line}, audience, Audience.PUBLIC)
        self.check({"text": text, "HTML": html}, audience)

    def check_notice(self, notice: Notice) -> None:
        """A notice; a text message may name nobody, whatever they agreed to: carriers keep it. Raises ConsentError."""
        if notice.channel == Channel.SMS:
            self.check({"text message": notice.text})
            return
        self.check({"subject": notice.subject}, Audience.SUPPORTER, Audience.PUBLIC)
        self.check({"text": notice.text, "HTML": notice.html}, Audience.SUPPORTER)


def guard_of(case: Case) -> Guard:
    """The guard for texts of this case; two queries."""
    persons = tuple(case.persons.order_by("key"))
    if not any(person.confidential_name or person.public_name for person in persons):
        return Guard(())
    officials = Official.objects.filter(office__in=case.addressees.values("office"))
    names = [name for names in officials.values_list("names", flat=True) for name in names.values()]
    return Guard(persons, (*names, *organisation().signatories()))
