"""Updates that keep coming while things break, so that there is always something to lose.

They are reported through the API, by a thread, as a monitoring organisation's program would: with an idempotency key,
and again with the same key until an answer comes. Some overtake an alert that is still being sent.
"""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx

from tests.chaos import reading, world

_STATUS_PAUSE = 0.3
_STUCK_SECONDS = 8.0


class Traffic:
    """Reports an update whenever fewer than `low` deliveries are on their way.

    Args:
        base_url, database_url: of the stack.
        token: an API token that may report updates.
        chance: decides which case and what happened to it.
        low: below how many deliveries under way the next update is reported.
        most: how many deliveries there may be in all before it stops by itself; None: no end.
    """

    def __init__(
        self,
        base_url: str,
        database_url: str,
        *,
        token: str,
        chance: random.Random,
        size: world.Size,
        low: int = 120,
        most: int | None = None,
    ) -> None:
        self._database_url = database_url
        self._chance = chance
        self._size = size
        self._low, self._most = low, most
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)
        self._client = httpx.Client(
            base_url=base_url, trust_env=False, timeout=20, headers={"Authorization": f"Bearer {token}"}
        )
        self._latest: int | None = None  # the case that the latest update of its own was about
        #: What was answered with 201: these alerts must exist at the end, whatever was killed meanwhile.
        self.promised: list[str] = []
        self.failures: list[str] = []
        self.repeated = 0

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """No further update is begun; waits until the last one has its answer."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(120)
        self._client.close()

    @property
    def is_running(self) -> bool:
        """Whether more updates may come."""
        return self._thread.is_alive()

    def report(self, number: int, status: str) -> list[str]:
        """Report one update of the n-th case; asks again until it is answered. Returns the alerts it made."""
        body = {"status": status, "confidence": "confirmed", "as_of": datetime.now(UTC).date().isoformat()}
        path, key = f"/api/v1/cases/{world.reference(number)}/updates", str(uuid.uuid4())
        answer = self._until_answered(lambda: self._client.post(path, json=body, headers={"Idempotency-Key": key}))
        if answer is None:
            return []
        made = [alert["id"] for alert in answer["alerts"]]
        self.promised += made
        return made

    def _until_answered(self, post: Callable[[], httpx.Response]) -> dict[str, Any] | None:
        while True:
            try:
                answer = post()
            except httpx.HTTPError:
                answer = None
            if answer is not None and answer.status_code == 201:
                return dict(answer.json())
            if answer is not None and answer.status_code < 500:
                self.failures.append(f"{answer.status_code}: {answer.text[:200]}")
                return None
            self.repeated += 1
            if self._over.wait(_STATUS_PAUSE) and self.repeated > 10_000:
                return None

    def _run(self) -> None:
        before: dict[str, int] = {}
        moved_at = time.monotonic()
        while not self._over.wait(_STATUS_PAUSE):
            found = reading.states(self._database_url)
            if found is None:
                continue
            if found != before:
                before, moved_at = found, time.monotonic()
            if self._most is not None and sum(found.values()) >= self._most:
                return
            is_stuck = time.monotonic() - moved_at > _STUCK_SECONDS  # a gateway is left alone: others have work
            if sum(found.get(state, 0) for state in ("queued", "leased", "sending")) >= self._low and not is_stuck:
                continue
            # An update on the heels of another leaves nothing to send of the first: not always, but sometimes.
            if not reading.waiting_alerts(self._database_url) or self._chance.random() < 0.05:
                self.report(*self._next())

    def _next(self) -> tuple[int, str]:
        """A new case, or news of one: more often than not of the latest, whose alert is still going out."""
        if self._latest is None or self._chance.random() > 0.35:
            self._latest = self._chance.randrange(self._size.cases)
        elif self._chance.random() < 0.5:
            return self._latest, world.FOLLOW_UP
        return self._latest, self._chance.choice(world.APPEALS)
