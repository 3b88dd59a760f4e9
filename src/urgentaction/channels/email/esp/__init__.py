"""Mail through the HTTP API of an email service provider: hundreds of recipients a request.

providers.py  which providers there are and what each of them can do
merging.py    a mailing cut into requests, its marks as each provider's merge fields (pure)
codes.py      what an answer or a reported event means for the next try (pure)
bridge.py     sending, by django-anymail over httpx
webhooks.py   what the provider reports, read by django-anymail
gateway.py    submit, mailings, webhooks

Options: provider, api_key, webhook_secret, base_url, sender_domain (Mailgun), message_stream (Postmark), batch.

Our reference travels as metadata and comes back with every webhook. No provider has an idempotency key for mail, so a
request without an answer is *unknown* for all that it carried. The providers put in a return path of their own:
bounces come by webhook, not by mail.
"""

from urgentaction.channels.contract import Channel
from urgentaction.channels.email.esp.providers import Provider
from urgentaction.channels.options import GatewayClass, GatewayKind, Option

__all__ = ["BATCH", "KIND"]

#: Copies a request carries where nothing else is configured: as many as one lost answer leaves unknown.
BATCH = 100


def _load() -> GatewayClass:
    # Anymail and requests come along with it: 85 ms and 8 MB.
    from urgentaction.channels.email.esp.gateway import EspGateway  # noqa: PLC0415

    return EspGateway


KIND = GatewayKind(
    kind="esp",
    channel=Channel.EMAIL,
    options=(
        Option("provider", "email service provider", is_required=True, choices=tuple(Provider)),
        Option("api_key", "key or server token of its API", is_required=True, is_secret=True),
        Option("webhook_secret", "what its webhooks are verified by", is_required=True, is_secret=True),
        Option("base_url", "its API, where it is not the usual one"),
        Option("sender_domain", "Mailgun: the domain that sends"),
        Option("message_stream", "Postmark: the stream that mail goes by"),
        Option("batch", "copies of a mailing in one request", default=str(BATCH)),
    ),
    load=_load,
)
