"""A notice as a mailing, and what is one supporter's own in it. Made at the last moment, kept nowhere."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.conf import settings

from urgentaction.channels.mailing import Copy, Mailing
from urgentaction.letters.content import SLOT_NAME, SLOT_PREFERENCES, SLOT_UNSUBSCRIBE
from urgentaction.letters.models import Notice
from urgentaction.letters.organisation import organisation
from urgentaction.letters.render import shown_name
from urgentaction.supporters.links import preferences_token, unsubscribe_token

from .references import message_id, reference_of, return_path


def mailing_of(notice: Notice) -> Mailing:
    """What everybody gets. Its date is when it was frozen: the same at every try, so a repeat is the same message."""
    return Mailing(
        key=str(notice.id),
        sender=settings.MAIL_FROM,
        sender_name=organisation().view(notice.language).name,
        reply_to=settings.MAIL_FROM,
        date=notice.frozen_at,
        subject=notice.subject,
        text=notice.text,
        html=notice.html,
        language=notice.language,
        headers=(
            ("List-Id", f"<supporters.{settings.MAIL_FROM.rpartition('@')[2]}>"),
            ("List-Unsubscribe", f"<{SLOT_UNSUBSCRIBE}>"),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ),
        marks=(SLOT_NAME, SLOT_UNSUBSCRIBE, SLOT_PREFERENCES),
    )


class CopyMaker:
    """Makes the copies of one notice. What is the same for all is looked up once: settings cost more than a token."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._leave = f"{settings.PUBLIC_URL}/unsubscribe/"
        self._choose = f"{settings.PUBLIC_URL}/preferences/"
        self._bounces = settings.MAIL_BOUNCES

    def copy(
        self,
        delivery_id: int,
        attempt: int,
        *,
        supporter: uuid.UUID,
        to: str,
        name: str,
        expires_at: datetime | None = None,
    ) -> Copy:
        """One supporter's copy; the tokens in its links are made by a key, and need no row."""
        reference = reference_of(delivery_id)
        leave = f"{self._leave}{unsubscribe_token(supporter)}/"
        choose = f"{self._choose}{preferences_token(supporter)}/"
        return Copy(
            reference=reference,
            attempt=attempt,
            to=to,
            return_path=return_path(reference, bounces=self._bounces),
            message_id=message_id(reference, bounces=self._bounces),
            values=(shown_name(self._language, name), leave, choose),
            valid_until=expires_at,
        )
