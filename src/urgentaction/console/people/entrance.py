"""Logging in, second factors and one's own password: allauth's views, each named here, in our templates.

Their names are allauth's, because it looks its own pages up by them. What is not here does not exist: no sign-up, no
password reset by the public, no social accounts. Who is logged in may open all of these, second factor or not; the
three that log somebody in, and the one that logs out, ask for themselves.
"""

from __future__ import annotations

import functools
from typing import Any

from allauth.account import views as account
from allauth.mfa.base import views as factor
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as app
from allauth.mfa.webauthn import views as key
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path, reverse_lazy

from urgentaction.accounts.models import Role
from urgentaction.console.permissions import FACTORS, View, may
from urgentaction.console.responses import private

_PAGES = "console/people"


def unstored(view: View) -> View:
    """The view, with answers that no cache keeps."""

    @functools.wraps(view)
    def unkept(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return private(view(request, *args, **kwargs))

    return unkept


def _open(view: Any, template: str = "", **options: Any) -> View:
    return unstored(view.as_view(**({"template_name": f"{_PAGES}/{template}"} if template else {}), **options))


def _own(view: Any, template: str, **options: Any) -> View:
    return may(Role.VIEWER, before_factor=True)(_open(view, template, **options))


_back = {"success_url": reverse_lazy(FACTORS)}

urlpatterns = [
    path("login/", _open(account.LoginView, "login.html"), name="account_login"),
    path("login/factor/", _open(factor.AuthenticateView, "login_factor.html"), name="mfa_authenticate"),
    path("login/passkey/", _open(key.LoginWebAuthnView), name="mfa_login_webauthn"),
    path("logout/", _open(account.LogoutView, "logout.html"), name="account_logout"),
    path("account/password/", _own(account.PasswordChangeView, "password.html"), name="account_change_password"),
    path("account/again/", _own(account.ReauthenticateView, "again.html"), name="account_reauthenticate"),
    path("account/again/code/", _own(factor.ReauthenticateView, "again.html"), name="mfa_reauthenticate"),
    path(
        "account/again/passkey/",
        _own(key.ReauthenticateWebAuthnView, "again_passkey.html"),
        name="mfa_reauthenticate_webauthn",
    ),
    path("account/factors/", _own(factor.IndexView, "factors.html"), name=FACTORS),
    path("account/factors/app/", _own(app.ActivateTOTPView, "app_add.html"), name="mfa_activate_totp"),
    path("account/factors/app/remove/", _own(app.DeactivateTOTPView, "app_remove.html"), name="mfa_deactivate_totp"),
    path("account/factors/passkey/", _own(key.AddWebAuthnView, "passkey_add.html"), name="mfa_add_webauthn"),
    path(
        "account/factors/passkey/<int:pk>/",
        _own(key.EditWebAuthnView, "passkey_name.html", **_back),
        name="mfa_edit_webauthn",
    ),
    path(
        "account/factors/passkey/<int:pk>/remove/",
        _own(key.RemoveWebAuthnView, "passkey_remove.html", **_back),
        name="mfa_remove_webauthn",
    ),
    path("account/factors/codes/", _own(codes.ViewRecoveryCodesView, "codes.html"), name="mfa_view_recovery_codes"),
    path(
        "account/factors/codes/new/",
        _own(codes.GenerateRecoveryCodesView, "codes_new.html"),
        name="mfa_generate_recovery_codes",
    ),
    path(
        "account/factors/codes/recovery-codes.txt",
        _own(codes.DownloadRecoveryCodesView, "codes.txt"),
        name="mfa_download_recovery_codes",
    ),
]
