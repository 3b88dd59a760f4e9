"""`urgentaction case …`: look at cases, and report what happened to one."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from urgentaction.cli import dossier, reading
from urgentaction.cli.session import actor, console, current, opened, printable

if TYPE_CHECKING:
    from rich.console import RenderableType

    from urgentaction.alerts.models import Alert
    from urgentaction.cases.models import Case
    from urgentaction.cases.service import UpdateText
    from urgentaction.triggers.decision import TriggerDecision
    from urgentaction.triggers.explain import AudienceCounts

app = typer.Typer(help="Cases, and what happens to them.", no_args_is_help=True)
app.command("dossier")(dossier.write_dossier)

Reference = Annotated[str, typer.Argument(metavar="REF", help="The case, such as UA-2015-0117.")]


@app.command("list")
def list_cases(
    *,
    limit: Annotated[int, typer.Option(min=1, max=5000, help="So many at most.")] = 500,
    after: Annotated[str, typer.Option(metavar="REF", help="Go on after this case.")] = "",
) -> None:
    """List the cases with their status."""
    with opened() as session:
        from urgentaction.cases.models import Case
        from urgentaction.cases.queries import case_called
        from urgentaction.cli.tables import add, table
        from urgentaction.core.paging import page_of

        made = table("Case", "Title", "Status", "As of", "Place", fixed=["Case", "As of"])
        found = []
        before = case_called(after) if after else None
        page = page_of(Case.objects.all(), "reference", after=before, limit=limit)
        for case in page.items:
            found.append(_summary(case))
            status = f"{case.status.replace('_', ' ')} ({case.confidence})" if case.status else "none yet"
            add(made, case.reference, case.titles.get("en", ""), status, case.status_as_of or "", case.place)
        shown = made if found or after else "No cases yet: `urgentaction import cases FOLDER`."
        session.answer(found, shown, *reading.more(page.last.reference if page.last else None))


@app.command("show")
def show_case(reference: Reference) -> None:
    """Show a case: where it stands, its alerts, and what happened, in one line of time."""
    with opened() as session:
        from urgentaction.cases.queries import case_called
        from urgentaction.cli import tables
        from urgentaction.tracking.queries import progress_of
        from urgentaction.tracking.timeline import timeline

        case = case_called(reference)
        alerts = progress_of(case.alerts.select_related("case").order_by("created_at"))
        entries = timeline(case)
        countries = ", ".join(f"{entry.country} ({entry.role})" for entry in case.countries.order_by("role"))
        facts = tables.facts(
            [
                ("Case", case.reference),
                ("Title", case.titles.get("en", "")),
                ("Status", f"{case.status} ({case.confidence})" if case.status else "none yet"),
                ("As of", case.status_as_of),
                ("Place", case.place),
                ("People", case.group_size),
                ("Countries", countries),
            ]
        )
        data = {**_summary(case), "alerts": [tables.progress_facts(one) for one in alerts], "timeline": entries}
        shown: list[RenderableType] = [facts]
        shown += ["", tables.progress_table(alerts)] if alerts else []
        shown += ["", tables.timeline_table(entries)] if entries else []
        session.answer(data, *shown)


@app.command("update")
def update_case(  # noqa: PLR0913 - one parameter for each option
    reference: Reference,
    *,
    status: Annotated[str, typer.Option(help="detained, return_imminent, released … (a wrong one lists them all).")],
    as_of: Annotated[str, typer.Option(metavar="DAY", help="The day it was so: 2015-11-24.")],
    confidence: Annotated[str, typer.Option(help="rumoured, credible or confirmed.")],
    place: Annotated[str, typer.Option(help="Where.")] = "",
    reported_at: Annotated[str, typer.Option(metavar="TIME", help="When we were told; now if left out.")] = "",
    person: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="Whom it is about; repeat it. Everybody if left out.")
    ] = None,
    source: Annotated[str, typer.Option(help="Who told us, as staff may see it.")] = "",
    note: Annotated[str, typer.Option(help="For staff only; stored encrypted.")] = "",
    family_informed: Annotated[bool, typer.Option("--family-informed", help="The family knows.")] = False,
    letters_dated: Annotated[str, typer.Option(metavar="DAY", help="The date on the letters; else today's.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Explain what would follow; write nothing.")] = False,
) -> None:
    """Report what happened: writes it down, stops what is stale, and starts or drafts what the rules call for."""
    with opened() as session:
        from urgentaction import pipeline
        from urgentaction.tracking.audience import audience_counts

        told, dated_on = _read(
            status, confidence, as_of, reported_at, letters_dated,
            place=place, person_keys=tuple(person or ()), source_label=source, note=note,
            is_family_informed=family_informed,
        )  # fmt: skip
        case, decision = pipeline.dry_run(reference, told)
        counts = audience_counts(case, decision)
        if dry_run:
            _answer_update(case, decision, counts, is_dry_run=True)
            return
        reported = pipeline.report_update(reference, told, by=actor(), dated_on=dated_on)
        case.refresh_from_db()
        _answer_update(case, reported.decision, counts, made=reported.alerts, withdrawn=reported.withdrawn)
        if not session.is_json and not reported.alerts:
            console().print("No alert was made.")


def _read(
    status: str, confidence: str, as_of: str, reported_at: str, letters_dated: str, **rest: Any
) -> tuple[UpdateText, Any]:
    """The update as values. Raises InvalidInput with everything that can't be read."""
    from urgentaction.cases.service import UpdateText
    from urgentaction.cases.vocabulary import parse_confidence, parse_status
    from urgentaction.core import clock

    found_status, found_confidence, day, (told_at, dated_on) = reading.together(
        lambda: parse_status(status),
        lambda: parse_confidence(confidence),
        lambda: reading.day(as_of, option="as_of"),
        lambda: (
            min(reading.moment(reported_at, option="reported_at"), clock.now()) if reported_at else clock.now(),
            reading.day(letters_dated, option="letters_dated") if letters_dated else None,
        ),
    )
    told = UpdateText(status=found_status, confidence=found_confidence, as_of=day, reported_at=told_at, **rest)
    return told, dated_on


