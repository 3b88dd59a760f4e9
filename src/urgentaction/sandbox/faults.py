"""Scripted trouble: which address meets which fault at which use. README.md describes the format.

Pure: no clock, no network, no files. A script is checked as a whole before anything of it counts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any

CHANNELS = ("email", "fax", "sms")
_EVERYWHERE = frozenset({"delay_ms", "timeout_after_acceptance"})
_HTTP = frozenset({"http", "code", "message", "retry_after", "accepted"})
_CALLBACKS = frozenset({"late_ms", "doubled", "out_of_order", "no_callback"})
_KEYS: dict[str, frozenset[str]] = {
    "email": _EVERYWHERE
    | _HTTP
    | _CALLBACKS
    | {"smtp", "at", "then_354", "drop_before_reply", "drop_before_accept", "complaint", "unsubscribed"},
    "sms": _EVERYWHERE | _HTTP | _CALLBACKS | {"undelivered", "failed", "stop_reply"},
    "fax": _EVERYWHERE | _HTTP | _CALLBACKS | {"busy", "no_answer", "call_dropped", "not_a_fax", "failure"},
}
_DEFAULTS: dict[str, frozenset[str]] = {
    "email": frozenset({"delay_ms"}),
    "sms": frozenset({"delay_ms", "callback_ms"}),
    "fax": frozenset({"delay_ms", "callback_ms", "page_ms"}),
}
_SMTP_REPLY = re.compile(r"[45]\d\d [\x20-\x7e]+")
_PLACES = ("mail", "rcpt", "data", "final")
_FAX_REASONS = {
    "busy": "user_busy",
    "no_answer": "receiver_no_answer",
    "call_dropped": "receiver_call_dropped",
    "not_a_fax": "fax_initial_communication_timeout",
}
#: What Twilio says when a carrier gives no better reason: "Unknown error".
_UNKNOWN_SMS_ERROR = 30008
_HIGHEST_STATUS = 599


class FaultScriptError(Exception):
    """A script can't be used; nothing of it was taken over. The message names each rule and key that is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What happens to one message. Without any of these it goes well."""

    delay_ms: int = 0
    timeout_after_acceptance: bool = False
    # email
    smtp: str = ""
    at: str = "rcpt"
    then_354: bool = False
    drop_before_reply: bool = False
    drop_before_accept: bool = False
    complaint: bool = False
    unsubscribed: bool = False
    # HTTP gateways
    http: int = 0
    code: int = 0
    message: str = ""
    retry_after: int = 0
    accepted: bool = False
    late_ms: int = 0
    doubled: bool = False
    out_of_order: bool = False
    no_callback: bool = False
    # sms
    undelivered: int = 0
    failed: int = 0
    stop_reply: str = ""
    # fax
    failure: str = ""

    def to_json(self) -> dict[str, Any]:
        """Only what differs from a message that goes well; `Step(**step.to_json())` is the same step."""
        return {
            each.name: getattr(self, each.name) for each in fields(self) if getattr(self, each.name) != each.default
        }

    def __str__(self) -> str:
        words = [key if value is True else f"{key}={value}" for key, value in self.to_json().items()]
        return ", ".join(words) or "ok"


OK = Step()


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """Steps for one address or pattern of a channel. Compared by identity: two equal rules count apart."""

    channel: str
    address: str
    steps: tuple[Step, ...]
    is_repeating: bool = False

    @property
    def is_about_senders(self) -> bool:
        """At MAIL the recipient is not known yet, so such a rule is matched against the sender."""
        return any(step.smtp and step.at == "mail" for step in self.steps)

    @property
    def is_pattern(self) -> bool:
        """Whether the address holds a wildcard."""
        return any(character in self.address for character in "*?[")

    def fits(self, channel: str, address: str) -> bool:
        """Whether the rule is about this address; letter case does not count."""
        return self.channel == channel and fnmatchcase(address.lower(), self.address.lower())

    def step(self, use: int) -> Step:
        """The step for the n-th use of an address, counted from 0."""
        if use < len(self.steps):
            return self.steps[use]
        return self.steps[-1] if self.is_repeating else OK


