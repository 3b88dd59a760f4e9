"""Who is behind a session: read with each request, together with whether they have a second factor."""

from __future__ import annotations

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.db.models import Exists, OuterRef

from urgentaction.accounts.models import User, factors


class Backend(AuthenticationBackend):  # type: ignore[misc]
    """allauth's backend: by user name or mail address."""

    def get_user(self, user_id: Any) -> User | None:
        """The user, or None: unknown, or locked out since."""
        rows = User.objects.annotate(has_factor=Exists(factors().filter(user_id=OuterRef("pk"))))
        user = rows.filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None
