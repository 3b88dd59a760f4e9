"""Postmark's Email API, as far as a sender uses it: one message, a batch of whole messages, the server's own data.

A batch is answered message by message, and some may be refused while others are taken. Webhooks are not signed: the
URL carries user and password.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parseaddr
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import esp, refusing
from .callbacks import Attempt, Compose
from .faults import Step
from .refusing import Handler, guarded
from .state import State, until_hung_up

LARGEST_BATCH = 500
#: A refusal of one message in a batch; every other status is one of the whole request.
_OF_ONE = 422
_CODES = {401: 10, 422: 300, 429: 429, 503: 100}


class Refusal(refusing.Refusal):
    """A message, or a request, that is refused."""

    def __init__(self, status: int, code: int, message: str, *, retry_after: int = 0) -> None:
        super().__init__(message, status=status, retry_after=retry_after)
        self.code = code

    def body(self) -> dict[str, Any]:
        """The error as Postmark words it."""
        return {"ErrorCode": self.code, "Message": self.message}


def routes(state: State) -> list[Route]:
    """The API's routes, below `/postmark`."""
    api = _Api(state)
    return [
        Route("/email", api.guarded(api.one), methods=["POST"]),
        Route("/email/batch", api.guarded(api.batch), methods=["POST"]),
        Route("/server", api.guarded(api.server), methods=["GET"]),
    ]


