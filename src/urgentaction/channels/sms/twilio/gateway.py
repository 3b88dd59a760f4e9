"""The Twilio SMS gateway."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
from twilio.http import HttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

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
    OutgoingSms,
    Receipt,
    ReceiptKind,
    Refused,
    RetryClass,
    Unknown,
)
from urgentaction.channels.options import Options
from urgentaction.channels.sms.twilio import AT_ONCE, MOST_AT_ONCE
from urgentaction.channels.sms.twilio.client import AsyncHttpxClient, HttpxClient, NoResponse, Refusal
from urgentaction.channels.sms.twilio.codes import (
    classify,
    classify_refusal,
    is_about_us,
    is_gateway_fault,
)
from urgentaction.channels.sms.twilio.inbound import meaning
from urgentaction.channels.underway import Submit, Underway
from urgentaction.channels.wording import harmless

_log = logging.getLogger(__name__)

#: Twilio's bounds for ValidityPeriod, in seconds.
SHORTEST_VALIDITY, LONGEST_VALIDITY = 1, 36_000
#: Read by Twilio and never sent: without it a callback that meets a restart of ours is not repeated. The signature
#: is over the URL without it.
CALLBACK_RETRIES = "#rc=3&rp=5xx,ct,rt"
#: How far Twilio's clock may be from ours when a message is looked for by time; its times are whole seconds.
CLOCK_SLACK = timedelta(seconds=60)
#: How many messages a look-up reads: to one number, and to anybody.
MOST_TO_ONE, MOST_TO_ALL = 200, 1000
#: How many messages one call may carry: only bounded so that somebody looks up between them.
BATCH = 1000

_STATUS_KINDS: Mapping[str, ReceiptKind] = {
    "accepted": ReceiptKind.PROGRESS,
    "scheduled": ReceiptKind.PROGRESS,
    "queued": ReceiptKind.PROGRESS,
    "sending": ReceiptKind.PROGRESS,
    "sent": ReceiptKind.PROGRESS,
    "partially_delivered": ReceiptKind.PROGRESS,
    "delivered": ReceiptKind.DELIVERED,
    "read": ReceiptKind.DELIVERED,
    "undelivered": ReceiptKind.FAILED,
    "failed": ReceiptKind.FAILED,
    "canceled": ReceiptKind.FAILED,
}


class TwilioSms:
    """Sends SMS, hears of their fate and of people's answers by signed callbacks."""

    channel = Channel.SMS
    capabilities = Capabilities(has_callbacks=True, has_lookup=True, has_cancel=True, batch=BATCH, at_once=AT_ONCE)

    def __init__(self, options: Options) -> None:
        self.name = options.name
        self._base_url = options.base_url("base_url")
        self._from = _sender(options)
        self._validator = RequestValidator(options["auth_token"])
        self._account = options["account_sid"], options["auth_token"]
        read_seconds = options.timeout(http.READ_SECONDS)
        at_once = options.integer("at_once", least=1, most=MOST_AT_ONCE)
        self.capabilities = dataclasses.replace(self.capabilities, at_once=at_once)
        self._http = http.build_client(read_seconds=read_seconds)
        self._client = self._spoken(HttpxClient(self._http, self._base_url))
        self._underway = Underway(
            lambda number: http.build_async_clients(number, read_seconds=read_seconds),
            self._speak,
            carries=OutgoingSms,
            at_once=at_once,
        )

    def __repr__(self) -> str:
        return f"<Twilio SMS gateway {self.name!r} at {self._base_url}>"

    def submit(self, outgoing: Outgoing) -> Outcome:
        """Ask for one message. Accepted means queued there; what becomes of it arrives by callback."""
        ((_, outcome),) = self.submit_many([outgoing], lambda _: True)
        return outcome

    def submit_many(self, batch: Sequence[Outgoing], begin: Begin) -> Iterator[tuple[int, Outcome]]:
        """One request a message, as the API has it, `at_once` of them under way."""
        yield from self._underway.submit_many(batch, begin)

    def _speak(self, client: httpx.AsyncClient) -> Submit[OutgoingSms]:
        api = self._spoken(AsyncHttpxClient(client, self._base_url))

        async def submit(outgoing: OutgoingSms) -> Outcome:
            try:
                message = await api.messages.create_async(to=outgoing.to, body=outgoing.text, **self._details(outgoing))
            except NoResponse as silence:
                return silence.cause.outcome()
            except Refusal as refusal:
                return _refusal(refusal.answer)
            except (ValueError, TypeError, AttributeError) as error:
                # The SDK could not read a 2xx answer: taken, most likely, but under a name we don't know.
                return Unknown(f"Twilio's answer could not be read ({type(error).__name__}).")
            return Accepted(message.sid) if message.sid else Unknown("Twilio took the message, but named no SID.")

        return submit

    def _spoken(self, over: HttpClient) -> Client:
        # Without an environment the SDK reads that of the process.
        return Client(*self._account, http_client=over, environment={"TWILIO_EDGE": ""})

    def parse(self, callback: Callback) -> Iterable[Receipt]:
        """Verify the signature over the public URL, then translate a status or a person's message."""
        form = _Form(parse_qsl(callback.body.decode("utf-8", "replace"), keep_blank_values=True))
        signature = callback.headers.get("x-twilio-signature", "")
        if not signature or not self._validator.validate(callback.url, form, signature):
            raise ForgedCallback("The callback's Twilio signature is missing or wrong.")
        sid = form.get("MessageSid") or form.get("SmsSid", "")
        if not sid:
            _log.warning("Twilio signed a callback without a message SID.")
            return ()
        status = form.get("MessageStatus", "")
        if status:
            query = parse_qs(urlsplit(callback.url).query)
            return (_status_receipt(sid, status, form.get("ErrorCode", ""), reference=query.get("ref", [""])[0]),)
        text = form.get("Body", "")
        kind = meaning(text, form.get("OptOutType", ""))
        is_message = kind is ReceiptKind.INBOUND
        event_id, sender = f"{sid}:inbound", form.get("From", "")
        return (Receipt(event_id=event_id, kind=kind, address=sender, text=text if is_message else ""),)

    def lookup(self, question: Lookup) -> Found | CannotTell:
        """By SID where we know it, else the messages to that number at that time: they fit, but none is certain.

        Twilio's filter on DateSent is not used: a message still waiting there has no such date. Where none was found,
        those with an obfuscated number (`AddressRetention`) are looked through too, because a filter on the number
        may not find them. A listing can lag: ask some seconds after the attempt, not at once.
        """
        try:
            if question.ref:
                message = self._client.messages(question.ref).fetch()
                return Found(tuple(_candidates([message], question, is_certain=True)))
            listed = self._client.messages.list(to=question.to, limit=MOST_TO_ONE)
            if fitting := tuple(_candidates(listed, question)):
                return Found(fitting)
            everybody = self._client.messages.list(limit=MOST_TO_ALL)
        except NoResponse as silence:
            return CannotTell(f"Twilio was not reached: {silence}", is_final=False)
        except Refusal as refusal:
            return CannotTell(f"Twilio did not list its messages: {refusal}", is_final=False)
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            return CannotTell(f"Twilio's listing could not be read ({type(error).__name__}).", is_final=False)
        hidden = [m for m in everybody if _is_obfuscated_form_of(m.to or "", question.to)]
        if fitting := tuple(_candidates(hidden, question)):
            return Found(fitting)
        oldest = min((m.date_created for m in everybody if m.date_created), default=None)
        is_complete = len(everybody) < MOST_TO_ALL or (oldest is not None and oldest < _window(question)[0])
        return Found() if is_complete else CannotTell("Too many messages since then to look through.", is_final=True)

    def cancel(self, ref: str) -> bool:
        """Ask to stop a message that Twilio has not sent yet."""
        try:
            self._client.messages(ref).update(status="canceled")
        except (NoResponse, Refusal, ValueError, TypeError, AttributeError):
            return False
        return True

    def check(self) -> Health:
        """List one message: reachable, and the token accepted?"""
        try:
            self._client.messages.list(limit=1)
        except NoResponse as silence:
            return Health(is_ok=False, detail=f"{self._base_url}: {silence}", code="silent")
        except Refusal as refusal:
            words = _error(refusal.answer)[1] or "no reason given"
            detail = f"{self._base_url} answers {refusal.answer.status}: {words}"
            return Health(is_ok=False, detail=detail, code=str(refusal.answer.status))
        except (ValueError, TypeError, AttributeError, KeyError):
            detail = f"{self._base_url} does not answer like Twilio; check base_url."
            return Health(is_ok=False, detail=detail, code="404")
        return Health(is_ok=True, detail=f"{self._base_url} answers and accepts the token.")

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()
        self._underway.close()

    def _details(self, outgoing: OutgoingSms) -> dict[str, Any]:
        details: dict[str, Any] = dict(self._from)
        if outgoing.callback_url:
            details["status_callback"] = outgoing.callback_url + CALLBACK_RETRIES
        if outgoing.valid_until is not None:
            left = int((outgoing.valid_until - datetime.now(UTC)).total_seconds())
            details["validity_period"] = min(max(left, SHORTEST_VALIDITY), LONGEST_VALIDITY)
        if outgoing.is_sensitive:
            details |= {"content_retention": "discard", "address_retention": "obfuscate"}
        return details


