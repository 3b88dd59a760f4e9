"""Each reader's language and time zone, for the console's pages only: the public pages have a way of their own."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

from urgentaction.accounts.models import User

PREFIX = "/console/"


class ViewersLanguageAndZone:
    """What the account says; for whoever is not logged in, what the browser asks for (Accept-Language), and UTC."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(PREFIX):
            return self.get_response(request)
        user = request.user
        language = user.language if isinstance(user, User) else translation.get_language_from_request(request)
        zone = zone_of(user) if isinstance(user, User) else ZoneInfo("UTC")
        with translation.override(language), timezone.override(zone):
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        return response


def zone_of(user: User) -> ZoneInfo:
    """Their time zone; UTC if the system no longer knows it."""
    try:
        return ZoneInfo(user.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
