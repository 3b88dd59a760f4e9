"""A turn of a lane: notices by mail go as mailings (`notices`), everything else is claimed and sent (`send`)."""

from __future__ import annotations

import time

from django.conf import settings
from django.db import transaction

from urgentaction.channels.contract import Channel

from . import notices
from .claim import Lane, claim
from .send import send_claims


def send_some(lane: Lane, *, until: float) -> tuple[int, bool]:
    """A turn of a lane: some of what is due. Returns how many were tried, and whether there may be more.

    Args:
        until: a moment on `time.monotonic`'s clock; nothing is begun after it.
    """
    if lane is Lane.URGENT:
        return _send_claimed(lane, until=until)
    goes_as_mailing = notices.take_mailings()
    mails = notices.send_notices(until=until) if goes_as_mailing else 0
    but = Channel.EMAIL if goes_as_mailing else None
    tried, is_more = _send_claimed(lane, until=min(until, time.monotonic() + notices.TURN), but=but)
    return mails + tried, is_more or mails > 0


def _send_claimed(lane: Lane, *, until: float, but: Channel | None = None) -> tuple[int, bool]:
    with transaction.atomic():
        claims = claim(lane, limit=settings.CLAIM_SIZE, but=but)
    return (send_claims(claims, until=until), True) if claims else (0, False)
