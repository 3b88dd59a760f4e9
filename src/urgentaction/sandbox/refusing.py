"""What the sandbox's HTTP APIs share: a key that is asked for first, and refusals that become answers.

How an error is worded is each API's own.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

Handler = Callable[[Request], Awaitable[Response]]


class Refusal(Exception):
    """A request that is answered with an error."""

    def __init__(self, message: str, *, status: int, retry_after: int = 0) -> None:
        super().__init__(message)
        self.message, self.status, self.retry_after = message, status, retry_after

    @abstractmethod
    def body(self) -> Mapping[str, Any]:
        """The error as this API words it."""

    def answer(self) -> Response:
        """The answer to the request."""
        headers = {"retry-after": str(self.retry_after)} if self.retry_after else None
        return JSONResponse(self.body(), status_code=self.status, headers=headers)


def guarded(authenticate: Callable[[Request], None], handler: Handler) -> Handler:
    """The handler, behind `authenticate`; what either of them refuses is answered."""

    async def endpoint(request: Request) -> Response:
        try:
            authenticate(request)
            return await handler(request)
        except Refusal as refusal:
            return refusal.answer()

    return endpoint
