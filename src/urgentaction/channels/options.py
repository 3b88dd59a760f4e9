"""What a gateway is built from: its options, declared once, checked at the start, secrets kept out of sight.

Owns `Option`, `Options`, `Acknowledgement` and `GatewayKind`. Knows the names of the environment variables, and of the
keys in the gateways file, only to name them in errors; it reads neither.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Protocol
from urllib.parse import urlsplit

from urgentaction.channels import guard
from urgentaction.channels.contract import Capabilities, Channel, Gateway, GatewayConfig, Mode
from urgentaction.core.errors import ConfigurationError, SandboxRefusal

#: Shared by all gateways, so its variable carries no gateway's name.
ALLOW_HOSTS = "allow_hosts"
#: Seconds that an HTTP gateway may take to answer; likewise shared.
TIMEOUT = "gateway_timeout_seconds"
SHARED = frozenset({ALLOW_HOSTS, TIMEOUT})
#: What a gateway may be called.
NAME = re.compile(r"[a-z0-9-]{1,40}")
#: Says which options stand in the gateways file, for messages: their names with spaces between, or EVERY_KEY for a
#: gateway that is configured nowhere else. Without it all of them are environment variables.
FILE_KEYS = "_file"
EVERY_KEY = "*"


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a gateway: all values are text, and an empty one counts as missing."""

    name: str
    help: str
    default: str = ""
    is_required: bool = False
    is_secret: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Setting:
    """An option as staff may see it: `value` is empty for a secret. `where`: the variable or file's key to change."""

    name: str
    help: str
    value: str
    is_secret: bool
    is_set: bool
    where: str


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What a gateway hears, as an HTTP answer, when its callback has been taken. Most of them read the status only."""

    status: HTTPStatus = HTTPStatus.NO_CONTENT
    content: bytes = b""
    content_type: str = "text/plain"


class GatewayClass(Protocol):
    """A gateway's class: what its gateways can do, and how one is made."""

    @property
    def capabilities(self) -> Capabilities:
        """Before options narrow them."""

    def __call__(self, options: Options, /) -> Gateway:
        """A gateway, with no connection open yet."""


@dataclass(frozen=True, slots=True)
class GatewayKind:
    """A registry line: the kind's name, its channel, its options, and its gateway.

    Attributes:
        load: imports and returns the gateway's class, which is made of `Options`. What it brings along, a vendor's SDK
            say, costs only those processes that build one.
        attempt_limits: codes after which only so many tries in all make sense, whatever their retry class.
        about_us: codes that blame our account or sender, also where they come by receipt (`Refused.is_about_us`).
        acknowledgement: the answer to its callbacks.
    """

    kind: str
    channel: Channel
    options: tuple[Option, ...]
    load: Callable[[], GatewayClass]
    attempt_limits: Mapping[str, int] = field(default_factory=dict)
    about_us: frozenset[str] = frozenset()
    acknowledgement: Acknowledgement = Acknowledgement()


