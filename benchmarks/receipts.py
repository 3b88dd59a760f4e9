"""Receipts at volume: what a callback costs against an empty view, and a batch against one receipt at a time.

Both views are served by the product's own web process in turn, over connections that stay open. The callbacks are
signed as Twilio signs them, each about another delivery of one mailing. Then as many stored receipts are applied, in
batches and one by one, to rows of the same kind. The database is durable, as in production.
"""

from __future__ import annotations

import argparse
import contextlib
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlencode

from benchmarks.frame import Machine, need, until
from benchmarks.report import Result, parser, progress, run
from urgentaction.cli import programs

ROUNDS = 4
CONNECTIONS = 4
#: One by one is slow: it is asked of fewer.
SHARE_ALONE = 5

TOKEN = "benchmark-token"  # noqa: S105 - of nobody
ENVIRONMENT = {
    "URGENTACTION_PUBLIC_URL": "http://127.0.0.1",
    "URGENTACTION_TWILIO_BASE_URL": "http://127.0.0.1:1",
    "URGENTACTION_TWILIO_ACCOUNT_SID": "AC00000000000000000000000000000001",
    "URGENTACTION_TWILIO_AUTH_TOKEN": TOKEN,
    "URGENTACTION_TWILIO_SENDER": "+442079460102",
}

_SUPPORTERS = """
INSERT INTO supporters_supporter (id, name, email, phone, language, time_zone, wants_email, wants_sms,
    may_override_quiet_hours, consented_at, consent_source, created_at)
SELECT gen_random_uuid(), '', '', '', 'en', 'UTC', false, true, false, ua_now(), 'benchmark', ua_now()
FROM generate_series(1, %s)
"""
_DELIVERIES = """
INSERT INTO deliveries_delivery (alert_id, role, supporter_id, channel, step, priority, state, reason, created_at,
    due_at, attempts, refusals, questions, repeats, retry_class, gateway, gateway_ref, intent_at, accepted_at)
SELECT %s, 'supporter', id, 'sms', 1, 2, 'accepted', '', ua_now(), ua_now(), 1, 0, 0, 0, '', 'twilio',
    'SM' || row_number() OVER (), ua_now(), ua_now()
FROM supporters_supporter
"""
_ATTEMPTS = """
INSERT INTO deliveries_attempt (delivery_id, number, gateway, channel, started_at, ended_at, outcome, retry_class,
    code, text, gateway_ref, is_fault)
SELECT id, 1, gateway, channel, ua_now(), ua_now(), 'accepted', '', '', '', gateway_ref, false FROM deliveries_delivery
"""
_RECEIPTS = """
INSERT INTO receipts_receipt (id, gateway, event_id, kind, ref, reference, retry_class, code, text, address, raw,
    received_at, effect, failures)
SELECT gen_random_uuid(), 'twilio', 'seed:' || reference, 'delivered', ref, reference, '', 'delivered', '', '',
    convert_to(repeat('x', 400), 'UTF8'), ua_now(), '', 0
FROM unnest(%s::text[], %s::text[]) AS told (ref, reference)
"""


