"""Telnyx's Programmable Fax API, as far as a sender of faxes uses it: send, fetch, list, cancel.

Owns requests and answers. What becomes of a fax afterwards is in `fax.py`. Fields, paging and error codes follow
Telnyx's OpenAPI document (`/v2/faxes`) and its list of API errors.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import refusing
from .config import E164, is_reserved_number
from .faults import Step
from .fax import Fax, Faxes
from .refusing import Handler, guarded
from .state import State, until_hung_up

_TITLES = {
    "10003": "Invalid URL",
    "10004": "Missing required parameter",
    "10005": "Resource not found",
    "10007": "Unexpected error",
    "10009": "Authentication failed",
    "10010": "Authorization failed",
    "10011": "Too many requests",
    "10014": "Unsupported Media Type",
    "10015": "Bad Request",
    "10016": "Phone number must be in +E.164 format",
}
_CODES = {401: "10009", 403: "10010", 404: "10005", 429: "10011", 500: "10007", 502: "10007", 503: "10007"}
_LONGEST_PAGE = 250


class Refusal(refusing.Refusal):
    """A request that is answered with an error body."""

    def __init__(self, status: int, code: str, detail: str, *, field: str = "", retry_after: int = 0) -> None:
        super().__init__(detail, status=status, retry_after=retry_after)
        self.code, self.field = code, field

    def body(self) -> dict[str, Any]:
        """The error as Telnyx words it."""
        error: dict[str, Any] = {
            "code": self.code,
            "title": _TITLES.get(self.code, "Unprocessable Entity"),
            "detail": self.message,
        }
        if self.field:
            error["source"] = {"pointer": f"/{self.field}"}
        return {"errors": [error]}


def routes(state: State, faxes: Faxes) -> list[Route]:
    """The API's routes, below `/telnyx`."""
    api = _Api(state, faxes)
    return [
        Route("/v2/faxes", api.guarded(api.create), methods=["POST"]),
        Route("/v2/faxes", api.guarded(api.page), methods=["GET"]),
        Route("/v2/faxes/{fax_id}", api.guarded(api.fetch), methods=["GET"]),
        Route("/v2/faxes/{fax_id}/actions/cancel", api.guarded(api.cancel), methods=["POST"]),
    ]


