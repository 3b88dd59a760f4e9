"""Every route. `PUBLIC_ROUTES` names the few that answer without a login or token, each with its own guard."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = []
PUBLIC_ROUTES: frozenset[str] = frozenset()
