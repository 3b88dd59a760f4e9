"""What the property of consent is about: cases whose persons agreed to different things, and all that is sent."""

from __future__ import annotations

import io
import unicodedata
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pikepdf
import pypdfium2
from hypothesis import assume
from hypothesis import strategies as st

from tests.flow.world import TEXT
from tests.unit.cases.spelled import names, spellings
from urgentaction.alerts.models import Alert
from urgentaction.alerts.plan import AlertPlan
from urgentaction.cases.models import Case, CaseText, Person
from urgentaction.channels.contract import Channel, OutgoingEmail
from urgentaction.deliveries import expand, outgoing
from urgentaction.deliveries.claim import Claim
from urgentaction.deliveries.gateways import entries
from urgentaction.deliveries.models import Delivery
from urgentaction.letters.models import Letter, Notice

#: Scripts that the fonts of a letter have.
PRINTED = ("latin", "cyrillic", "greek", "hangul")
FIELDS = ("shown_to_government", "shown_to_public", "shown_to_supporters")


@dataclass(frozen=True)
class Someone:
    """A person as drawn. `names` are the confidential spellings, the first of them the name itself."""

    names: tuple[str, ...]
    public: str
    shown: tuple[str, str, str]  # to the government, the public, supporters

    def government_sees(self) -> str:
        return (self.public or self.names[0]) if self.shown[0] == "name" else ""

    def supporters_see(self) -> str:
        return self.public if self.shown[2] == "name" else ""

    def hidden_from_government(self) -> list[str]:
        """Whoever reads the confidential name may read it in its other spellings too."""
        return [] if self.government_sees() in self.names else self._but(self.government_sees())

    def hidden_from_supporters(self) -> list[str]:
        return self._but(self.supporters_see())

    def every(self) -> list[str]:
        return self._but("")

    def _but(self, seen: str) -> list[str]:
        return [name for name in (*self.names, self.public) if name and name != seen]


@dataclass(frozen=True)
class Drawn:
    """A case as drawn. `written_out`: whose name the text holds, which one, and how it is written there."""

    people: tuple[Someone, ...]
    written_out: tuple[int, str, str] | None


@st.composite
def someone(draw: st.DrawFn) -> Someone:
    every = draw(st.lists(names(PRINTED), min_size=2, max_size=4, unique_by=squeezed))
    shown = st.sampled_from(["description", "pseudonym", "name"])
    return Someone(
        names=tuple(every[1:]),
        public=draw(st.sampled_from(["", every[0]])),
        shown=draw(st.tuples(shown, shown, shown)),
    )


@st.composite
def drawn_cases(draw: st.DrawFn) -> Drawn:
    people = tuple(draw(st.lists(someone(), min_size=1, max_size=3)))
    every = [squeezed(name) for one in people for name in one.every()]
    # Namesakes can't be told apart, neither by a reader nor by this test.
    assume(not any(a in b for n, a in enumerate(every) for m, b in enumerate(every) if n != m))
    written_out = None
    if draw(st.booleans()):
        place = draw(st.integers(0, len(people) - 1))
        name = draw(st.sampled_from(people[place].every()))
        hidden = {*people[place].hidden_from_government()} & {*people[place].hidden_from_supporters()}
        may_be_seen = name not in hidden
        # As it stands where some reader may see it: the fonts need not have every way to write it.
        written_out = place, name, name if may_be_seen else draw(spellings(name))
    return Drawn(people, written_out)


def squeezed(text: str) -> str:
    """Letters and digits alone, without capitals and accents: what this test compares, simply."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    kept = (char for char in plain if char.isalnum())
    return unicodedata.normalize("NFC", "".join(kept)).replace("ø", "o")


def store(case: Case, drawn: Drawn) -> None:
    """Persons, and texts that speak of all of them."""
    for number, one in enumerate(drawn.people):
        Person.objects.create(
            case=case,
            key=f"person-{number}",
            confidential_name=one.names[0],
            confidential_spellings="\n".join(one.names[1:]),
            public_name=one.public,
            pseudonym=f"Witness {number}",
            descriptions={"en": f"traveller number {number}"},
            **dict(zip(FIELDS, one.shown, strict=True)),
        )
    spoken = ", ".join(f"[[person-{number}]]" for number in range(len(drawn.people)))
    written = f" They took {drawn.written_out[2]} too." if drawn.written_out else ""
    text = TEXT.replace("They are held at the border.", f"They hold {spoken}.{written}")
    CaseText.objects.filter(case=case).update(markdown=text)


def of_letter(letter: Letter) -> Iterator[tuple[str, str]]:
    """Every form of a letter by what it is, as text: what its reader, and everybody on the way, can see."""
    yield "subject", letter.subject
    yield "text", letter.text
    yield "HTML", letter.html
    for form, pdf in (("PDF", letter.pdf), ("fax", letter.fax_pdf), ("fax again", letter.fax_repeat_pdf)):
        if pdf:
            yield form, pdf_text(bytes(pdf))
            yield f"{form} metadata", pdf_metadata(bytes(pdf))


def of_notice(notice: Notice) -> Iterator[tuple[str, str]]:
    yield f"{notice.channel} subject", notice.subject
    yield f"{notice.channel} text", notice.text
    yield f"{notice.channel} HTML", notice.html


def mail_names(alert: Alert) -> list[tuple[str, str]]:
    """Subject and file names of the mails that carry an alert's letters."""
    plan = AlertPlan.from_json(alert.plan)
    assert plan.officials is not None
    expand.expand_officials(alert, plan.officials)
    rows = Delivery.objects.filter(alert=alert, channel="email", official__isnull=False)
    claims = [Claim(row.id, 1, Channel.EMAIL, uuid.uuid4()) for row in rows]
    resolved = outgoing.resolve(claims, next(iter(entries().values())))
    assert len(resolved.ready) == len(claims) > 0, (resolved.untried, resolved.unready)
    found = []
    for _, mail in resolved.ready:
        assert isinstance(mail, OutgoingEmail)
        found += [("mail subject", mail.subject), *(("file name", one.filename) for one in mail.attachments)]
    return found


def pdf_text(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    try:
        return "\n".join(page.get_textpage().get_text_range() for page in document)
    finally:
        document.close()


def pdf_metadata(pdf: bytes) -> str:
    """Title, author and the rest, from the document's information and its XMP packet."""
    with pikepdf.open(io.BytesIO(pdf)) as document:
        told = [str(value) for value in document.docinfo.values()]
        packet = bytes(document.Root.Metadata.read_bytes()).decode()
        bookmarks = [item.title for item in document.open_outline().root]
    return "\n".join([*told, packet, *bookmarks])
