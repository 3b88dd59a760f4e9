"""The gateway to an email service provider. What its API and its webhooks look like is `bridge`'s business."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import urlsplit

from urgentaction.channels import guard, http
from urgentaction.channels.contract import (
    Accepted,
    Begin,
    Callback,
    CannotTell,
    Capabilities,
    Channel,
    Found,
    Health,
    Lookup,
    Outcome,
    Outgoing,
    OutgoingEmail,
    Receipt,
    ReceiptKind,
    Refused,
    RetryClass,
    Unknown,
)
from urgentaction.channels.email.esp import BATCH, codes, merging
from urgentaction.channels.email.esp.bridge import Bridge, Result, Status
from urgentaction.channels.email.esp.providers import TRAITS, Account, Provider, Traits
from urgentaction.channels.email.esp.webhooks import Reported, Webhooks
from urgentaction.channels.email.message import check
from urgentaction.channels.mailing import Copy, Mailing, written_out
from urgentaction.channels.options import Options
from urgentaction.channels.wording import harmless
from urgentaction.core.errors import InvalidInput, SandboxRefusal


class EspGateway:
    """Hands mail to one provider's API.

    A mailing goes in requests of `capabilities.batch` copies. A request that is refused because of what it carries is
    taken apart, so that one bad address does not hold up the others; nothing of it had been taken. A request that may
    have been taken is never made again.
    """

    channel = Channel.EMAIL
    capabilities = Capabilities(has_callbacks=True, batch=BATCH, at_once=BATCH, takes_mailings=True)

    def __init__(self, options: Options) -> None:
        self.name = options.name
        self._provider = Provider(options["provider"])
        self._traits = TRAITS[self._provider]
        size = options.integer("batch", least=1, most=self._traits.largest_batch)
        self.capabilities = dataclasses.replace(type(self).capabilities, batch=size, at_once=size)
        self._base_url = _base_url(options, self._traits)
        account = _account(options, self._provider, self._base_url)
        self._webhooks = _webhooks(options, account)
        self._bridge = Bridge(account, http.build_client(read_seconds=options.timeout(http.READ_SECONDS)))

    def __repr__(self) -> str:
        return f"<{self._traits.title} gateway {self.name!r} at {self._base_url}>"

    def submit(self, outgoing: Outgoing) -> Outcome:
        """One message, one recipient, one request."""
        if not isinstance(outgoing, OutgoingEmail):
            raise TypeError(f"A mail gateway was handed a {type(outgoing).__name__}.")
        try:
            check(outgoing)
            address = merging.recipient(outgoing.to)
            result = self._bridge.send(outgoing)
        except InvalidInput as error:
            return _invalid(error)
        return self._outcome(result, address)

    def submit_many(self, batch: Sequence[Outgoing], begin: Begin) -> Iterator[tuple[int, Outcome]]:
        """One after the other: letters differ in everything, and have attachments."""
        for place, outgoing in enumerate(batch):
            if not begin(place):
                return
            yield place, self.submit(outgoing)

    def submit_mailing(self, mailing: Mailing, copies: Sequence[Copy], begin: Begin) -> Iterator[tuple[int, Outcome]]:
        """A request for as many copies as fit into one; all of them have been begun when it leaves."""
        stop: Refused | None = None
        for places in merging.requests(copies, size=self.capabilities.batch):
            begun = []
            for place in places:
                if not begin(place):
                    break
                begun.append(place)
            for place, outcome in self._request(mailing, copies, begun) if stop is None else _alike(begun, stop):
                if isinstance(outcome, Refused) and _stops(outcome):
                    stop = outcome
                yield place, outcome
            if len(begun) < len(places):
                return

    def parse(self, callback: Callback) -> Iterable[Receipt]:
        """Verify as the provider lets one verify, then translate."""
        receipts = (_receipt(reported, self._traits) for reported in self._webhooks.read(callback))
        return tuple(receipt for receipt in receipts if receipt is not None)

    def lookup(self, question: Lookup) -> Found | CannotTell:
        """Providers are searched by their own names for a message only. A webhook may still settle it."""
        return CannotTell(f"{self._traits.title} can't be asked about {question.reference}.", is_final=True)

    def cancel(self, ref: str) -> bool:
        """Mail can't be called back."""
        del ref
        return False

    def check(self) -> Health:
        """Ask for the account: reachable, and the key accepted?"""
        answer = self._bridge.ask()
        where = self._base_url
        match answer:
            case http.Answer(status=status) if answer.is_success:
                return Health(is_ok=True, detail=f"{where} answers ({status}) and accepts the key.")
            case http.Answer(status=status):
                words = harmless(codes.fault_of(answer).text) or "no reason"
                return Health(is_ok=False, detail=f"{where} answers {status}: {words}", code=str(status))
            case http.NotSent():
                return Health(is_ok=False, detail=f"{where}: {answer.text}", code=answer.code)
            case http.NoAnswer():
                return Health(is_ok=False, detail=f"{where}: {answer.why}", code="silent")

    def close(self) -> None:
        """Let go of connections."""
        self._bridge.close()

    def _request(
        self, mailing: Mailing, copies: Sequence[Copy], places: Sequence[int]
    ) -> Iterator[tuple[int, Outcome]]:
        """One request, or several where a part of it is refused for what it carries."""
        fit = []
        for place in places:
            refusal = _unfit(mailing, copies[place])
            if refusal is None:
                fit.append(place)
            else:
                yield place, refusal
        waiting = [fit] if fit else []
        while waiting:
            some = waiting.pop(0)
            result = self._post(mailing, [copies[place] for place in some])
            if isinstance(result, http.Answer) and len(some) > 1 and codes.may_be_one_of_them(self._provider, result):
                half = len(some) // 2
                waiting[:0] = [some[:half], some[half:]]
                continue
            outcomes = [(place, self._outcome(result, merging.recipient(copies[place].to))) for place in some]
            yield from outcomes
            stop = next((one for _, one in outcomes if isinstance(one, Refused) and _stops(one)), None)
            if stop is not None:
                for rest in waiting:
                    yield from _alike(rest, stop)
                return

    def _post(self, mailing: Mailing, copies: Sequence[Copy]) -> Result | Refused:
        try:
            request = merging.merged(self._provider, mailing, copies)
            return self._bridge.send_batch(
                mailing, request, {merging.recipient(copy.to): copy.message_id for copy in copies}
            )
        except InvalidInput as error:
            return _invalid(error)

    def _outcome(self, result: Result | Refused, address: str) -> Outcome:
        match result:
            case Refused():
                return result
            case http.Answer():
                return codes.outcome_of(self._provider, result)
            case http.NotSent() | http.NoAnswer():
                return result.outcome()
            case _:
                return self._told(result.get(address, Status()))

    def _told(self, status: Status) -> Outcome:
        if status.ref:
            return Accepted(status.ref)
        if status.code:
            return codes.refusal_of_one(self._provider, status.code, status.text)
        return Unknown(f"{self._traits.title} took the request, but does not say what became of this message.")


