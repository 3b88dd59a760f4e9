"""An update is committed while thousands of sends run: what may still leave is one window a worker, and no more."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

import pytest
from django.db import connections

from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction import pipeline
from urgentaction.cases.vocabulary import Status
from urgentaction.channels.contract import Gateway
from urgentaction.deliveries import gateways
from urgentaction.deliveries.claim import Lane
from urgentaction.deliveries.models import Delivery
from urgentaction.deliveries.references import message_id, reference_of


class OnePerWorker(threading.local):
    """Gateways keep connections, so each worker has its own; real workers are processes, ours are threads."""

    def __init__(self) -> None:
        self.open: dict[str, Gateway] = {}

    def __contains__(self, name: str) -> bool:
        return name in self.open

    def __getitem__(self, name: str) -> Gateway:
        return self.open[name]

    def __setitem__(self, name: str, gateway: Gateway) -> None:
        self.open[name] = gateway

    def __bool__(self) -> bool:
        return bool(self.open)

    def popitem(self) -> tuple[str, Gateway]:
        return self.open.popitem()


PEOPLE, WORKERS, WINDOW = 10_000, 3, 10


def test_after_the_updates_commit_at_most_one_window_a_worker_leaves_and_the_correction_goes_to_exactly_those_reached(
    world: World, sandbox: SandboxProgram, settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = OnePerWorker()
    monkeypatch.setattr(gateways, "_open", own)
    settings.MAIL_WINDOW = WINDOW  # type: ignore[attr-defined]
    world.more_supporters(PEOPLE)
    before = max((entry["seq"] for entry in sandbox.ledger()), default=0)
    alert = world.start()
    sent: list[int] = []

    def work() -> None:
        try:
            sent.append(pipeline.send_due(Lane.BULK, seconds=60))
        finally:
            gateways.close_gateways()
            connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    end = time.monotonic() + 30
    while Delivery.objects.filter(alert=alert, state="accepted").count() < 100:
        assert time.monotonic() < end, "the mailing did not get under way"
    followed = world.update(Status.FATE_UNKNOWN)
    committed = datetime.now(UTC)
    for worker in workers:
        worker.join()

    rows = {message_id(reference_of(row.id)): row for row in Delivery.objects.filter(alert=alert, channel="email")}
    taken = [entry for entry in sandbox.ledger(before) if entry["message_id"] in rows]
    assert 100 <= len(taken) < PEOPLE / 2, "the update must come while most of the sending is still ahead"
    late = [entry for entry in taken if datetime.fromisoformat(entry["at"]) > committed]
    assert len(late) <= WORKERS * WINDOW
    stopped_at = type(alert).objects.get(id=alert.id).stopped_at
    assert stopped_at is not None
    for entry in taken:
        intent = rows[entry["message_id"]].intent_at
        assert intent is not None
        assert intent <= committed, "nothing was begun after the commit"

    pipeline.advance_alert(alert.id)
    assert set(Delivery.objects.filter(alert=alert).values_list("state", flat=True)) <= {"accepted", "withdrawn"}
    correction = followed.alerts[0]
    pipeline.advance_alert(correction.id)
    reached = {row.supporter_id for name, row in rows.items() if name in {entry["message_id"] for entry in taken}}
    told = Delivery.objects.filter(alert=correction, channel="email", supporter__isnull=False)
    assert set(told.values_list("supporter_id", flat=True)) == reached - {None}
