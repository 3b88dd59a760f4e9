"""Who carries what: the configured gateways, each with its channel, its weight and its limits.

Pure: text in, values out. Owns the reserved keys beside a kind's own options. Builds no gateway (`registry` does) and
counts no message (`deliveries.pace` does).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from urgentaction.channels.contract import Channel
from urgentaction.channels.options import NAME
from urgentaction.channels.registry import KINDS
from urgentaction.core.errors import ConfigurationError

DEFAULT_WEIGHT = 10
MOST_WEIGHT = 100
#: What a limit may be, in messages a second or a minute. Above it, it is none.
LEAST_MESSAGES, MOST_MESSAGES = 0.001, 1_000_000.0
RESERVED = frozenset({"kind", "weight", "per_second", "domain_per_minute", "price"})

_DECIMAL = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_PRICE = re.compile(r"(?P<amount>[0-9]{1,6}(?:\.[0-9]{1,6})?) (?P<currency>[A-Z]{3})")


@dataclass(frozen=True, slots=True)
class Price:
    """What a gateway takes for one unit: a page of a fax, a segment of a text message, a mail. `currency`: ISO 4217."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One configured gateway.

    Attributes:
        weight: its share of the channel's messages beside the others', 0 to 100. 0: only when the others can't.
        per_second: most messages a second that all workers together hand to it; None: no limit.
        domain_per_minute: mail only: most messages a minute to one recipient domain; None: no limit.
        price: of one page, segment or mail, for estimates only; None: nobody has said.
        options: what its kind is built from, without the reserved keys.
    """

    name: str
    kind: str
    channel: Channel
    weight: int
    per_second: float | None
    domain_per_minute: float | None
    options: Mapping[str, str] = field(repr=False)  # some are secret
    price: Price | None = None


def roster(gateways: Mapping[str, Mapping[str, str]]) -> dict[str, Entry]:
    """Every gateway by name, in the order given.

    Args:
        gateways: options by name, all text, as `settings.GATEWAYS` holds them. Reserved are `kind` (default: the name
            itself), `weight` (default 10), `per_second` and `domain_per_minute` (default: no limit) and `price`
            (default: none).

    Raises:
        ConfigurationError: a name, a kind or a reserved key can't be used; gateway and key are named.
    """
    return {name: _entry(name, options) for name, options in gateways.items()}


def _entry(name: str, options: Mapping[str, str]) -> Entry:
    if not NAME.fullmatch(name):
        raise ConfigurationError(f"Gateway {name!r}: a name has 1 to 40 small letters, digits and hyphens.")
    kind = options.get("kind", "") or name
    known = ", ".join(sorted(KINDS))
    if "kind" not in options and kind not in KINDS:
        raise ConfigurationError(f"[{name}] kind: is not set; write one of {known}.")
    if kind not in KINDS:
        raise ConfigurationError(f"[{name}] kind: there is no kind {kind!r}; known are {known}.")
    channel = KINDS[kind].channel
    if options.get("domain_per_minute") and channel is not Channel.EMAIL:
        raise ConfigurationError(f"[{name}] domain_per_minute: is for mail; {kind} carries {channel}.")
    return Entry(
        name=name,
        kind=kind,
        channel=channel,
        weight=_weight(name, options.get("weight", "")),
        per_second=_limit(name, "per_second", options),
        domain_per_minute=_limit(name, "domain_per_minute", options),
        price=_price(name, options.get("price", "")),
        options={key: value for key, value in options.items() if key not in RESERVED},
    )


def _weight(name: str, text: str) -> int:
    if not text:
        return DEFAULT_WEIGHT
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= MOST_WEIGHT):
        raise ConfigurationError(f"[{name}] weight: {text!r} is not a whole number from 0 to {MOST_WEIGHT}.")
    return int(text)


def _limit(name: str, key: str, options: Mapping[str, str]) -> float | None:
    text = options.get(key, "")
    if not text:
        return None
    value = float(text) if _DECIMAL.fullmatch(text) else 0.0
    if not LEAST_MESSAGES <= value <= MOST_MESSAGES:
        raise ConfigurationError(
            f"[{name}] {key}: {text!r} is not a number from {LEAST_MESSAGES} to {MOST_MESSAGES:.0f}; "
            "leave it out for no limit."
        )
    return value


def _price(name: str, text: str) -> Price | None:
    if not text:
        return None
    match = _PRICE.fullmatch(text)
    if match is None:
        raise ConfigurationError(f'[{name}] price: {text[:20]!r} is no price; write amount and currency: "0.07 USD".')
    return Price(Decimal(match["amount"]), match["currency"])
