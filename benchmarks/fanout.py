"""From *approved* to *all accepted*: our mailing, the usual Celery way and Postfix's smtp-source, in turn in one run.

The same machine, the same size of message, the same sink. Ours goes the way it goes in production: an approved alert,
the product's own workers, a durable row for each recipient. The program fails where the RCPT commands that the sink
counted are not exactly the rows that say *accepted*.
"""

from __future__ import annotations

import argparse

from benchmarks import report
from benchmarks.contenders import Run, smtp_source, usual_way
from benchmarks.frame import Machine, need
from benchmarks.report import Result
from benchmarks.usual import Notice
from urgentaction.cli.programs import Part

MOST_TASKS = 500
NO_POSTFIX = (
    "smtp-source was left out: it comes with Postfix (`apt-get install postfix`, `brew install postfix`); run this "
    "again with it on the PATH."
)


def options(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = report.parser("fanout", __doc__)
    parser.add_argument("--recipients", type=int, default=20_000, help="supporters that our mailing goes to")
    parser.add_argument("--usual", type=int, default=2_000, help="recipients of the usual way; 0 leaves it out")
    parser.add_argument("--source", type=int, default=20_000, help="messages of each smtp-source; 0 leaves it out")
    return parser.parse_args(arguments)


def measure(chosen: argparse.Namespace) -> Result:
    """All three, in turn."""
    need(chosen.recipients > 0, "--recipients must be above 0")
    with Machine() as machine:
        from benchmarks import mailing, population  # noqa: PLC0415 - only once Django is set up

        mailing.warm_up(machine, min(200, chosen.recipients))
        words = Notice.of(machine.sink.sample(), name=population.NAMES[0])
        mailing.grow(chosen.recipients)
        ours = mailing.send(machine, chosen.recipients)
        need(
            ours.accepted == ours.rcpts == chosen.recipients,
            f"{ours.accepted} rows are accepted, the sink counted {ours.rcpts} RCPT, {chosen.recipients} were due; "
            f"the rows: {ours.rows}",
        )
        processes = len([name for name in ours.rss if name.startswith(f"{Part.BULK} ")]) - 1
        machine.kill_parts()
        others: dict[str, Run] = {}
        if chosen.usual:
            others["usual"] = usual_way(
                machine.sink,
                redis_url=machine.redis_url,
                words=words,
                recipients=chosen.usual,
                processes=processes if processes > 0 else 2,
                folder=machine.folder / "usual",
            )
        source = (
            smtp_source(machine.sink, messages=chosen.source, size=round(ours.bytes_each)) if chosen.source else None
        )
        if source is not None:
            others["smtp-source"] = source
    result = Result(
        benchmark="fanout",
        unit="our rate / theirs",
        ratios={name: round(ours.rate / run.rate, 3) for name, run in others.items()},
        rate=round(ours.rate, 1),
        rows_accepted=ours.accepted,
        sink_rcpts=ours.rcpts,
        rss_mb=ours.rss_mb,
        figures={
            "seconds": round(ours.seconds, 3),
            "seconds_until_all_rows_stood": round(ours.expanded, 3),
            "celery_tasks": ours.tasks,
            "new_connections": ours.connections,
            "bytes_per_message": {
                "ours": round(ours.bytes_each),
                **{n: round(r.bytes_each) for n, r in others.items()},
            },
            "rates": {name: round(run.rate, 1) for name, run in others.items()},
            "cpu_us_per_message": ours.cpu_us_each,
            "cpu_share": shares(ours.cpu_us_each),
        },
    )
    result.notes += [f"{name}: {run.how}, {run.messages:,} messages" for name, run in others.items()]
    if chosen.source and source is None:
        result.notes.append(NO_POSTFIX)
    if ours.tasks > MOST_TASKS:
        result.notes.append(f"{ours.tasks} Celery tasks; at most {MOST_TASKS} are meant to be used")
    return result


def shares(parts: dict[str, float]) -> dict[str, float]:
    """Each one's share of all the processor time."""
    total = sum(parts.values())
    return {name: round(part / total, 3) for name, part in parts.items()} if total else {}


def main(arguments: list[str] | None = None) -> int:
    """Run it. Returns the exit status."""
    return report.run(measure, options(arguments))


if __name__ == "__main__":
    raise SystemExit(main())