@dataclass(frozen=True, slots=True)
class Script:
    """A checked script: rules in the order given, defaults by channel, and where replies and reports go (or empty)."""

    rules: tuple[Rule, ...] = ()
    defaults: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    sms_inbound_url: str = ""
    esp_webhook_url: str = ""


def parse(document: Mapping[str, Any]) -> Script:
    """Checks what a TOML file or a JSON body holds.

    Raises:
        FaultScriptError: with everything that is wrong, not just the first thing.
    """
    problems: list[str] = [
        f"{name}: unknown; a script has rules, defaults and inbound"
        for name in document
        if name not in {"rules", "defaults", "inbound"}
    ]
    given = document.get("rules", [])
    if not isinstance(given, list):
        given = []
        problems.append("rules: must be a list")
    rules = [_rule(rule, f"rules[{number}]", problems) for number, rule in enumerate(given)]
    defaults = _defaults(document.get("defaults", {}), problems)
    inbound = document.get("inbound", {})
    if not isinstance(inbound, Mapping) or not set(inbound) <= {"sms_url", "esp_url"}:
        problems.append("inbound: may hold sms_url and esp_url only")
        inbound = {}
    if problems:
        raise FaultScriptError("; ".join(problems))
    urls = (str(inbound.get(name, "")) for name in ("sms_url", "esp_url"))
    return Script(tuple(rule for rule in rules if rule), defaults, *urls)


def _rule(given: object, where: str, problems: list[str]) -> Rule | None:
    if not isinstance(given, Mapping):
        problems.append(f"{where}: must be a table")
        return None
    before = len(problems)
    problems.extend(f"{where}.{key}: unknown" for key in given if key not in {"channel", "address", "steps", "then"})
    channel, address, steps = given.get("channel"), given.get("address"), given.get("steps")
    then = given.get("then", "ok")
    if channel not in CHANNELS:
        problems.append(f"{where}.channel: must be one of {', '.join(CHANNELS)}")
    if not isinstance(address, str) or not address:
        problems.append(f"{where}.address: an address, a number or a pattern is needed")
    if not isinstance(steps, list) or not steps:
        problems.append(f"{where}.steps: at least one step is needed")
    if then not in {"ok", "repeat"}:
        problems.append(f'{where}.then: must be "ok" or "repeat"')
    if len(problems) > before:
        return None
    parsed = [_step(step, str(channel), f"{where}.steps[{n}]", problems) for n, step in enumerate(steps or [])]
    return Rule(str(channel), str(address), tuple(parsed), is_repeating=then == "repeat")


def _step(given: object, channel: str, where: str, problems: list[str]) -> Step:
    if isinstance(given, str):
        given = {} if given == "ok" else {given: True}
    if not isinstance(given, Mapping):
        problems.append(f'{where}: must be a table or a name such as "ok"')
        return OK
    values: dict[str, Any] = {}
    for key, value in given.items():
        if key not in _KEYS[channel]:
            problems.append(f"{where}.{key}: unknown for {channel}; there is {', '.join(sorted(_KEYS[channel]))}")
        elif problem := _problem_with(key, value):
            problems.append(f"{where}.{key}: {problem}")
        elif key in _FAX_REASONS:
            values["failure"] = _FAX_REASONS[key]
        else:
            values[key] = _plain(key, value)
    return Step(**values)


