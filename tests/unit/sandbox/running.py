"""A running sandbox and a small web server in the place of ours, for the tests of this folder."""

from __future__ import annotations

import io
import json
import os
import signal
import smtplib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import httpx
from PIL import Image, ImageDraw
from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.rest import Client

import urgentaction
from urgentaction.sandbox.config import Config
from urgentaction.sandbox.ledger import Entry, read

_DEFAULTS = Config(data=Path())
SID, TOKEN, API_KEY = _DEFAULTS.twilio_account_sid, _DEFAULTS.twilio_auth_token, _DEFAULTS.telnyx_api_key
SEED = "5a" * 32

T = TypeVar("T")


def eventually(look: Callable[[], T], *, within: float = 15) -> T:
    """Looks again and again until something true is seen; the deadline is for slow machines."""
    deadline = time.monotonic() + within
    while not (seen := look()):
        assert time.monotonic() < deadline, f"not within {within} s: {look}"
        Event().wait(0.01)
    return seen


@dataclass
class Sandbox:
    """One running program."""

    process: subprocess.Popen[str]
    data: Path
    ready: dict[str, Any]
    http: httpx.Client

    def smtp(self) -> smtplib.SMTP:
        return smtplib.SMTP(self.ready["smtp_host"], self.ready["smtp_port"], local_hostname="client.test", timeout=10)

    def twilio(self, *, timeout: float = 10) -> Client:
        return Client(SID, TOKEN, http_client=Redirected(self.ready["twilio_url"], timeout))

    def sms(self, to: str, callback: str = "", body: str = "hello", **more: str) -> httpx.Response:
        """A raw request for a text message."""
        data = {"To": to, "From": "+12025550100", "Body": body, "StatusCallback": callback, **more}
        url = f"/twilio/2010-04-01/Accounts/{SID}/Messages.json"
        return self.http.post(url, data={key: value for key, value in data.items() if value}, auth=(SID, TOKEN))

    def fax(self, to: str, media_url: str, **more: Any) -> httpx.Response:
        body = {"connection_id": "7", "from": "+12025550100", "to": to, "media_url": media_url, **more}
        return self.http.post("/telnyx/v2/faxes", json=body, headers={"authorization": f"Bearer {API_KEY}"})

    def fax_status(self, fax_id: str) -> dict[str, Any]:
        answer = self.http.get(f"/telnyx/v2/faxes/{fax_id}", headers={"authorization": f"Bearer {API_KEY}"})
        found: dict[str, Any] = answer.raise_for_status().json()["data"]
        return found

    def script(self, channel: str, address: str, *steps: Any, then: str = "ok", **more: Any) -> None:
        rule = {"channel": channel, "address": address, "steps": list(steps), "then": then}
        self.http.post("/script", json={"rules": [rule], **more}).raise_for_status()

    def entries(self, to: str) -> list[Entry]:
        return [entry for entry in read(self.data / "ledger.jsonl") if entry.to == to]

    def events(self, kind: str, ref: str) -> list[dict[str, Any]]:
        lines = (self.data / "events.jsonl").read_text().splitlines()
        events = [json.loads(line) for line in lines]
        return [event for event in events if event["kind"] == kind and event["ref"] == ref]


class Redirected(HttpClient):
    """The SDK's way out, pointed at the sandbox."""

    def __init__(self, base: str, timeout: float) -> None:
        self._base, self._timeout = base, timeout

    def request(
        self,
        method: str,
        uri: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,  # noqa: FBT001, FBT002 - the SDK's signature
    ) -> Response:
        url = uri.replace("https://api.twilio.com", self._base)
        with httpx.Client(trust_env=False, verify=False, timeout=self._timeout) as client:
            query = {name: str(value) for name, value in (params or {}).items()}
            answer = client.request(method, url, params=query or None, data=data, auth=auth)
        return Response(answer.status_code, answer.text, answer.headers)


def command(data: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "urgentaction.sandbox", "--data", str(data), *arguments]


def environment(**more: str) -> dict[str, str]:
    """The program must be found whether or not the project is installed."""
    source = str(Path(urgentaction.__file__).parents[1])
    return {**os.environ, "PYTHONPATH": source, "SANDBOX_TELNYX_SEED": SEED, **more}


@contextmanager
def running(data: Path, *arguments: str, env: Mapping[str, str] | None = None) -> Iterator[Sandbox]:
    data.parent.mkdir(parents=True, exist_ok=True)
    ready = data.parent / f"{data.name}.ready.json"
    ready.unlink(missing_ok=True)
    process = subprocess.Popen(
        command(data, "--ready-file", str(ready), "--exit-with-parent", *arguments),
        env=environment(**(env or {})),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        eventually(lambda: ready.exists() or process.poll() is not None)
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        told = json.loads(ready.read_text())
        with httpx.Client(base_url=told["http_url"], trust_env=False, verify=False, timeout=20) as client:
            yield Sandbox(process, data, told, client)
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=15)
    assert errors == "", errors
    assert process.returncode in {0, -signal.SIGKILL}


@dataclass
class Received:
    """One request that came to the hooks."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @property
    def json(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed


@dataclass
class Hooks:
    """Our side: takes callbacks, serves documents. `failures` answers 503 that many times first."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    documents: dict[str, tuple[int, str, bytes]] = field(default_factory=dict)
    failures: int = 0

    def at(self, path: str) -> list[Received]:
        return [request for request in self.received if request.path == path]

    def statuses(self, path: str) -> list[str]:
        return [request.form["MessageStatus"] for request in self.at(path)]

    def event_types(self, path: str) -> list[str]:
        return [request.json["data"]["event_type"] for request in self.at(path)]


@contextmanager
def listening(port: int = 0) -> Iterator[Hooks]:
    hooks = Hooks()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            hooks.received.append(Received(self.path, headers, body))
            status = 503 if hooks.failures > 0 else 204
            hooks.failures -= 1
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            status, kind, content = hooks.documents.get(self.path, (404, "text/plain", b"no"))
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(content)))
            if status == 302:
                self.send_header("location", "/letter.pdf")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    hooks.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hooks
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@cache
def letter_pdf(pages: int = 2) -> bytes:
    """A letter-like PDF; drawn, because no text tool may be assumed here."""
    sheets = []
    for number in range(1, pages + 1):
        sheet = Image.new("L", (1240, 1754), 255)  # A4 at 150 dpi
        pen = ImageDraw.Draw(sheet)
        pen.rectangle((100, 100, 1140, 130), fill=0)
        for row in range(200, 1600, 36):
            pen.text((120, row), f"Page {number}: the refugees must not be returned against their will.", fill=0)
        sheets.append(sheet)
    out = io.BytesIO()
    sheets[0].save(out, format="PDF", resolution=150, save_all=True, append_images=sheets[1:])
    return out.getvalue()


def mail(to: str, *, subject: str = "Urgent", message_id: str = "<one@mail.test>") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Urgent Action <alerts@mail.test>"
    message["To"] = to
    message["Subject"] = subject
    message["Message-ID"] = message_id
    message.set_content("Dear President,\n\n.a line that begins with a dot\n")
    return message
