"""Writes down what allauth does: logins, passwords, second factors. Failed logins go to the log, without the name."""

from __future__ import annotations

import logging
from typing import Any

from allauth.account.signals import password_changed, user_logged_in
from allauth.mfa.signals import authentication_failed, authenticator_added, authenticator_removed, authenticator_reset
from django.contrib.auth.signals import user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from urgentaction.accounts.models import User
from urgentaction.accounts.origin import network_of
from urgentaction.accounts.service import record_audit

log = logging.getLogger(__name__)


@receiver(user_logged_in)
def _logged_in(user: User, **_: Any) -> None:
    _record(user, "user.login")


@receiver(password_changed)
def _password_changed(user: User, **_: Any) -> None:
    _record(user, "user.password")


@receiver(authenticator_added)
def _added(user: User, authenticator: Any, **_: Any) -> None:
    _record(user, "user.factor-added", kind=authenticator.type)


@receiver(authenticator_removed)
def _removed(user: User, authenticator: Any, **_: Any) -> None:
    _record(user, "user.factor-removed", kind=authenticator.type)


@receiver(authenticator_reset)
def _reset(user: User, authenticator: Any, **_: Any) -> None:
    _record(user, "user.factor-renewed", kind=authenticator.type)


@receiver(user_login_failed)
def _failed(request: HttpRequest | None = None, **_: Any) -> None:
    log.warning("a login failed, from %s", network_of(request) if request is not None else "this machine")


@receiver(authentication_failed)
def _factor_failed(user: User, **_: Any) -> None:
    log.warning("a second factor of user %s failed", user.pk)


def _record(user: User, action: str, **detail: object) -> None:
    record_audit(f"user:{user.pk}", action, f"user:{user.pk}", **detail)
