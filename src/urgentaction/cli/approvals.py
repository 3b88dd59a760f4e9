"""`urgentaction approval …`: a named person's yes in advance to what one rule decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from urgentaction.cli import reading
from urgentaction.cli.session import actor, opened

if TYPE_CHECKING:
    from urgentaction.alerts.models import StandingApproval

app = typer.Typer(help="Standing approvals: which rules may start alerts by themselves.", no_args_is_help=True)

Rule = Annotated[str, typer.Argument(metavar="RULE", help="The rule's id, such as imminent.")]


@app.command("list")
def list_approvals() -> None:
    """List the standing approvals in force."""
    with opened() as session:
        from urgentaction.alerts.queries import in_force
        from urgentaction.cli.tables import add, table, when

        found = list(in_force().order_by("rule", "granted_at"))
        made = table("Rule", "By", "Since (UTC)", "Until (UTC)", fixed=["Rule"])
        for row in found:
            add(made, row.rule, row.by, when(row.granted_at), when(row.expires_at) or "it is revoked")
        none = "None is in force: every alert waits for a person."
        session.answer([_facts(row) for row in found], made if found else none)


@app.command()
def grant(
    rule: Rule,
    *,
    by: Annotated[str, typer.Option(metavar="NAME", help="The person who answers for it.")],
    until: Annotated[
        str, typer.Option(metavar="TIME", help="A day, or a time with its zone; else until revoked.")
    ] = "",
) -> None:
    """Let a rule's alerts start by themselves, in a person's name."""
    with opened() as session:
        from urgentaction.alerts.standing import grant_standing_approval

        end = reading.moment(until, option="until") if until else None
        row = grant_standing_approval(rule, by=by, actor=actor(), until=end)
        session.answer(
            _facts(row), f"Alerts of rule {row.rule} start by themselves from now on, in the name of {row.by}."
        )


@app.command()
def revoke(
    rule: Rule, *, by: Annotated[str, typer.Option(metavar="NAME", help="Only this person's; else everybody's.")] = ""
) -> None:
    """Take standing approvals of a rule back. What has started goes on."""
    with opened() as session:
        from urgentaction.alerts.standing import revoke_standing_approval

        rows = revoke_standing_approval(rule, by=by, actor=actor())
        names = ", ".join(row.by for row in rows)
        session.answer(
            [_facts(row) for row in rows], f"Taken back: {rule} by {names}. Its alerts wait for a person again."
        )


def _facts(row: StandingApproval) -> dict[str, object]:
    return {
        "id": row.id,
        "rule": row.rule,
        "by": row.by,
        "granted_at": row.granted_at,
        "expires_at": row.expires_at,
        "revoked_at": row.revoked_at,
    }
