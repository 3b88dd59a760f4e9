"""Routes of alerts and their letters."""

from __future__ import annotations

from django.urls import path

from . import actions, composing, pages, previewing

urlpatterns = [
    path("alerts/", pages.alerts, name="alerts"),
    path("alerts/new/", composing.new, name="alert-new"),
    path("alerts/draft/", composing.draft, name="alert-draft"),
    path("alerts/<uuid:alert_id>/", pages.alert, name="alert"),
    path("alerts/<uuid:alert_id>/live/", pages.alert_live, name="alert-live"),
    path("alerts/<uuid:alert_id>/choices/", pages.choices, name="alert-choices"),
    path("alerts/<uuid:alert_id>/edit/", composing.edit, name="alert-edit"),
    path("alerts/<uuid:alert_id>/change/", composing.change, name="alert-change"),
    path("alerts/<uuid:alert_id>/preview/", previewing.preview, name="alert-preview"),
    path("alerts/<uuid:alert_id>/preview/numbers/", previewing.numbers, name="alert-numbers"),
    path("alerts/<uuid:alert_id>/preview/letter/", previewing.letter_html, name="alert-letter"),
    path("alerts/<uuid:alert_id>/preview/letter.pdf", previewing.letter_pdf, name="alert-pdf"),
    path("alerts/<uuid:alert_id>/preview/notice/", previewing.notice_html, name="alert-notice"),
    path("alerts/<uuid:alert_id>/proof/", actions.proof, name="alert-proof"),
    path("alerts/<uuid:alert_id>/submit/", actions.submit, name="alert-submit"),
    path("alerts/<uuid:alert_id>/discard/", actions.discard, name="alert-discard"),
    path("alerts/<uuid:alert_id>/approve/", actions.approve, name="approve"),
    path("alerts/<uuid:alert_id>/take-back/", actions.take_back, name="alert-take-back"),
    path("alerts/<uuid:alert_id>/reject/", actions.reject, name="reject"),
    path("alerts/<uuid:alert_id>/stop/", pages.stop, name="alert-stop"),
    path("alerts/<uuid:alert_id>/withdraw/", actions.withdraw, name="withdraw"),
    path("alerts/<uuid:alert_id>/let-go/", actions.let_go, name="let-go"),
    path("letters/<uuid:letter_id>.pdf", pages.letter, name="letter"),
]
