"""Second factors, as rows: allauth keeps them, one each, and recovery codes among them."""

from __future__ import annotations

from typing import TypeVar

from allauth.mfa.models import Authenticator
from django.db.models import Exists, OuterRef, QuerySet

from .models import User

_Users = TypeVar("_Users", bound=QuerySet[User])


def with_factor(users: _Users) -> _Users:
    """The same users, each read together with whether they have a second factor (`User.has_factor`)."""
    theirs = Authenticator.objects.filter(user_id=OuterRef("pk")).exclude(type=Authenticator.Type.RECOVERY_CODES)
    return users.annotate(has_factor=Exists(theirs))
