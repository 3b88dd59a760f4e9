"""Every route. `PUBLIC_ROUTES` names the few that answer without a login or token, each with its own guard."""

from __future__ import annotations

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, include, path

from urgentaction.api.problems import problem
from urgentaction.api.urls import guarded_urls
from urgentaction.api.webhooks import receive
from urgentaction.public import errors
from urgentaction.public.health import healthz
from urgentaction.public.letters import letter_feed, letter_index, letter_page, letter_pdf
from urgentaction.public.media import fax_pages
from urgentaction.public.pages import home, read_on, unsubscribe_page
from urgentaction.public.preferences import preferences_page
from urgentaction.public.sign_up import confirm_page, sign_up

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home, name="home"),
    path("console/", include("urgentaction.console.people.entrance")),
    path("console/", include("urgentaction.console.urls")),
    path("api/v1/", guarded_urls()),
    path("hooks/<slug:gateway>/", receive, name="hooks"),
    path("letters/", letter_index, name="letters"),
    path("letters/feed.atom", letter_feed, name="letters-feed"),
    path("letters/<slug:slug>/", letter_page, name="letter"),
    path("letters/<slug:slug>/<slug:language>/", letter_page, name="letter"),
    path("letters/<slug:slug>/<slug:language>.pdf", letter_pdf, name="letter-pdf"),
    path("sign-up/", sign_up, name="sign-up"),
    path("sign-up/confirm/<str:token>/", confirm_page, name="confirm"),
    path("preferences/<str:token>/", preferences_page, name="preferences"),
    path("unsubscribe/<str:token>/", unsubscribe_page, name="unsubscribe"),
    path("m/<str:reference>/", read_on, name="read-on"),
    path("media/fax/<str:token>.pdf", fax_pages, name="fax-media"),
    path("healthz", healthz, name="healthz"),
]

PUBLIC_ROUTES: frozenset[str] = frozenset(
    {
        "account_login",  # the password is the guard, then the second factor
        "mfa_login_webauthn",  # the passkey is the guard
        "console:join",  # the signed, expiring, one-use token in the invitation
        "api:openapi-json",  # says what the API can do; holds no data
        "letters",  # what was published by decision, under no embargo and not withdrawn: this and the next three
        "letters-feed",
        "letter",
        "letter-pdf",
        "sign-up",  # a form for everybody: CSRF token, rate limits, the same answer to all; makes nobody a supporter
        "confirm",  # the sealed, expiring token in the confirmation mail
        "preferences",  # the signed token in the link
        "hooks",  # the gateway's signature
        "unsubscribe",  # the signed token in the link (RFC 8058 allows no login)
        "read-on",  # the signed reference in the link of a text message
        "fax-media",  # the signed, short-lived token in the link
        "healthz",  # numbers only
    }
)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404 for what no route matched: a problem where programs call, a page where people do."""
    if request.path.startswith("/api/"):
        return problem(HTTPStatus.NOT_FOUND, "There is nothing at this address; see /api/v1/openapi.json.")
    return errors.not_found(request, exception)


handler400 = "urgentaction.public.errors.bad_request"
handler403 = "urgentaction.public.errors.forbidden"
handler404 = not_found
handler429 = "urgentaction.public.errors.too_many"  # allauth's rate limits answer with it
handler500 = "urgentaction.public.errors.server_error"
