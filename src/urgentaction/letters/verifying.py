"""Whether a file is a letter of ours: by its content alone, whatever it is called and wherever it came from.

A file is ours if it is, byte for byte, the PDF, the fax pages or the text of a frozen letter, or the PDF that everybody
can download from its public page. One that is not may still
say whose it pretends to be: the title of a PDF, the number in a text. Reads only.
"""

from __future__ import annotations

import difflib
import hashlib
import html
import re
import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import Q, QuerySet

from .models import Letter, PublicEdition
from .service import text_sha256
from .typeset import pdf_sha256

_HEAVY = ("pdf", "fax_pdf", "fax_repeat_pdf", "html")
_TITLE = re.compile(rb"<dc:title>.*?<rdf:li[^>]*>(.*?)</rdf:li>", re.DOTALL)
_NUMBER = re.compile(r"UA-[0-9]{4}-[0-9]{4}(?:/[0-9]+)?")
#: Below this likeness (`difflib`) a text is only about the same case.
_ALIKE = 0.6


class Form(StrEnum):
    """In which of its forms a letter was recognised."""

    PDF = "PDF"
    FAX = "fax pages"
    FAX_REPEAT = "fax pages, marked as a repeat transmission"
    TEXT = "text"
    PUBLIC = "public edition"


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterFacts:
    """A frozen letter and where it stands. `supersedes` and `superseded_by` are numbers of alerts."""

    id: uuid.UUID
    case: str
    alert: str
    alert_state: str
    stop_reason: str
    to: str
    office: str
    role: str
    language: str
    kind: str
    subject: str
    sha256: str
    text_sha256: str
    fax_sha256: str
    frozen_at: datetime
    supersedes: str
    superseded_by: tuple[str, ...]
    has_newer_update: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a file is.

    Attributes:
        form: how it was recognised, or None: no letter of ours has this content.
        is_intact: the letter on record still has the hashes it was frozen with. False means the database was tampered
            with.
        letter: the one it is, or the one that it resembles.
        differences: of a text that resembles it: lines that are not the letter's; the first of them is `first_line`.
    """

    sha256: str
    form: Form | None
    is_intact: bool = True
    letter: LetterFacts | None = None
    differences: int = 0
    first_line: int = 0

    @property
    def is_ours(self) -> bool:
        """Frozen by us, unchanged since."""
        return self.form is not None and self.is_intact


def verify(content: bytes) -> Verdict:
    """Look for a letter with exactly this content. A text may have other line ends or lack the last one."""
    digest = hashlib.sha256(content).hexdigest()
    fields = {"sha256": Form.PDF, "fax_sha256": Form.FAX, "fax_repeat_sha256": Form.FAX_REPEAT}
    for field, form in fields.items():
        if letter := _letters().filter(**{field: digest}).first():
            return Verdict(sha256=digest, form=form, is_intact=is_intact(letter), letter=facts_of(letter))
    if (edition := PublicEdition.objects.filter(sha256=digest).first()) is not None:
        return _published(edition, digest)
    text = None if content.startswith(b"%PDF-") else _text(content)
    if text is None:
        return Verdict(sha256=digest, form=None, letter=_titled(content))
    if letter := _letters().filter(text_sha256=text_sha256(text)).order_by("-role", "frozen_at", "id").first():
        return Verdict(sha256=digest, form=Form.TEXT, is_intact=is_intact(letter), letter=facts_of(letter))
    return _resembling(text, digest)


def _published(edition: PublicEdition, digest: str) -> Verdict:
    """What is published is set anew for the public, so its file is not the addressee's."""
    letter = _letters().filter(alert=edition.publication.alert_id).order_by("-role", "frozen_at", "id").first()
    is_as_published = pdf_sha256(bytes(edition.pdf)) == edition.sha256
    facts = facts_of(letter) if letter is not None else None
    return Verdict(sha256=digest, form=Form.PUBLIC, is_intact=is_as_published, letter=facts)


