"""`kill -9` of the bulk worker, children and all, in the middle of a mailing: who got nothing, and who got it twice?

Lost must be nobody. Repeated may be what was on the wire at each kill, each time with the same Message-ID, and each
such row says so (`repeats`). That the worker really died, and died in the middle, is looked at as well.
"""

from __future__ import annotations

import argparse
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.frame import Machine, children_of, has_proc, need, until
from benchmarks.report import BenchmarkFailed, Result
from urgentaction.cli.programs import Part

#: For each kill.
MOST_REPEATS = 100
LEASE_SECONDS = 10
#: A short lease and short pauses, so that what a kill leaves behind is taken up within seconds.
DRILL = {
    "URGENTACTION_LEASE_SECONDS": str(LEASE_SECONDS),
    "URGENTACTION_BACKOFF_SCALE": "0.01",
    "URGENTACTION_SWEEP_SECONDS": "1",
}
KILLED = 128 + signal.SIGKILL


@dataclass(slots=True)
class Killer:
    """Kills the bulk worker each time that the sink has got so far, and starts it again."""

    machine: Machine
    at: list[int]
    recipients: int
    kills: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, taken: int) -> None:
        """Told how many messages the sink has."""
        if not self.at or taken < self.at[0]:
            return
        self.at = [place for place in self.at if place > taken]
        stack = self.machine.stack
        pids = [stack.pid(Part.BULK), *children_of(stack.pid(Part.BULK))]
        stack.kill(Part.BULK)
        code = stack.exit_code(Part.BULK)
        after = int(self.machine.sink.counts()["messages"])
        dead = until(lambda: not any(_lives(pid) for pid in pids), seconds=5)
        self.kills.append(
            {
                "processes": len(pids),
                "exit_code": code,
                "sink_had": after,
                "is_confirmed": dead and code == KILLED and 0 < after < self.recipients,
            }
        )
        stack.restart(Part.BULK)


def options(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = report.parser("kill", __doc__)
    parser.add_argument("--recipients", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=1, help="how many, spread over the mailing")
    return parser.parse_args(arguments)


def measure(chosen: argparse.Namespace) -> Result:
    """Kill, wait until everything is settled, and compare the sink with the rows."""
    need(chosen.kills > 0 and chosen.recipients > chosen.kills, "--kills must be above 0 and below --recipients")
    places = [chosen.recipients * (number + 1) // (chosen.kills + 1) for number in range(chosen.kills)]
    with Machine(environment=DRILL) as machine:
        from benchmarks import mailing  # noqa: PLC0415 - only once Django is set up

        mailing.warm_up(machine, min(200, chosen.recipients))
        mailing.grow(chosen.recipients)
        machine.sink.look(is_on=True)
        killer = Killer(machine, places, chosen.recipients)
        sent = mailing.send(machine, chosen.recipients, title="ours, killed", meanwhile=killer)
        looked = machine.sink.looked()
        rows = repeated_rows(looked["repeats"])
        listed = _listed()
    verdict = judge(
        chosen.recipients, kills=chosen.kills, accepted=sent.accepted, looked=looked, named=rows, listed=listed
    )
    problems = verdict.pop("problems")
    if len(killer.kills) < chosen.kills or not all(kill["is_confirmed"] for kill in killer.kills):
        problems.append(f"not every kill is confirmed: {killer.kills}")
    if problems:
        raise BenchmarkFailed("; ".join(problems))
    return Result(
        benchmark="kill",
        unit="lost, repeated",
        rate=round(sent.rate, 1),
        rows_accepted=sent.accepted,
        sink_rcpts=sent.rcpts,
        rss_mb=sent.rss_mb,
        figures={**verdict, "kills": killer.kills, "rows": sent.rows, "seconds": round(sent.seconds, 2)},
        notes=[] if has_proc() else ["without /proc only the worker's own process was seen to be gone"],
    )


def judge(
    recipients: int,
    *,
    kills: int,
    accepted: int,
    looked: Mapping[str, Any],
    named: Sequence[int],
    listed: Sequence[int],
) -> dict[str, Any]:
    """Lost and repeated, and what is wrong with that.

    Args:
        recipients: how many were due, each with an address of their own.
        looked: what the sink kept (`SinkProgram.looked`).
        named: delivery numbers out of the Message-IDs that came more than once.
        listed: delivery numbers of the rows that say they were repeated.
    """
    lost = recipients - looked["recipients"]
    repeats = sum(count - 1 for count in looked["repeats"].values())
    silent = sorted(set(named) - set(listed))
    problems = [f"{lost} got nothing"] if lost else []
    if accepted != recipients:
        problems.append(f"{accepted} of {recipients} rows are accepted")
    if repeats > MOST_REPEATS * kills:
        problems.append(f"{repeats} repeats; at most {MOST_REPEATS} are allowed for each kill")
    if looked["different"]:
        problems.append(f"recipients got messages of different Message-IDs: {looked['different']}")
    if len(named) != len(looked["repeats"]):
        problems.append("a repeated Message-ID is none of ours")
    if silent:
        problems.append(f"{len(silent)} repeats are not written down: deliveries {silent[:10]}")
    return {
        "lost": lost,
        "repeats": repeats,
        "repeats_with_the_same_message_id": repeats if not looked["different"] else 0,
        "rows_listed_as_repeated": len(listed),
        "problems": problems,
    }


def repeated_rows(repeats: Mapping[str, int]) -> list[int]:
    """The deliveries that these Message-IDs name."""
    from urgentaction.deliveries.references import delivery_id_of  # noqa: PLC0415 - only once Django is set up

    numbers = (delivery_id_of(name.strip("<>").partition("@")[0]) for name in repeats)
    return [number for number in numbers if number is not None]


def _listed() -> list[int]:
    from urgentaction.deliveries.models import Delivery  # noqa: PLC0415 - only once Django is set up

    return list(Delivery.objects.filter(repeats__gt=0).values_list("id", flat=True))


def _lives(pid: int) -> bool:
    return _state(pid) not in ("", "Z", "X")


def _state(pid: int) -> str:
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return status.rpartition(")")[2].split()[0]


def main(arguments: list[str] | None = None) -> int:
    """Run it. Returns the exit status."""
    return report.run(measure, options(arguments))


if __name__ == "__main__":
    raise SystemExit(main())
