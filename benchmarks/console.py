"""Every page of the console in a full house: a million deliveries, 50,000 supporters, 2,000 cases.

Each route that can be read, and each sort order, filter and next page that its lists link to, is asked for by an
administrator in turn, through the whole of Django (sessions, middleware, templates) but without a network. Told are of
each the median and the 95th percentile, the processor time of one answer (ours and the database's, which other work on
the machine changes less than the clock) and the number of queries; the ratios are against a page that reads nothing.
"""

from __future__ import annotations

import argparse
import logging
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from django.urls.converters import IntConverter, UUIDConverter

from benchmarks import report
from benchmarks.frame import Machine, cpu_seconds, has_proc, need
from benchmarks.links import links_of
from benchmarks.report import Result, percentile, progress

#: What the console promises, in milliseconds, and in queries.
AIM_MS, AIM_QUERIES = 100.0, 40
#: Of the links that a list offers to itself so many are followed (sort orders, the next page), and of each filter so
#: many choices are made.
LINKS = 12
#: Pages that answer otherwise than with a page, or do something long on purpose; each with the reason.
LEFT_OUT = {"join": "for somebody without an account"}
#: Neither lists nor pages about one thing, so the aim in milliseconds is not theirs; measured all the same.
OTHERS = {
    "template-preview": "renders whatever somebody wrote in a process of its own, which starts first",
    "deliveries-csv": "writes every row of a mailing",
    "audit-export": "writes every entry",
    "directory-export": "writes the whole directory",
}
#: What a page is asked with that means nothing without.
QUERIES = {"template-put-back": "?to=shipped", "search": "?q=minister", "office-suggestions": "?care_of=minister"}
#: What htmx takes for "don't ask again".
_THE_LAST = 286
_ANYTHING: dict[type, object] = {UUIDConverter: uuid.UUID(int=1), IntConverter: 1}


@dataclass(slots=True)
class Asked:
    """One address and what it cost."""

    route: str
    address: str
    took: list[float] = field(default_factory=list)
    queries: int = 0
    size: int = 0
    #: Of one answer: ours, and the database's (0 without /proc).
    cpu_ms: float = 0
    database_ms: float = 0

    @property
    def p50_ms(self) -> float:
        return percentile(self.took, 0.5) * 1000

    @property
    def p95_ms(self) -> float:
        return percentile(self.took, 0.95) * 1000

    def __str__(self) -> str:
        spent = f"processor {self.cpu_ms:.0f} + {self.database_ms:.0f}"
        return f"{self.p50_ms:.0f} / {self.p95_ms:.0f} ms, {spent} ms, {self.queries} queries"


def options(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = report.parser("console", __doc__)
    parser.add_argument("--deliveries", type=int, default=1_000_000)
    parser.add_argument("--supporters", type=int, default=50_000)
    parser.add_argument("--cases", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=20, help="requests of each address")
    return parser.parse_args(arguments)


def measure(chosen: argparse.Namespace) -> Result:
    """Fill the house; then ask."""
    need(min(chosen.deliveries, chosen.supporters, chosen.cases, chosen.rounds) > 0, "all numbers must be above 0")
    with Machine(()):
        from benchmarks import full_house  # noqa: PLC0415 - only once Django is set up

        with progress() as bar:
            task = bar.add_task("Filling the house", total=chosen.deliveries)
            for done in full_house.fill(chosen):
                bar.update(task, completed=done)
        import urgentaction.conf.wsgi  # noqa: F401, PLC0415 - loads what the web process loads, and as it does

        logging.disable(logging.WARNING)  # deeds refuse to be read
        client = full_house.administrator()
        named = list(addresses(full_house.arguments()))
        with progress() as bar:
            task = bar.add_task("Asking", total=len(named))
            asked = []
            for route, address in named:
                asked += ask_all(client, route, address, rounds=chosen.rounds)
                bar.advance(task)
        empty = ask(client, "empty", "/healthz-not-there/", rounds=chosen.rounds)
    slow = sorted(asked, key=lambda one: -one.p95_ms)
    pages = [one for one in slow if one.route not in OTHERS]
    over = [one for one in pages if one.p95_ms > AIM_MS or one.queries > AIM_QUERIES]
    return Result(
        benchmark="console",
        unit="95th percentile of the slowest page / of a page that reads nothing",
        ratios={"empty page": round(pages[0].p95_ms / empty.p95_ms, 1)},
        figures={
            "addresses": len(asked),
            "slowest_p95_ms": round(pages[0].p95_ms, 1),
            "most_queries": max(one.queries for one in asked),
            "over_the_aim": len(over),
            "empty_page_p95_ms": round(empty.p95_ms, 1),
            "pages": {one.address: str(one) for one in slow[:40]},
            "dearest": {one.address: str(one) for one in sorted(pages, key=_spent, reverse=True)[:20]},
        },
        notes=[f"over the aim: {one.address} {one}" for one in over],
    )


def _spent(one: Asked) -> float:
    return one.cpu_ms + one.database_ms


def addresses(arguments: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every console route, its variables filled in."""
    from django.urls import reverse  # noqa: PLC0415 - only once Django is set up

    from urgentaction.console.urls import urlpatterns  # noqa: PLC0415

    for pattern in urlpatterns:
        name = str(pattern.name)
        if name in LEFT_OUT:
            continue
        filled = {}
        for variable, converter in pattern.pattern.converters.items():
            anything = _ANYTHING.get(type(converter), "x")  # good enough for a deed; a page is then not found
            filled[variable] = arguments.get(f"{name}.{variable}", arguments.get(variable, anything))
        yield name, reverse(f"console:{name}", kwargs=filled) + QUERIES.get(name, "")


def ask_all(client: Any, route: str, address: str, *, rounds: int) -> list[Asked]:
    """An address, and what its lists link to on the same page."""
    body = client.get(address)
    if body.status_code in (HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.FOUND):  # a deed, or it leads to another page
        return []
    first = ask(client, route, address, rounds=rounds)
    more = links_of(body.content.decode(), most=LINKS) if "text/html" in body["Content-Type"] else []
    bare = address.partition("?")[0]
    there = [bare + link for link in more if client.get(bare + link).status_code == HTTPStatus.OK]  # not: no such case
    return [first, *(ask(client, route, one, rounds=max(rounds // 4, 3)) for one in there)]


def ask(client: Any, route: str, address: str, *, rounds: int) -> Asked:
    """One address so many times. Raises BenchmarkFailed where it is not answered with a page."""
    from django.db import connection  # noqa: PLC0415 - only once Django is set up
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    asked = Asked(route, address)
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(address)
    is_answered = answer.status_code in (HTTPStatus.OK, _THE_LAST) or route == "empty"
    need(is_answered, f"{address} is answered with {answer.status_code} ({route})")
    asked.queries = len(queries)
    backend = connection.connection.info.backend_pid if has_proc() else 0
    ours, theirs = time.process_time(), cpu_seconds(backend) if backend else 0
    for _ in range(rounds):
        began = time.perf_counter()
        answer = client.get(address)
        asked.size = len(b"".join(answer) if answer.streaming else answer.content)
        asked.took.append(time.perf_counter() - began)
    asked.cpu_ms = (time.process_time() - ours) * 1000 / rounds
    asked.database_ms = (cpu_seconds(backend) - theirs) * 1000 / rounds if backend else 0
    return asked


def main(arguments: list[str] | None = None) -> int:
    """Run it. Returns the exit status."""
    return report.run(measure, options(arguments))


if __name__ == "__main__":
    raise SystemExit(main())