def _problem_with(key: str, value: object) -> str:
    """What is wrong with a value, or nothing."""
    if key == "smtp":
        is_right = isinstance(value, str) and _SMTP_REPLY.fullmatch(value) is not None
        return "" if is_right else 'must be a refusal such as "451 4.7.1 try later"'
    if key == "at":
        return "" if value in _PLACES else f"must be one of {', '.join(_PLACES)}"
    if key in {"message", "failure"}:
        return "" if isinstance(value, str) and value else "must be a text"
    if key == "stop_reply":
        return "" if value is True or (isinstance(value, str) and value) else "must be true or the word"
    if key in {"undelivered", "failed"} and value is True:
        return ""
    if key in {"delay_ms", "late_ms", "http", "code", "retry_after", "undelivered", "failed"}:
        is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 0
        if key == "http" and is_count and not 400 <= value <= _HIGHEST_STATUS:  # type: ignore[operator]
            return "must be an HTTP status from 400 to 599"
        return "" if is_count else "must be a whole number"
    return "" if value is True else "can only be true"


def _plain(key: str, value: Any) -> Any:
    if value is True and key in {"undelivered", "failed"}:
        return _UNKNOWN_SMS_ERROR
    return "STOP" if value is True and key == "stop_reply" else value


def _defaults(given: object, problems: list[str]) -> dict[str, dict[str, int]]:
    if not isinstance(given, Mapping):
        problems.append("defaults: must be a table")
        return {}
    defaults: dict[str, dict[str, int]] = {}
    for channel, values in given.items():
        if channel not in CHANNELS or not isinstance(values, Mapping):
            problems.append(f"defaults.{channel}: must be a table named {', '.join(CHANNELS)}")
            continue
        for key, value in values.items():
            if key not in _DEFAULTS[channel]:
                problems.append(f"defaults.{channel}.{key}: unknown; there is {', '.join(sorted(_DEFAULTS[channel]))}")
            elif problem := _problem_with("delay_ms", value):
                problems.append(f"defaults.{channel}.{key}: {problem}")
        defaults[channel] = dict(values)
    return defaults


class Faults:
    """The rules in force and how often each address used them."""

    def __init__(self, script: Script | None = None) -> None:
        self._rules: list[Rule] = []
        self._uses: Counter[tuple[Rule, str]] = Counter()
        self._defaults: dict[str, dict[str, int]] = {}
        self.sms_inbound_url = ""
        self.esp_webhook_url = ""
        if script is not None:
            self.add(script)

    def add(self, script: Script) -> None:
        """Puts a script before the rules already there."""
        self._rules[:0] = script.rules
        for channel, values in script.defaults.items():
            self._defaults.setdefault(channel, {}).update(values)
        self.sms_inbound_url = script.sms_inbound_url or self.sms_inbound_url
        self.esp_webhook_url = script.esp_webhook_url or self.esp_webhook_url

    def clear(self) -> None:
        """Removes every rule, count and default. The inbound addresses stay: they are addresses, not faults."""
        self._rules.clear()
        self._uses.clear()
        self._defaults.clear()

    def take(self, channel: str, address: str, *, is_sender: bool = False) -> Step:
        """The next step for this address; it is used up by asking. `OK` where no rule fits."""
        fitting = [rule for rule in self._rules if rule.is_about_senders == is_sender and rule.fits(channel, address)]
        if not fitting:
            return OK
        rule = min(fitting, key=lambda candidate: candidate.is_pattern)  # stable: the newest of each kind stays first
        key = (rule, address.lower())
        use = self._uses[key]
        self._uses[key] += 1
        return rule.step(use)

    def default(self, channel: str, key: str) -> float:
        """A default of the channel, in seconds."""
        return self._defaults.get(channel, {}).get(key, 0) / 1000

    def describe(self) -> dict[str, Any]:
        """The rules in force with their uses, as JSON."""
        return {
            "rules": [
                {
                    "channel": rule.channel,
                    "address": rule.address,
                    "steps": [step.to_json() for step in rule.steps],
                    "then": "repeat" if rule.is_repeating else "ok",
                    "uses": {address: count for (used, address), count in self._uses.items() if used is rule},
                }
                for rule in self._rules
            ],
            "defaults": self._defaults,
            "inbound": {"sms_url": self.sms_inbound_url, "esp_url": self.esp_webhook_url},
        }
