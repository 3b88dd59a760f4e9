"""What every page shows."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def mode(_request: HttpRequest) -> dict[str, str]:
    """`sandbox` or `live`, for the banner that no page may lack."""
    return {"mode": settings.MODE.value}
