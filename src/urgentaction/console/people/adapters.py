"""Where allauth asks what is ours to decide: who may log in, how often, in which words, and how secrets are kept."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import ratelimit
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from urgentaction.accounts.models import User
from urgentaction.accounts.origin import UNKNOWN, address_of, network_of
from urgentaction.console.permissions import LADDER
from urgentaction.core.encryption import key_ring

from .known_browsers import known_browser, remember

MISMATCH = _("That name and password don't match an account. Both are case-sensitive.")
TOO_MANY = _("Too many tries. Wait a few minutes, then try again; a passkey works meanwhile.")
_SECRET = "mfa/secret"  # noqa: S105 - what the ciphertext is bound to


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Login by name or address. What is wrong is never told: unknown, locked out and mistyped look the same."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": MISMATCH,
        "email_password_mismatch": MISMATCH,
        "too_many_login_attempts": TOO_MANY,
        "rate_limited": TOO_MANY,
    }
    #: allauth's messages by its templates' names; those that are not here are not shown.
    said: Mapping[str, Promise] = {
        "account/messages/password_changed.txt": _("Your password is changed. All your other sessions are ended."),
        "mfa/messages/totp_activated.txt": _("The authenticator app is set up."),
        "mfa/messages/totp_deactivated.txt": _("The authenticator app is removed."),
        "mfa/messages/webauthn_added.txt": _("The passkey is set up."),
        "mfa/messages/webauthn_removed.txt": _("The passkey is removed."),
        "mfa/messages/recovery_codes_generated.txt": _(
            "New recovery codes are made. Keep them now; they replace old ones."
        ),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002 - allauth's signature
        """Nobody signs up; people are invited."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """As everywhere in this service."""
        address = address_of(request)
        return "0.0.0.0" if address == UNKNOWN else address  # noqa: S104 - the column takes nothing but addresses

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Counts the try. Raises ValidationError where there were too many."""
        super().pre_authenticate(request, **credentials)
        login = _login_of(credentials)
        if not known_browser(request, login) and not ratelimit.consume(
            request, action="login_failed_everywhere", key=login
        ):
            raise self.validation_error("too_many_login_attempts")

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Wrong passwords are counted by name *and* place: guessing elsewhere locks nobody out here."""
        login = _login_of(credentials)
        return f"{login}|{known_browser(request, login) or network_of(request)}"

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """The user with this name and password, if they may log in at all."""
        user = super().authenticate(request, **credentials)
        return user if user is not None and _may_log_in(user) else None

    def pre_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse | None:
        """The last word before a session begins, whichever way somebody came."""
        if not _may_log_in(user):
            return self.respond_user_inactive(request, user)
        response: HttpResponse | None = super().pre_login(request, user, **kwargs)
        return response

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:  # noqa: ARG002
        """As if the account didn't exist."""
        messages.error(request, gettext("That didn't match an account."))
        return redirect("account_login")

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        """The browser is known from now on."""
        response: HttpResponse = super().post_login(request, user, **kwargs)
        remember(response, user)
        return response

    def get_reauthentication_methods(self, user: User) -> list[dict[str, Any]]:
        """Whoever has a second factor shows it again; the password is only for those who have none."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        strong = [method for method in methods if method["id"] != "reauthenticate"]
        return strong or methods

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:  # noqa: ARG002
        """Back to where it was begun."""
        return "/console/account/"

    def add_message(
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        message_context: dict[str, Any] | None = None,  # noqa: ARG002
        extra_tags: str = "",
        message: str | None = None,
    ) -> None:
        """In our words."""
        text = message or str(self.said.get(message_template or "", ""))
        if text:
            messages.add_message(request, level, text, extra_tags=extra_tags)


class FactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Second factors. Their secrets are encrypted like everything else that is secret (ADR 0010)."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": _("That was not accepted. Codes are good for a minute, and each for one use."),
        "cannot_generate_recovery_codes": _("Set up an authenticator app or a passkey first."),
    }

    def encrypt(self, text: str) -> str:
        """As it is stored."""
        return base64.b64encode(key_ring().encrypt(text, context=_SECRET)).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """What `encrypt` was given. Raises DecryptionError."""
        return key_ring().decrypt(base64.b64decode(encrypted_text), context=_SECRET)

    def generate_authenticator_name(self, user: User, type: Any) -> str:  # noqa: A002 - allauth's signature
        """What a new passkey is called until its owner names it."""
        there = Authenticator.objects.filter(user=user, type=type).count()
        return gettext("Passkey %(number)s") % {"number": there + 1}


def _may_log_in(user: User) -> bool:
    return user.is_active and user.role in LADDER


def _login_of(credentials: Mapping[str, Any]) -> str:
    return str(credentials.get("email") or credentials.get("username") or "").lower()
