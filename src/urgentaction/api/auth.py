"""Who calls the API: a bearer token (RFC 6750) with the scope that the operation asks for."""

from __future__ import annotations

from django.http import HttpRequest
from ninja.security import HttpBearer

from urgentaction.accounts.models import ApiToken, Scope
from urgentaction.accounts.service import token_for
from urgentaction.core.errors import NotAllowed


class Bearer(HttpBearer):
    """A live token that has `scope`; with None any live token will do."""

    def __init__(self, scope: Scope | None = None) -> None:
        super().__init__()
        self.scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken | None:  # noqa: ARG002 - Ninja's
        """The token's row, kept on the request; None for a stranger (401). Raises NotAllowed without the scope."""
        row = token_for(token)
        if row is None:
            return None
        if self.scope is not None and self.scope.value not in row.scopes:
            raise NotAllowed(f"The token {row.prefix}… lacks the scope {self.scope.value}; ask for one that has it.")
        return row


def caller(request: HttpRequest) -> ApiToken:
    """The token of an authenticated request."""
    row = getattr(request, "auth", None)
    if not isinstance(row, ApiToken):
        raise TypeError(f"{request.path} was reached without a token")  # a route without its guard
    return row


def name_of(token: ApiToken) -> str:
    """How the audit log names a token."""
    return f"token:{token.prefix}"
