"""Twilio's Messages API, as far as a sender of text messages uses it: create, fetch, list, callbacks, STOP.

Owns requests and answers. What becomes of a message afterwards is in `sms.py`. Paths, fields and errors follow
Twilio's OpenAPI document `twilio_api_v2010`; times in answers are RFC 2822.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import secrets
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import FormData, QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import refusing
from .config import E164, is_reserved_number
from .faults import Step
from .refusing import Handler, guarded
from .sms import Message, Messages
from .state import State, until_hung_up

LONGEST_BODY = 1600
LONGEST_VALIDITY = 36_000  # seconds
_API = "/2010-04-01/Accounts"
_CODES = {401: 20003, 403: 20403, 404: 20404, 429: 20429, 500: 20500, 503: 20503}
_TEXTS = {
    20003: "Authenticate",
    20429: "Too Many Requests",
    20500: "Internal Server Error",
    20503: "Service Unavailable",
    21211: "The 'To' number is not a valid phone number.",
    21408: "Permission to send an SMS has not been enabled for the region indicated by the 'To' number.",
    21610: "Attempt to send to unsubscribed recipient",
    21611: "This 'From' number has exceeded the maximum number of queued messages",
    21612: "The 'To' phone number is not currently reachable using the 'From' phone number",
    21614: "'To' number is not a valid mobile number",
}


class Refusal(refusing.Refusal):
    """A request that is answered with an error body."""

    def __init__(self, code: int, message: str = "", *, status: int = 400, retry_after: int = 0) -> None:
        message = message or _TEXTS.get(code, "The request was refused")
        super().__init__(message, status=status, retry_after=retry_after)
        self.code = code

    def body(self) -> dict[str, Any]:
        """The error as Twilio words it."""
        return {
            "code": self.code,
            "message": self.message,
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }


def routes(state: State, messages: Messages) -> list[Route]:
    """The API's routes, below `/twilio`."""
    api = _Api(state, messages)
    account = _API + "/{account}"
    return [
        Route(f"{account}/Messages.json", api.guarded(api.create), methods=["POST"]),
        Route(f"{account}/Messages.json", api.guarded(api.page), methods=["GET"]),
        Route(f"{account}/Messages/{{sid}}.json", api.guarded(api.fetch), methods=["GET"]),
        Route(f"{account}.json", api.guarded(api.account), methods=["GET"]),
    ]


class _Api:
    def __init__(self, state: State, messages: Messages) -> None:
        self._state = state
        self._messages = messages

    def guarded(self, handler: Handler) -> Handler:
        """The handler, behind a check of Basic authentication."""
        return guarded(self._authenticate, handler)

    def _authenticate(self, request: Request) -> None:
        config = self._state.config
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        try:
            given = base64.b64decode(value, validate=True) if kind.lower() == "basic" else b""
        except binascii.Error:
            given = b""
        wanted = f"{config.twilio_account_sid}:{config.twilio_auth_token}".encode()
        if not secrets.compare_digest(given, wanted):
            raise Refusal(20003, status=401)
        if request.path_params["account"] != config.twilio_account_sid:
            raise _not_found(request)

    async def account(self, request: Request) -> Response:
        """The account itself, which a client may fetch to check its credentials."""
        sid = request.path_params["account"]
        return JSONResponse({"sid": sid, "friendly_name": "sandbox", "status": "active", "type": "Trial"})

    async def create(self, request: Request) -> Response:
        form = FormData(dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)))
        try:
            wanted = self._checked(form)
        except Refusal as refusal:
            self._note_refusal(_text(form, "To"), str(refusal.code), refusal.message)
            raise
        step = self._state.faults.take("sms", wanted.to)
        await asyncio.sleep(step.delay_ms / 1000 + self._state.faults.default("sms", "delay_ms"))
        if step.http and not step.accepted:
            self._note_refusal(wanted.to, str(_scripted(step).code), f"scripted: {step}")
            raise _scripted(step)
        message = await self._messages.accept(wanted, step)
        if step.timeout_after_acceptance:
            await until_hung_up(request)
        if step.http:
            raise _scripted(step)
        return JSONResponse(resource(message), status_code=201)

    def _checked(self, form: FormData) -> Message:
        to, body, service, sender = (_text(form, name) for name in ("To", "Body", "MessagingServiceSid", "From"))
        callback, validity = _text(form, "StatusCallback"), _text(form, "ValidityPeriod")
        if not to:
            raise Refusal(21604, "A 'To' phone number is required.")
        if not service and not sender:
            raise Refusal(21603, "A 'From' phone number is required.")
        if not body:
            raise Refusal(21602, "Message body is required.")
        if not E164.fullmatch(to):
            raise Refusal(21211, f"The 'To' number {to} is not a valid phone number.")
        if not is_reserved_number(to):
            raise Refusal(21408, f"This is a sandbox: {to} is outside the reserved test ranges.")
        if len(body) > LONGEST_BODY:
            raise Refusal(21617, "The concatenated message body exceeds the 1600 character limit.")
        if validity and not (validity.isdecimal() and 1 <= int(validity) <= LONGEST_VALIDITY):
            raise Refusal(21626, f"Invalid ValidityPeriod: {validity}")
        if callback and not self._state.config.may_call(callback):
            raise Refusal(
                21609, f"The StatusCallback URL {callback} is not a valid URL: the sandbox calls loopback only."
            )
        known = {"To", "From", "Body", "MessagingServiceSid", "StatusCallback"}
        message = Message(
            sid=f"SM{secrets.token_hex(16)}",
            to=to,
            sender=sender or self._messages.service_number(service),
            service_sid=service,
            body=body,
            status_callback=callback,
            options={name: str(value) for name, value in form.items() if name not in known},
        )
        if self._messages.is_opted_out(message):
            raise Refusal(21610)
        return message

    def _note_refusal(self, to: str, code: str, why: str) -> None:
        self._state.events.record("refused", channel="sms", to=to, reply=f"{code} {why}")

    async def fetch(self, request: Request) -> Response:
        message = self._messages.get(request.path_params["sid"])
        if message is None:
            raise _not_found(request)
        return JSONResponse(resource(message))

    async def page(self, request: Request) -> Response:
        found = list(_filtered(self._messages.newest_first(), request.query_params))
        size = min(max(_whole(request, "PageSize", 50), 1), 1000)
        number = _whole(request, "Page", 0)
        start = number * size
        shown = found[start : start + size]
        path = f"{_API}/{self._state.config.twilio_account_sid}/Messages.json"

        def uri(page: int) -> str:
            kept = [(name, value) for name, value in request.query_params.multi_items() if name not in _PAGING]
            return f"{path}?{urlencode([*kept, ('PageSize', str(size)), ('Page', str(page))])}"

        return JSONResponse(
            {
                "messages": [resource(message) for message in shown],
                "page": number,
                "page_size": size,
                "start": start,
                "end": start + max(len(shown) - 1, 0),
                "uri": uri(number),
                "first_page_uri": uri(0),
                "next_page_uri": uri(number + 1) if start + size < len(found) else None,
                "previous_page_uri": uri(number - 1) if number else None,
            }
        )


