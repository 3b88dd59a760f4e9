"""What asking for pace costs, as a ratio to one bare INCR on the same Valkey in the same run."""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import time
from collections.abc import Callable
from datetime import timedelta

import redis
from django.conf import settings

from benchmarks import report
from benchmarks.frame import forget_environment, new_folder
from benchmarks.report import Result
from urgentaction.channels.roster import roster
from urgentaction.deliveries import pace
from urgentaction.embedded.valkey import ValkeyServer

ROUNDS, CALLS = 7, 400


def measure(_chosen: argparse.Namespace) -> Result:
    """Each question in turn, and the last one without a broker."""
    forget_environment()
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    logging.getLogger(pace.__name__).setLevel(logging.ERROR)
    keys = {"host": "127.0.0.1", "per_second": "1000000", "domain_per_minute": "1000000"}
    roomy, full = roster({"smtp": keys})["smtp"], roster({"smtp": {**keys, "per_second": "0.001"}})["smtp"]
    free = roster({"smtp": {"host": "127.0.0.1"}})["smtp"]
    window = [f"person{number}@office{number % 5}.invalid" for number in range(20)]
    asked: dict[str, Callable[[], object]] = {
        "take: no limit": lambda: pace.take(free, 20),
        "take: 20 granted": lambda: pace.take(roomy, 20),
        "take: nothing left": lambda: pace.take(full, 20),
        "take_domain: one": lambda: pace.take_domain(roomy, window[0]),
        "domain_wait: a window of 20": lambda: pace.domain_wait("smtp", window),
    }
    with new_folder() as folder:
        server = ValkeyServer(folder / "valkey", durable=False)
        settings.REDIS_URL = server.start()
        try:
            with redis.Redis.from_url(settings.REDIS_URL) as client:
                pace.take(full, 1)
                pace.pause_domain("smtp", window[0], timedelta(hours=1))
                ratios, unit = compare(lambda: client.incr("counter"), asked)
            server.kill()
            ratios["take: without the broker"] = seconds(lambda: pace.take(roomy, 20)) / unit
        finally:
            pace.close()
            server.stop()
    return Result(
        benchmark="pace",
        unit="one call / one INCR",
        ratios={name: round(ratio, 2) for name, ratio in ratios.items()},
        figures={"incr_us": round(unit * 1e6, 1)},
    )


def compare(base: Callable[[], object], asked: dict[str, Callable[[], object]]) -> tuple[dict[str, float], float]:
    """Each in turn with the base, so that a busy machine slows both. Returns ratios, and the base's seconds a call."""
    found = {}
    for name, call in asked.items():
        ratios = []
        for _ in range(ROUNDS):
            unit = seconds(base)
            ratios.append(seconds(call) / unit)
        found[name] = statistics.median(ratios)
    return found, seconds(base)


def seconds(call: Callable[[], object]) -> float:
    """How long one call takes, over CALLS of them."""
    call()
    started = time.perf_counter()
    for _ in range(CALLS):
        call()
    return (time.perf_counter() - started) / CALLS


def main(arguments: list[str] | None = None) -> int:
    """Run it. Returns the exit status."""
    return report.run(measure, report.parser("pace", __doc__).parse_args(arguments))


if __name__ == "__main__":
    raise SystemExit(main())
