"""`urgentaction inbound …`: mail that came back, taken from the mail server, listed, and opened by a person.

`inbound mail` is run by a mail server for each message and answers by its exit code (sysexits.h): 0 taken; 75 not now,
keep it and try again. Nothing else, whatever goes wrong: other codes would make the server return the mail.
"""

from __future__ import annotations

import logging
import sys
from typing import Annotated

import typer

from urgentaction.cli.session import actor, error_console, opened
from urgentaction.core.errors import InvalidInput, UrgentActionError

log = logging.getLogger(__name__)

app = typer.Typer(help="Mail that came back.", no_args_is_help=True)

EXIT_TRY_AGAIN = 75  # EX_TEMPFAIL


@app.command("mail")
def take(
    *,
    recipient: Annotated[
        str, typer.Option(help="The address it came to, from the envelope; else the headers are asked.")
    ] = "",
) -> None:
    """Take one mail from standard input. For a mail server: 0 means taken, 75 try again."""
    try:
        raw = _read()
        _take(raw, recipient)
    except InvalidInput:
        raise  # nothing was piped: nothing is lost
    except UrgentActionError as error:
        # A database that is down, a variable that is missing: the mail server keeps the mail until it is put right.
        error_console().print(f"error: {error}", style="red", soft_wrap=True)
        raise typer.Exit(EXIT_TRY_AGAIN) from error
    except Exception as error:
        log.exception("a mail could not be taken")
        error_console().print(f"error: {type(error).__name__}; see the log above", style="red", soft_wrap=True)
        raise typer.Exit(EXIT_TRY_AGAIN) from error


def _read() -> bytes:
    """The message; what is longer than is ever looked at is read and dropped, so that the writer gets rid of it."""
    from urgentaction.receipts.bounces import LIMIT

    raw = sys.stdin.buffer.read(LIMIT)
    while sys.stdin.buffer.read(LIMIT):
        pass
    return raw


def _take(raw: bytes, recipient: str) -> None:
    with opened() as session:
        from django.db import transaction

        from urgentaction.core.enqueue import Task, enqueue
        from urgentaction.receipts.mail import take_mail

        with transaction.atomic():
            taken = take_mail(raw, recipient=recipient)
            if taken.is_pending:
                enqueue(Task.APPLY_RECEIPTS)
        effect = taken.receipt.effect or "a worker applies it"
        words = f"Taken: {taken.kind}; {effect}." if taken.is_new else f"Taken before: {taken.kind}; nothing changed."
        session.answer(
            {"id": taken.receipt.id, "kind": taken.kind, "is_new": taken.is_new, "effect": taken.receipt.effect}, words
        )


@app.command("list")
def list_mail(
    *,
    unplaced: Annotated[bool, typer.Option("--unplaced", help="Only what belongs to no delivery of ours.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="So many at most.")] = 50,
) -> None:
    """List mail that came back, the latest first, and what it changed."""
    with opened() as session:
        from urgentaction.cli.tables import add, table, when
        from urgentaction.receipts.queries import incoming

        found = incoming(only_unplaced=unplaced, limit=limit)
        made = table("Mail", "Received (UTC)", "What", "Code", "Delivery", "Effect", fixed=["Mail", "Received (UTC)"])
        for one in found:
            about = f"{one.delivery} ({one.alert})" if one.delivery else ""
            add(made, one.id.hex[-8:], when(one.received_at), one.kind, one.code, about, one.effect)
        session.answer(found, made if found else "No mail came back.")


@app.command("show")
def show_mail(
    mail: Annotated[str, typer.Argument(metavar="ID", help="As `urgentaction inbound list` shows it.")],
) -> None:
    """Open one mail. What people wrote is confidential; the audit log says who opened it."""
    with opened() as session:
        from django.db import transaction

        from urgentaction.accounts.service import record_audit
        from urgentaction.cli.tables import facts
        from urgentaction.receipts.queries import mail_called
        from urgentaction.receipts.queries import opened as contents

        with transaction.atomic():
            row = mail_called(mail)
            record_audit(actor(), "mail.open", f"receipt:{row.id}")
        found = contents(row)
        head = facts([("From", found.sender), ("Date", found.date), ("Subject", found.subject), ("Effect", row.effect)])
        data = {"id": row.id, "from": found.sender, "date": found.date, "subject": found.subject, "text": found.text}
        session.answer(data, head, "", _printable(found.text) or "Its text was not kept, or it has none.")


def _printable(text: str) -> str:
    from urgentaction.cli.session import printable

    return printable(text.replace("\r\n", "\n"))
