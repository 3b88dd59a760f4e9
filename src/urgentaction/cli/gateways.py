"""`urgentaction gateway …`: which may be used now; pause one, let it go on."""

from __future__ import annotations

from typing import Annotated

import typer

from urgentaction.cli.session import actor, opened

app = typer.Typer(help="Gateways: the ways out.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The gateway, as `gateway list` shows it.")]


@app.command("list")
def list_gateways() -> None:
    """List the gateways, whether each may be used, and what waits for it."""
    with opened() as session:
        from urgentaction.cli.tables import gateways_table
        from urgentaction.tracking.queries import gateway_states

        found = gateway_states()
        session.answer(found, gateways_table(found))


@app.command()
def pause(
    name: Name, *, reason: Annotated[str, typer.Option(help="Why; shown to everybody.")] = "paused by hand"
) -> None:
    """Use a gateway no more until it is resumed. Its deliveries wait; nothing is lost."""
    with opened() as session:
        from urgentaction.deliveries.pausing import pause_by_hand

        pause_by_hand(name, reason=reason, by=actor())
        session.answer(
            {"name": name, "is_paused": True}, f"{name} is paused. `urgentaction gateway resume {name}` ends it."
        )


@app.command()
def resume(name: Name) -> None:
    """Let a gateway go on."""
    with opened() as session:
        from urgentaction.deliveries.pausing import resume_by_hand

        was_paused = resume_by_hand(name, by=actor())
        words = f"{name} goes on." if was_paused else f"{name} was not paused."
        session.answer({"name": name, "is_paused": False, "was_paused": was_paused}, words)
