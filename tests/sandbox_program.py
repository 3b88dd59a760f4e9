"""The sandbox gateways as a program of their own, for tests: started on free ports, asked through HTTP, ended."""

from __future__ import annotations

import ctypes
import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.asking import ask


@dataclass(slots=True)
class SandboxProgram:
    """A running sandbox. `ready` is what it wrote into its ready file."""

    process: subprocess.Popen[bytes]
    data: Path
    ready: dict[str, Any]

    @classmethod
    def start(cls, data: Path, *, deadline: float = 30) -> SandboxProgram:
        """Start it and wait until it listens."""
        data.mkdir(parents=True, exist_ok=True)
        ready_file = data / "ready.json"
        command = [sys.executable, "-m", "urgentaction.sandbox", "--data", str(data), "--ready-file", str(ready_file)]
        process = subprocess.Popen([*command, "--exit-with-parent"])
        end = time.monotonic() + deadline
        while not ready_file.exists():
            if process.poll() is not None or time.monotonic() > end:
                process.kill()
                raise AssertionError(f"the sandbox did not come up (exit code {process.poll()})")
            time.sleep(0.02)
        return cls(process, data, json.loads(ready_file.read_text()))

    def stop(self) -> None:
        """End it, and wait until it is gone."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def script(self, *rules: dict[str, Any], **rest: Any) -> None:
        """Add fault rules."""
        answer = ask("POST", f"{self.ready['http_url']}/script", json={"rules": list(rules), **rest})
        assert answer.is_success, answer.text

    def forget_script(self) -> None:
        """Remove all fault rules."""
        ask("DELETE", f"{self.ready['http_url']}/script").raise_for_status()

    def ledger(self, since: int = 0) -> list[dict[str, Any]]:
        """What was accepted after entry `since`."""
        return [entry for entry in read_ledger(self.ready["http_url"]) if entry["seq"] > since]

    def gateway_options(self) -> dict[str, dict[str, str]]:
        """Options for our adapters, as `settings.GATEWAYS` holds them."""
        ready = self.ready
        return {
            "smtp": {"host": ready["smtp_host"], "port": str(ready["smtp_port"]), "tls": "none"},
            "telnyx": {
                "base_url": f"{ready['http_url']}/telnyx",
                "api_key": "KEYsandbox-telnyx",
                "connection_id": "sandbox-connection",
                "public_key": ready["telnyx_public_key"],
                "sender": "+442079460101",
            },
            "twilio": {
                "base_url": f"{ready['http_url']}/twilio",
                "account_sid": "AC00000000000000000000000000005a0d",
                "auth_token": "sandbox-twilio-token",
                "sender": "+442079460102",
            },
        }

    def esp_options(self, provider: str = "postmark") -> dict[str, str]:
        """Options for a mail provider's gateway, which is in `gateway_options` only where a test asks for it."""
        options = {
            "postmark": {"api_key": "sandbox-postmark-token", "webhook_secret": "sandbox:sandbox-postmark-webhook"},
            "mailgun": {
                "api_key": "sandbox-mailgun-key",
                "webhook_secret": "sandbox-mailgun-signing-key",
                "sender_domain": "urgentaction.invalid",
            },
        }
        return {"provider": provider, "base_url": f"{self.ready['http_url']}/{provider}", **options[provider]}


def die_with_parent() -> None:
    """For `preexec_fn`: the kernel ends this program when the one that started it is gone (on Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def read_ledger(http_url: str) -> list[dict[str, Any]]:
    """Everything a sandbox's gateways took."""
    answer = ask("GET", f"{http_url}/ledger.json", params={"since": 0}).json()
    entries: list[dict[str, Any]] = answer["entries"] if isinstance(answer, dict) else answer
    return entries