_PAGING = frozenset({"Page", "PageSize", "PageToken"})


def _text(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value.strip() if isinstance(value, str) and name != "Body" else str(value)


def _whole(request: Request, name: str, default: int) -> int:
    value = request.query_params.get(name, "")
    return int(value) if value.isdecimal() else default


def _scripted(step: Step) -> Refusal:
    code = step.code or _CODES.get(step.http, 21211)
    return Refusal(code, step.message, status=step.http, retry_after=step.retry_after)


def _not_found(request: Request) -> Refusal:
    path = request.url.path.removeprefix("/twilio")
    return Refusal(20404, f"The requested resource {path} was not found", status=404)


def _filtered(messages: Iterable[Message], query: QueryParams) -> Iterable[Message]:
    """To, From and the three forms of DateSent; borders count, times are whole seconds as in the answers."""
    after, before, on = (query.get(f"DateSent{sign}", "") for sign in (">", "<", ""))
    for message in messages:
        when = (message.sent_at or message.created_at).replace(microsecond=0)
        if (
            (query.get("To") or message.to) == message.to
            and (query.get("From") or message.sender) == message.sender
            and (not after or when >= _moment(after))
            and (not before or when <= _moment(before))
            and (not on or when.date() == _moment(on).date())
        ):
            yield message


def _moment(text: str) -> datetime:
    """A date or a time as the SDK writes them, `2015-11-24` or `2015-11-24T08:00:00Z` (UTC)."""
    try:
        if len(text) == len("2015-11-24"):
            day = date.fromisoformat(text)
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refusal(20001, f"DateSent: {text!r} is not a date") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _rfc2822(moment: datetime | None) -> str | None:
    return moment.strftime("%a, %d %b %Y %H:%M:%S +0000") if moment else None


def resource(message: Message) -> dict[str, Any]:
    """The Message resource as JSON."""
    uri = f"{_API}/{message.account_sid}/Messages/{message.sid}"
    return {
        "account_sid": message.account_sid,
        "api_version": "2010-04-01",
        "body": message.body,
        "date_created": _rfc2822(message.created_at),
        "date_sent": _rfc2822(message.sent_at),
        "date_updated": _rfc2822(message.updated_at),
        "direction": "outbound-api",
        "error_code": message.error_code or None,
        "error_message": None,
        # With a messaging service the number is chosen when the message leaves.
        "from": message.sender if message.sent_at or not message.service_sid else None,
        "messaging_service_sid": message.service_sid or None,
        "num_media": "0",
        "num_segments": str(message.segments),
        "price": None,
        "price_unit": "USD",
        "sid": message.sid,
        "status": message.status,
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": message.to,
        "uri": f"{uri}.json",
    }
