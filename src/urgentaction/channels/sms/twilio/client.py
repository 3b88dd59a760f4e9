"""Twilio's SDK speaks through this: its `HttpClient` extension points on our httpx clients.

Adds what the SDK's own client lacks: timeouts, the point of no return, `Retry-After`, and a base URL of our choice.
Never repeats a request.
"""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import urlsplit

import httpx
from twilio.http import AsyncHttpClient, HttpClient
from twilio.http.response import Response

from urgentaction.channels import http

_log = logging.getLogger(__name__)


class NoResponse(Exception):
    """No HTTP answer; `cause` says on which side of the point of no return."""

    def __init__(self, cause: http.NotSent | http.NoAnswer) -> None:
        super().__init__(cause.text if isinstance(cause, http.NotSent) else cause.why)
        self.cause = cause


class Refusal(Exception):
    """An answer that is no success, headers included (the SDK's own exception drops them)."""

    def __init__(self, answer: http.Answer) -> None:
        super().__init__(f"HTTP {answer.status}")
        self.answer = answer


class HttpxClient(HttpClient):
    """The SDK's requests over `client`, with `https://<any>.twilio.com` exchanged for `base_url`."""

    def __init__(self, client: httpx.Client, base_url: str) -> None:
        super().__init__(logger=_log, is_async=False)
        self._client = client
        self._base_url = base_url

    def request(
        self,
        method: str,
        uri: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,  # noqa: FBT001, FBT002  # the SDK's signature
    ) -> Response:
        """One request. Raises NoResponse or Refusal; timeouts and redirects are our client's, not the caller's."""
        del timeout, allow_redirects
        return _response(
            http.exchange(
                self._client,
                method,
                _rewritten(uri, self._base_url),
                params=_plain(params),
                form=_plain(data),
                headers=headers,
                auth=auth,
            )
        )


class AsyncHttpxClient(AsyncHttpClient):
    """The same for the SDK's coroutines."""

    def __init__(self, client: httpx.AsyncClient, base_url: str) -> None:
        super().__init__(logger=_log, is_async=True)
        self._client = client
        self._base_url = base_url

    async def request(  # type: ignore[override]  # the SDK's base class is not asynchronous, its callers are
        self,
        method: str,
        uri: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  # the SDK's signature
        allow_redirects: bool = False,  # noqa: FBT001, FBT002  # the SDK's signature
    ) -> Response:
        """One request, as `HttpxClient.request`."""
        del timeout, allow_redirects
        return _response(
            await http.exchange_async(
                self._client,
                method,
                _rewritten(uri, self._base_url),
                params=_plain(params),
                form=_plain(data),
                headers=headers,
                auth=auth,
            )
        )


def _response(answer: http.Answer | http.NotSent | http.NoAnswer) -> Response:
    if not isinstance(answer, http.Answer):
        raise NoResponse(answer)
    if not answer.is_success:
        raise Refusal(answer)
    return Response(answer.status, answer.body.decode("utf-8", "replace"), dict(answer.headers))


def _rewritten(uri: str, base_url: str) -> str:
    parts = urlsplit(uri)
    query = f"?{parts.query}" if parts.query else ""
    return f"{base_url}{parts.path}{query}"


def _plain(fields: dict[str, object] | None) -> dict[str, Any] | None:
    """Without the SDK's "unset" marks; None for nothing, so that a URL's own query stays as it is."""
    return {name: value for name, value in fields.items() if value is not None} if fields else None
