"""All benchmarks in turn, each a program of its own; one table of ratios, and everything in var/bench/report.json.

python -m benchmarks                    all of them (`make bench`)
python -m benchmarks fanout pdf         some
python -m benchmarks --quick            small numbers, to see that they run; the ratios mean little
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.report import STDERR, end_in_order, ratio_table, show

#: In this order: the short ones first.
FULL: Mapping[str, tuple[str, ...]] = {
    "pace": (),
    "pdf": (),
    "transport": (),
    "sms": (),
    "receipts": (),
    "console": (),
    "fanout": ("--recipients", "100000"),
    "latency": ("--recipients", "100000"),
    "scale": (),
    "kill": ("--recipients", "100000"),
}
QUICK: Mapping[str, tuple[str, ...]] = {
    "pace": (),
    "pdf": ("--rounds", "5"),
    "transport": ("--messages", "1000"),
    "sms": ("--messages", "500"),
    "receipts": ("--receipts", "500"),
    "console": ("--deliveries", "5000", "--supporters", "1000", "--cases", "50", "--rounds", "3"),
    "fanout": ("--recipients", "2000", "--usual", "300", "--source", "5000"),
    "latency": ("--recipients", "1000", "--updates", "5", "--own", "1"),
    "scale": ("--steps", "500", "2000"),
    "kill": ("--recipients", "2000"),
}
REPORT = Path("var") / "bench" / "report.json"
_PR_SET_PDEATHSIG = 1


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(FULL)}; all by default")
    parser.add_argument("--quick", action="store_true", help="small numbers")
    parser.add_argument("--full", action="store_true", help="`scale` up to a million")
    parser.add_argument("--report", type=Path, default=REPORT)
    chosen = parser.parse_args(arguments)
    if unknown := [name for name in chosen.names if name not in FULL]:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(FULL)}")
    return chosen


def main(arguments: Sequence[str] | None = None) -> int:
    """Run them. Returns the exit status: 0 when all went well, 1 when one failed, 130 when interrupted."""
    chosen = options(arguments)
    end_in_order()
    console = Console(highlight=False)
    results: list[dict[str, Any]] = []
    try:
        for name in chosen.names or FULL:
            STDERR.print(f"== {name}")
            results.append(one(name, arguments_of(name, is_quick=chosen.quick, is_full=chosen.full)))
            if "failed" not in results[-1]:
                show(results[-1], console)
            write(results, chosen.report)
    except KeyboardInterrupt:
        STDERR.print("Stopped. Nothing of it runs any more.")
        return 130
    console.print(ratio_table(results))
    console.print(f"The report is in {chosen.report}")
    return 1 if any("failed" in result for result in results) else 0


def arguments_of(name: str, *, is_quick: bool, is_full: bool) -> list[str]:
    """What a benchmark is started with."""
    given = [*(QUICK if is_quick else FULL)[name], "--json"]
    return [*given, "--full"] if is_full and name == "scale" and not is_quick else given


def one(name: str, arguments: Sequence[str]) -> dict[str, Any]:
    """Run one benchmark as a program. Returns its JSON; where it failed, an entry that says so."""
    began = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-m", f"benchmarks.{name}", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=_end_with_parent,  # noqa: PLW1509 - this program has one thread
    ) as child:
        try:
            output, _ = child.communicate()
        except BaseException:
            child.terminate()  # then it puts its own house in order; the `with` waits for that
            raise
    if child.returncode != 0:
        return {"benchmark": name, "ratios": {}, "failed": f"exit status {child.returncode}; see above"}
    result: dict[str, Any] = json.loads(output)
    return {**result, "took_seconds": round(time.monotonic() - began, 1)}


def write(results: Sequence[Mapping[str, Any]], file: Path) -> None:
    """The report: when, on what, and what each said."""
    file.parent.mkdir(parents=True, exist_ok=True)
    whole = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cpus": os.cpu_count(),
            "system": platform.platform(),
            "python": platform.python_version(),
        },
        "benchmarks": {result["benchmark"]: dict(result) for result in results},
    }
    file.write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _end_with_parent() -> None:
    """Asks Linux for a SIGTERM should this program be killed. prctl(2)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


if __name__ == "__main__":
    raise SystemExit(main())
