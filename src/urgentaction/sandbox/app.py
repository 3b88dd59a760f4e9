"""The HTTP side put together: the APIs, the script, the ledger, the pages."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from . import mailgun, postmark, telnyx, twilio
from .config import E164, is_reserved_number
from .faults import FaultScriptError, parse
from .fax import Faxes
from .pages import Pages
from .sms import SERVICE_NUMBER, Messages
from .state import State


def build(state: State) -> Starlette:
    """The application; takes up what an earlier run left unfinished, so a loop must be running."""
    messages, faxes = Messages(state), Faxes(state)
    messages.resume()
    faxes.resume()
    desk = _Desk(state, messages)
    return Starlette(
        routes=[
            Mount("/twilio", routes=twilio.routes(state, messages)),
            Mount("/telnyx", routes=telnyx.routes(state, faxes)),
            Mount("/postmark", routes=postmark.routes(state)),
            Mount("/mailgun", routes=mailgun.routes(state)),
            Route("/healthz", desk.health),
            Route("/ledger.json", desk.ledger),
            Route("/script", desk.show_script, methods=["GET"]),
            Route("/script", desk.add_script, methods=["POST"]),
            Route("/script", desk.clear_script, methods=["DELETE"]),
            Route("/inbound/sms", desk.inbound_sms, methods=["POST"]),
            *Pages(state, messages, faxes).routes(),
        ]
    )


class _Desk:
    """The sandbox's own controls."""

    def __init__(self, state: State, messages: Messages) -> None:
        self._state, self._messages = state, messages

    async def health(self, _request: Request) -> Response:
        return JSONResponse({"status": "ok", "line": self._state.line, "entries": len(self._state.ledger.entries)})

    async def ledger(self, request: Request) -> Response:
        wanted = request.query_params.get("since", "0")
        if not wanted.isdecimal():
            return _problem("since: must be the number of an entry")
        entries = self._state.ledger.since(int(wanted))
        return JSONResponse(
            {
                "entries": [entry.to_json() for entry in entries],
                "last": entries[-1].seq if entries else int(wanted),
            }
        )

    async def show_script(self, _request: Request) -> Response:
        return JSONResponse(self._state.faults.describe())

    async def add_script(self, request: Request) -> Response:
        given = await _json_object(request)
        if given is None:
            return _problem("the body must be a JSON object")
        try:
            script = parse(given)
        except FaultScriptError as error:
            return _problem(str(error))
        for name, url in (("sms_url", script.sms_inbound_url), ("esp_url", script.esp_webhook_url)):
            if url and not self._state.config.may_call(url):
                return _problem(f"inbound.{name}: the sandbox calls loopback only")
        self._state.faults.add(script)
        return JSONResponse(self._state.faults.describe())

    async def clear_script(self, _request: Request) -> Response:
        self._state.faults.clear()
        return Response(status_code=204)

    async def inbound_sms(self, request: Request) -> Response:
        given = await _json_object(request) or {}
        sender, body = given.get("from"), given.get("body")
        to = given.get("to", SERVICE_NUMBER)
        if not (isinstance(sender, str) and E164.fullmatch(sender) and is_reserved_number(sender)):
            return _problem("from: must be a reserved test number such as +12025550123")
        if not isinstance(body, str) or not isinstance(to, str):
            return _problem("body, to: must be texts")
        service = given.get("messaging_service_sid", "")
        sid = await self._messages.receive(sender=sender, to=to, body=body, service_sid=str(service))
        return JSONResponse({"sid": sid}, status_code=201)


async def _json_object(request: Request) -> dict[str, Any] | None:
    try:
        given = await request.json()
    except ValueError:
        return None
    return given if isinstance(given, dict) else None


def _problem(message: str) -> JSONResponse:
    return JSONResponse({"error": message}, status_code=400)
