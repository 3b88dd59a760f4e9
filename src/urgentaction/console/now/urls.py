"""Routes of the first page."""

from __future__ import annotations

from django.urls import path

from . import pages

urlpatterns = [
    path("", pages.now, name="now"),
    path("live/", pages.now_live, name="now-live"),
]