def _answer_update(
    case: Case,
    decision: TriggerDecision,
    counts: AudienceCounts,
    *,
    made: tuple[Alert, ...] = (),
    withdrawn: tuple[Alert, ...] = (),
    is_dry_run: bool = False,
) -> None:
    from urgentaction.triggers.explain import explain

    lines = explain(decision, counts=counts)
    data = {
        "case": _summary(case),
        "is_dry_run": is_dry_run,
        "explanation": lines,
        "decision": asdict(decision),
        "audience": asdict(counts),
        "alerts": [alert_facts(alert) for alert in made],
        "withdrawn": [alert_facts(alert) for alert in withdrawn],
    }
    shown = [printable(line) for line in lines]
    shown += [f"Withdrawn: {alert.number}" for alert in withdrawn]
    shown += [_made(alert) for alert in made]
    if is_dry_run:
        shown.append("Dry run: nothing was written.")
    current().answer(data, *shown)


def _made(alert: Alert) -> str:
    follow = f"`urgentaction deliveries {alert.number} --watch` follows it."
    if alert.state in ("draft", "awaiting_approval"):
        follow = f"`urgentaction alert approve {alert.number}` starts it (by somebody else than {alert.drafted_by})."
    return f"Made: {alert.number}, {alert.kind.replace('_', ' ')}, {alert.state.replace('_', ' ')}. {follow}"


def alert_facts(alert: Alert) -> dict[str, object]:
    """An alert in a few words, for JSON."""
    return {
        "id": alert.id,
        "number": alert.number,
        "kind": alert.kind,
        "level": alert.level,
        "state": alert.state,
        "rule": alert.rule,
        "hold_until": alert.hold_until,
        "deadline_at": alert.deadline_at,
        "drafted_by": alert.drafted_by,
    }


def _summary(case: Case) -> dict[str, object]:
    return {
        "reference": case.reference,
        "titles": case.titles,
        "status": case.status,
        "confidence": case.confidence,
        "as_of": case.status_as_of,
        "place": case.place,
        "version": case.version,
    }
