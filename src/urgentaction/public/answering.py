"""How pages for everybody are answered: in the reader's language, stored by nobody, with the same frame around each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from urgentaction.letters.organisation import organisation

from .wording import Words, all_words, words_in


@dataclass(frozen=True, slots=True)
class Choice:
    """One language of a language switch."""

    code: str
    name: str
    url: str
    is_current: bool


def page(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any],
    *,
    language: str,
    choices: Iterable[Choice] | None = None,
    status: int = 200,
) -> HttpResponse:
    """A page in `language`. It is never stored anywhere, so that what is withdrawn is gone with the next look.

    Args:
        choices: the language switch; by default every language of the pages, by `?lang=`.
    """
    words = words_in(language)
    frame = {
        "words": words,
        "language": words.code,
        "direction": words.direction,
        "choices": by_query(words) if choices is None else list(choices),
        "organisation": organisation().view(words.code),
    }
    response = render(request, template, {**frame, **context}, status=status)
    return unstored(response)


def unstored(response: HttpResponse) -> HttpResponse:
    """Mark an answer as one that no cache may keep; it depends on the reader's language."""
    response.headers["Cache-Control"] = "no-store"
    patch_vary_headers(response, ["Accept-Language"])
    return response


def secret(response: HttpResponse) -> HttpResponse:
    """For a page whose address is somebody's token: it is not found by search, and not told to where a link leads."""
    response.headers["X-Robots-Tag"] = "noindex"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def by_query(current: Words) -> list[Choice]:
    """Every language of the pages, by `?lang=` at the same address."""
    return [
        Choice(code, words.name, f"?lang={code}", is_current=code == current.code)
        for code, words in all_words().items()
    ]
