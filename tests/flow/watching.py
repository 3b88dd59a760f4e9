"""What tests of the watchman share: a webhook to be called, trouble to be seen, a watchman in the test's own thread."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TypeVar

from tests.flow.world import World
from urgentaction.alerts.models import Alert, AlertState, StandingApproval
from urgentaction.cases.vocabulary import Status
from urgentaction.core import clock
from urgentaction.incidents.oncall import Contacts
from urgentaction.incidents.watchman import Aside, Watchman

T = TypeVar("T")


class Sink:
    """What a webhook of the people on call takes; `status` is what it answers."""

    def __init__(self) -> None:
        self.calls: list[dict[str, str]] = []
        self.status = 204
        sink = self

        class Taker(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if sink.status < 300:
                    sink.calls.append(body)
                self.send_response(sink.status)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Taker)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/secret-path"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def told(self, key: str) -> list[str]:
        return [call["status"] for call in self.calls if call["key"] == key]


class Here(Aside):
    """Works in the test's own thread and transaction."""

    def run(self, work: Callable[[], T], *, seconds: float) -> T:
        return work()


def begun(contacts: Contacts, *, ago: float = 3600) -> Watchman:
    """A watchman that has been looking for so many seconds already."""
    return Watchman(contacts, _begun=time.monotonic() - ago, _aside=Here())


def until(what: str, is_true: Callable[[], bool], *, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.05)


def draft(world: World, *, age: timedelta) -> Alert:
    """A draft of level 1 that has waited that long."""
    StandingApproval.objects.all().delete()
    alert = world.update(Status.RETURN_IMMINENT).alerts[0]
    assert alert.state in {AlertState.DRAFT, AlertState.AWAITING_APPROVAL}
    Alert.objects.filter(id=alert.id).update(created_at=clock.now() - age)
    return alert


def look_twice(watchman: Watchman) -> dict[str, str]:
    """Open incidents after two looks: key → what is said."""
    watchman.look()
    watchman.look()
    return {key: one.trouble.what for key, one in watchman.standings.items() if one.is_open}
