"""What every page shows."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from urgentaction.accounts.models import Role

from .navigation import MENU
from .permissions import is_at_least


def mode(request: HttpRequest) -> dict[str, Any]:
    """What every page may ask for.

    `mode`: `sandbox` or `live`, for the banner that no page may lack. `menu`: what this user's menu holds.
    `is_editor`: whether links to what officials read are worth showing (docs/permissions.md).
    """
    return {
        "mode": settings.MODE.value,
        "menu": lambda: menu_for(request),
        "is_editor": lambda: is_at_least(request.user, Role.EDITOR),
    }


def menu_for(request: HttpRequest) -> list[dict[str, str]]:
    """Entries of the main menu that the user may open: none while a second factor is lacking."""
    entries: list[dict[str, str]] = []
    if getattr(request.user, "lacks_factor", False):
        return entries
    for entry in MENU:
        if is_at_least(request.user, entry.least):
            try:
                address = reverse(entry.route)
            except NoReverseMatch:
                continue
            entries.append({"here": entry.here, "address": address, "label": str(entry.label)})
    return entries
