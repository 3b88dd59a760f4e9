"""What names a delivery outside: its reference, Message-ID, callback, return path, and the link to a fax's pages.

All are made from the delivery's number and a key; none carries anything personal.
"""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.core import signing

from urgentaction.core.encryption import purpose_key
from urgentaction.core.ids import read_signed_reference, signed_reference

PREFIX = "d"
MEDIA_LIFETIME = timedelta(hours=1)
_MEDIA_SALT = "urgentaction.fax-media"


def reference_of(delivery_id: int) -> str:
    """Our name for the delivery, the same at every attempt."""
    return signed_reference(PREFIX, delivery_id, purpose_key("delivery-reference"))


def delivery_id_of(reference: str) -> int | None:
    """The delivery a reference names, or None if we did not make it."""
    return read_signed_reference(PREFIX, reference, purpose_key("delivery-reference"))


def message_id(reference: str, *, bounces: str = "") -> str:
    """The Message-ID (RFC 5322, section 3.6.4): the same at every attempt, so that a repeat is recognised as one.

    Args:
        bounces: the domain, from somebody who has read the settings already.
    """
    return f"<{reference}@{bounces or settings.MAIL_BOUNCES}>"


def return_path(reference: str, *, bounces: str = "") -> str:
    """The envelope sender (VERP): a bounce tells by its address which delivery it is about. `bounces` as above."""
    return f"b+{reference}@{bounces or settings.MAIL_BOUNCES}"


def callback_url(gateway: str, reference: str) -> str:
    """Where a gateway reports what became of it."""
    return f"{settings.PUBLIC_URL}/hooks/{gateway}/?ref={reference}"


def media_url(reference: str) -> str:
    """Where a fax gateway fetches the pages, for an hour."""
    return f"{settings.PUBLIC_URL}/media/fax/{signing.TimestampSigner(salt=_MEDIA_SALT).sign(reference)}.pdf"


def read_on_url(reference: str) -> str:
    """Where somebody who got a text message reads on, and stops them."""
    return f"{settings.PUBLIC_URL}/m/{reference}/"


def read_media_token(token: str) -> int | None:
    """The delivery whose pages a media token opens; None if it is made up or too old."""
    try:
        reference = signing.TimestampSigner(salt=_MEDIA_SALT).unsign(token, max_age=MEDIA_LIFETIME)
    except signing.BadSignature:
        return None
    return delivery_id_of(reference)
