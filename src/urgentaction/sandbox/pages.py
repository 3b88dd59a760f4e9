"""The outbox for people: what was taken, what it looks like on the other side, and what the script did to it.

Reads only. Server-rendered, no scripts, nothing from elsewhere; a mail's HTML stays in a sandboxed frame.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from . import mailview
from .fax import Fax, Faxes
from .ledger import Entry
from .sms import Messages
from .state import State

PAGE_SIZE = 50
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
_MAIL_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One row of the outbox. `tone` is good, bad or plain; `link` is empty for what was refused."""

    at: datetime
    channel: str
    to: str
    title: str
    state: str
    tone: str
    notes: tuple[str, ...]
    link: str = ""
    picture: str = ""
    attempt: int = 1


class Pages:
    """The routes of the web page."""

    def __init__(self, state: State, messages: Messages, faxes: Faxes) -> None:
        self._state, self._messages, self._faxes = state, messages, faxes
        self._templates = Environment(
            loader=PackageLoader("urgentaction.sandbox"), autoescape=select_autoescape(), undefined=StrictUndefined
        )
        self._templates.filters["clock"] = lambda moment: moment.strftime("%d %b %H:%M:%S")

    def routes(self) -> list[Route]:
        """Every page, to be mounted at the root."""
        return [
            Route("/", self.outbox),
            Route("/style.css", self.style),
            Route("/mail/{ref}.eml", self.mail_raw),
            Route("/mail/{ref}", self.mail),
            Route("/mail/{ref}/html", self.mail_html),
            Route("/mail/{ref}/part/{number:int}", self.mail_part),
            Route("/fax/{ref}.tiff", self.fax_tiff),
            Route("/fax/{ref}", self.fax),
            Route("/fax/{ref}/page/{number:int}.png", self.fax_page),
            Route("/sms/{ref}", self.sms),
        ]

    def _html(self, template: str, **context: Any) -> HTMLResponse:
        text = self._templates.get_template(template).render(line=self._state.line, **context)
        return HTMLResponse(text, headers=_HEADERS)

    async def style(self, _request: Request) -> Response:
        return FileResponse(Path(__file__).parent / "static" / "style.css", media_type="text/css", headers=_HEADERS)

    async def outbox(self, request: Request) -> Response:
        """Everything, newest first; `?channel=` narrows it, `?page=` leafs through."""
        channel = request.query_params.get("channel", "")
        wanted = request.query_params.get("page", "1")
        number = int(wanted) if wanted.isdecimal() and wanted != "0" else 1
        rows: list[Entry | dict[str, Any]] = [*self._state.ledger.entries, *self._state.events.refusals]
        counts = Counter(_channel(row) for row in rows)
        rows = sorted((row for row in rows if channel in {"", _channel(row)}), key=_moment, reverse=True)
        shown = rows[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
        return self._html(
            "outbox.html",
            items=[self._item(row) for row in shown],
            channel=channel,
            counts=counts,
            total=sum(counts.values()),
            number=number,
            is_last=number * PAGE_SIZE >= len(rows),
            is_watching="watch" in request.query_params,
        )

    def _item(self, row: Entry | dict[str, Any]) -> Item:
        if isinstance(row, dict):
            why = row.get("reply") or row.get("step") or ""
            return Item(
                at=_moment(row),
                channel=row["channel"],
                to=row["to"] or "no address",
                title=str(why),
                state="refused",
                tone="bad",
                notes=(),
            )
        notes = self._notes(row.ref, row.to)
        facts: dict[str, Any] = {
            "at": row.at, "channel": row.channel, "to": row.to, "attempt": row.attempt_seen, "notes": notes
        }  # fmt: skip
        if row.channel == "sms" and (message := self._messages.get(row.ref)) is not None:
            tone = {"delivered": "good", "undelivered": "bad", "failed": "bad"}.get(message.status, "plain")
            return Item(**facts, title=message.body, state=message.status, tone=tone, link=f"/sms/{row.ref}")
        if row.channel == "fax" and (fax := self._faxes.get(row.ref)) is not None:
            tone = {"delivered": "good", "failed": "bad"}.get(fax.status, "plain")
            state = fax.failure_reason or fax.status
            picture = f"/fax/{row.ref}/page/1.png" if fax.page_count else ""
            title = f"{fax.page_count} page{'' if fax.page_count == 1 else 's'} from {fax.sender}"
            return Item(**facts, title=title, state=state, tone=tone, link=f"/fax/{row.ref}", picture=picture)
        path = self._state.config.data / row.file
        title = mailview.read(path).header("Subject") if path.is_file() else "(its file is gone)"
        return Item(**facts, title=title or "(no subject)", state="accepted", tone="good", link=f"/mail/{row.ref}")

    def _notes(self, ref: str, to: str) -> tuple[str, ...]:
        """What the script did to a message and which callbacks went astray, in few words."""
        events = [event for event in self._state.events.of(ref) if event["to"] in {"", to}]
        played = [f"script: {event['step']}" for event in events if event["kind"] == "fault"]
        lost = [f"callback {event['name']} given up" for event in events if event["kind"] == "callback_given_up"]
        return (*played, *lost)

    def _entries(self, channel: str, ref: str) -> list[Entry]:
        found = [entry for entry in self._state.ledger.entries if entry.channel == channel and entry.ref == ref]
        if not found:
            raise HTTPException(404, f"no {channel} {ref}")
        return found

    def _mail(self, request: Request) -> tuple[list[Entry], mailview.Mail]:
        entries = self._entries("email", request.path_params["ref"])
        return entries, mailview.read(self._state.config.data / entries[0].file)

    async def mail(self, request: Request) -> Response:
        entries, mail = self._mail(request)
        events = self._state.events.of(entries[0].ref)
        sender = next((event["sender"] for event in events if event["kind"] == "accepted"), "")
        return self._html("mail.html", entries=entries, mail=mail, events=events, sender=sender)

    async def mail_html(self, request: Request) -> Response:
        """The HTML as the sender wrote it, in a frame that may do nothing."""
        return HTMLResponse(self._mail(request)[1].html, headers={**_HEADERS, "content-security-policy": _MAIL_POLICY})

    async def mail_part(self, request: Request) -> Response:
        parts = self._mail(request)[1].parts
        number = request.path_params["number"]
        if number >= len(parts):
            raise HTTPException(404, f"the mail has {len(parts)} attachments")
        part = parts[number]
        disposition = f"attachment; filename*=UTF-8''{quote(part.filename, safe='')}"
        headers = {**_HEADERS, "content-disposition": disposition}
        return Response(part.content, media_type=part.content_type, headers=headers)

    async def mail_raw(self, request: Request) -> Response:
        entries = self._entries("email", request.path_params["ref"])
        path = self._state.config.data / entries[0].file
        return FileResponse(path, media_type="text/plain; charset=utf-8", headers=_HEADERS)

    def _fax(self, request: Request) -> Fax:
        fax = self._faxes.get(request.path_params["ref"])
        if fax is None:
            raise HTTPException(404, f"no fax {request.path_params['ref']}")
        return fax

    async def fax(self, request: Request) -> Response:
        fax = self._fax(request)
        entry = self._entries("fax", fax.id)[0]
        return self._html("fax.html", fax=fax, entry=entry, events=self._state.events.of(fax.id))

    async def fax_page(self, request: Request) -> Response:
        return self._fax_file(request, f"page-{request.path_params['number']}.png", "image/png")

    async def fax_tiff(self, request: Request) -> Response:
        """What the other machine received; while there is nothing, what was to be sent."""
        return self._fax_file(request, self._fax(request).received or "sent.tiff", "image/tiff")

    def _fax_file(self, request: Request, name: str, kind: str) -> Response:
        path = self._faxes.folder(self._fax(request)) / name
        if not path.is_file():
            raise HTTPException(404, f"the fax has no {name}")
        return FileResponse(path, media_type=kind, headers=_HEADERS)

    async def sms(self, request: Request) -> Response:
        message = self._messages.get(request.path_params["ref"])
        if message is None:
            raise HTTPException(404, f"no text message {request.path_params['ref']}")
        entry = self._entries("sms", message.sid)[0]
        return self._html("sms.html", message=message, entry=entry, events=self._state.events.of(message.sid))


def _channel(row: Entry | dict[str, Any]) -> str:
    return row.channel if isinstance(row, Entry) else str(row["channel"])


def _moment(row: Entry | dict[str, Any]) -> datetime:
    return row.at if isinstance(row, Entry) else datetime.fromisoformat(row["at"])
