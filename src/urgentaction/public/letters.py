"""Open letters as everybody may read them: one at its address, its PDF, the list, and the feed.

Whether a letter may be shown is asked anew for each request (`letters.published`), and no answer may be stored. Must
not show what is dialled, where anybody is held, or anything of a supporter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time, get_timezone_gmt
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.views.decorators.http import require_safe

from urgentaction.cases.models import StatusUpdate
from urgentaction.cases.vocabulary import Status, label
from urgentaction.core.errors import InvalidInput
from urgentaction.deliveries.announcing import published_letter_names_somebody
from urgentaction.letters.models import Publication
from urgentaction.letters.organisation import organisation
from urgentaction.letters.published import (
    Heading,
    Standing,
    correction_of,
    headings,
    languages_of,
    name_shown,
    newer_update,
    public_updates,
    publication_at,
    shown_at,
    shown_publications,
    standing_of,
)
from urgentaction.letters.topics import Topic, region_name
from urgentaction.letters.wording import labels, long_date

from .answering import Choice, page, unstored
from .sharing import share_links
from .sign_up_form import short_form
from .wording import Words, reader_language, words_in


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as people read it, with its zone, and as programs do."""

    shown: str
    iso: str


@dataclass(frozen=True, slots=True)
class News:
    """One status of a case. `language` is that of `text`, where it is not the page's."""

    text: str
    as_of: str
    iso: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A letter in a list."""

    url: str
    title: str
    re_line: str
    language: str
    direction: str
    published: Moment


@dataclass(frozen=True, slots=True)
class Filter:
    """One choice of a filter."""

    name: str
    url: str
    is_current: bool


@require_safe
def letter_page(request: HttpRequest, slug: str, language: str = "") -> HttpResponse:
    """A letter in one language: the one in its address, else the reader's.

    410 with a neutral page for one that was withdrawn; 404 for one under embargo, as for what never was.
    """
    publication = _open(slug)
    if publication is None:
        return _gone(request)
    there = languages_of(publication)
    code = language or _best(request, there)
    edition = publication.editions.filter(language=code).first()
    if edition is None:
        raise Http404
    words = words_in(code)
    context = {
        **_about(publication, words),
        "edition": edition,
        "addressee": [isolated(line) if words.direction == "rtl" else line for line in edition.parts["addressee"]],
        "publication": publication,
        "origin": settings.PUBLIC_URL,
        "url": absolute(letter_url(slug, code)),
        "default_url": absolute(letter_url(slug)),
        "pdf_url": reverse("letter-pdf", args=(slug, code)),
        "share": share_links(absolute(letter_url(slug, code)), edition.title, words.letter.by_email),
        "labels": labels(code),
        "form": short_form(request, language=code),
    }
    choices = [
        Choice(one, words_in(one).name, letter_url(slug, one), is_current=one == code)
        for one in sorted(there, key=lambda one: (one != "en", one))
    ]
    return page(request, "public/letter.html", context, language=code, choices=choices)


@require_safe
def letter_pdf(request: HttpRequest, slug: str, language: str) -> HttpResponse:
    """The letter on paper. Withdrawn and embargoed as its page is."""
    publication = _open(slug)
    if publication is None:
        return _gone(request)
    edition = publication.editions.filter(language=language).first()
    if edition is None:
        raise Http404
    content = bytes(edition.pdf)
    response = HttpResponse(b"" if request.method == "HEAD" else content, content_type="application/pdf")
    response.headers["Content-Length"] = str(len(content))
    response.headers["Content-Disposition"] = f'inline; filename="{slug}-{language}.pdf"'
    return unstored(response)


@require_safe
def letter_index(request: HttpRequest) -> HttpResponse:
    """Every letter that may be read now, by region and topic."""
    language = reader_language(request)
    words = words_in(language)
    region, topic = request.GET.get("region", ""), request.GET.get("topic", "")
    everything = shown_publications()
    found = [row for row in everything if region in ("", row.region) and topic in ("", row.topic)]
    context = {
        "letters": [_line(heading, words) for heading in headings(found, language)],
        "regions": _filters(
            {row.region: region_name(row.region, language) for row in everything if row.region},
            "region", region, words, {"topic": topic, "lang": language},
        ),
        "topics": _filters(
            {row.topic: words.topics[Topic(row.topic)] for row in everything if row.topic},
            "topic", topic, words, {"region": region, "lang": language},
        ),
        "feed_url": f"{reverse('letters-feed')}?lang={language}",
    }  # fmt: skip
    return page(request, "public/letters.html", context, language=language)


@require_safe
def letter_feed(request: HttpRequest) -> HttpResponse:
    """The latest letters for feed readers (Atom, RFC 4287): titles and links; never the text, which readers keep."""
    language = reader_language(request)
    words, ours = words_in(language), organisation().view(language)
    feed = Atom1Feed(
        title=f"{words.letter.index_title} – {ours.name}",
        link=absolute(f"{reverse('letters')}?lang={language}"),
        description=words.letter.index,
        language=language,
        author_name=ours.name,
        feed_url=absolute(f"{reverse('letters-feed')}?lang={language}"),
    )
    for heading in headings(shown_publications()[:30], language):
        address = absolute(letter_url(heading.publication.slug, heading.language))
        feed.add_item(
            title=heading.title,
            link=address,
            description=heading.re_line,
            pubdate=heading.at,
            updateddate=heading.at,
            unique_id=absolute(letter_url(heading.publication.slug)),
        )
    return unstored(HttpResponse(feed.writeString("utf-8"), content_type="application/atom+xml; charset=utf-8"))


#: A number as offices print it. Between Arabic letters its groups would change places (Unicode Annex 9, rules W2, W4).
_NUMBER = re.compile(r"\+?[0-9(][0-9 ()./-]{4,}[0-9]")


def isolated(line: str) -> str:
    """A line for a page that runs from right to left: each printed number keeps its order (LRI … PDI around it)."""
    return _NUMBER.sub("\N{LEFT-TO-RIGHT ISOLATE}\\g<0>\N{POP DIRECTIONAL ISOLATE}", line)


def letter_url(slug: str, language: str = "") -> str:
    """The path of a letter; without a language the one that chooses for the reader."""
    return reverse("letter", args=(slug, language) if language else (slug,))


def absolute(path: str) -> str:
    """With scheme and host, for what is read elsewhere."""
    return f"{settings.PUBLIC_URL}{path}"


def moment(at: datetime, zone: str, language: str) -> Moment:
    """Date, time and time zone in the language's form: "24 November 2015, 17:40 GMT+09:00"."""
    there, locale = at.astimezone(ZoneInfo(zone)), labels(language).locale
    parts = format_date(there, format="long", locale=locale), format_time(there, format="short", locale=locale)
    comma = "، " if language == "ar" else ", "
    zone_name = get_timezone_gmt(there, width="long", locale=locale)  # names such as KST are known in few languages
    return Moment(f"{comma.join(parts)} {zone_name}", there.isoformat(timespec="minutes"))


