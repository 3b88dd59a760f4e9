"""`urgentaction suppression …`: who gets nothing any more, and the way back. No address is ever shown."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from urgentaction.cli import reading
from urgentaction.cli.session import actor, opened
from urgentaction.core.errors import InvalidInput

if TYPE_CHECKING:
    from rich.table import Table

    from urgentaction.channels.contract import Channel
    from urgentaction.supporters.queries import SuppressionView

app = typer.Typer(help="Addresses that get nothing any more.", no_args_is_help=True)

Address = Annotated[
    str,
    typer.Argument(
        metavar="ADDRESS",
        help="A mail address, or a number with its country code; `-` reads it from standard input, "
        "so that it does not stay in the shell's history.",
    ),
]
OnChannel = Annotated[str, typer.Option("--channel", help="email or sms.")]
Why = Annotated[str, typer.Option(help="Why, without names; it stays with the entry.")]


@app.command("list")
def list_suppressions(
    *,
    channel: Annotated[str, typer.Option(help="Only email or sms.")] = "",
    reason: Annotated[str, typer.Option(help="hard_bounce, complaint, stop, unsubscribed, manual …")] = "",
    all_: Annotated[bool, typer.Option("--all", help="Also what was lifted, or has ended by itself.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=5000, help="So many at most.")] = 100,
) -> None:
    """List what is suppressed, the latest first; an address is the beginning of its hash."""
    with opened() as session:
        from urgentaction.channels.contract import Channel
        from urgentaction.supporters.queries import suppressions
        from urgentaction.supporters.rules import SuppressionReason

        found_channel, found_reason, _, _ = reading.together(
            lambda: Channel(reading.one_of(channel, Channel, option="channel")) if channel else None,
            lambda: SuppressionReason(reading.one_of(reason, SuppressionReason, option="reason")) if reason else None,
            lambda: None,
            lambda: None,
        )
        found = suppressions(channel=found_channel, reason=found_reason, may_be_over=all_, limit=limit)
        session.answer(found, _table(found) if found else "Nothing is suppressed.")


@app.command("show")
def show_suppression(address: Address, *, channel: OnChannel) -> None:
    """Show whether an address is suppressed, since when and why, with everything that was before."""
    with opened() as session:
        from urgentaction.supporters.queries import history_of

        found = history_of(_channel(channel), typed(address))
        holds = any(one.holds for one in found)
        verdict = "It is suppressed." if holds else "It is not suppressed."
        session.answer({"is_suppressed": holds, "entries": found}, verdict, *([_table(found)] if found else []))


@app.command("add")
def add_suppression(address: Address, *, channel: OnChannel, why: Why) -> None:
    """Let an address get nothing any more, at once and in every alert, until somebody lifts it."""
    with opened() as session:
        from django.db import transaction

        from urgentaction.supporters.by_hand import suppress_by_hand
        from urgentaction.supporters.queries import normalised

        on = _channel(channel)
        with transaction.atomic():
            row = suppress_by_hand(on, normalised(on, typed(address)), by=actor(), why=why)
        session.answer(
            {"id": row.id, "reason": row.reason}, f"It gets nothing by {on} any more ({_words(row.reason)})."
        )


@app.command("lift")
def lift(
    address: Address,
    *,
    channel: OnChannel,
    why: Why,
    wish: Annotated[
        str, typer.Option(help="How the person asked for it; needed where the person had said no. Without names.")
    ] = "",
) -> None:
    """Let an address be written to again. The entry stays, with who lifted it and why."""
    with opened() as session:
        from django.db import transaction

        from urgentaction.supporters.by_hand import lift_by_hand
        from urgentaction.supporters.queries import normalised

        on = _channel(channel)
        with transaction.atomic():
            row = lift_by_hand(on, normalised(on, typed(address)), by=actor(), why=why, wish=wish)
        session.answer(
            {"id": row.id, "was": row.reason}, f"It may be written to by {on} again (was: {_words(row.reason)})."
        )


def typed(address: str) -> str:
    """What was typed, or for `-` the first line of standard input. Raises InvalidInput where that is empty."""
    text = sys.stdin.readline() if address == "-" else address
    if not text.strip():
        raise InvalidInput.of("address", "is empty; type it, or write `-` and give it on standard input")
    return text.strip()


def _channel(text: str) -> Channel:
    from urgentaction.channels.contract import Channel

    # Supporters get no fax, and offices are not suppressed.
    return Channel(reading.one_of(text, [Channel.EMAIL, Channel.SMS], option="channel"))


def _words(reason: str) -> str:
    return reason.replace("_", " ")


def _table(found: list[SuppressionView]) -> Table:
    from urgentaction.cli.tables import add, table, until, when

    made = table("Address", "By", "Reason", "Since (UTC)", "Until", "From", fixed=["Address", "By", "Since (UTC)"])
    for one in found:
        end = until(one.expires_at)
        if one.lifted_at is not None:
            end = f"{when(one.lifted_at)} by {one.lifted_by}: {one.lift_reason}"
        add(made, one.address, one.channel, _words(one.reason), when(one.since), end or "for good", one.source)
    return made
