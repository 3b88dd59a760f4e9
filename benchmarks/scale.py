"""Ten times the supporters, ten times the seconds, and no more memory: 1,000, 10,000, 100,000 (with --full a million).

One machine for all steps, so that each mailing meets the rows of those before it, as in life.
"""

from __future__ import annotations

import argparse

from benchmarks import report
from benchmarks.frame import Machine, need
from benchmarks.report import Result

STEPS = (1_000, 10_000, 100_000)
FULL = 1_000_000
#: Cost per recipient is told relative to this step, or to the largest one below it.
BASE = 10_000


def options(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = report.parser("scale", __doc__)
    parser.add_argument("--full", action="store_true", help="a million as well")
    parser.add_argument("--steps", type=int, nargs="+", help="other numbers of recipients, smallest first")
    chosen = parser.parse_args(arguments)
    chosen.steps = chosen.steps or [*STEPS, *([FULL] if chosen.full else [])]
    return chosen


def measure(chosen: argparse.Namespace) -> Result:
    """Each step in turn."""
    steps: list[int] = chosen.steps
    need(steps == sorted(set(steps)) and steps[0] > 0, "--steps must rise")
    figures: dict[str, dict[str, object]] = {}
    costs: dict[int, float] = {}
    rows = rcpts = 0
    peaks: list[float] = []
    rate = 0.0
    with Machine() as machine:
        from benchmarks import mailing  # noqa: PLC0415 - only once Django is set up

        mailing.warm_up(machine, min(200, steps[0]))
        for step in steps:
            mailing.grow(step)
            sent = mailing.send(machine, step)
            need(
                sent.accepted == sent.rcpts == step,
                f"{step:,}: {sent.accepted} rows are accepted, the sink counted {sent.rcpts} RCPT; rows: {sent.rows}",
            )
            costs[step] = sent.seconds / step
            rows, rcpts, rate = rows + sent.accepted, rcpts + sent.rcpts, sent.rate
            peaks += [sent.rss_mb] if sent.rss_mb is not None else []
            figures[f"{step}"] = {
                "seconds": round(sent.seconds, 3),
                "us_per_recipient": round(sent.seconds / step * 1e6, 1),
                "rows": sent.accepted,
                "celery_tasks": sent.tasks,
                "rss_mb": {name: peak for name, (_, peak) in sorted(sent.rss.items())},
            }
    return Result(
        benchmark="scale",
        unit="cost per recipient / the base's",
        ratios=relative(costs),
        rate=round(rate, 1),
        rows_accepted=rows,
        sink_rcpts=rcpts,
        rss_mb=max(peaks, default=None),
        figures=figures,
        notes=["rss_mb is the peak of each worker process during that step; pages shared after a fork count in each."],
    )


def relative(costs: dict[int, float]) -> dict[str, float]:
    """Cost per recipient of each step over the base's: `100,000 to 10,000`."""
    base = max((step for step in costs if step <= BASE), default=min(costs))
    return {
        f"{step:,} recipients to {base:,}": round(cost / costs[base], 3) for step, cost in costs.items() if step != base
    }


def main(arguments: list[str] | None = None) -> int:
    """Run it. Returns the exit status."""
    return report.run(measure, options(arguments))


if __name__ == "__main__":
    raise SystemExit(main())