def _open(slug: str) -> Publication | None:
    """The publication, None for one that is gone. Raises Http404 where nothing may be said."""
    publication = publication_at(slug)
    standing = standing_of(publication)
    if standing is Standing.NOTHING:
        raise Http404
    if standing is Standing.SHOWN:
        return publication
    if publication is not None and publication.withdrawn_at is None and (error := name_shown(publication)):
        published_letter_names_somebody(publication.alert, publication.slug, error)
    return None


def _gone(request: HttpRequest) -> HttpResponse:
    language = reader_language(request)
    return page(request, "public/gone.html", {}, language=language, status=HTTPStatus.GONE)


def _best(request: HttpRequest, there: list[str]) -> str:
    wanted = reader_language(request)
    if wanted in there:
        return wanted
    return "en" if "en" in there else there[0]


def _about(publication: Publication, words: Words) -> dict[str, Any]:
    """What is said of a letter besides its text."""
    code, case = words.code, publication.alert.case
    newer, better, corrected = newer_update(publication), correction_of(publication), publication.corrects
    corrected_is_shown = corrected is not None and standing_of(corrected) is Standing.SHOWN
    return {
        "published": moment(shown_at(publication), publication.time_zone, code),
        "changed": _news(newer, words) if newer else None,
        "better": next((_line(one, words) for one in headings([better], code)), None) if better else None,
        "corrected": next((_line(one, words) for one in headings([corrected], code)), None)
        if corrected is not None and corrected_is_shown
        else None,
        "correction": publication.correction.get(code) or publication.correction.get("en", ""),
        "news": [_news(update, words) for update in public_updates(case)],
        "countries": [region_name(country, code) for country in sorted({one.country for one in case.countries.all()})],
        "region": region_name(publication.region, code) if publication.region else "",
        "topic": words.topics[Topic(publication.topic)] if publication.topic else "",
    }


def _news(update: StatusUpdate, words: Words) -> News:
    day = words.letter.as_of.replace("{date}", long_date(update.as_of, words.code))
    try:
        return News(label(Status(update.status), words.code), day, update.as_of.isoformat())
    except InvalidInput:  # no labels in this language yet
        return News(label(Status(update.status), "en"), day, update.as_of.isoformat(), language="en")


def _line(heading: Heading, words: Words) -> Line:
    publication = heading.publication
    edition_words = words_in(heading.language)
    return Line(
        url=letter_url(publication.slug, heading.language),
        title=heading.title,
        re_line=heading.re_line,
        language=heading.language,
        direction=edition_words.direction,
        published=moment(heading.at, publication.time_zone, words.code),
    )


def _filters(names: Mapping[str, str], key: str, current: str, words: Words, others: Mapping[str, str]) -> list[Filter]:
    """The choices of one filter, in the order of the alphabet; none where there is nothing to choose."""
    if not names:
        return []

    def url(value: str) -> str:
        return _query({**others, key: value})

    listed = [Filter(name, url(code), is_current=code == current) for code, name in names.items()]
    return [Filter(words.letter.all, url(""), is_current=not current), *sorted(listed, key=lambda one: one.name)]


def _query(values: Mapping[str, str]) -> str:
    """`?a=b&c=d` of those that are not empty."""
    return f"?{urlencode({key: value for key, value in values.items() if value})}"