def measure(chosen: argparse.Namespace) -> Result:
    with Machine((), environment=ENVIRONMENT) as machine, progress() as bar:
        alone = max(chosen.receipts // SHARE_ALONE, 100)
        names = seeded(chosen.receipts + alone)
        step = bar.add_task("Callbacks", total=ROUNDS)
        with web(machine) as port:
            references = [reference for _, reference in names[: chosen.receipts]]
            stored, empty = requests(port, references, tell=lambda: bar.advance(step))
        step = bar.add_task("Applying", total=2)
        in_batches, one_by_one = applied(names, alone, tell=lambda: bar.advance(step))
    return Result(
        benchmark="receipts",
        unit="callbacks, and receipts applied, a second",
        ratios={"empty view": stored / empty, "one at a time": in_batches / one_by_one},
        rate=in_batches,
        figures={
            "receipts": chosen.receipts,
            "callbacks_per_second": stored,
            "empty_view_per_second": empty,
            "applied_one_by_one_per_second": one_by_one,
        },
    )


# --- Rows -------------------------------------------------------------------------------------------------------------


def seeded(count: int) -> list[tuple[str, str]]:
    """So many accepted messages of one alert. Returns the gateway's and our name for each."""
    from django.db import connection, transaction  # noqa: PLC0415 - only once the machine stands

    from urgentaction.alerts.models import Alert  # noqa: PLC0415
    from urgentaction.cases.models import Case  # noqa: PLC0415
    from urgentaction.core import clock  # noqa: PLC0415
    from urgentaction.deliveries.models import Delivery  # noqa: PLC0415
    from urgentaction.deliveries.references import reference_of  # noqa: PLC0415

    with transaction.atomic(), connection.cursor() as cursor:
        case = Case.objects.create(reference="UA-2026-9001", titles={}, subjects={}, created_at=clock.now())
        alert = Alert.objects.create(
            number="UA-2026-9001/1",
            case=case,
            kind="manual",
            priority=2,
            state="running",
            fence=case.version,
            rule="benchmark",
            plan={},
            languages=["en"],
            drafted_by="benchmark",
            created_at=clock.now(),
        )
        cursor.execute(_SUPPORTERS, [count])
        cursor.execute(_DELIVERIES, [alert.id])
        cursor.execute(_ATTEMPTS)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return [(ref, reference_of(key)) for key, ref in Delivery.objects.order_by("id").values_list("id", "gateway_ref")]


def applied(names: Sequence[tuple[str, str]], alone: int, *, tell: Callable[[], object]) -> tuple[float, float]:
    """Receipts a second: in batches, and one by one; each about another delivery."""
    from urgentaction.receipts import service  # noqa: PLC0415
    from urgentaction.receipts.models import Receipt  # noqa: PLC0415

    def rate(told: Sequence[tuple[str, str]], apply: Callable[[], object]) -> float:
        Receipt.objects.all().delete()
        store(told)
        started = time.perf_counter()
        apply()
        elapsed = time.perf_counter() - started
        done = Receipt.objects.filter(effect="accepted → delivered").count()
        need(done == len(told), f"{done} of {len(told)} receipts were applied")
        tell()
        return len(told) / elapsed

    many, few = names[:-alone], names[-alone:]
    one_by_one = rate(few, lambda: [service.apply_receipt(one) for one in service.pending(len(few))])
    return rate(many, lambda: service.apply_pending(len(many), seconds=600)), one_by_one


def store(told: Sequence[tuple[str, str]]) -> None:
    from django.db import connection  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute(_RECEIPTS, [[ref for ref, _ in told], [reference for _, reference in told]])
        cursor.execute("ANALYZE receipts_receipt")


# --- Requests ---------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def web(machine: Machine) -> Iterator[int]:
    """The product's web process, by the product's own command but for the one view more."""
    port = programs.free_port()
    command = ["benchmarks.empty_view" if word == "urgentaction.conf.wsgi" else word for word in programs.web(port)]
    log = machine.folder / "web.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            env=machine.stack.environment,
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        is_up = until(lambda: programs.answers(port) or process.poll() is not None, seconds=30)
        need(is_up and process.poll() is None, f"the web process did not come up: …{log.read_text()[-500:]}")
        yield port
    finally:
        process.communicate()  # its standard input ends, and so does it


def requests(port: int, references: Sequence[str], *, tell: Callable[[], object]) -> tuple[float, float]:
    """Requests a second: callbacks, each with another event, and the empty view, in turn."""
    callbacks = [signed(reference) for reference in references]
    size = len(callbacks) // ROUNDS
    empty = [post("/empty/", b"x=1", {})] * size
    asked(port, empty[: size // 4], 204)
    asked(port, [signed(f"warm-{number}") for number in range(size // 4)], 200)
    rates = []
    for turn in range(ROUNDS):
        ours = asked(port, callbacks[turn * size : (turn + 1) * size], 200)
        rates.append((ours, asked(port, empty, 204)))
        tell()
    return statistics.median(one for one, _ in rates), statistics.median(other for _, other in rates)


def signed(reference: str) -> bytes:
    """A callback as Twilio makes it."""
    from twilio.request_validator import RequestValidator  # noqa: PLC0415

    path = f"/hooks/twilio/?ref={reference}"
    form = {
        "AccountSid": ENVIRONMENT["URGENTACTION_TWILIO_ACCOUNT_SID"],
        "ApiVersion": "2010-04-01",
        "From": ENVIRONMENT["URGENTACTION_TWILIO_SENDER"],
        "MessageSid": f"SM-{reference}",
        "MessageStatus": "delivered",
        "RawDlrDoneDate": "2612241200",
        "SmsSid": f"SM-{reference}",
        "SmsStatus": "delivered",
        "To": "+442079460999",
    }
    signature = RequestValidator(TOKEN).compute_signature(ENVIRONMENT["URGENTACTION_PUBLIC_URL"] + path, form)
    return post(path, urlencode(form).encode(), {"X-Twilio-Signature": signature})


def post(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """A request, as bytes (RFC 9112)."""
    told = {
        "Host": "127.0.0.1",
        "Content-Type": "application/x-www-form-urlencoded",
        "Content-Length": str(len(body)),
        **headers,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


def asked(port: int, made: Sequence[bytes], status: int) -> float:
    """Requests a second, over a few connections. Raises BenchmarkFailed where an answer is not `status`."""
    faults: list[str] = []
    threads = [
        threading.Thread(target=_ask, args=(port, made[number::CONNECTIONS], status, faults))
        for number in range(CONNECTIONS)
    ]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - started
    need(not faults, f"a request was answered with {faults[:1]}")
    return len(made) / elapsed


def _ask(port: int, made: Sequence[bytes], status: int, faults: list[str]) -> None:
    """One connection. An answer has no body, or a short one with its length told."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as wire, wire.makefile("rb") as answers:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for one in made:
            wire.sendall(one)
            first, length = answers.readline(), 0
            while (line := answers.readline()) not in (b"\r\n", b""):
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            answers.read(length)
            if not first.startswith(f"HTTP/1.1 {status} ".encode()):
                faults.append(first.decode("latin-1") or "nothing")
                return


def main(arguments: Sequence[str] | None = None) -> int:
    made = parser("receipts", __doc__)
    made.add_argument("--receipts", type=int, default=5000, help="callbacks, and receipts to apply (default: 5000)")
    return run(measure, made.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
