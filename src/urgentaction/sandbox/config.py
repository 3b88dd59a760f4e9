"""The sandbox's settings, and which addresses and hosts it will touch at all.

Pure: reads what it is handed, opens nothing. The reserved ranges are a second lock behind the project's own live-dial
guard and therefore written down here again, on purpose.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

_RESERVED_TOP_LEVEL = ("invalid", "test", "example")  # RFC 2606, RFC 6761
_RESERVED_DOMAINS = ("example.com", "example.net", "example.org")
_RESERVED_NUMBERS = (
    re.compile(r"\+1[2-9]\d{2}55501\d{2}"),  # North American 555-0100 to 555-0199
    re.compile(r"\+442079460\d{3}"),  # Ofcom's numbers for drama, London
)
E164 = re.compile(r"\+[1-9]\d{6,14}")


class ConfigError(Exception):
    """The sandbox can't start so. The message names the option or variable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything the sandbox is told at its start.

    Attributes:
        allowed_hosts: host names beyond loopback that callbacks and media may use.
        telnyx_seed: 32 bytes of an Ed25519 private key, or None to keep one in `data`.
        sms_inbound_url: where messages of people are posted; empty for nowhere.
        esp_webhook_url: where the mail providers report what became of a mail; empty for nowhere.
        postmark_webhook_login: user and password in that URL, for Postmark, which signs nothing.
        callback_attempts: how often a callback is tried in all.
        callback_pause: seconds before the second try; each further pause is twice as long, ten seconds at most.
    """

    data: Path
    host: str = "127.0.0.1"
    smtp_port: int = 0
    http_port: int = 0
    may_listen_anywhere: bool = False
    allowed_hosts: frozenset[str] = frozenset()
    twilio_account_sid: str = "AC00000000000000000000000000005a0d"
    twilio_auth_token: str = "sandbox-twilio-token"  # noqa: S105 - a test value, refused by the real service
    telnyx_api_key: str = "KEYsandbox-telnyx"
    telnyx_seed: bytes | None = None
    smtp_user: str = "sandbox"
    smtp_password: str = "sandbox"  # noqa: S105 - a test value
    is_auth_required: bool = False
    has_starttls: bool = False
    sms_inbound_url: str = ""
    postmark_server_token: str = "sandbox-postmark-token"  # noqa: S105 - a test value
    postmark_webhook_login: str = "sandbox:sandbox-postmark-webhook"
    mailgun_api_key: str = "sandbox-mailgun-key"
    mailgun_signing_key: str = "sandbox-mailgun-signing-key"
    esp_webhook_url: str = ""
    callback_attempts: int = 10
    callback_pause: float = 0.25

    def __post_init__(self) -> None:
        if not self.may_listen_anywhere and not is_loopback(self.host):
            raise ConfigError(
                f"--host {self.host}: the sandbox listens on loopback only. Give --allow-host as well if this is a "
                "closed network such as a compose file's own."
            )
        if self.is_auth_required and not self.has_starttls:
            raise ConfigError("--smtp-auth needs --smtp-tls: a password that must be given must not go in the clear")

    def may_call(self, url: str) -> bool:
        """Whether a callback or a media request may go to this URL: loopback, or a host named at the start."""
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        return parts.scheme in {"http", "https"} and (is_loopback(host) or host in self.allowed_hosts)


def from_environment(environment: Mapping[str, str]) -> dict[str, str | bytes]:
    """Picks the settings that come from variables; names of fields to values, only those that are set.

    Raises:
        ConfigError: SANDBOX_TELNYX_SEED is not 32 bytes in hex.
    """
    names = {
        "TWILIO_ACCOUNT_SID": "twilio_account_sid",
        "TWILIO_AUTH_TOKEN": "twilio_auth_token",
        "TELNYX_API_KEY": "telnyx_api_key",
        "SANDBOX_SMTP_USER": "smtp_user",
        "SANDBOX_SMTP_PASSWORD": "smtp_password",
        "SANDBOX_SMS_INBOUND_URL": "sms_inbound_url",
        "SANDBOX_ESP_WEBHOOK_URL": "esp_webhook_url",
    }
    found: dict[str, str | bytes] = {field: environment[name] for name, field in names.items() if environment.get(name)}
    if seed := environment.get("SANDBOX_TELNYX_SEED"):
        try:
            found["telnyx_seed"] = bytes.fromhex(seed)
        except ValueError as error:
            raise ConfigError("SANDBOX_TELNYX_SEED must be hexadecimal") from error
        if len(found["telnyx_seed"]) != 32:
            raise ConfigError("SANDBOX_TELNYX_SEED must be 64 hexadecimal digits (32 bytes)")
    return found


@lru_cache
def is_loopback(host: str) -> bool:
    """`localhost` or an address of this machine. Names are not resolved: a name server could say anything."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_reserved_address(address: str) -> bool:
    """Whether a mail address can't belong to a real person (RFC 2606)."""
    domain = address.rpartition("@")[2].lower().rstrip(".")
    return domain.rpartition(".")[2] in _RESERVED_TOP_LEVEL or any(
        domain == name or domain.endswith(f".{name}") for name in _RESERVED_DOMAINS
    )


def is_reserved_number(number: str) -> bool:
    """Whether a number in E.164 is one of those set aside for fiction."""
    return any(pattern.fullmatch(number) for pattern in _RESERVED_NUMBERS)
