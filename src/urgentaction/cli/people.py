"""`urgentaction token create`, `user …`: secrets are shown once, here. `supporter erase`: forgetting somebody."""

from __future__ import annotations

import secrets
import sys
from datetime import timedelta
from typing import Annotated

import typer

from urgentaction.cli import reading
from urgentaction.cli.session import actor, current, opened
from urgentaction.core.errors import Conflict, InvalidInput

_WHO = "Their user name, mail address or id."

tokens = typer.Typer(help="Tokens for programs.", no_args_is_help=True)
users = typer.Typer(help="Members of staff.", no_args_is_help=True)
supporters = typer.Typer(help="People who asked to be told.", no_args_is_help=True)


@tokens.callback()
def _tokens() -> None:
    """Tokens for programs."""


@users.callback()
def _users() -> None:
    """Members of staff."""


@supporters.callback()
def _supporters() -> None:
    """People who asked to be told."""


@supporters.command("erase")
def erase_supporter(
    supporter: Annotated[
        str,
        typer.Argument(
            metavar="WHO", help="Their id, mail address or number; `-` reads it from standard input (no shell history)."
        ),
    ],
    *,
    why: Annotated[str, typer.Option(help="Why, without names: what was asked for, and when. For the audit log.")],
) -> None:
    """Forget a supporter: name, addresses, and what gateways and they themselves wrote. It can't be undone."""
    with opened() as session:
        from django.db import transaction

        from urgentaction.cli.suppression import typed
        from urgentaction.receipts import erasing
        from urgentaction.supporters.queries import supporter_called

        with transaction.atomic():
            row = supporter_called(typed(supporter))
            erasing.erase_by_hand(row.id, by=actor(), why=why)
        words = "Forgotten. The addresses get nothing any more; counts of past alerts stay as they were."
        session.answer({"id": row.id, "is_erased": True}, words)


@tokens.command("create")
def create_token(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    *,
    scope: Annotated[list[str], typer.Option(help="What it may do; repeat it. A wrong one lists them all.")],
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long it lives.")] = 90,
) -> None:
    """Make an API token and show it, once."""
    with opened() as session:
        from django.db import transaction

        from urgentaction.accounts.service import make_token

        with transaction.atomic():
            row, secret = make_token(name, scopes=scope, lifetime=timedelta(days=days), by=actor())
        data = {"name": row.name, "token": secret, "scopes": row.scopes, "expires_at": row.expires_at}
        ends = f"It ends on {row.expires_at:%Y-%m-%d}, and may: {', '.join(row.scopes)}."
        session.answer(data, secret, f"This is shown once. {ends}")


@users.command("create")
def create_user(
    email: Annotated[str, typer.Argument(help="Their address, by which they log in.")],
    *,
    role: Annotated[str, typer.Option(help="viewer, editor, approver or administrator.")],
    language: Annotated[str, typer.Option(help="Of the console's pages for them: en or ko.")] = "en",
) -> None:
    """Add a member of staff. Asks for a password, or makes one and shows it, once.

    Approvers and administrators set up a second factor when they log in for the first time. Once there is an
    administrator, inviting people from the console is better: then nobody but they ever sees their password.
    """
    with opened() as session:
        from django.conf import settings

        from urgentaction.accounts.people import STAFF_ROLES, add_user

        address, wanted, spoken, _ = reading.together(
            lambda: _free_address(email),
            lambda: reading.one_of(role, STAFF_ROLES, option="role"),
            lambda: reading.one_of(language, dict(settings.LANGUAGES), option="language"),
            lambda: None,
        )
        typed = _ask_for_password()
        password = typed or secrets.token_urlsafe(15)
        user = add_user(address, role=wanted, password=password, language=spoken, by=actor())
        data = {"id": user.id, "email": user.email, "role": user.role}
        lines = [f"{user.email} may log in as {user.role}."]
        if not typed:
            data["password"] = password
            lines.append(f"Password, shown once: {password}")
        if user.lacks_factor:
            lines.append("At the first login they are led to set up a second factor; nothing else opens before.")
        session.answer(data, *lines)


@users.command("password")
def change_password(who: Annotated[str, typer.Argument(help=_WHO)]) -> None:
    """Give somebody a new password, and end their sessions: when no administrator can send them a link."""
    with opened() as session:
        from urgentaction.accounts.people import set_password, user_called

        user = user_called(who)
        typed = _ask_for_password()
        password = typed or secrets.token_urlsafe(15)
        set_password(user, password, by=actor())
        data = {"id": user.id, "email": user.email}
        lines = [f"{user.email} has a new password, and is logged out everywhere."]
        if not typed:
            data["password"] = password
            lines.append(f"Password, shown once: {password}")
        session.answer(data, *lines)


@users.command("reset-factors")
def reset_factors(
    who: Annotated[str, typer.Argument(help=_WHO)],
    *,
    why: Annotated[str, typer.Option(help="Why, and how you know that it is they who ask. For the audit log.")],
) -> None:
    """Forget somebody's second factor: when no administrator can do it in the console."""
    with opened() as session:
        from urgentaction.accounts import people

        user = people.reset_factors(people.user_called(who).id, why=why, by=actor())
        words = f"The second factor of {user.email} is forgotten; they are logged out everywhere."
        session.answer({"id": user.id, "email": user.email}, words)


@users.command("lock")
def lock_user(
    who: Annotated[str, typer.Argument(help=_WHO)],
    *,
    why: Annotated[str, typer.Option(help="Why. For the audit log.")],
) -> None:
    """Shut somebody out at once, whatever they have open."""
    with opened() as session:
        from urgentaction.accounts import people
        from urgentaction.pipeline.staffing import lock_out

        done = lock_out(people.user_called(who).id, why=why, by=actor())
        words = f"{done.user.email} is locked out."
        if done.rules:
            words += f" Standing approvals taken back: {', '.join(done.rules)}; their alerts wait for a person."
        if done.waiting:
            words += f" Alerts that wait for approval again: {', '.join(done.waiting)}."
        told = {
            "id": done.user.id,
            "email": done.user.email,
            "is_active": False,
            "revoked": list(done.rules),
            "waiting": list(done.waiting),
        }
        session.answer(told, words)


@users.command("unlock")
def unlock_user(who: Annotated[str, typer.Argument(help=_WHO)]) -> None:
    """Let somebody in again, with the password and second factor they had."""
    with opened() as session:
        from urgentaction.accounts import people

        user = people.unlock_user(people.user_called(who).id, by=actor())
        session.answer({"id": user.id, "email": user.email, "is_active": True}, f"{user.email} may log in again.")


def _ask_for_password() -> str:
    """Typed twice at a terminal; empty: make one."""
    if current().is_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return ""
    password: str = typer.prompt("Password (empty: make one)", hide_input=True, default="", show_default=False)
    if password and password != typer.prompt("Again", hide_input=True):
        raise InvalidInput.of("password", "the two differ; try again")
    return password


def _free_address(text: str) -> str:
    """An address nobody has yet. Raises InvalidInput, Conflict."""
    from email_validator import EmailNotValidError, validate_email

    from urgentaction.accounts.models import User

    try:
        # Test domains are fine, and nobody's server is asked.
        address: str = validate_email(text, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        if not text.strip().lower().endswith((".invalid", ".example")):
            raise InvalidInput.of("email", f"“{text[:80]}” can't be used: {error}") from None
        address = text.strip()
    if User.objects.filter(email__iexact=address).exists():
        raise Conflict.of("email", f"{address} is a member of staff already")
    return address
