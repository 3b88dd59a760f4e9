"""What a chaos run found: a small table for people, and the same as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.chaos.oracle import Fault, Verdict, as_counts

_MEANINGS = (
    ("kills", "processes killed, at a named point or at random"),
    ("faults", "kills, and everything else that was broken"),
    ("faults_confirmed", "of these, seen to have happened"),
    ("deliveries", "one recipient on one channel each"),
    ("lost", "believed to have arrived and did not, or forgotten"),
    ("silent_duplicates", "arrived twice without our saying so"),
    ("repeats_listed", "mail taken twice, with the same Message-ID, and counted"),
    ("unknown", "not known at the end, and listed as such"),
    ("stale", "left after its alert was stopped and the window in flight was over"),
)


@dataclass(slots=True)
class Findings:
    """Everything that a run found out."""

    seed: int
    faults: list[Fault] = field(default_factory=list)
    kills: int = 0
    verdict: Verdict = field(default_factory=Verdict)
    minutes: float = 0.0
    in_flight_seconds: float = 0.0
    fenced: int = 0
    updates: int = 0
    broken_promises: list[str] = field(default_factory=list)
    died_by_themselves: list[str] = field(default_factory=list)
    folder: str = ""

    @property
    def unconfirmed(self) -> list[str]:
        """Faults that nobody saw happen."""
        return [fault.what for fault in self.faults if not fault.is_confirmed]

    @property
    def is_good(self) -> bool:
        """Whether the promise was kept, and the run broke what it meant to break."""
        return self.verdict.is_kept and not (self.unconfirmed or self.broken_promises)


def as_json(findings: Findings) -> dict[str, Any]:
    """The content of `report.json`."""
    verdict = findings.verdict
    confirmed = sum(fault.is_confirmed for fault in findings.faults)
    return {
        "kills": findings.kills,
        "faults": len(findings.faults),
        "faults_confirmed": confirmed,
        **as_counts(verdict),
        "is_good": findings.is_good,
        "seed": findings.seed,
        "minutes": round(findings.minutes, 1),
        "updates": findings.updates,
        "by_kind": dict(sorted(Counter(fault.kind for fault in findings.faults).items())),
        "tries_that_were_unknown": verdict.became_unknown,
        "of_these_by_no_fault": verdict.unattributed,
        "writes_refused_by_the_fence": findings.fenced,
        "in_flight_seconds": findings.in_flight_seconds,
        "latest_after_stop_seconds": round(verdict.latest_after_stop, 2),
        "lists": {
            "unconfirmed": findings.unconfirmed,
            "lost": verdict.lost,
            "silent_duplicates": verdict.silent_duplicates,
            "stale": verdict.stale,
            "unknown": verdict.unknown,
            "unlisted_unknown": verdict.unlisted_unknown,
            "too_many_unknown": verdict.too_many_unknown,
            "unfinished_alerts": verdict.unfinished_alerts,
            "broken_promises": findings.broken_promises,
            "repeats_listed": verdict.repeats_listed,
            "died_by_themselves": findings.died_by_themselves,
        },
        "faults_in_order": [
            {"at": fault.at.isoformat(), "what": fault.what, "is_confirmed": fault.is_confirmed}
            for fault in findings.faults
        ],
    }


def write(findings: Findings, file: Path) -> None:
    """Leave `report.json`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(as_json(findings), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def show(findings: Findings, console: Console) -> None:
    """The table, and whatever is wrong."""
    told = as_json(findings)
    table = Table(title=f"Chaos, {told['minutes']} minutes, seed {findings.seed}", title_justify="left")
    for heading in ("", "", "what it means"):
        table.add_column(heading, justify="right" if heading == "" else "left")
    for name, meaning in _MEANINGS:
        table.add_row(name.replace("_", " "), f"{told[name]:,}", meaning)
    console.print(table)
    for name, lines in told["lists"].items():
        if lines and name not in {"repeats_listed", "unknown"}:
            _list(console, name, lines)
    if told["lists"]["unknown"]:
        _list(console, "unknown", told["lists"]["unknown"])
    if findings.is_good:
        console.print("[bold green]Nothing lost, nothing doubled in silence, nothing stale.[/bold green]")
    else:
        console.print(f"[bold red]The promise was broken.[/bold red] Data and logs: {findings.folder}")


def _list(console: Console, name: str, lines: Sequence[str], *, most: int = 12) -> None:
    console.print(f"\n[bold]{name.replace('_', ' ')}[/bold]")
    for line in lines[:most]:
        console.print(f"  {line}", soft_wrap=True, highlight=False, markup=False)
    if len(lines) > most:
        console.print(f"  … and {len(lines) - most} more, in the report")
