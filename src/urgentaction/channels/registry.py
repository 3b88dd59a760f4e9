"""Every gateway there is, one line each, and the only way to build one.

`build` also puts the live-dial guard in front of the gateway, so that no adapter can forget it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence

from urgentaction.channels import guard
from urgentaction.channels.contract import (
    Begin,
    Callback,
    CannotTell,
    Found,
    Gateway,
    GatewayConfig,
    Health,
    Lookup,
    Mode,
    Outcome,
    Outgoing,
    Receipt,
    Refused,
    RetryClass,
)
from urgentaction.channels.email.esp import KIND as ESP
from urgentaction.channels.email.smtp import KIND as SMTP
from urgentaction.channels.fax.telnyx import KIND as TELNYX
from urgentaction.channels.mailing import Copy, Mailing, MailingGateway
from urgentaction.channels.options import Acknowledgement, GatewayKind, Options
from urgentaction.channels.sms.twilio import KIND as TWILIO
from urgentaction.core.errors import ConfigurationError, SandboxRefusal

KINDS: Mapping[str, GatewayKind] = {
    SMTP.kind: SMTP,
    ESP.kind: ESP,
    TELNYX.kind: TELNYX,
    TWILIO.kind: TWILIO,
}


def build(config: GatewayConfig) -> Gateway:
    """The gateway a configuration describes. Opens no connection yet.

    Raises:
        ConfigurationError: unknown kind, or an option that is missing or wrong (the variable is named).
        SandboxRefusal: sandbox mode, and a host that is not this machine.
    """
    kind = KINDS.get(config.kind)
    if kind is None:
        known = ", ".join(sorted(KINDS))
        raise ConfigurationError(f"Gateway {config.name!r}: there is no kind {config.kind!r}; known are {known}.")
    gateway = kind.load()(Options(config, kind.options))
    return GuardedGateway(gateway, config.mode) if config.mode is Mode.SANDBOX else gateway


def attempt_limit(kind: str, code: str) -> int | None:
    """How many tries in all make sense after this code, whatever its retry class says; None: no special limit."""
    return KINDS[kind].attempt_limits.get(code)


def acknowledgement(kind: str) -> Acknowledgement:
    """What a gateway of this kind hears when its callback has been taken."""
    return KINDS[kind].acknowledgement


def is_about_us(kind: str, code: str) -> bool:
    """Whether this code blames our account or sender, also by receipt: every other message would fail likewise."""
    return code in KINDS[kind].about_us


class GuardedGateway:
    """A gateway that refuses every destination outside the reserved ranges, whoever forgot to ask before.

    Such a message is refused for good: nothing about it will be different at the next try.
    """

    def __init__(self, gateway: Gateway, mode: Mode) -> None:
        self._gateway = gateway
        self._mode = mode
        self.name = gateway.name
        self.channel = gateway.channel
        self.capabilities = gateway.capabilities

    def __repr__(self) -> str:
        return f"<guarded {self._gateway!r}>"

    def submit(self, outgoing: Outgoing) -> Outcome:
        """As the gateway's own, after the guard."""
        return self._refusal(outgoing.to) or self._gateway.submit(outgoing)

    def submit_many(self, batch: Sequence[Outgoing], begin: Begin) -> Iterator[tuple[int, Outcome]]:
        """As the gateway's own; what the guard refuses never reaches it."""
        passed = yield from self._refuse(batch, begin)
        outcomes = self._gateway.submit_many([batch[place] for place in passed], lambda place: begin(passed[place]))
        for place, outcome in outcomes:
            yield passed[place], outcome

    def submit_mailing(self, mailing: Mailing, copies: Sequence[Copy], begin: Begin) -> Iterator[tuple[int, Outcome]]:
        """As the gateway's own; what the guard refuses never reaches it."""
        if not (self.capabilities.takes_mailings and isinstance(self._gateway, MailingGateway)):
            raise TypeError(f"Gateway {self.name!r} takes no mailings; its capabilities say so.")
        passed = yield from self._refuse(copies, begin)
        outcomes = self._gateway.submit_mailing(
            mailing, [copies[place] for place in passed], lambda place: begin(passed[place])
        )
        for place, outcome in outcomes:
            yield passed[place], outcome

    def _refuse(
        self, batch: Sequence[Outgoing | Copy], begin: Begin
    ) -> Generator[tuple[int, Outcome], None, list[int]]:
        """Yield the guard's refusals; return the places of what may pass."""
        passed = []
        for place, one in enumerate(batch):
            if (refusal := self._refusal(one.to)) is None:
                passed.append(place)
            elif begin(place):
                yield place, refusal
        return passed

    def parse(self, callback: Callback) -> Iterable[Receipt]:
        """As the gateway's own."""
        return self._gateway.parse(callback)

    def lookup(self, question: Lookup) -> Found | CannotTell:
        """As the gateway's own."""
        return self._gateway.lookup(question)

    def cancel(self, ref: str) -> bool:
        """As the gateway's own."""
        return self._gateway.cancel(ref)

    def check(self) -> Health:
        """As the gateway's own."""
        return self._gateway.check()

    def close(self) -> None:
        """As the gateway's own."""
        self._gateway.close()

    def _refusal(self, to: str) -> Refused | None:
        try:
            guard.check_destination(self._mode, self.channel, to)
        except SandboxRefusal as refusal:
            return Refused(RetryClass.NEVER, "sandbox", str(refusal))
        return None
