"""Members of staff: adding them, what they may do, letting them in and locking them out.

Verbs, one transaction each, with an audit entry. Whoever acts is named as in the log (`user:<id>`, `cli:<login>`).
Nobody changes their own role or locks themselves out, and at least one active administrator stays.
"""

from __future__ import annotations

import contextlib
import uuid
import zoneinfo

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F, Q

from urgentaction.core.errors import Conflict, InvalidInput, NotAllowed, NotFound, Problem
from urgentaction.core.phrases import say

from .models import Role, User
from .service import record_audit

#: The roles that people have; `integration` is for tokens.
STAFF_ROLES = tuple(role for role in Role if role is not Role.INTEGRATION)
LONGEST_REASON = 200


def user_called(name: str) -> User:
    """By user name, mail address or id. Raises NotFound."""
    wanted = name.strip()
    by = Q(username__iexact=wanted) | Q(email__iexact=wanted)
    with contextlib.suppress(ValueError):
        by |= Q(id=uuid.UUID(wanted))
    user = User.objects.filter(by).order_by("date_joined").first()
    if user is None:
        raise NotFound.of("user", say("there is no member of staff called “%(wanted)s”", wanted=wanted[:80]))
    return user


def check_name(username: str, *, email: str) -> str:
    """A user name that is free and nobody else's address. Raises InvalidInput, Conflict."""
    name = username.strip()
    if not name:
        raise InvalidInput.of("username", say("choose a name"))
    if name.lower() != email.lower():
        if "@" in name:
            raise InvalidInput.of("username", say("with an @ in it, it can only be your own address"))
        try:
            User._meta.get_field("username").run_validators(name)
        except ValidationError as error:
            raise InvalidInput.of("username", " ".join(error.messages)) from None
    if User.objects.filter(username__iexact=name).exists():
        raise Conflict.of("username", say("somebody has this name already; choose another"))
    return name


