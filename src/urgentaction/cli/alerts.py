"""`urgentaction alert …`: see alerts, compose one, and decide on those that wait."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from urgentaction.cli import reading
from urgentaction.cli.cases import alert_facts
from urgentaction.cli.session import actor, current, opened

if TYPE_CHECKING:
    from rich.console import RenderableType

    from urgentaction.alerts.models import Alert, AlertTarget
    from urgentaction.alerts.plan import AlertPlan

app = typer.Typer(help="Alerts: one call to act each.", no_args_is_help=True)

Number = Annotated[str, typer.Argument(metavar="NUMBER", help="The alert, such as UA-2015-0117/2.")]
Comment = Annotated[str, typer.Option(help="Why; kept with the decision.")]


@app.command("list")
def list_alerts(
    *,
    case: Annotated[str, typer.Option(metavar="REF", help="Only of this case.")] = "",
    state: Annotated[str, typer.Option(help="Only in this state: draft, running, withdrawn …")] = "",
    limit: Annotated[int, typer.Option(min=1, max=5000, help="So many at most.")] = 200,
    after: Annotated[str, typer.Option(metavar="NUMBER", help="Go on after this alert.")] = "",
) -> None:
    """List alerts, the latest first, with how far each is."""
    with opened() as session:
        from urgentaction.alerts.models import Alert, AlertState
        from urgentaction.alerts.queries import alert_called
        from urgentaction.cases.queries import case_called
        from urgentaction.cli.tables import add, progress_facts, table, until
        from urgentaction.cli.tables import state as coloured
        from urgentaction.core.paging import page_of
        from urgentaction.tracking.queries import progress_of

        rows = Alert.objects.select_related("case")
        if case:
            rows = rows.filter(case=case_called(case))
        if state:
            rows = rows.filter(state=reading.one_of(state, AlertState, option="state"))
        page = page_of(rows, "-id", after=alert_called(after) if after else None, limit=limit)
        made = table(
            "Alert",
            "Kind",
            "Level",
            "State",
            "Settled",
            "Deadline (UTC)",
            numbers=["Level", "Settled"],
            fixed=["Alert"],
        )
        progress = progress_of(page.items)
        for alert, one in zip(page.items, progress, strict=True):
            settled = f"{one.tally.settled} of {one.tally.total}"
            kind = alert.kind.replace("_", " ")
            add(made, alert.number, kind, alert.level or "–", coloured(alert.state), settled, until(alert.deadline_at))
        following = reading.more(page.last.number if page.last else None)
        session.answer([progress_facts(one) for one in progress], made if page.items else "No alerts.", *following)


@app.command("show")
def show_alert(number: Number) -> None:
    """Show an alert: who decided, whom it addresses, how far it is, and what is left for people."""
    with opened() as session:
        from urgentaction.alerts.queries import alert_called
        from urgentaction.cli import tables
        from urgentaction.tracking.queries import progress, tasks

        alert = alert_called(number)
        approvals = list(alert.approvals.order_by("at"))
        targets = [f"{t.role}: {t.official.office} · {t.official} ({t.language})" for t in _targets(alert)]
        how_far, left = progress(alert), tasks(alert=alert, limit=1000).items
        decided = "; ".join(
            f"{'yes' if a.is_yes else 'no'} by {a.by}{' (taken back)' if a.revoked_at else ''}" for a in approvals
        )
        facts = tables.facts(
            [
                ("Alert", alert.number),
                ("State", tables.state(alert.state)),
                ("Kind", alert.kind.replace("_", " ")),
                ("Level", alert.level),
                ("Rule", alert.rule),
                ("Status", str(alert.update) if alert.update else ""),
                ("Drafted", f"{tables.when(alert.created_at)} by {alert.drafted_by}"),
                ("Approvals", f"{alert.approvals_needed} needed{'; ' + decided if decided else ''}"),
                ("Held until", tables.when(alert.hold_until) if alert.state == "held" else ""),
                ("Started", tables.when(alert.started_at)),
                ("Deadline", tables.until(alert.deadline_at)),
                ("Stopped", f"{tables.when(alert.stopped_at)}: {alert.stop_reason}" if alert.stopped_at else ""),
                ("Officials", "\n".join(targets)),
            ]
        )
        data = {
            **alert_facts(alert),
            "approvals": [{"by": a.by, "is_yes": a.is_yes, "at": a.at, "revoked_at": a.revoked_at} for a in approvals],
            "targets": targets,
            "progress": tables.progress_facts(how_far),
            "tasks": left,
        }
        shown: list[RenderableType] = [facts, "", tables.progress_table([how_far])]
        shown += ["", tables.tasks_table(left)] if left else []
        session.answer(data, *shown)


def _targets(alert: Alert) -> Iterable[AlertTarget]:
    return alert.targets.select_related("official__office")


@app.command("send")
def send_alert(
    case: Annotated[str, typer.Argument(metavar="CASE", help="The case, such as UA-2015-0117.")],
    *,
    audience: Annotated[str, typer.Option(help="officials, supporters or both.")],
    channels: Annotated[str, typer.Option(help="Some of fax,email,sms; officials get no SMS, supporters no fax.")],
    level: Annotated[int, typer.Option(min=1, max=5, help="1: hours count … 5: grave.")],
    deadline_hours: Annotated[int, typer.Option(min=0, help="What is unsent then expires; 0: never.")] = 0,
    letter_kind: Annotated[str, typer.Option(help="The letter's template; first_appeal if left out.")] = "",
    notice_kind: Annotated[str, typer.Option(help="The notice's template; appeal if left out.")] = "",
    letters_dated: Annotated[str, typer.Option(metavar="DAY", help="The date on the letters; else today's.")] = "",
) -> None:
    """Compose an alert by hand. It waits until another person approves it."""
    with opened() as session:
        from urgentaction import pipeline

        plan, dated_on, _, _ = reading.together(
            lambda: _plan(audience, channels, letter_kind, notice_kind, level=level),
            lambda: reading.day(letters_dated, option="letters_dated") if letters_dated else None,
            lambda: None,
            lambda: None,
        )
        deadline = timedelta(hours=deadline_hours) if deadline_hours else None
        alert = pipeline.send_manual_alert(case, plan, level=level, deadline=deadline, by=actor(), dated_on=dated_on)
        wait = f"Another person than {alert.drafted_by} approves it: `urgentaction alert approve {alert.number}`."
        session.answer(alert_facts(alert), f"Made: {alert.number}, awaiting approval. {wait}")


def _plan(audience: str, channels: str, letter_kind: str, notice_kind: str, *, level: int) -> AlertPlan:
    """What the options ask for. Raises InvalidInput with all their faults."""
    from urgentaction.alerts.plan import Audience, compose_plan
    from urgentaction.channels.contract import Channel
    from urgentaction.triggers.decision import LetterKind, NoticeKind

    who, wanted, letter, notice = reading.together(
        lambda: Audience(reading.one_of(audience, Audience, option="audience")),
        lambda: [Channel(reading.one_of(word, Channel, option="channels")) for word in reading.words(channels)],
        lambda: LetterKind(reading.one_of(letter_kind, LetterKind, option="letter_kind")) if letter_kind else None,
        lambda: NoticeKind(reading.one_of(notice_kind, NoticeKind, option="notice_kind")) if notice_kind else None,
    )
    return compose_plan(who, channels=wanted, level=level, letter_kind=letter, notice_kind=notice)


@app.command()
def approve(
    number: Number,
    *,
    hold_minutes: Annotated[int, typer.Option(min=0, help="Wait so long, so that anyone can still stop it.")] = 0,
    comment: Comment = "",
) -> None:
    """Say yes to an alert that waits; with enough yeses it starts."""
    from urgentaction.cli.session import console

    def step(alert: Alert) -> Alert:
        from urgentaction import pipeline

        return pipeline.approve(alert.id, by=actor(), hold=timedelta(minutes=hold_minutes), comment=comment)

    alert = _decide(number, step)
    if alert.state == "awaiting_approval" and not current().is_json:
        console().print("Another person has to approve it too.")


@app.command()
def reject(number: Number, *, comment: Comment = "") -> None:
    """Say no to an alert that waits; it is over then."""

    def step(alert: Alert) -> Alert:
        from urgentaction import pipeline

        return pipeline.reject(alert.id, by=actor(), comment=comment)

    _decide(number, step)


@app.command()
def withdraw(
    number: Number, *, reason: Annotated[str, typer.Option(help="Why; shown with every delivery it stops.")] = ""
) -> None:
    """Stop an alert now. Nothing of it that is unsent will go out."""

    def step(alert: Alert) -> Alert:
        from urgentaction import pipeline

        return pipeline.withdraw(alert.id, reason=reason, by=actor())

    _decide(number, step)


@app.command()
def release(number: Number) -> None:
    """Start a held alert now, instead of at the end of its hold."""

    def step(alert: Alert) -> Alert:
        from urgentaction import pipeline

        return pipeline.let_go(alert.id, by=actor())

    _decide(number, step)


def _decide(number: str, step: Callable[[Alert], Alert]) -> Alert:
    with opened() as session:
        from urgentaction.alerts.queries import alert_called

        alert = step(alert_called(number))
        held = f" until {alert.hold_until:%H:%M:%S} UTC" if alert.state == "held" and alert.hold_until else ""
        session.answer(alert_facts(alert), f"{alert.number} is {alert.state.replace('_', ' ')}{held}.")
        return alert
