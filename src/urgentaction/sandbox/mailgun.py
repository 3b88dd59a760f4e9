"""Mailgun's Messages API, as far as a sender uses it: a message to one, or one text to many with recipient variables.

A request is taken whole or not at all, and all its mails bear one name. Webhooks are signed over time and token (not
over what they report), anew at every try.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Mapping
from email.utils import parseaddr
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import esp, refusing
from .callbacks import Attempt, Compose
from .faults import Step
from .refusing import Handler, guarded
from .state import State, until_hung_up

LARGEST_BATCH = 1000
_FIELD = re.compile(r"%recipient\.([^%]+)%")
_EVENTS = {"bounced": "failed", "deferred": "failed"}


class Refusal(refusing.Refusal):
    """A request that is answered with an error."""

    def __init__(self, status: int, message: str, *, retry_after: int = 0) -> None:
        super().__init__(message, status=status, retry_after=retry_after)

    def body(self) -> dict[str, Any]:
        """The error as Mailgun words it."""
        return {"message": self.message}


def routes(state: State) -> list[Route]:
    """The API's routes, below `/mailgun`."""
    api = _Api(state)
    return [
        Route("/v3/{domain}/messages", api.guarded(api.send), methods=["POST"]),
        Route("/v3/domains/{domain}", api.guarded(api.domain), methods=["GET"]),
    ]


class _Api:
    def __init__(self, state: State) -> None:
        self._state = state

    def guarded(self, handler: Handler) -> Handler:
        """The handler, behind a check of the key."""
        return guarded(self._authenticate, handler)

    def _authenticate(self, request: Request) -> None:
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        try:
            login = base64.b64decode(given, validate=True)
        except binascii.Error:
            login = b""
        wanted = f"api:{self._state.config.mailgun_api_key}".encode()
        if kind.lower() != "basic" or not secrets.compare_digest(login, wanted):
            raise Refusal(401, "Invalid private key")

    async def domain(self, request: Request) -> Response:
        return JSONResponse({"domain": {"name": request.path_params["domain"], "state": "active"}})

    async def send(self, request: Request) -> Response:
        async with request.form(max_files=50, max_fields=5000) as form:
            addresses = [parseaddr(str(one))[1] for one in form.getlist("to")]
            try:
                mails = await _mails(form, addresses, request.path_params["domain"])
            except Refusal as refusal:
                self._note(addresses, f"{refusal.status} {refusal.message}")
                raise
        steps = esp.steps_for(self._state, addresses)
        await esp.answer_later(self._state, steps)
        scripted = next((step for step in steps if step.http), None)
        if scripted and not scripted.accepted:
            self._note(addresses, f"{scripted.http} scripted: {scripted}")
            raise _scripted(scripted)
        await esp.accept(self._state, list(zip(mails, steps, strict=True)), self._report)
        if any(step.timeout_after_acceptance for step in steps):
            await until_hung_up(request)
        if scripted:
            raise _scripted(scripted)
        return JSONResponse({"id": mails[0].ref, "message": "Queued. Thank you."})

    def _note(self, addresses: list[str], why: str) -> None:
        self._state.events.record("refused", channel="email", to=addresses[0] if addresses else "", reply=why)

    def _report(self, url: str, news: esp.News) -> Compose:
        event, key = _event(news), self._state.config.mailgun_signing_key.encode()

        def compose(_attempt: int) -> Attempt:
            timestamp, token = str(int(time.time())), secrets.token_hex(25)
            signed = hmac.new(key, f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest()
            signature = {"timestamp": timestamp, "token": token, "signature": signed}
            body = json.dumps({"signature": signature, "event-data": event}).encode()
            headers = {"content-type": "application/json", "user-agent": "mailgun/treq"}
            return Attempt(url=url, body=body, headers=headers)

        return compose


def _scripted(step: Step) -> Refusal:
    return Refusal(step.http, step.message or "Scripted by the sandbox.", retry_after=step.retry_after)


async def _mails(form: FormData, addresses: list[str], domain: str) -> list[esp.Mail]:
    """What each recipient would read."""
    if not addresses or not all(esp.is_taken(address) for address in addresses):
        raise Refusal(400, "'to' parameter is not a valid address. please check documentation")
    if len(addresses) > LARGEST_BATCH:
        raise Refusal(400, f"at most {LARGEST_BATCH} recipients are taken at once")
    if not form.get("from") or not (form.get("text") or form.get("html")):
        raise Refusal(400, "from, and text or html, are needed")
    variables = _variables(form)
    if len(addresses) > 1 and not set(addresses) <= variables.keys():
        raise Refusal(400, "several recipients without variables of their own would see each other")
    files = [
        esp.File(file.filename or "attachment", file.content_type or "application/octet-stream", await file.read())
        for file in form.getlist("attachment")
        if isinstance(file, UploadFile)
    ]
    ref = f"<{secrets.token_hex(10)}@{domain}>"
    return [_mail(form, address, variables.get(address, {}), ref, tuple(files)) for address in addresses]


def _variables(form: FormData) -> Mapping[str, Mapping[str, Any]]:
    try:
        given = json.loads(str(form.get("recipient-variables") or "{}"))
    except ValueError as error:
        raise Refusal(400, "recipient-variables is not valid JSON") from error
    if not (isinstance(given, dict) and all(isinstance(one, dict) for one in given.values())):
        raise Refusal(400, "recipient-variables must be an object of objects")
    return given


def _mail(form: FormData, address: str, values: Mapping[str, Any], ref: str, files: tuple[esp.File, ...]) -> esp.Mail:
    def filled(name: str) -> str:
        return _FIELD.sub(lambda found: str(values.get(found[1], found[0])), str(form.get(name) or ""))

    headers = [(name[2:], filled(name)) for name in form if name.startswith("h:")]
    own = {name[2:]: filled(name) for name in form if name.startswith("v:")}
    return esp.Mail(
        ref=ref,
        to=address,
        sender=filled("from"),
        subject=filled("subject"),
        text=filled("text"),
        html=filled("html"),
        headers=tuple((name, value) for name, value in headers if value),
        files=files,
        reference=own.get("reference", ""),
        variables=own,
    )


def _event(news: esp.News) -> dict[str, Any]:
    """A report as Mailgun's webhooks have it, without its signature."""
    mail = news.mail
    event: dict[str, Any] = {
        "event": _EVENTS.get(news.kind, news.kind),
        "id": news.id,
        "timestamp": news.at.timestamp(),
        "recipient": mail.to,
        "user-variables": dict(mail.variables),
        "message": {"headers": {"message-id": mail.ref.strip("<>"), "to": mail.to}},
    }
    if event["event"] == "failed":
        code = int(news.reply[:3])
        event |= {
            "severity": "permanent" if news.kind == "bounced" else "temporary",
            "reason": "bounce" if news.kind == "bounced" else "generic",
            "delivery-status": {"code": code, "message": news.reply[4:], "description": ""},
        }
    return event