def check_password(password: str, user: User) -> None:
    """Raises InvalidInput with everything that is wrong with a new password."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidInput([Problem("password", message) for message in error.messages]) from None


@transaction.atomic
def add_user(email: str, *, username: str = "", role: str, password: str, language: str = "en", by: str) -> User:
    """A new member of staff. Without a user name they log in by their address.

    Raises:
        InvalidInput, Conflict: the name, address or password can't be used.
    """
    if User.objects.filter(email__iexact=email).exists():
        raise Conflict.of("email", say("%(email)s is a member of staff already", email=email))
    user = User(username=check_name(username or email, email=email), email=email, role=role, language=language)
    check_password(password, user)
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError:
        raise Conflict.of("username", say("somebody took this name or address a moment ago")) from None
    record_audit(by, "user.create", f"user:{user.id}", role=role)
    return user


@transaction.atomic
def set_password(user: User, password: str, *, by: str) -> None:
    """A new password; every session of theirs ends. Raises InvalidInput."""
    check_password(password, user)
    user.set_password(password)
    user.save(update_fields=["password"])
    record_audit(by, "user.password", f"user:{user.id}")


@transaction.atomic
def change_role(user_id: uuid.UUID, role: str, *, by: str) -> User:
    """Another role, from their next click on.

    Raises:
        NotFound, InvalidInput, NotAllowed: it is their own; Conflict: they are the last administrator.
    """
    if role not in {one.value for one in STAFF_ROLES}:
        raise InvalidInput.of("role", say("choose one of the list"))
    user = _locked(user_id, by=by)
    if user.role == role:
        raise Conflict.of("role", say("%(username)s has this role already", username=user.username))
    _keep_an_administrator(user)
    before, user.role = user.role, role
    user.save(update_fields=["role"])
    record_audit(by, "user.role", f"user:{user.id}", before=before, role=role)
    return user


@transaction.atomic
def lock_user(user_id: uuid.UUID, *, why: str, by: str) -> User:
    """Shut somebody out at once, whatever they have open. Raises as `change_role`."""
    reason = _reason(why)
    user = _locked(user_id, by=by)
    if not user.is_active:
        raise Conflict.of("user", say("%(username)s is locked out already", username=user.username))
    _keep_an_administrator(user)
    user.is_active = False
    user.save(update_fields=["is_active"])
    _end_sessions(user)
    record_audit(by, "user.lock", f"user:{user.id}", why=reason)
    return user


@transaction.atomic
def unlock_user(user_id: uuid.UUID, *, by: str) -> User:
    """Let somebody in again, with the password and factors they had. Raises NotFound, NotAllowed, Conflict."""
    user = _locked(user_id, by=by)
    if user.is_active:
        raise Conflict.of("user", say("%(username)s is not locked out", username=user.username))
    user.is_active = True
    user.save(update_fields=["is_active"])
    record_audit(by, "user.unlock", f"user:{user.id}")
    return user


@transaction.atomic
def end_sessions(user_id: uuid.UUID, *, by: str) -> User:
    """Log somebody out everywhere. Raises NotFound."""
    user = _locked(user_id, by=by, may_be_own=True)
    _end_sessions(user)
    record_audit(by, "user.end-sessions", f"user:{user.id}")
    return user


@transaction.atomic
def reset_factors(user_id: uuid.UUID, *, why: str, by: str) -> User:
    """Forget somebody's app, passkeys and recovery codes, and log them out: the password is enough once more.

    If their role wants a second factor they are led to set one up at the next login. Raises NotFound, NotAllowed,
    InvalidInput (no reason), Conflict (there is none).
    """
    reason = _reason(why)
    user = _locked(user_id, by=by)
    gone, _ = Authenticator.objects.filter(user_id=user.id).delete()
    if not gone:
        raise Conflict.of("user", say("%(username)s has no second factor", username=user.username))
    _end_sessions(user)
    record_audit(by, "user.reset-factors", f"user:{user.id}", why=reason)
    return user


@transaction.atomic
def choose_language_and_zone(user: User, *, language: str, time_zone: str) -> None:
    """How somebody reads the console. Raises InvalidInput."""
    if language not in dict(settings.LANGUAGES):
        raise InvalidInput.of("language", say("choose one of the list"))
    if time_zone not in zoneinfo.available_timezones():
        raise InvalidInput.of("time_zone", say("choose one of the list, such as Asia/Seoul"))
    user.language, user.time_zone = language, time_zone
    user.save(update_fields=["language", "time_zone"])
    record_audit(f"user:{user.id}", "user.preferences", f"user:{user.id}", language=language, time_zone=time_zone)


def end_own_sessions(user: User) -> None:
    """Make all sessions of one's own worthless; the caller renews the one at hand (`update_session_auth_hash`)."""
    with transaction.atomic():
        _end_sessions(user)
        user.refresh_from_db(fields=["sessions_ended"])
        record_audit(f"user:{user.id}", "user.end-sessions", f"user:{user.id}")


def _end_sessions(user: User) -> None:
    User.objects.filter(id=user.id).update(sessions_ended=F("sessions_ended") + 1)
    UserSession.objects.filter(user_id=user.id).delete()


def _locked(user_id: uuid.UUID, *, by: str, may_be_own: bool = False) -> User:
    """The row, held until the transaction ends, after all administrators' rows: two can't unmake each other at once."""
    list(User.objects.select_for_update().filter(role=Role.ADMINISTRATOR).order_by("id").values_list("id"))
    user = User.objects.select_for_update().filter(id=user_id).first()
    if user is None:
        raise NotFound.of("user", f"there is no member of staff {user_id}")
    if not may_be_own and by == f"user:{user.id}":
        raise NotAllowed(say("This is your own account; another administrator has to do it."))
    return user


def _keep_an_administrator(user: User) -> None:
    """Raises Conflict where this user is the only active administrator."""
    administrators = User.objects.filter(role=Role.ADMINISTRATOR, is_active=True)
    if user.role == Role.ADMINISTRATOR and user.is_active and not administrators.exclude(id=user.id).exists():
        raise Conflict.of(
            "user", say("%(username)s is the only administrator; make somebody else one first", username=user.username)
        )


def _reason(why: str) -> str:
    reason = " ".join(why.split())
    if not reason or not reason.isprintable():
        raise InvalidInput.of("why", say("say why; the audit log keeps it"))
    return reason[:LONGEST_REASON]
