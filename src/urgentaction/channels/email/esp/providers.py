"""The providers that can be used, and what each of them does with what we would like to decide. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

#: The name under which our reference travels.
REFERENCE = "reference"


class Provider(StrEnum):
    """By the name that stands in the configuration."""

    POSTMARK = "postmark"
    MAILGUN = "mailgun"
    BREVO = "brevo"
    SENDGRID = "sendgrid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a provider knows us by. `base_url` ends in a slash."""

    provider: Provider
    base_url: str
    api_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    sender_domain: str = ""
    message_stream: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What differs.

    Attributes:
        title: as the provider writes its name.
        base_url: of its API.
        path: what our base URL is followed by.
        check_path: a read-only request below `path` that needs the key; `{domain}` stands for the sender domain.
        largest_batch: recipients that one request may carry.
        has_merge_fields: its batch is one text with merge fields. The others take a text for each recipient.
        keeps_message_id, keeps_message_id_in_batch: whether the Message-ID is ours, so that a repeat is recognised.
        has_shared_refs: all mails of a request bear one name, so a report that tells no more is about nobody.
        may_track: a request can say that opens and clicks are not to be tracked; otherwise the account decides.
    """

    title: str
    base_url: str
    path: str
    check_path: str
    largest_batch: int
    has_merge_fields: bool
    keeps_message_id: bool = False
    keeps_message_id_in_batch: bool = False
    has_shared_refs: bool = False
    may_track: bool = True


TRAITS: Mapping[Provider, Traits] = {
    Provider.POSTMARK: Traits(
        title="Postmark",
        base_url="https://api.postmarkapp.com",
        path="/",
        check_path="server",
        largest_batch=500,
        has_merge_fields=False,
        keeps_message_id=True,
        keeps_message_id_in_batch=True,
    ),
    Provider.MAILGUN: Traits(
        title="Mailgun",
        base_url="https://api.mailgun.net",
        path="/v3/",
        check_path="domains/{domain}",
        largest_batch=1000,
        has_merge_fields=True,
        keeps_message_id=True,  # in a batch all copies share one of Mailgun's own
        has_shared_refs=True,
    ),
    Provider.BREVO: Traits(
        title="Brevo",
        base_url="https://api.brevo.com",
        path="/v3/",
        check_path="account",
        largest_batch=1000,
        has_merge_fields=False,
        may_track=False,
    ),
    Provider.SENDGRID: Traits(
        title="SendGrid",
        base_url="https://api.sendgrid.com",
        path="/v3/",
        check_path="scopes",
        largest_batch=1000,
        has_merge_fields=True,
    ),
}