class Options:
    """A gateway's options, checked against their declaration.

    Raises:
        ConfigurationError: an option is missing, unknown or not one of its choices. The variable or the file's key is
            named, a secret's value never is.
    """

    def __init__(self, config: GatewayConfig, declared: tuple[Option, ...]) -> None:
        self.name = config.name
        self.kind = config.kind
        self.mode = config.mode
        self._declared = {option.name: option for option in declared}
        self._values = dict(config.options)
        self._in_file = frozenset(self._values.pop(FILE_KEYS, "").split())
        for unknown in self._values.keys() - self._declared.keys() - SHARED:
            known = ", ".join(sorted(self._declared))
            raise ConfigurationError(f"Gateway {self.name!r} has no option {unknown!r}; {self.kind} knows {known}.")
        for option in declared:
            self._check(option)

    def __repr__(self) -> str:
        shown = {n: self[n] for n, option in self._declared.items() if not option.is_secret and self[n]}
        return f"<Options of {self.name!r} ({self.kind}, {self.mode}): {shown}>"

    def __getitem__(self, name: str) -> str:
        """The value of a declared option, its default, or the empty text."""
        return self._values.get(name, "") or self._declared[name].default

    def variable(self, name: str) -> str:
        """What a person changes to change an option: `[backup] host` of the gateways file, or a variable's name."""
        return _variable(name, gateway=self.name, kind=self.kind, in_file=self._in_file)

    def fault(self, name: str, message: str) -> ConfigurationError:
        """An error that names the variable or key: `URGENTACTION_SMTP_PORT: …`, `[backup] port: …`."""
        return ConfigurationError(f"{self.variable(name)}: {message}")

    def integer(self, name: str, *, least: int, most: int) -> int:
        """The option as a whole number between two bounds."""
        text = self[name]
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise self.fault(name, f"{text!r} is not a number from {least} to {most}.")
        return int(text)

    def timeout(self, default: float) -> float:
        """Seconds to wait for an answer."""
        text = self._values.get(TIMEOUT, "")
        if not text:
            return default
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 300):
            raise self.fault(TIMEOUT, f"{text!r} is not a number from 1 to 300.")
        return float(text)

    def host(self, name: str) -> str:
        """The option as a host; in sandbox mode only this machine and the hosts allowed by name."""
        self._check_host(name, self[name])
        return self[name]

    def base_url(self, name: str) -> str:
        """The option as `https://host[/path]` without a slash at the end; plain http only to this machine."""
        url = self[name].rstrip("/")
        try:
            parts = urlsplit(url)
            host, _port = parts.hostname or "", parts.port
        except ValueError as error:
            raise self.fault(name, f"is not a URL ({error}).") from error
        is_plain = parts.scheme in {"http", "https"} and not (parts.query or parts.fragment or parts.username)
        if not (is_plain and host):
            raise self.fault(name, "must look like https://api.example.org, without user, query or fragment.")
        self._check_host(name, host)
        if self.mode is Mode.LIVE and parts.scheme != "https" and not is_this_machine(host):
            raise self.fault(name, "must be https in live mode.")
        return url

    def _check(self, option: Option) -> None:
        value = self[option.name]
        if option.is_required and not value:
            raise self.fault(option.name, f"is not set ({option.help}); gateway {self.name!r} can't start without it.")
        if any(character in value for character in "\r\n\0"):
            raise self.fault(option.name, "contains a line break or a NUL.")
        if option.choices and value not in option.choices:
            raise self.fault(option.name, f"is {value!r}; write {', '.join(option.choices)}.")

    def _check_host(self, name: str, host: str) -> None:
        allowed = self._values.get(ALLOW_HOSTS, "").split(",")
        try:
            guard.check_host(self.mode, host, allow=allowed)
        except SandboxRefusal as refusal:
            raise SandboxRefusal(f"{self.variable(name)}: {refusal}") from refusal


def settings_of(name: str, kind: GatewayKind, options: Mapping[str, str]) -> tuple[Setting, ...]:
    """A gateway's own options for people to look at, also where they can't be used; no secret is among them."""
    in_file = frozenset(options.get(FILE_KEYS, "").split())
    return tuple(
        Setting(
            name=option.name,
            help=option.help,
            value="" if option.is_secret else options.get(option.name, "") or option.default,
            is_secret=option.is_secret,
            is_set=bool(options.get(option.name, "") or option.default),
            where=_variable(option.name, gateway=name, kind=kind.kind, in_file=in_file),
        )
        for option in kind.options
    )


def _variable(name: str, *, gateway: str, kind: str, in_file: frozenset[str]) -> str:
    if name not in SHARED and in_file & {name, EVERY_KEY}:
        return f"[{gateway}] {name}"
    return f"URGENTACTION_{name.upper()}" if name in SHARED else f"URGENTACTION_{kind}_{name}".upper()


def is_this_machine(host: str) -> bool:
    """Whether a host is loopback, where neither encryption nor a certificate has anything to protect."""
    try:
        guard.check_host(Mode.SANDBOX, host)
    except SandboxRefusal:
        return False
    return True
