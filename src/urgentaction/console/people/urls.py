"""Routes of logging in and out."""

from __future__ import annotations

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

login = LoginView.as_view(template_name="console/people/login.html", redirect_authenticated_user=True)
urlpatterns = [
    path("login/", login, name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
]
