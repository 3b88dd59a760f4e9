"""Reads on publications: what everybody may see at this moment. Asked anew for every page; nothing is kept.

A publication is shown from its own embargo's end and its case's, until it is withdrawn, and only as long as everybody
in it may still be shown as they were and its frozen texts name nobody whom the public may not know by name: people
come to a case later, and spellings too. Who opens its address otherwise learns no more than `Standing` says.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import F, Prefetch, Q, QuerySet

from urgentaction.cases.models import Case, StatusUpdate
from urgentaction.cases.vocabulary import Confidence
from urgentaction.core import clock

from .consent import ConsentError, Guard, guard_of
from .content import Audience
from .models import Publication, PublicEdition, PublicUpdate
from .publishing import has_kept_consent


class Standing(StrEnum):
    """What may be said of an address under which a letter was, is or will be published."""

    SHOWN = "shown"
    GONE = "gone"  # withdrawn, somebody took back their consent, or it names somebody whom it may not name
    NOTHING = "nothing"  # never published, under embargo, or withdrawn while it was: they must look alike


@dataclass(frozen=True, slots=True)
class Heading:
    """A published letter in a list."""

    publication: Publication
    title: str
    re_line: str
    language: str
    at: datetime


def standing_of(publication: Publication | None) -> Standing:
    """What may be said of it now. Looks through the whole of its texts."""
    return _standing(publication, name_shown)


def _standing(publication: Publication | None, look: Callable[[Publication], ConsentError | None]) -> Standing:
    if publication is None:
        return Standing.NOTHING
    withdrawn, now = publication.withdrawn_at, clock.now()
    # Withdrawn before anybody could read it: that there was a letter must not come out either.
    if any(until is not None and until > (withdrawn or now) for until in _embargoes(publication)):
        return Standing.NOTHING
    if withdrawn is not None:
        return Standing.GONE
    if not has_kept_consent(publication.alert.case.persons.all(), publication.shown_forms):
        return Standing.GONE
    return Standing.SHOWN if look(publication) is None else Standing.GONE


def name_shown(publication: Publication) -> ConsentError | None:
    """What the guard says today of the frozen texts, in every language: all lead to each other. None: no objection.

    Addresses are read too: the letter's own, made of the case's subject, and that of the background it leads to.
    """
    texts: dict[str, str] = {}
    for edition in publication.editions.defer("pdf", "parts"):
        readable = {"title": edition.title, "Re: line": edition.re_line, "text": edition.text, "HTML": edition.html}
        texts |= {f"{label} ({edition.language})": text for label, text in readable.items()}
    case = publication.alert.case
    texts["correction"] = "\n".join(publication.correction.values())
    texts |= {"address": publication.slug, "address of the background": case.background_url}
    return _objection(guard_of(case), texts)


def _objection(guard: Guard, texts: dict[str, str]) -> ConsentError | None:
    try:
        guard.check(texts, Audience.PUBLIC)
    except ConsentError as error:
        return error
    return None


class _Glance:
    """Looks at what a list shows of a letter: title, "Re:" line, address. Each case's persons are read once."""

    def __init__(self) -> None:
        self._guards: dict[uuid.UUID, Guard] = {}

    def __call__(self, publication: Publication) -> ConsentError | None:
        case = publication.alert.case
        guard = self._guards.get(case.id) or self._guards.setdefault(case.id, guard_of(case))
        lines = {one.language: f"{one.title}\n{one.re_line}" for one in publication.editions.all()}
        return _objection(guard, {"address": publication.slug, **lines})


def publication_at(slug: str) -> Publication | None:
    """What was ever published under this address, whatever may be said of it."""
    rows = Publication.objects.select_related("alert__case", "alert__update", "corrects")
    return rows.filter(slug=slug).first()


def shown_at(publication: Publication) -> datetime:
    """Since when everybody may read it: the decision, or the end of the embargo that came after it."""
    return max(moment for moment in (publication.published_at, *_embargoes(publication)) if moment is not None)


