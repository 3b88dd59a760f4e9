"""The page on which supporters say what we may send them, and how they are forgotten. Their link is the guard.

Mails are forwarded, so the page shows nobody's name, address or number; who wants to be forgotten types the address.
They may do so a few times a day only: otherwise whoever was forwarded a link could try out whose it is.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Mapping
from datetime import time
from functools import cache

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from urgentaction.letters.organisation import organisation
from urgentaction.receipts.erasing import erase_supporter
from urgentaction.supporters.links import read_preferences_token
from urgentaction.supporters.models import Supporter
from urgentaction.supporters.preferences import Preferences, change_preferences, owns, supporter_with

from . import limiting
from .answering import page, secret
from .sign_up_form import Fault
from .wording import PreferencesWords, message_languages, reader_language, words_in

_CLOCK_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])(?::00)?")


@csrf_exempt  # the signed token is the guard; the page sends no referrer, so browsers send no origin either
@require_http_methods(["GET", "HEAD", "POST"])
def preferences_page(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows the choice and changes nothing; POST saves it, or forgets the person."""
    supporter = supporter_with(read_preferences_token(token))
    language = reader_language(request)
    if supporter is None:
        return secret(page(request, "public/preferences_void.html", {}, language=language))
    if request.method != "POST":
        return _shown(request, supporter, language)
    if "erase" in request.POST:
        return _erased(request, supporter, language)
    return _saved(request, supporter, language)


def _saved(request: HttpRequest, supporter: Supporter, language: str) -> HttpResponse:
    chosen, faults = _read(request.POST, supporter, words_in(language).preferences)
    if chosen is None:
        return _shown(request, supporter, language, faults=faults)
    closed = change_preferences(supporter.id, chosen)
    supporter.refresh_from_db()
    return _shown(request, supporter, language, is_saved=True, stays_closed=bool(closed))


def _erased(request: HttpRequest, supporter: Supporter, language: str) -> HttpResponse:
    may_try = limiting.may_try_an_address(request, supporter.id)
    if not owns(supporter, request.POST.get("address", "")) or not may_try:  # beyond the limit as for a wrong one
        fault = Fault("address", words_in(language).preferences.erase_fault)
        return _shown(request, supporter, language, faults=(fault,))
    erase_supporter(supporter.id)
    return secret(page(request, "public/preferences_erased.html", {}, language=language))


def _shown(
    request: HttpRequest,
    supporter: Supporter,
    language: str,
    *,
    faults: tuple[Fault, ...] = (),
    is_saved: bool = False,
    stays_closed: bool = False,
) -> HttpResponse:
    words = words_in(language).preferences
    context = {
        "supporter": supporter,
        "has_phone": supporter.phone_index is not None,
        "languages": list(message_languages().items()),
        "time_zones": sorted({*time_zones(), supporter.time_zone}),
        "faults": faults,
        "at_fault": frozenset(fault.anchor for fault in faults),
        "is_saved": is_saved,
        "stays": words.stays.replace("{email}", organisation().view(language).email) if stays_closed else "",
    }
    return secret(page(request, "public/preferences.html", context, language=language, status=422 if faults else 200))


def _read(
    typed: Mapping[str, str], supporter: Supporter, words: PreferencesWords
) -> tuple[Preferences | None, tuple[Fault, ...]]:
    faults = []
    begins, ends = (_clock_time(typed.get(key, "")) for key in ("quiet_from", "quiet_until"))
    written = [typed.get(key, "").strip() for key in ("quiet_from", "quiet_until")]
    if (
        (begins is None) != (ends is None)
        or (begins is not None and begins == ends)
        or (any(written) and begins is None)
    ):
        faults.append(Fault("quiet_from", words.quiet_fault))
    zone = typed.get("time_zone", "")
    if zone not in {*time_zones(), supporter.time_zone}:
        faults.append(Fault("time_zone", words.time_zone_fault))
    language = typed.get("language", "")
    if language not in message_languages():
        language = supporter.language
    if faults:
        return None, tuple(faults)
    chosen = Preferences(
        wants_email=typed.get("wants_email") == "yes",
        wants_sms=typed.get("wants_sms") == "yes",
        language=language,
        time_zone=zone,
        quiet_from=begins,
        quiet_until=ends,
        may_override_quiet_hours=typed.get("override") == "yes",
    )
    return chosen, ()


def _clock_time(text: str) -> time | None:
    found = _CLOCK_TIME.fullmatch(text.strip())
    return time(int(found[1]), int(found[2])) if found else None


@cache
def time_zones() -> tuple[str, ...]:
    """The time zones people may choose: those that are named for a place, and UTC."""
    return ("UTC", *sorted(name for name in zoneinfo.available_timezones() if re.match(r"[A-Z][a-z]+/", name)))
