"""The console's routes. Every view but login and logout says which role it needs (`permissions.may`)."""

from __future__ import annotations

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from . import actions, pages

app_name = "console"
urlpatterns = [
    path(
        "login/", LoginView.as_view(template_name="console/login.html", redirect_authenticated_user=True), name="login"
    ),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("", pages.now, name="now"),
    path("live/", pages.now_live, name="now-live"),
    path("cases/", pages.cases, name="cases"),
    path("cases/<slug:reference>/", pages.case, name="case"),
    path("alerts/<uuid:alert_id>/", pages.alert, name="alert"),
    path("alerts/<uuid:alert_id>/live/", pages.alert_live, name="alert-live"),
    path("alerts/<uuid:alert_id>/approve/", actions.approve, name="approve"),
    path("alerts/<uuid:alert_id>/reject/", actions.reject, name="reject"),
    path("alerts/<uuid:alert_id>/withdraw/", actions.withdraw, name="withdraw"),
    path("alerts/<uuid:alert_id>/let-go/", actions.let_go, name="let-go"),
    path("letters/<uuid:letter_id>.pdf", pages.letter, name="letter"),
]
