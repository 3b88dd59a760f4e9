"""Filling a frozen notice for one person."""

from __future__ import annotations

from .models import Notice
from .render import RenderedNotice


def personal_email(notice: Notice, *, name: str, unsubscribe_url: str) -> tuple[str, str]:
    """Text and HTML for one supporter. What is filled in appears literally."""
    filled = RenderedNotice(language=notice.language, subject=notice.subject, text=notice.text, html=notice.html).fill(
        name=name, unsubscribe_url=unsubscribe_url, preferences_url=unsubscribe_url
    )
    return filled.text, filled.html


#: Stands in the frozen text message where each recipient's own link goes.
SMS_LINK = "https://link.slot.invalid/SLOT0LINK0SLOT"


def personal_sms(notice: Notice, *, link: str) -> str:
    """The text message with the recipient's link. Neither of them names the case or anybody in it."""
    return notice.text.replace(SMS_LINK, link)
