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

from urgentaction.channels.email.esp.gateway import KIND

__all__ = ["KIND"]
