"""Browsers in which somebody has logged in before: a signed cookie that names the user and the browser.

It opens nothing. Wrong passwords from such a browser are counted for it alone, so that whoever types wrong passwords
elsewhere can't lock its owner out (OWASP calls it a device cookie).
"""

from __future__ import annotations

import secrets

from django.conf import settings
from django.core import signing
from django.db.models import Q
from django.http import HttpRequest, HttpResponse

from urgentaction.accounts.models import User

NAME = "urgentaction-browser"
_SALT = "urgentaction.console.browser"
_AGE = 180 * 24 * 3600


def remember(response: HttpResponse, user: User) -> None:
    """Leave the cookie."""
    value = signing.dumps([user.pk.hex, secrets.token_hex(8)], salt=_SALT)
    response.set_cookie(
        NAME,
        value,
        max_age=_AGE,
        path="/console/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def known_browser(request: HttpRequest, login: str) -> str:
    """What to count a login of this name under: the browser, if its owner is called so; else an empty text."""
    try:
        owner, browser = signing.loads(request.COOKIES.get(NAME, ""), salt=_SALT, max_age=_AGE)
    except (signing.BadSignature, ValueError, TypeError):
        return ""
    is_theirs = User.objects.filter(Q(username__iexact=login) | Q(email__iexact=login), id=owner).exists()
    return str(browser) if is_theirs else ""
