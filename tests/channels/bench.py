"""What the contract suite needs to know of each gateway to put the same questions to all of them."""

from __future__ import annotations

import dataclasses
import itertools
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.asking import ask
from tests.unit.channels.samples import FAX, MAIL, SMS
from urgentaction.channels.contract import Callback, Gateway, GatewayConfig, Mode, Outgoing, RetryClass
from urgentaction.channels.registry import build

_numbers = itertools.count()


def fresh_number() -> str:
    """A reserved number no other test uses."""
    area, line = divmod(next(_numbers), 100)
    return f"+1{202 + area}55501{line:02}"


def fresh_address() -> str:
    return f"person{next(_numbers)}@office.invalid"


@dataclass(frozen=True)
class Sandbox:
    """The running stand-in gateways."""

    ready: Mapping[str, Any]

    def script(self, channel: str, address: str, *steps: object, then: str = "ok") -> None:
        rule = {"channel": channel, "address": address, "steps": list(steps), "then": then}
        ask("POST", f"{self.ready['http_url']}/script", json={"rules": [rule]}).raise_for_status()

    def accepted(self, address: str = "") -> list[dict[str, Any]]:
        """Ledger entries for an address, or all of them."""
        ledger = ask("GET", f"{self.ready['http_url']}/ledger.json").raise_for_status().json()
        return [entry for entry in ledger["entries"] if not address or entry["to"] == address]


@dataclass
class Ear:
    """Our side of the gateways' requests: hands out a PDF at /letter.pdf, keeps every callback as it came."""

    pdf: bytes
    heard: deque[Callback] = field(default_factory=deque)
    news: threading.Condition = field(default_factory=threading.Condition)
    url: str = ""

    def wait_for(self, is_wanted: Callable[[list[Callback]], bool], *, seconds: float = 20) -> list[Callback]:
        with self.news:
            assert self.news.wait_for(lambda: is_wanted(list(self.heard)), timeout=seconds), list(self.heard)
            return list(self.heard)

    def server(self) -> ThreadingHTTPServer:
        ear = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's signature
                del format, args

            def _answer(self, status: int, content_type: str = "", body: bytes = b"") -> None:
                self.send_response(status)
                if content_type:
                    self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self) -> None:
                self._answer(200, "application/pdf", ear.pdf)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                now = datetime.now(UTC)
                with ear.news:
                    ear.heard.append(Callback(url=ear.url + self.path, headers=headers, body=body, received_at=now))
                    ear.news.notify_all()
                self._answer(204)

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        ear.url = f"http://127.0.0.1:{server.server_port}"
        return server


@dataclass(frozen=True)
class Bench:
    """One gateway on the bench.

    Attributes:
        options: what it is built from; `wrong` is changed for wrong credentials, `nowhere` for a dead host.
        refusal: a scripted step that refuses for good, and what must come out.
        throttle: a scripted step that asks to slow down.
        is_body_signed: whether the signature of a callback covers all of it.
        tells_progress: whether callbacks come also before the last word.
        sandbox_url: of a gateway that is told for good where to report, and not with each message.
    """

    kind: str
    options: Mapping[str, str]
    wrong: Mapping[str, str]
    nowhere: Mapping[str, str]
    sample: Outgoing
    refusal: tuple[object, RetryClass, str]
    throttle: object
    is_body_signed: bool = True
    tells_progress: bool = True
    sandbox_url: str = ""

    @property
    def channel(self) -> str:
        return {"esp": "email", "smtp": "email", "telnyx": "fax", "twilio": "sms"}[self.kind]

    def gateway(self, changed: Mapping[str, str] | None = None, *, mode: Mode = Mode.SANDBOX) -> Gateway:
        options = {**self.options, **(changed or {})}
        return build(GatewayConfig(name=self.kind, kind=self.kind, mode=mode, options=options))

    def outgoing(self, ear: Ear) -> Outgoing:
        """A message to somebody no other test writes to."""
        if self.sandbox_url:
            script = {"inbound": {"esp_url": f"{ear.url}/hooks/{self.kind}/"}}
            ask("POST", f"{self.sandbox_url}/script", json=script).raise_for_status()
        number = next(_numbers)
        to = fresh_address() if self.channel == "email" else fresh_number()
        reference = f"d-{number:06}"
        changes: dict[str, Any] = {"reference": reference, "to": to}
        if self.channel == "email":
            changes["message_id"] = f"<{reference}@urgentaction.invalid>"
        else:
            changes["callback_url"] = f"{ear.url}/hooks/{self.kind}/?ref={reference}"
        if self.channel == "fax":
            changes["media_url"] = f"{ear.url}/letter.pdf"
        return dataclasses.replace(self.sample, **changes)


def benches(ready: Mapping[str, Any]) -> dict[str, Bench]:
    """By registered kind."""
    smtp = {"host": ready["smtp_host"], "port": str(ready["smtp_port"]), "tls": "starttls"}
    return {
        "smtp": Bench(
            kind="smtp",
            options={**smtp, "username": "sandbox", "password": "sandbox"},
            wrong={"password": "wrong"},
            nowhere={"port": "1"},
            sample=MAIL,
            refusal=({"smtp": "550 5.1.1 no such user"}, RetryClass.NEVER, "5.1.1"),
            throttle={"smtp": "450 4.7.28 slow down"},
        ),
        "esp": Bench(
            kind="esp",
            options={
                "provider": "postmark",
                "base_url": ready["postmark_url"],
                "api_key": "sandbox-postmark-token",
                "webhook_secret": "sandbox:sandbox-postmark-webhook",
            },
            wrong={"api_key": "wrong"},
            nowhere={"base_url": "http://127.0.0.1:1"},
            sample=MAIL,
            refusal=({"http": 422, "code": 406}, RetryClass.NEVER, "406"),
            throttle={"http": 429, "retry_after": 7},
            is_body_signed=False,
            tells_progress=False,
            sandbox_url=ready["http_url"],
        ),
        "telnyx": Bench(
            kind="telnyx",
            options={
                "base_url": ready["telnyx_url"],
                "api_key": "KEYsandbox-telnyx",
                "connection_id": "1",
                "public_key": ready["telnyx_public_key"],
                "sender": "+12025550100",
            },
            wrong={"api_key": "wrong"},
            nowhere={"base_url": "http://127.0.0.1:1"},
            sample=FAX,
            refusal=({"http": 422, "code": 10016}, RetryClass.NEVER, "10016"),
            throttle={"http": 429, "retry_after": 7},
        ),
        "twilio": Bench(
            kind="twilio",
            options={
                "base_url": ready["twilio_url"],
                "account_sid": "AC00000000000000000000000000005a0d",
                "auth_token": "sandbox-twilio-token",
                "messaging_service_sid": "MG00000000000000000000000000000001",
            },
            wrong={"auth_token": "wrong"},
            nowhere={"base_url": "http://127.0.0.1:1"},
            sample=SMS,
            refusal=({"http": 400, "code": 21614}, RetryClass.NEVER, "21614"),
            throttle={"http": 429, "retry_after": 7},
        ),
    }
