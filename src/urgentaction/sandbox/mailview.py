"""A stored mail taken apart for the page: headers, bodies, attachments. Reads what senders wrote, broken or not."""

from __future__ import annotations

from dataclasses import dataclass
from email import message_from_bytes, policy
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Part:
    """An attachment. `number` is its place among the attachments, from 0."""

    number: int
    filename: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Mail:
    """What a mail reader would show."""

    headers: tuple[tuple[str, str], ...]
    text: str
    html: str
    parts: tuple[Part, ...]

    def header(self, name: str) -> str:
        """The first header of that name, or nothing."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


def read(path: Path) -> Mail:
    """Takes a stored mail apart: the first text of each kind is the body, everything else an attachment."""
    # The newer policies raise on headers that are broken badly enough; this one takes anything.
    message = message_from_bytes(path.read_bytes(), policy=policy.compat32)
    bodies: dict[str, str] = {}
    parts: list[Part] = []
    for part in message.walk():
        if part.is_multipart():
            continue
        kind = part.get_content_type()
        is_body = kind in {"text/plain", "text/html"} and part.get_content_disposition() != "attachment"
        if is_body and kind not in bodies:
            bodies[kind] = _text(part)
        else:
            name = part.get_filename() or f"part-{len(parts) + 1}"
            parts.append(Part(len(parts), _readable(name), kind, _content(part)))
    headers = tuple((name, _readable(str(value))) for name, value in message.items())
    return Mail(headers, bodies.get("text/plain", ""), bodies.get("text/html", ""), tuple(parts))


def _content(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _text(part: Message) -> str:
    """Text of a part; a character set nobody knows is read as UTF-8 with marks for what did not fit."""
    try:
        return _content(part).decode(part.get_content_charset("utf-8"), errors="replace")
    except LookupError:
        return _content(part).decode("utf-8", errors="replace")


def _readable(value: str) -> str:
    """A header's value with its encoded words (RFC 2047) decoded; as it stands where they are wrong."""
    value = value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    try:
        return str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, ValueError):
        return value