class _Api:
    def __init__(self, state: State) -> None:
        self._state = state

    def guarded(self, handler: Handler) -> Handler:
        """The handler, behind a check of the server token."""
        return guarded(self._authenticate, handler)

    def _authenticate(self, request: Request) -> None:
        token = request.headers.get("x-postmark-server-token", "").encode()
        if not secrets.compare_digest(token, self._state.config.postmark_server_token.encode()):
            raise Refusal(
                401, 10, "The Server Token you provided in the X-Postmark-Server-Token request header is wrong."
            )

    async def server(self, _request: Request) -> Response:
        return JSONResponse({"ID": 1, "Name": "sandbox", "DeliveryType": "Sandbox"})

    async def one(self, request: Request) -> Response:
        given = await _json(request)
        if not isinstance(given, dict):
            raise Refusal(422, 402, "The body must be a JSON object.")
        (answer,) = await self._take(request, [given])
        return JSONResponse(answer, status_code=_OF_ONE if answer["ErrorCode"] else 200)

    async def batch(self, request: Request) -> Response:
        given = await _json(request)
        if not (isinstance(given, list) and all(isinstance(one, dict) for one in given)):
            raise Refusal(422, 402, "The body must be a list of JSON objects.")
        if len(given) > LARGEST_BATCH:
            raise Refusal(422, 410, f"You can send at most {LARGEST_BATCH} messages in a batch.")
        return JSONResponse(await self._take(request, given))

    async def _take(self, request: Request, given: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """An answer for each message, in their order."""
        steps = esp.steps_for(self._state, [parseaddr(str(one.get("To", "")))[1] for one in given])
        refused = next((step for step in steps if step.http and step.http != _OF_ONE and not step.accepted), None)
        await esp.answer_later(self._state, steps)
        if refused:
            self._note("", f"{refused.http} scripted: {refused}")
            raise _scripted(refused)
        answers, taken = [], []
        for one, step in zip(given, steps, strict=True):
            try:
                mail = _mail(one)
                if step.http == _OF_ONE:
                    raise _scripted(step)
            except Refusal as refusal:
                self._note(parseaddr(str(one.get("To", "")))[1], f"{refusal.code} {refusal.message}")
                answers.append(refusal.body())
                continue
            taken.append((mail, step))
            answers.append(
                {"ErrorCode": 0, "Message": "OK", "MessageID": mail.ref, "SubmittedAt": _now(), "To": mail.to}
            )
        await esp.accept(self._state, taken, self._report)
        if any(step.timeout_after_acceptance for _, step in taken):
            await until_hung_up(request)
        for _, step in taken:
            if step.http:
                raise _scripted(step)
        return answers

    def _note(self, to: str, why: str) -> None:
        self._state.events.record("refused", channel="email", to=to, reply=why)

    def _report(self, url: str, news: esp.News) -> Compose:
        body = json.dumps(_event(news)).encode()
        login = base64.b64encode(self._state.config.postmark_webhook_login.encode()).decode()
        headers = {
            "content-type": "application/json",
            "user-agent": "Postmark",
            "authorization": f"Basic {login}",
        }
        return lambda _attempt: Attempt(url=url, body=body, headers=headers)


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


async def _json(request: Request) -> Any:
    try:
        return json.loads(await request.body())
    except ValueError as error:
        raise Refusal(422, 402, f"The body is not JSON: {error}") from error


def _scripted(step: Step) -> Refusal:
    code = step.code or _CODES.get(step.http, 300)
    return Refusal(step.http, code, step.message or "Scripted by the sandbox.", retry_after=step.retry_after)


def _mail(given: Mapping[str, Any]) -> esp.Mail:
    to = parseaddr(str(given.get("To", "")))[1]
    if not esp.is_taken(to):
        raise Refusal(_OF_ONE, 300, f"Invalid 'To' address: '{to}'.")
    if not given.get("From"):
        raise Refusal(_OF_ONE, 300, "Invalid 'From' address: ''.")
    if not (given.get("TextBody") or given.get("HtmlBody")):
        raise Refusal(_OF_ONE, 300, "Provide either email TextBody or HtmlBody or both.")
    metadata = given.get("Metadata") or {}
    headers = [(str(one["Name"]), str(one["Value"])) for one in given.get("Headers") or ()]
    keeps_id = any(name.lower() == "x-pm-keepid" for name, _ in headers)
    kept = [(name, value) for name, value in headers if keeps_id or name.lower() != "message-id"]
    if given.get("ReplyTo"):
        kept.append(("Reply-To", str(given["ReplyTo"])))
    return esp.Mail(
        ref=str(uuid4()),
        to=to,
        sender=str(given["From"]),
        subject=str(given.get("Subject", "")),
        text=str(given.get("TextBody", "")),
        html=str(given.get("HtmlBody") or ""),
        headers=tuple((name, value) for name, value in kept if name.lower() != "x-pm-keepid"),
        files=tuple(_file(one) for one in given.get("Attachments") or ()),
        reference=str(metadata.get("reference", "")),
        variables={str(name): str(value) for name, value in metadata.items()},
    )


def _file(given: Mapping[str, Any]) -> esp.File:
    try:
        content = base64.b64decode(str(given.get("Content", "")), validate=True)
    except binascii.Error as error:
        raise Refusal(_OF_ONE, 300, "An attachment's Content must be base64.") from error
    return esp.File(str(given.get("Name", "")), str(given.get("ContentType", "application/octet-stream")), content)


def _event(news: esp.News) -> dict[str, Any]:
    """A report as Postmark's webhooks have it."""
    mail, at = news.mail, news.at.isoformat().replace("+00:00", "Z")
    common = {"MessageID": mail.ref, "Metadata": dict(mail.variables), "ServerID": 1, "MessageStream": "outbound"}
    bounce = {"ID": int(news.id[:12], 16), "Email": mail.to, "BouncedAt": at, "Details": f"smtp;{news.reply}"}
    match news.kind:
        case "bounced":
            return {**common, **bounce, "RecordType": "Bounce", "Type": "HardBounce", "TypeCode": 1}
        case "deferred":
            return {**common, **bounce, "RecordType": "Bounce", "Type": "Transient", "TypeCode": 2}
        case "complained":
            complaint = {"RecordType": "SpamComplaint", "Type": "SpamComplaint", "TypeCode": 512, "Details": ""}
            return {**common, **bounce, **complaint}
        case "unsubscribed":
            change = {"RecordType": "SubscriptionChange", "Recipient": mail.to, "ChangedAt": at}
            return {**common, **change, "SuppressSending": True, "SuppressionReason": "ManualSuppression"}
    return {**common, "RecordType": "Delivery", "Recipient": mail.to, "DeliveredAt": at, "Details": "250 2.0.0 Ok"}