class _Form(dict[str, str]):
    """A posted form; `getall` is what the SDK's validator asks for where a name occurs twice."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        super().__init__(pairs)
        self._pairs = pairs

    def getall(self, name: str) -> list[str]:
        return [value for known, value in self._pairs if known == name]


def _sender(options: Options) -> dict[str, str]:
    if options["messaging_service_sid"]:
        return {"messaging_service_sid": options["messaging_service_sid"]}
    if options["sender"]:
        return {"from_": options["sender"]}
    either = options.variable("sender")
    raise options.fault("messaging_service_sid", f"is not set, nor is {either}; one of them must be.")


def _refusal(answer: http.Answer) -> Outcome:
    code, text = _error(answer)
    retry_class = classify_refusal(answer.status, code)
    if retry_class is None:
        return Unknown(f"Twilio broke down over the request (HTTP {answer.status}).")
    return Refused(
        retry_class,
        str(code or answer.status),
        text,
        answer.retry_after(),
        is_about_us=retry_class is RetryClass.FIX_FIRST and is_about_us(answer.status, code),
        is_gateway_fault=is_gateway_fault(answer.status, code),
    )


def _error(answer: http.Answer) -> tuple[int, str]:
    """Code and words of an error body: `{code, message}`, or RFC 9457 `{code, title, detail}`."""
    body = answer.json_object()
    code = body.get("code")
    words = body.get("message") or body.get("detail") or body.get("title") or ""
    return code if isinstance(code, int) else 0, harmless(str(words))


def _status_receipt(
    sid: str, status: str, error_code: str, *, reference: str = "", occurred_at: datetime | None = None
) -> Receipt:
    kind = _STATUS_KINDS.get(status)
    if kind is None:
        _log.warning("Unlisted Twilio message status %r; taken as progress.", status[:40])
        kind = ReceiptKind.PROGRESS
    number = int(error_code) if error_code.isascii() and error_code.isdigit() else 0
    is_failure = kind is ReceiptKind.FAILED
    return Receipt(
        event_id=":".join(part for part in (sid, status, error_code) if part),
        kind=kind,
        ref=sid,
        reference=reference,
        # Without a code: cancelled, or a carrier that gives no reason. Neither is the number's fault.
        retry_class=classify(number or 30008) if is_failure else None,
        code=error_code or status,
        occurred_at=occurred_at,
    )


def _candidates(messages: Iterable[Any], question: Lookup, *, is_certain: bool = False) -> Iterator[Candidate]:
    """Those of the SDK's messages that were created while the attempt was on the wire, and are not a person's."""
    since, until = _window(question)
    for message in messages:
        created_at = message.date_created
        is_outbound = str(message.direction or "outbound").startswith("outbound")
        if not message.sid or created_at is None or not is_outbound:
            continue
        if is_certain or since <= created_at <= until:
            error_code = str(message.error_code or "")
            receipt = _status_receipt(message.sid, str(message.status), error_code, occurred_at=message.date_updated)
            yield Candidate(ref=message.sid, is_certain=is_certain, created_at=created_at, receipt=receipt)


def _window(question: Lookup) -> tuple[datetime, datetime]:
    return question.submitted_from - CLOCK_SLACK, question.submitted_until + CLOCK_SLACK


def _is_obfuscated_form_of(shown: str, number: str) -> bool:
    """`+1202555XXXX` may be +12025550123: same length, and every digit shown is the right one."""
    is_masked = any(character in "Xx*" for character in shown)
    return is_masked and len(shown) == len(number) and all(s in ("Xx*" + n) for s, n in zip(shown, number, strict=True))