def shown_publications(*, region: str = "", topic: str = "") -> list[Publication]:
    """Everything that is shown now and has not been corrected, the latest first.

    Of the texts only what a list shows is looked at; the whole when a letter is opened.
    """
    now = clock.now()
    rows = Publication.objects.filter(withdrawn_at=None).filter(Q(embargo_until=None) | Q(embargo_until__lte=now))
    if region:
        rows = rows.filter(region=region)
    if topic:
        rows = rows.filter(topic=topic)
    lines = Prefetch("editions", PublicEdition.objects.only("publication", "language", "title", "re_line"))
    rows = rows.select_related("alert__case").prefetch_related("alert__case__persons", "alert__case__countries", lines)
    look = _Glance()
    found = [row for row in rows if _standing(row, look) is Standing.SHOWN]
    corrected = {row.corrects_id for row in found if row.corrects_id}
    return sorted((row for row in found if row.id not in corrected), key=shown_at, reverse=True)


def headings(publications: Iterable[Publication], language: str) -> list[Heading]:
    """Title and "Re:" line of each, in `language` where there is an edition in it, else in English, else in any."""
    wanted = list(publications)
    editions: dict[object, dict[str, PublicEdition]] = {}
    for edition in PublicEdition.objects.filter(publication__in=wanted).defer("pdf", "html", "text", "parts"):
        editions.setdefault(edition.publication_id, {})[edition.language] = edition
    made = []
    for row in wanted:
        there = editions[row.id]
        one = there.get(language) or there.get("en") or next(iter(there.values()))
        made.append(Heading(row, one.title, one.re_line, one.language, shown_at(row)))
    return made


def correction_of(publication: Publication) -> Publication | None:
    """The latest shown letter that corrects this one, or None."""
    rows = Publication.objects.filter(corrects=publication).select_related("alert__case").order_by("-published_at")
    return next((row for row in rows if standing_of(row) is Standing.SHOWN), None)


def public_updates(case: Case) -> list[StatusUpdate]:
    """What everybody may know of a case, the latest first: what was decided, and what its shown letters are about."""
    decided = PublicUpdate.objects.filter(update__case=case).values("update_id")
    letters = Publication.objects.filter(alert__case=case, withdrawn_at=None).select_related("alert__case")
    told = {row.alert.update_id for row in letters if row.alert.update_id and standing_of(row) is Standing.SHOWN}
    rows: QuerySet[StatusUpdate] = StatusUpdate.objects.filter(Q(id__in=decided) | Q(id__in=told), case=case)
    return list(rows.exclude(confidence=Confidence.RUMOURED).order_by("-as_of", "-recorded_at"))


def letters_telling(update: StatusUpdate) -> list[Publication]:
    """The letters through which everybody knows of an update, or will once their embargo is over; the latest first."""
    rows = Publication.objects.filter(alert__update=update, withdrawn_at=None).select_related("alert__case")
    return list(rows.order_by("-published_at"))


def newer_update(publication: Publication) -> StatusUpdate | None:
    """What has happened since a letter was written, as far as everybody may know it; None where it still holds."""
    if publication.alert.fence >= publication.alert.case.version:
        return None
    later = (one for one in public_updates(publication.alert.case) if one.case_version > publication.alert.fence)
    return max(later, key=lambda one: (one.as_of, one.recorded_at), default=None)


def languages_of(publication: Publication) -> list[str]:
    """The languages it can be read in, sorted; the letter's own is nothing special to readers."""
    return list(publication.editions.order_by("language").values_list("language", flat=True))


def _embargoes(publication: Publication) -> tuple[datetime | None, datetime | None]:
    return publication.embargo_until, publication.alert.case.embargo_until


def all_publications() -> QuerySet[Publication]:
    """Every decision there was, the latest first, for staff."""
    return Publication.objects.select_related("alert__case").order_by(F("published_at").desc())