def is_intact(letter: Letter) -> bool:
    """Whether a stored letter still has the hashes it was frozen with."""
    return (
        pdf_sha256(bytes(letter.pdf)) == letter.sha256
        and text_sha256(letter.text) == letter.text_sha256
        and all(
            (pdf_sha256(bytes(pages)) if pages else "") == told
            for pages, told in (
                (letter.fax_pdf, letter.fax_sha256),
                (letter.fax_repeat_pdf, letter.fax_repeat_sha256),
            )
        )
    )


def facts_of(letter: Letter) -> LetterFacts:
    """A letter in words and hashes."""
    alert, before = letter.alert, letter.supersedes
    after = letter.superseded_by.order_by("frozen_at", "id").values_list("alert__number", flat=True)
    return LetterFacts(
        id=letter.id,
        case=alert.case.reference,
        alert=alert.number,
        alert_state=alert.state,
        stop_reason=alert.stop_reason,
        to=str(letter.official),
        office=str(letter.official.office),
        role=letter.role,
        language=letter.language,
        kind=letter.kind,
        subject=letter.subject,
        sha256=letter.sha256,
        text_sha256=letter.text_sha256,
        fax_sha256=letter.fax_sha256,
        frozen_at=letter.frozen_at,
        supersedes=before.alert.number if before else "",
        superseded_by=tuple(after),
        has_newer_update=alert.fence < alert.case.version,
    )


def _letters() -> QuerySet[Letter]:
    return Letter.objects.select_related("alert__case", "official__office", "supersedes__alert")


def _text(content: bytes) -> str | None:
    """The text as it was frozen: UTF-8, Unix line ends, one at the end. None for what is no text."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return text.replace("\r\n", "\n").rstrip() + "\n"


def _titled(content: bytes) -> LetterFacts | None:
    """The latest letter with the title that a changed PDF still carries (XMP, which the typesetter leaves readable)."""
    found = _TITLE.search(content)
    title = html.unescape(found[1].decode("utf-8", "replace")).strip() if found else ""
    if not title:
        return None
    # The title is the subject behind a word that depends on the language ("Re:").
    alike = [
        letter
        for letter in _letters()
        .defer(*_HEAVY, "text")
        .order_by("-alert__created_at", "-role", "frozen_at", "id")
        .iterator()
        if letter.subject and title.endswith(letter.subject)
    ]
    return facts_of(alike[0]) if alike else None


def _resembling(text: str, digest: str) -> Verdict:
    """The letter that a text is nearest to, among those of the numbers that stand in it."""
    numbers = set(_NUMBER.findall(text))
    about = Q(alert__number__in=numbers) | Q(
        alert__case__reference__in={number.partition("/")[0] for number in numbers}
    )
    best, best_ratio = None, _ALIKE
    for letter in _letters().defer(*_HEAVY).filter(about).order_by("-role", "frozen_at", "id").iterator():
        ratio = difflib.SequenceMatcher(None, letter.text.split("\n"), text.split("\n"), autojunk=False).ratio()
        if ratio > best_ratio:
            best, best_ratio = letter, ratio
    if best is None:
        return Verdict(sha256=digest, form=None)
    steps = difflib.SequenceMatcher(None, best.text.split("\n"), text.split("\n"), autojunk=False).get_opcodes()
    changed = [
        (start, max(end - start, was_end - was_start))
        for tag, was_start, was_end, start, end in steps
        if tag != "equal"
    ]
    if not changed:  # the text on record, and not the one whose hash was taken when it was frozen
        return Verdict(sha256=digest, form=Form.TEXT, is_intact=False, letter=facts_of(best))
    return Verdict(
        sha256=digest,
        form=None,
        letter=facts_of(best),
        differences=sum(lines for _, lines in changed),
        first_line=changed[0][0] + 1,
    )