class _Api:
    def __init__(self, state: State, faxes: Faxes) -> None:
        self._state = state
        self._faxes = faxes

    def guarded(self, handler: Handler) -> Handler:
        """The handler, behind a check of the bearer key."""
        return guarded(self._authenticate, handler)

    def _authenticate(self, request: Request) -> None:
        kind, _, key = request.headers.get("authorization", "").partition(" ")
        wanted = self._state.config.telnyx_api_key.encode()
        if kind.lower() != "bearer" or not secrets.compare_digest(key.strip().encode(), wanted):
            raise Refusal(401, "10009", "The API key is missing or wrong.")

    async def create(self, request: Request) -> Response:
        body = await request.body()
        try:
            fax = self._checked(request, body)
        except Refusal as refusal:
            self._note_refusal(_claimed_number(body), f"{refusal.status} {refusal.code} {refusal.message}")
            raise
        step = self._state.faults.take("fax", fax.to)
        await asyncio.sleep(step.delay_ms / 1000 + self._state.faults.default("fax", "delay_ms"))
        if step.http and not step.accepted:
            self._note_refusal(fax.to, f"{step.http} {_scripted(step).code} scripted: {step}")
            raise _scripted(step)
        await self._faxes.accept(fax, step, request_body=body)
        if step.timeout_after_acceptance:
            await until_hung_up(request)
        if step.http:
            raise _scripted(step)
        return JSONResponse({"data": resource(fax, status="queued")}, status_code=202)

    def _note_refusal(self, to: str, why: str) -> None:
        self._state.events.record("refused", channel="fax", to=to, reply=why)

    def _checked(self, request: Request, body: bytes) -> Fax:
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            raise Refusal(415, "10014", "The sandbox takes application/json only.")
        try:
            given = json.loads(body)
        except ValueError as error:
            raise Refusal(400, "10015", f"The body is not JSON: {error}") from error
        if not isinstance(given, dict):
            raise Refusal(400, "10015", "The body must be a JSON object.")
        for name in ("connection_id", "to", "from", "media_url"):
            if not isinstance(given.get(name), str) or not given[name]:
                raise Refusal(422, "10004", f"The parameter {name} is required.", field=name)
        self._check_addresses(given)
        client_state = given.get("client_state") or ""
        try:
            base64.b64decode(client_state, validate=True)
        except (binascii.Error, ValueError, TypeError) as error:
            raise Refusal(422, "10015", "client_state must be base64.", field="client_state") from error
        known = {"connection_id", "to", "from", "media_url", "client_state", "webhook_url"}
        return Fax(
            id=str(uuid4()),
            to=given["to"],
            sender=given["from"],
            connection_id=given["connection_id"],
            media_url=given["media_url"],
            client_state=client_state,
            webhook_url=given.get("webhook_url") or "",
            options={name: value for name, value in given.items() if name not in known},
        )

    def _check_addresses(self, given: dict[str, Any]) -> None:
        for name in ("to", "from"):
            if not E164.fullmatch(given[name]):
                raise Refusal(422, "10016", f"{name} must be a number in +E.164 format.", field=name)
        if not is_reserved_number(given["to"]):
            detail = f"This is a sandbox: {given['to']} is outside the reserved test ranges."
            raise Refusal(403, "10010", detail, field="to")
        for name in ("media_url", "webhook_url"):
            url = given.get(name)
            if url and not (isinstance(url, str) and self._state.config.may_call(url)):
                raise Refusal(422, "10003", f"{name}: the sandbox calls loopback only.", field=name)

    def _found(self, request: Request) -> Fax:
        fax = self._faxes.get(request.path_params["fax_id"])
        if fax is None:
            raise Refusal(404, "10005", "The requested resource or URL could not be found.")
        return fax

    async def fetch(self, request: Request) -> Response:
        return JSONResponse({"data": resource(self._found(request))})

    async def page(self, request: Request) -> Response:
        found = list(_filtered(self._faxes.newest_first(), request.query_params))
        size = min(max(_whole(request, "page[size]", 20), 1), _LONGEST_PAGE)
        number = max(_whole(request, "page[number]", 1), 1)
        shown = found[(number - 1) * size : number * size]
        return JSONResponse(
            {
                "data": [resource(fax) for fax in shown],
                "meta": {
                    "page_number": number,
                    "page_size": size,
                    "total_pages": -(-len(found) // size),
                    "total_results": len(found),
                },
            }
        )

    async def cancel(self, request: Request) -> Response:
        """Asks to stop a fax. The answer is the same whether that comes in time or not, as with the real one."""
        self._found(request).is_cancelled = True
        return JSONResponse({"data": {"result": "ok"}}, status_code=202)


def _claimed_number(body: bytes) -> str:
    """The number in a request that is about to be refused, for the page; nothing where it can't be read."""
    try:
        given = json.loads(body)
    except ValueError:
        return ""
    return str(given.get("to", "")) if isinstance(given, dict) else ""


def _whole(request: Request, name: str, default: int) -> int:
    value = request.query_params.get(name, "")
    return int(value) if value.isdecimal() else default


def _scripted(step: Step) -> Refusal:
    code = str(step.code) if step.code else _CODES.get(step.http, "10015")
    return Refusal(step.http, code, step.message or "Scripted by the sandbox.", retry_after=step.retry_after)


def _filtered(faxes: Iterable[Fax], query: QueryParams) -> Iterable[Fax]:
    """The filters of Telnyx's list: `filter[to][eq]`, `filter[from][eq]`, `filter[created_at][gte|gt|lte|lt]`."""
    borders = {
        sign: _moment(query[name])
        for sign in ("gte", "gt", "lte", "lt")
        if (name := f"filter[created_at][{sign}]") in query
    }
    for fax in faxes:
        when = fax.created_at
        if (
            query.get("filter[to][eq]", fax.to) == fax.to
            and query.get("filter[from][eq]", fax.sender) == fax.sender
            and query.get("filter[direction][eq]", "outbound") == "outbound"
            and ("gte" not in borders or when >= borders["gte"])
            and ("gt" not in borders or when > borders["gt"])
            and ("lte" not in borders or when <= borders["lte"])
            and ("lt" not in borders or when < borders["lt"])
        ):
            yield fax


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refusal(422, "10015", f"{text!r} is not an ISO 8601 time.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def resource(fax: Fax, *, status: str = "") -> dict[str, Any]:
    """The Fax resource as JSON; `status` overrides the present one (the answer to a request says `queued`)."""
    return {
        "record_type": "fax",
        "id": fax.id,
        "connection_id": fax.connection_id,
        "direction": "outbound",
        "from": fax.sender,
        "from_display_name": fax.options.get("from_display_name"),
        "to": fax.to,
        "status": status or fax.status,
        "failure_reason": fax.failure_reason or None,
        "quality": fax.options.get("quality", "high"),
        "media_url": fax.media_url,
        "store_media": bool(fax.options.get("store_media", False)),
        "stored_media_url": None,
        "client_state": fax.client_state or None,
        "webhook_url": fax.webhook_url or None,
        "webhook_failover_url": None,
        "created_at": _iso(fax.created_at),
        "updated_at": _iso(fax.updated_at),
    }


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
