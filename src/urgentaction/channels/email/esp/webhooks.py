"""Reading webhooks by django-anymail: how each provider proves that it is the sender, and what it reports.

Of a channel only this module knows Django, because Anymail reads Django's requests; it asks for no setting, no URL and
no signal. What an event means is in `codes`.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from anymail.exceptions import AnymailWebhookValidationFailure
from anymail.signals import AnymailTrackingEvent
from anymail.webhooks.base import AnymailBaseWebhookView
from anymail.webhooks.brevo import BrevoTrackingWebhookView
from anymail.webhooks.mailgun import MailgunTrackingWebhookView
from anymail.webhooks.postmark import PostmarkTrackingWebhookView
from anymail.webhooks.sendgrid import SendGridTrackingWebhookView
from django.core.handlers.wsgi import WSGIRequest

from urgentaction.channels.contract import Callback, ForgedCallback
from urgentaction.channels.email.esp.codes import Event, text_of
from urgentaction.channels.email.esp.providers import REFERENCE, TRAITS, Account, Provider
from urgentaction.channels.wording import harmless

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """One event of a webhook. `key` is the same whenever the event is told again."""

    event: Event
    key: str
    ref: str
    reference: str
    address: str
    occurred_at: datetime | None


@contextmanager
def unsupported() -> Iterator[None]:
    """Without Anymail's warning that its authors can't test SendGrid any more; docs/gateways.md says so."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class Webhooks:
    """What one account's provider reports. Raises ValueError where the secret is no key of this provider's kind."""

    def __init__(self, account: Account) -> None:
        self._traits = TRAITS[account.provider]
        with unsupported():
            self._view = _view(account)

    def read(self, callback: Callback) -> list[Reported]:
        """Verify a webhook, then read it. Raises ForgedCallback; one that can't be read gives nothing and is logged."""
        request = _request(callback)
        try:
            self._view.run_validators(request)
        except (AnymailWebhookValidationFailure, ValueError, TypeError, AttributeError) as error:
            reason = harmless(str(error)) if isinstance(error, AnymailWebhookValidationFailure) else "it can't be read"
            raise ForgedCallback(f"The callback is not {self._traits.title}'s: {reason}.") from None
        try:
            events = self._view.parse_events(request)
        except Exception as error:  # noqa: BLE001  # whatever a provider may send, and Anymail make of it
            _log.warning("%s sent a callback that can't be read (%s).", self._traits.title, type(error).__name__)
            return []
        return [_reported(event) for event in events]


def _view(account: Account) -> AnymailBaseWebhookView:
    secret = account.webhook_secret
    match account.provider:
        case Provider.POSTMARK:
            return PostmarkTrackingWebhookView(webhook_secret=secret)
        case Provider.MAILGUN:
            return MailgunTrackingWebhookView(api_key=account.api_key, webhook_signing_key=secret, webhook_secret=[])
        case Provider.BREVO:
            return BrevoTrackingWebhookView(webhook_secret=secret)
        case Provider.SENDGRID:
            return SendGridTrackingWebhookView(tracking_webhook_verification_key=secret, webhook_secret=[])


def _request(callback: Callback) -> WSGIRequest:
    """A callback as the request that Anymail reads."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "443",
        "CONTENT_TYPE": callback.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(callback.body)),
        "wsgi.url_scheme": "https",
        "wsgi.input": BytesIO(callback.body),
    }
    environ |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in callback.headers.items()}
    return WSGIRequest(environ)


def _reported(event: AnymailTrackingEvent) -> Reported:
    raw = event.esp_event if isinstance(event.esp_event, Mapping) else {}
    metadata = event.metadata if isinstance(event.metadata, Mapping) else {}
    occurred_at = event.timestamp if isinstance(event.timestamp, datetime) and event.timestamp.tzinfo else None
    said = _said(event, raw)
    ref, address = text_of(event.message_id), text_of(event.recipient)
    told = [event.event_type, ref, address.casefold(), event.reject_reason, said, _moment(occurred_at)]
    return Reported(
        event=Event(
            kind=text_of(event.event_type), reason=text_of(event.reject_reason), said=said, is_soft=_is_soft(raw)
        ),
        # Without the provider's own number: Mailgun's is unique for a day, Brevo has none, Postmark's only a bounce.
        key=json.dumps(told, ensure_ascii=False, default=str),
        ref=ref,
        reference=text_of(metadata.get(REFERENCE)),
        address=address,
        occurred_at=occurred_at,
    )


def _said(event: AnymailTrackingEvent, raw: Mapping[str, Any]) -> str:
    """The words of the recipient's server, else of the provider. Mailgun keeps the three digits apart from them."""
    said = text_of(event.mta_response) or text_of(event.description)
    status = raw.get("event-data", {}).get("delivery-status") if isinstance(raw.get("event-data"), Mapping) else None
    code = status.get("code") if isinstance(status, Mapping) else None
    return f"{code} {said}" if isinstance(code, int) and not said.startswith(str(code)) else said


def _is_soft(raw: Mapping[str, Any]) -> bool:
    """Whether a bounce is a passing one, by the provider's own word, which Anymail leaves out."""
    return raw.get("Type") == "SoftBounce" or raw.get("event") == "soft_bounce"


def _moment(moment: datetime | None) -> str:
    return moment.astimezone(UTC).isoformat() if moment else ""
