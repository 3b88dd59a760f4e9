"""Who is behind a session: read with each request, together with whether they have a second factor."""

from __future__ import annotations

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend

from urgentaction.accounts.factors import with_factor
from urgentaction.accounts.models import User


class Backend(AuthenticationBackend):  # type: ignore[misc]
    """allauth's backend: by user name or mail address."""

    def get_user(self, user_id: Any) -> User | None:
        """The user, or None: unknown, or locked out since."""
        user = with_factor(User.objects.filter(pk=user_id)).first()
        return user if user is not None and self.user_can_authenticate(user) else None
