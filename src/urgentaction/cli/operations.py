"""`urgentaction doctor`, `mode`, `audit verify`, `manage`: what those who run it need."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from urgentaction.cli import bootstrap
from urgentaction.cli.session import Session, actor, current, opened
from urgentaction.core.errors import ConfigurationError, UrgentActionError
from urgentaction.incidents.findings import Finding, Level

audit = typer.Typer(help="The audit log.", no_args_is_help=True)


@audit.callback()
def _audit() -> None:
    """The audit log."""


@audit.command("verify")
def verify() -> None:
    """Walk the audit log's chain of hashes; exit code 1 where it is broken."""
    with opened() as session:
        from urgentaction.accounts.service import verify_audit

        entries, broken = verify_audit()
        words = (
            f"{entries} entries, unbroken." if broken is None else f"Broken at entry {broken}, after {entries} entries."
        )
        session.answer({"entries": entries, "first_broken": broken}, words)
    if broken is not None:
        raise typer.Exit(1)


def doctor() -> None:
    """Look at everything that must be right, and say what to do where it is not; exit code 1 if something fails."""
    session = current()
    findings = _examine(session)
    is_well = all(finding.level is not Level.FAIL for finding in findings)
    _show(session, findings, is_well=is_well)
    if not is_well:
        raise typer.Exit(1)


class Wanted(StrEnum):
    """What a database can be made."""

    LIVE = "live"
    SANDBOX = "sandbox"


def mode(
    wanted: Annotated[Wanted | None, typer.Argument(help="What the database shall be; without it, what it is.")] = None,
    *,
    is_sure: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> None:
    """Say whether the database holds drills or writes to real people, or change it, with every program stopped.

    A change withdraws every alert that is under way, and takes every standing approval back. Nothing may fail with the
    doctor before it goes live.
    """
    session = current()
    with session.django(in_any_mode=True):
        if wanted is None:
            _show_mode(session)
            return
        from urgentaction import pipeline
        from urgentaction.alerts.queries import in_force, under_way
        from urgentaction.core.live import is_live_here

        is_live = wanted is Wanted.LIVE
        if is_live is not is_live_here():
            raise ConfigurationError(f"Set URGENTACTION_MODE={wanted} for this command and every program first.")
        if is_live:
            _want_clean_doctor(session)
        if not is_sure:
            ends = (
                f"Alerts under way, to be withdrawn: {under_way().count()}. Standing approvals: {in_force().count()}."
            )
            typer.confirm(f"{ends} Is every other program stopped?", abort=True, err=True)
        changed = pipeline.change_mode(is_live=is_live, by=actor())
        withdrawn, rules = (", ".join(one) or "none" for one in (changed.withdrawn, changed.rules))
        session.answer(
            {"mode": wanted, "withdrawn": changed.withdrawn, "rules": changed.rules},
            f"The database is {wanted} now. Withdrawn: {withdrawn}. No longer approved in advance: {rules}.",
        )


def _show_mode(session: Session) -> None:
    from django.conf import settings

    from urgentaction.core.live import live_since, mismatch

    since, wrong = live_since(), mismatch()
    words = f"The database {f'is {since}' if since else 'holds drills'}; this program's mode is {settings.MODE}."
    session.answer(
        {"database": "live" if since else "sandbox", "program": settings.MODE, "since": since.at if since else None},
        f"{words} {wrong[1]}" if wrong else words,
    )


def _want_clean_doctor(session: Session) -> None:
    """Raises typer.Exit where something fails, the mode itself apart; that is shown."""
    from urgentaction.incidents.checks import SAME_MODE, all_findings

    fails = [
        finding for finding in all_findings(must_run=False) if finding.level is Level.FAIL and finding.name != SAME_MODE
    ]
    if fails:
        _show(session, fails, is_well=False)
        raise typer.Exit(1)


def _examine(session: Session) -> list[Finding]:
    var = session.served()
    try:
        with bootstrap.environment(var):
            bootstrap.start_django()
            from django.conf import settings

            from urgentaction.channels.contract import Mode
            from urgentaction.incidents.checks import all_findings

            must_run = settings.MODE is Mode.LIVE or bootstrap.read_ready(var.stack_ready) is not None
            return all_findings(must_run=must_run)
    except ConfigurationError as error:
        return [Finding("configuration", Level.FAIL, str(error), "Set it, then run the doctor again.")]
    except UrgentActionError as error:
        return [Finding("servers", Level.FAIL, str(error), "Read the log named there.")]


def _show(session: Session, findings: list[Finding], *, is_well: bool) -> None:
    from rich.text import Text

    from urgentaction.cli.tables import add, state, table

    made = table("", "What", "Found", fixed=["", "What"])
    for finding in findings:
        found = Text(finding.detail)
        if finding.advice:
            found.append(f"\n{finding.advice}", style="italic")
        add(made, state(finding.level), finding.name, found)
    fails, warnings = (sum(finding.level is level for finding in findings) for level in (Level.FAIL, Level.WARN))
    verdict = f"{fails} must be put right before this can be relied on."
    if is_well:
        verdict = f"Nothing fails; {warnings} to look at." if warnings else "All is well."
    session.answer({"is_well": is_well, "findings": findings}, made, verdict)


def manage(ctx: typer.Context) -> None:
    """Django's own commands, with the environment in place: manage migrate, manage shell …"""
    with bootstrap.environment(current().served()):
        from django.core.management import execute_from_command_line

        execute_from_command_line(["urgentaction manage", *ctx.args])