def _stops(refusal: Refused) -> bool:
    """Whether the next request would be refused likewise, so that it need not be made."""
    return refusal.retry_class is RetryClass.THROTTLE or refusal.is_gateway_fault or refusal.is_about_us


def _alike(places: Iterable[int], refusal: Refused) -> Iterator[tuple[int, Outcome]]:
    return ((place, refusal) for place in places)


def _invalid(error: InvalidInput) -> Refused:
    return Refused(RetryClass.FIX_FIRST, "invalid-message", str(error))


def _unfit(mailing: Mailing, copy: Copy) -> Refused | None:
    """Why a copy can't be sent: its address, or something that would break out of a header."""
    try:
        merging.recipient(copy.to)
        check(written_out(mailing, copy))
    except InvalidInput as error:
        return _invalid(error)
    return None


def _receipt(reported: Reported, traits: Traits) -> Receipt | None:
    meaning = codes.meaning_of(reported.event)
    if meaning is None:
        return None
    is_about_person = meaning.kind is ReceiptKind.OPTED_OUT
    is_named = bool(reported.reference) or not traits.has_shared_refs
    return Receipt(
        event_id=hashlib.sha256(reported.key.encode("utf-8", "surrogatepass")).hexdigest(),
        kind=meaning.kind,
        ref=reported.ref if is_named else "",
        reference=reported.reference,
        address=reported.address if is_about_person else "",
        retry_class=meaning.retry_class,
        code=harmless(meaning.code, limit=60),
        text=harmless(reported.event.said) if meaning.kind is ReceiptKind.FAILED else "",
        occurred_at=reported.occurred_at,
    )


def _base_url(options: Options, traits: Traits) -> str:
    """The API, with a slash at its end."""
    if options["base_url"]:
        return options.base_url("base_url") + traits.path
    try:
        guard.check_host(options.mode, urlsplit(traits.base_url).hostname or "")
    except SandboxRefusal as refusal:
        raise SandboxRefusal(f"{options.variable('base_url')}: {refusal}") from refusal
    return traits.base_url + traits.path


def _account(options: Options, provider: Provider, base_url: str) -> Account:
    title = TRAITS[provider].title
    if provider is Provider.MAILGUN and not options["sender_domain"]:
        raise options.fault("sender_domain", "is not set; Mailgun sends from one of the domains of its account.")
    if provider in {Provider.POSTMARK, Provider.BREVO} and ":" not in options["webhook_secret"]:
        raise options.fault("webhook_secret", f"must look like user:password, as in the webhook's URL at {title}.")
    return Account(
        provider=provider,
        base_url=base_url,
        api_key=options["api_key"],
        webhook_secret=options["webhook_secret"],
        sender_domain=options["sender_domain"],
        message_stream=options["message_stream"],
    )


def _webhooks(options: Options, account: Account) -> Webhooks:
    try:
        return Webhooks(account)
    except ValueError:
        title = TRAITS[account.provider].title
        raise options.fault("webhook_secret", f"is not the key that {title} signs its webhooks by.") from None
