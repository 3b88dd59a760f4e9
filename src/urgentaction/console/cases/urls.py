"""Routes of cases."""

from __future__ import annotations

from django.urls import path

from . import pages

urlpatterns = [
    path("cases/", pages.cases, name="cases"),
    path("cases/<slug:reference>/", pages.case, name="case"),
]
