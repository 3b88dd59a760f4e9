"""The Telnyx fax gateway. Facts: Telnyx API v2, Programmable Fax."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from urgentaction.channels import http
from urgentaction.channels.contract import (
    Accepted,
    Begin,
    Callback,
    Candidate,
    CannotTell,
    Capabilities,
    Channel,
    ForgedCallback,
    Found,
    Health,
    Lookup,
    Outcome,
    Outgoing,
    OutgoingFax,
    Receipt,
    ReceiptKind,
    Refused,
    RetryClass,
    Unknown,
)
from urgentaction.channels.fax.telnyx.codes import (
    ABOUT_US,
    ATTEMPT_LIMITS,
    classify,
    classify_refusal,
    is_about_us,
    is_gateway_fault,
)
from urgentaction.channels.options import GatewayKind, Option, Options
from urgentaction.channels.underway import Submit, Underway
from urgentaction.channels.wording import harmless

_log = logging.getLogger(__name__)

#: How old a callback may be, either way: what Telnyx's own SDKs allow.
TOLERANCE = timedelta(seconds=300)
#: How far the gateway's clock may be from ours when a fax is looked for by time.
CLOCK_SLACK = timedelta(seconds=60)
PAGE_SIZE = 100
MOST_PAGES = 10
#: Requests under way together, in each process. Telnyx bounds the calls of an account, and answers 429 beyond that.
AT_ONCE, MOST_AT_ONCE = 4, 16
#: How many faxes one call may carry: only bounded so that somebody looks up between them.
BATCH = 100

_STATUS_KINDS: Mapping[str, ReceiptKind] = {
    "queued": ReceiptKind.PROGRESS,
    "media.processing": ReceiptKind.PROGRESS,
    "media.processed": ReceiptKind.PROGRESS,
    "originated": ReceiptKind.PROGRESS,
    "initiated": ReceiptKind.PROGRESS,
    "sending": ReceiptKind.PROGRESS,
    "sending.started": ReceiptKind.PROGRESS,
    "delivered": ReceiptKind.DELIVERED,
    "failed": ReceiptKind.FAILED,
}


class TelnyxFax:
    """Sends faxes by reference to a PDF, hears of their fate by signed callbacks."""

    channel = Channel.FAX
    capabilities = Capabilities(has_callbacks=True, has_lookup=True, has_cancel=True, batch=BATCH, at_once=AT_ONCE)

    def __init__(self, options: Options) -> None:
        self.name = options.name
        self._url = f"{options.base_url('base_url')}/v2/faxes"
        self._connection_id = options["connection_id"]
        self._sender = options["sender"]
        self._public_key = _public_key(options)
        headers = {"Authorization": f"Bearer {options['api_key']}"}
        read_seconds = options.timeout(http.READ_SECONDS)
        at_once = options.integer("at_once", least=1, most=MOST_AT_ONCE)
        self.capabilities = dataclasses.replace(self.capabilities, at_once=at_once)
        self._client = http.build_client(headers=headers, read_seconds=read_seconds)
        self._underway = Underway(
            lambda number: http.build_async_clients(number, headers=headers, read_seconds=read_seconds),
            self._speak,
            carries=OutgoingFax,
            at_once=at_once,
        )

    def __repr__(self) -> str:
        return f"<Telnyx fax gateway {self.name!r} at {self._url}>"

    def submit(self, outgoing: Outgoing) -> Outcome:
        """Ask for one fax. Accepted means queued there; what becomes of it arrives by callback."""
        ((_, outcome),) = self.submit_many([outgoing], lambda _: True)
        return outcome

    def submit_many(self, batch: Sequence[Outgoing], begin: Begin) -> Iterator[tuple[int, Outcome]]:
        """One request a fax, as the API has it, `at_once` of them under way."""
        yield from self._underway.submit_many(batch, begin)

    def _speak(self, client: httpx.AsyncClient) -> Submit[OutgoingFax]:
        async def submit(outgoing: OutgoingFax) -> Outcome:
            answer = await http.exchange_async(client, "POST", self._url, json_body=self._request(outgoing))
            if not isinstance(answer, http.Answer):
                return answer.outcome()
            if not answer.is_success:
                return _refusal(answer)
            ref = _text(_object(answer.json_object().get("data")).get("id"))
            return Accepted(ref) if ref else Unknown(f"Telnyx answered {answer.status}, but named no fax.")

        return submit

    def _request(self, outgoing: OutgoingFax) -> dict[str, Any]:
        body = {
            "connection_id": self._connection_id,
            "from": outgoing.sender or self._sender,
            "to": outgoing.to,
            "media_url": outgoing.media_url,
            "quality": "high",  # 204 x 196 dpi, what the pages are made for
            "monochrome": True,
            "t38_enabled": True,
            "store_media": False,
            "client_state": base64.b64encode(outgoing.reference.encode()).decode("ascii"),
        }
        if outgoing.callback_url:
            body["webhook_url"] = outgoing.callback_url
        return body

    def parse(self, callback: Callback) -> Iterable[Receipt]:
        """Verify the signature and the age, then translate. Events that are not about a fax give nothing."""
        self._verify(callback)
        try:
            event = _object(_object(json.loads(callback.body)).get("data"))
        except ValueError:
            _log.warning("Telnyx signed a callback that is no JSON.")
            return ()
        fax = _object(event.get("payload"))
        event_type = _text(event.get("event_type"))
        event_id, ref = _text(event.get("id")), _text(fax.get("fax_id"))
        if not (event_id and ref and event_type.startswith("fax.")):
            _log.warning("A Telnyx callback of type %r is not about a fax of ours.", event_type[:60])
            return ()
        occurred_at = _moment(event.get("occurred_at"))
        if fax.get("direction") == "inbound" or event_type.startswith("fax.receiv"):
            sender = _text(fax.get("from"))
            kind = ReceiptKind.INBOUND if event_type == "fax.received" else ReceiptKind.PROGRESS
            address = sender if kind is ReceiptKind.INBOUND else ""
            return (Receipt(event_id=event_id, kind=kind, ref=ref, address=address, occurred_at=occurred_at),)
        status = _text(fax.get("status")) or event_type.removeprefix("fax.")
        return (_receipt(fax, status, event_id=event_id, ref=ref, occurred_at=occurred_at),)

    def lookup(self, question: Lookup) -> Found | CannotTell:
        """By Telnyx's id where we know it, else among the faxes to that number at that time by our reference.

        The reference is the same at every attempt, so the answer may hold the fax of an earlier attempt too, if the
        two are less than CLOCK_SLACK apart; the caller knows that one's `ref`.
        """
        if question.ref:
            return self._by_ref(question.ref)
        listed = self._listed(question)
        if isinstance(listed, CannotTell):
            return listed
        state = base64.b64encode(question.reference.encode()).decode("ascii")
        since, until = question.submitted_from - CLOCK_SLACK, question.submitted_until + CLOCK_SLACK
        candidates = []
        for fax in listed:
            created_at = _moment(fax.get("created_at"))
            echoed = _text(fax.get("client_state"))
            is_ours = echoed in {"", state} and _text(fax.get("to")) == question.to
            if is_ours and created_at is not None and since <= created_at <= until:
                candidates.append(_candidate(fax, created_at, is_certain=bool(echoed)))
        certain = tuple(candidate for candidate in candidates if candidate.is_certain)
        return Found(certain or tuple(candidates))

    def cancel(self, ref: str) -> bool:
        """Ask to stop a fax; even a yes proves nothing, only the callback does."""
        answer = http.exchange(self._client, "POST", f"{self._url}/{quote(ref, safe='')}/actions/cancel")
        return isinstance(answer, http.Answer) and answer.is_success

    def check(self) -> Health:
        """List one fax: reachable, and the key accepted?"""
        answer = http.exchange(self._client, "GET", self._url, params={"page[size]": 1})
        if not isinstance(answer, http.Answer):
            code = answer.code if isinstance(answer, http.NotSent) else "silent"
            return Health(is_ok=False, detail=f"{self._url}: {_words(answer)}", code=code)
        if answer.is_success:
            return Health(is_ok=True, detail=f"{self._url} answers and accepts the key.")
        detail = f"{self._url} answers {answer.status}: {_error(answer)[1] or 'no reason'}"
        return Health(is_ok=False, detail=detail, code=str(answer.status))

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()
        self._underway.close()

    def _verify(self, callback: Callback) -> None:
        """Ed25519 over `{timestamp}|{raw body}`, at most TOLERANCE old."""
        timestamp = callback.headers.get("telnyx-timestamp", "")
        signature = callback.headers.get("telnyx-signature-ed25519", "")
        if not (timestamp and signature):
            raise ForgedCallback("The callback carries no Telnyx signature.")
        try:
            self._public_key.verify(
                base64.b64decode(signature, validate=True), timestamp.encode() + b"|" + callback.body
            )
            signed_at = datetime.fromtimestamp(int(timestamp), UTC)
        except (InvalidSignature, binascii.Error):
            raise ForgedCallback("The callback's Telnyx signature is wrong.") from None
        except (ValueError, OverflowError, OSError):
            raise ForgedCallback("The callback's timestamp is no time.") from None
        if abs(callback.received_at - signed_at) > TOLERANCE:
            raise ForgedCallback("The callback was signed more than five minutes ago, or in the future.")

    def _by_ref(self, ref: str) -> Found | CannotTell:
        answer = http.exchange(self._client, "GET", f"{self._url}/{quote(ref, safe='')}")
        if not (isinstance(answer, http.Answer) and answer.is_success):
            # It had named this fax once, so even "not found" is no proof that nothing was sent.
            return CannotTell(f"Telnyx did not show the fax: {_words(answer)}", is_final=False)
        fax = _object(answer.json_object().get("data"))
        created_at = _moment(fax.get("created_at"))
        if _text(fax.get("id")) != ref or created_at is None:
            return CannotTell("Telnyx's answer is not the fax asked for.", is_final=False)
        return Found((_candidate(fax, created_at, is_certain=True),))

    def _listed(self, question: Lookup) -> list[Mapping[str, Any]] | CannotTell:
        """All faxes to that number at that time. The filters only save pages: the caller checks again."""
        params: dict[str, Any] = {
            "filter[to][eq]": question.to,
            "filter[direction][eq]": "outbound",
            "filter[created_at][gte]": (question.submitted_from - CLOCK_SLACK).astimezone(UTC).isoformat(),
            "filter[created_at][lte]": (question.submitted_until + CLOCK_SLACK).astimezone(UTC).isoformat(),
            "page[size]": PAGE_SIZE,
        }
        faxes: list[Mapping[str, Any]] = []
        for page in range(1, MOST_PAGES + 1):
            answer = http.exchange(self._client, "GET", self._url, params={**params, "page[number]": page})
            if not (isinstance(answer, http.Answer) and answer.is_success):
                return CannotTell(f"Telnyx did not list its faxes: {_words(answer)}", is_final=False)
            content = answer.json_object()
            data, meta = content.get("data"), _object(content.get("meta"))
            if not isinstance(data, list):
                return CannotTell("Telnyx's list of faxes is no list.", is_final=False)
            faxes += [_object(fax) for fax in data]
            total_pages = meta.get("total_pages")
            is_last = page >= total_pages if isinstance(total_pages, int) else len(data) < PAGE_SIZE
            if is_last:
                return faxes
        return CannotTell(f"Telnyx lists more than {MOST_PAGES} pages of faxes for that time.", is_final=False)


def _public_key(options: Options) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(options["public_key"], validate=True))
    except ValueError:
        raise options.fault("public_key", "is not the base64 of a 32-byte Ed25519 key.") from None


def _refusal(answer: http.Answer) -> Outcome:
    code, text, pointer = _error(answer)
    retry_class = classify_refusal(answer.status, code, pointer)
    if retry_class is None:
        return Unknown(f"Telnyx broke down over the request (HTTP {answer.status}).")
    return Refused(
        retry_class,
        code or str(answer.status),
        text,
        answer.retry_after(),
        is_about_us=retry_class is RetryClass.FIX_FIRST and is_about_us(answer.status, code, pointer),
        is_gateway_fault=is_gateway_fault(answer.status, code),
    )


def _error(answer: http.Answer) -> tuple[str, str, str]:
    """Code, words and field at fault of the first error (`{"errors": [{code, title, detail, source}]}`)."""
    errors = answer.json_object().get("errors")
    first = _object(errors[0]) if isinstance(errors, list) and errors else {}
    words = ": ".join(part for part in (_text(first.get("title")), _text(first.get("detail"))) if part)
    return _text(first.get("code")), harmless(words), _text(_object(first.get("source")).get("pointer"))


def _words(answer: http.Answer | http.NotSent | http.NoAnswer) -> str:
    match answer:
        case http.Answer():
            return f"HTTP {answer.status} {_error(answer)[1]}".strip()
        case http.NotSent():
            return answer.text
        case http.NoAnswer():
            return answer.why


def _candidate(fax: Mapping[str, Any], created_at: datetime, *, is_certain: bool) -> Candidate:
    ref, status = _text(fax.get("id")), _text(fax.get("status"))
    event_id = f"lookup:{ref}:{status}"
    receipt = _receipt(fax, status, event_id=event_id, ref=ref, occurred_at=_moment(fax.get("updated_at")))
    return Candidate(ref=ref, is_certain=is_certain, created_at=created_at, receipt=receipt)


def _receipt(fax: Mapping[str, Any], status: str, *, event_id: str, ref: str, occurred_at: datetime | None) -> Receipt:
    kind = _STATUS_KINDS.get(status)
    if kind is None:
        _log.warning("Unlisted Telnyx fax status %r; taken as progress.", status[:60])
        kind = ReceiptKind.PROGRESS
    reason = _text(fax.get("failure_reason")) if kind is ReceiptKind.FAILED else ""
    return Receipt(
        event_id=event_id,
        kind=kind,
        ref=ref,
        reference=_reference(_text(fax.get("client_state"))),
        retry_class=classify(reason) if kind is ReceiptKind.FAILED else None,
        code=harmless(reason or status, limit=60),
        occurred_at=occurred_at,
    )


def _reference(client_state: str) -> str:
    try:
        return base64.b64decode(client_state, validate=True).decode("utf-8")
    except ValueError:
        return ""


def _moment(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(_text(value))
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


KIND = GatewayKind(
    kind="telnyx",
    channel=Channel.FAX,
    options=(
        Option("base_url", "fax API", default="https://api.telnyx.com"),
        Option("api_key", "API v2 key", is_required=True, is_secret=True),
        Option("connection_id", "the fax application's id", is_required=True),
        Option("public_key", "base64 Ed25519 key that signs the callbacks", is_required=True),
        Option("sender", "our fax number, E.164"),
        Option("at_once", f"requests under way together, 1 to {MOST_AT_ONCE}", default=str(AT_ONCE)),
    ),
    load=lambda: TelnyxFax,
    attempt_limits=ATTEMPT_LIMITS,
    about_us=ABOUT_US,
)
