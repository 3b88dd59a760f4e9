"""A mailing cut into requests, and what is personal in it as a provider's merge fields. Pure.

Merge data is kept by address, so no address may stand twice in one request. A text and its HTML have fields of their
own, because only the HTML's are escaped, here and by the same function as everywhere else.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from urgentaction.channels.contract import OutgoingEmail
from urgentaction.channels.email.esp.providers import TRAITS, Provider
from urgentaction.channels.email.message import with_ascii_domain
from urgentaction.channels.mailing import Copy, Mailing, filled
from urgentaction.core.errors import InvalidInput

#: One plain mailbox. Stricter than RFC 5322 on purpose: nothing that a header parser could read as two.
_PLAIN = re.compile(r"[^\s\x00-\x20\x7f<>()\[\]\\,;:@\"]+@[^\s\x00-\x20\x7f<>()\[\]\\,;:@\"]+")
_JOINER = "\u2060"  # no width; it takes apart what a provider would read as a field of its own

#: What a provider's template language begins with, in any text that it is handed.
_SYNTAX: Mapping[Provider, re.Pattern[str]] = {
    Provider.MAILGUN: re.compile(
        r"%(?=(?:recipient|unsubscribe_url|tag_unsubscribe_url|mailing_list_))", re.IGNORECASE
    ),
    Provider.BREVO: re.compile(r"\{(?=[{%#])"),
}

#: A header of ours and its value.
Header = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """A mailing as one request.

    Attributes:
        text, html, headers: the same for all; with merge fields where the provider has them.
        data: by address, the merge fields' values; empty where each recipient has texts of their own.
        texts: by address, text and HTML written out; empty where there are merge fields.
        own_headers: by address, the headers that have something personal in them.
        references: by address.
    """

    text: str
    html: str
    headers: tuple[Header, ...]
    data: Mapping[str, Mapping[str, str]]
    texts: Mapping[str, tuple[str, str]]
    own_headers: Mapping[str, Mapping[str, str]]
    references: Mapping[str, str]


def requests(copies: Sequence[Copy], *, size: int) -> Iterator[list[int]]:
    """The places of the copies, in their order, as the requests that carry them: at most `size`, no address twice."""
    places: list[int] = []
    taken: set[str] = set()
    for place, copy in enumerate(copies):
        address = copy.to.casefold()
        if len(places) == size or address in taken:
            yield places
            places, taken = [], set()
        places.append(place)
        taken.add(address)
    if places:
        yield places


def recipient(to: str) -> str:
    """An address as an API is told it: its domain in ASCII, so that it is found again under the same name.

    Raises:
        InvalidInput: it is not one plain mailbox.
    """
    address = with_ascii_domain(to)
    if not _PLAIN.fullmatch(address):
        raise InvalidInput.of("to", "is not one plain mail address.")
    return address


def plain(provider: Provider, text: str) -> str:
    """A text in which the provider finds nothing to fill in."""
    syntax = _SYNTAX.get(provider)
    return syntax.sub(lambda found: found.group() + _JOINER, text) if syntax else text


def plain_mail(provider: Provider, mail: OutgoingEmail) -> tuple[str, str]:
    """Text and HTML of one mail, in which the provider finds nothing to fill in."""
    return plain(provider, mail.text), plain(provider, mail.html)


def merged(provider: Provider, mailing: Mailing, copies: Sequence[Copy]) -> Merged:
    """One request's worth of copies, each to another address (`requests` sees to that)."""
    marked = [name for name, value in mailing.headers if any(mark in value for mark in mailing.marks)]
    common = tuple((name, value) for name, value in mailing.headers if name not in marked)
    own = {
        recipient(copy.to): {
            name: filled(mailing, value, copy.values) for name, value in mailing.headers if name in marked
        }
        for copy in copies
    }
    references = {recipient(copy.to): copy.reference for copy in copies}
    text, markup = plain(provider, mailing.text), plain(provider, mailing.html)
    if not TRAITS[provider].has_merge_fields:
        texts = {recipient(copy.to): _texts(provider, mailing, copy.values) for copy in copies}
        return Merged(
            text=text, html=markup, headers=common, data={}, texts=texts, own_headers=own, references=references
        )
    fields = _fields(provider, mailing)
    return Merged(
        text=filled(mailing, text, [_spelled(provider, name) for name, _ in fields]),
        html=filled(mailing, markup, [_spelled(provider, name) for _, name in fields]),
        headers=common,
        data={recipient(copy.to): _values(provider, fields, copy.values) for copy in copies},
        texts={},
        own_headers=own,
        references=references,
    )


def _texts(provider: Provider, mailing: Mailing, values: Sequence[str]) -> tuple[str, str]:
    text = filled(mailing, mailing.text, values)
    return plain(provider, text), plain(provider, filled(mailing, mailing.html, [html.escape(one) for one in values]))


def _fields(provider: Provider, mailing: Mailing) -> list[tuple[str, str]]:
    """For each slot the names of its field in the text and in the HTML."""
    # SendGrid replaces the name itself wherever it stands, so it must be one that stands nowhere by accident.
    salt = hashlib.sha256(mailing.key.encode()).hexdigest()[:10] if provider is Provider.SENDGRID else ""
    return [(f"{salt}t{slot}", f"{salt}h{slot}") for slot in range(len(mailing.marks))]


def _spelled(provider: Provider, name: str) -> str:
    """A field as it stands in a text."""
    return f"%recipient.{name}%" if provider is Provider.MAILGUN else token(name)


def token(name: str) -> str:
    """What SendGrid replaces."""
    return f"-{name}-"


def _values(provider: Provider, fields: Sequence[tuple[str, str]], values: Sequence[str]) -> dict[str, str]:
    data = {}
    for (in_text, in_html), value in zip(fields, values, strict=True):
        data[in_text] = plain(provider, value)
        data[in_html] = plain(provider, html.escape(value))
    if provider is Provider.SENDGRID:
        return {token(name): value for name, value in data.items()}
    return data
