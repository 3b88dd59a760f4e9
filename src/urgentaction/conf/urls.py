"""Every route. `PUBLIC_ROUTES` names the few that answer without a login or token, each with its own guard."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from urgentaction.api.urls import guarded_urls
from urgentaction.api.webhooks import receive
from urgentaction.public.health import healthz
from urgentaction.public.media import fax_pages
from urgentaction.public.pages import home, unsubscribe_page

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home, name="home"),
    path("console/", include("urgentaction.console.urls")),
    path("api/v1/", guarded_urls()),
    path("hooks/<slug:gateway>/", receive, name="hooks"),
    path("unsubscribe/<str:token>/", unsubscribe_page, name="unsubscribe"),
    path("media/fax/<str:token>.pdf", fax_pages, name="fax-media"),
    path("healthz", healthz, name="healthz"),
]

PUBLIC_ROUTES: frozenset[str] = frozenset(
    {
        "console:login",  # the password is the guard
        "api:openapi-json",  # says what the API can do; holds no data
        "hooks",  # the gateway's signature
        "unsubscribe",  # the signed token in the link (RFC 8058 allows no login)
        "fax-media",  # the signed, short-lived token in the link
        "healthz",  # numbers only
    }
)

handler400 = "urgentaction.public.errors.bad_request"
handler403 = "urgentaction.public.errors.forbidden"
handler404 = "urgentaction.public.errors.not_found"
handler500 = "urgentaction.public.errors.server_error"
