"""Routes of alerts and their letters."""

from __future__ import annotations

from django.urls import path

from . import actions, pages

urlpatterns = [
    path("alerts/<uuid:alert_id>/", pages.alert, name="alert"),
    path("alerts/<uuid:alert_id>/live/", pages.alert_live, name="alert-live"),
    path("alerts/<uuid:alert_id>/approve/", actions.approve, name="approve"),
    path("alerts/<uuid:alert_id>/reject/", actions.reject, name="reject"),
    path("alerts/<uuid:alert_id>/withdraw/", actions.withdraw, name="withdraw"),
    path("alerts/<uuid:alert_id>/let-go/", actions.let_go, name="let-go"),
    path("letters/<uuid:letter_id>.pdf", pages.letter, name="letter"),
]
