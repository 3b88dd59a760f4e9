"""What the console shows or hands out beside its own pages: a message as a mail shows it, a PDF, a file to keep.

A message brings its own styles along, which no page of ours may. It is a document of its own for that: it may do
nothing (no script, form or request, an origin of its own), and only a frame of ours may hold it. No cache keeps any.
"""

from __future__ import annotations

from django.http import HttpResponse

from .responses import Answer, private

_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors {}"
)


def framed(response: Answer) -> Answer:
    """The answer, for a frame of one of our pages."""
    response.headers["Content-Security-Policy"] = _POLICY.format("'self'")
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return private(response)


def alone(response: Answer) -> Answer:
    """The answer, for a window of its own: nothing may frame it."""
    response.headers["Content-Security-Policy"] = _POLICY.format("'none'")
    response.headers["X-Frame-Options"] = "DENY"
    return private(response)


def plain(text: str) -> HttpResponse:
    """A text without any markup."""
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


def pdf_to_read(content: bytes, name: str) -> HttpResponse:
    """A PDF that the browser opens; `name` is what it would be saved as."""
    return _named(HttpResponse(content, content_type="application/pdf"), name, "inline")


def to_keep(response: Answer, name: str) -> Answer:
    """The answer, as a file that the browser saves under this name."""
    return _named(response, name, "attachment")


def _named(response: Answer, name: str, how: str) -> Answer:
    response.headers["Content-Disposition"] = f'{how}; filename="{name}"'
    return private(response)
