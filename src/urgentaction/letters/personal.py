"""Filling a frozen notice for one person."""

from __future__ import annotations

from .models import Notice
from .render import RenderedNotice


def personal_email(notice: Notice, *, name: str, unsubscribe_url: str) -> tuple[str, str]:
    """Text and HTML for one supporter. What is filled in appears literally."""
    filled = RenderedNotice(
        language=notice.language, subject=notice.subject, text=notice.text, html=notice.html
    ).fill(name=name, unsubscribe_url=unsubscribe_url, preferences_url=unsubscribe_url)
    return filled.text, filled.html


def personal_sms(notice: Notice) -> str:
    """The text message. It names nobody, so there is nothing to fill in."""
    return notice.text
