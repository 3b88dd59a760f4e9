"""Filling a frozen notice for one person."""

from __future__ import annotations

from .models import Notice

#: Stands in the frozen text message where each recipient's own link goes.
SMS_LINK = "https://link.slot.invalid/SLOT0LINK0SLOT"


def personal_sms(notice: Notice, *, link: str) -> str:
    """The text message with the recipient's link. Neither of them names the case or anybody in it."""
    return notice.text.replace(SMS_LINK, link)
