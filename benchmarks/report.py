"""What a benchmark says, in one shape: a table for people, one JSON object for programs; and how one is run.

Ratios are the point: they say the same on a fast machine and on a slow one. Seconds and rates stand beside them.
"""

from __future__ import annotations

import argparse
import json
import math
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from urgentaction.core.errors import UrgentActionError

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: People read on standard error while a program may read the JSON on standard output.
STDERR = Console(stderr=True, highlight=False)


class BenchmarkFailed(UrgentActionError):
    """The run is worth nothing, or a promise was broken in it. The message says what to look at."""


@dataclass(slots=True, kw_only=True)
class Result:
    """What came out of one benchmark.

    Attributes:
        ratios: by the baseline's name; `unit` says what is divided by what.
        rate: messages a second, from the start to the last row that says *accepted*.
        rows_accepted: of the database. sink_rcpts: RCPT commands that the sink answered with 250.
        rss_mb: the largest resident size that any worker process reached, in MB (10^6 bytes).
        figures: everything else, by name.
        notes: what a reader has to know: what was left out, and why.
    """

    benchmark: str
    unit: str = ""
    ratios: dict[str, float] = field(default_factory=dict)
    rate: float | None = None
    rows_accepted: int | None = None
    sink_rcpts: int | None = None
    rss_mb: float | None = None
    figures: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Plain values; what does not apply is left out."""
        optional = {
            "rate": self.rate,
            "rows_accepted": self.rows_accepted,
            "sink_rcpts": self.sink_rcpts,
            "rss_mb": self.rss_mb,
        }
        return {
            "benchmark": self.benchmark,
            "unit": self.unit,
            "ratios": dict(self.ratios),
            **{name: value for name, value in optional.items() if value is not None},
            "figures": self.figures,
            "notes": self.notes,
        }


def show(result: Mapping[str, Any], console: Console) -> None:
    """One result as a table."""
    console.print(f"[bold]{result['benchmark']}[/bold]  {result.get('unit', '')}".rstrip())
    table = Table(show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in result["ratios"].items():
        table.add_row(f"against {name}", f"{number(value)} ×")
    for name in ("rate", "rows_accepted", "sink_rcpts", "rss_mb"):
        if name in result:
            table.add_row(name, number(result[name]))
    for name, value in flat(result.get("figures", {})):
        table.add_row(name, number(value))
    console.print(table)
    for note in result.get("notes", []):
        console.print(f"  {note}", markup=False)


def ratio_table(results: Sequence[Mapping[str, Any]]) -> Table:
    """All ratios of all benchmarks."""
    table = Table(title="Ratios", title_justify="left")
    for heading in ("benchmark", "against", "what is divided"):
        table.add_column(heading)
    table.add_column("ratio", justify="right")
    for result in results:
        for name, value in result.get("ratios", {}).items():
            table.add_row(result["benchmark"], name, result.get("unit", ""), number(value))
        if problem := result.get("failed"):
            table.add_row(result["benchmark"], "", str(problem), "failed")
    return table


def flat(figures: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Figures of any depth as pairs of a dotted name and a plain value."""
    pairs: list[tuple[str, Any]] = []
    for name, value in figures.items():
        if isinstance(value, Mapping):
            pairs += flat(value, f"{prefix}{name}.")
        else:
            pairs.append((f"{prefix}{name}", value))
    return pairs


def number(value: Any) -> str:
    """A figure as people like to read it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all don't exceed (nearest rank). Raises ValueError where there is none."""
    if not values:
        raise ValueError("no value to take a percentile of")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share - 1e-9) - 1)]


def progress() -> Progress:
    """A bar on standard error, for whatever takes more than a few seconds."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    return Progress(*columns, console=STDERR, refresh_per_second=3)  # it shares two cores with what is measured


def parser(module: str, description: str | None) -> argparse.ArgumentParser:
    """A command line with what every benchmark has."""
    made = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{module}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--json", action="store_true", help="print one JSON object on standard output and nothing else")
    return made


def run(measure: Callable[[argparse.Namespace], Result], chosen: argparse.Namespace) -> int:
    """Measure, and say what came out. Returns the exit status: 0; 1 where it failed; 130 where it was interrupted."""
    end_in_order()
    try:
        result = measure(chosen)
    except KeyboardInterrupt:
        STDERR.print("Stopped. Nothing of it runs any more.")
        return 130
    except UrgentActionError as error:
        STDERR.print(f"Failed: {error}", markup=False)
        return 1
    if chosen.json:
        sys.stdout.write(json.dumps(result.to_json(), ensure_ascii=False) + "\n")
    else:
        show(result.to_json(), Console(highlight=False))
    return 0


def end_in_order() -> None:
    """Let SIGINT, SIGTERM and SIGHUP end this program through every `with` on the way."""
    for which in _ENDINGS:  # SIGINT too: it is ignored where a shell put us into the background
        signal.signal(which, _end)


def _end(which: int, _frame: object) -> NoReturn:
    for other in _ENDINGS:  # a second one must not break into the clearing up, which takes seconds
        signal.signal(other, signal.SIG_IGN)
    if which == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + which)
