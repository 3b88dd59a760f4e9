"""Mails to one person that are no deliveries: there is no alert, no letter, nothing to be followed to its end.

Whoever has such mails to send keeps rows that say when each is due, and hands them over one at a time (`Waiting`). A
row is put off before the wire and settled once a gateway has the mail, so a kill in between sends it twice at worst.
Everything else that guards a delivery holds: gateways' limits, breakers and pauses are respected, and in sandbox mode
only reserved addresses are mailed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from urgentaction.channels.contract import Channel, Outcome, OutgoingEmail, Refused, RetryClass
from urgentaction.letters.one_link import LinkMail
from urgentaction.letters.organisation import organisation

from . import breaker, pace
from .gateways import gateway_named
from .recording import scaled
from .references import message_id, return_path
from .rules import THROTTLE_PAUSE
from .ways import Way, find_way, held_back

#: Until one is tried again, times the tries there were.
PAUSE = timedelta(minutes=5)
#: The address does not exist, or its owner has blocked us: there is nothing to try again.
FINAL = frozenset({RetryClass.NEVER, RetryClass.OPT_OUT})


@dataclass(frozen=True, slots=True)
class Waiting:
    """One mail that its row's owner has put off already, so that nobody else takes it meanwhile.

    Attributes:
        put_off: told how long a gateway's limit holds it back.
        settle: told what became of it.
    """

    mail: OutgoingEmail
    put_off: Callable[[timedelta], None]
    settle: Callable[[Outcome], None]


def mail_with_link(
    mail: LinkMail,
    *,
    reference: str,
    attempt: int,
    to: str,
    language: str,
    written_at: datetime,
    valid_until: datetime,
) -> OutgoingEmail:
    """A mail from us to one address. Two tries with one `reference` are one message (Message-ID).

    Args:
        reference: begins like no delivery's, so that no bounce of it is taken for one.
    """
    return OutgoingEmail(
        reference=reference,
        attempt=attempt,
        to=to,
        valid_until=valid_until,
        sender=settings.MAIL_FROM,
        sender_name=organisation().view(language).name,
        reply_to=settings.MAIL_FROM,
        return_path=return_path(reference),
        message_id=message_id(reference),
        date=written_at,
        subject=mail.subject,
        text=mail.text,
        language=language,
    )


def send_waiting(take: Callable[[], Waiting | None], *, seconds: float) -> int:
    """Send until nothing is due, no gateway may carry it, or the time is over. Returns how many were tried.

    Args:
        take: the next one, or None.
    """
    end, tried = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        way = find_way(Channel.EMAIL, wanted=1)
        if way is None or not _send_next(way, take):
            break
        tried += 1
    return tried


def next_try(tries: int) -> timedelta:
    """How long after so many tries the next one may be made."""
    return scaled(PAUSE * tries)


def _send_next(way: Way, take: Callable[[], Waiting | None]) -> bool:
    """Take one through the wire. False: there was none."""
    outcomes: list[Outcome] = []
    try:
        one = take()
        if one is None:
            return False
        wait = held_back(way.entry, {0: one.mail.to}).get(0)
        if wait is not None:
            one.put_off(wait)
            return True
        outcome = gateway_named(way.entry.name).submit(one.mail)
        outcomes.append(outcome)
        one.settle(outcome)
        if isinstance(outcome, Refused) and outcome.is_about_domain:
            pace.pause_domain(way.entry.name, one.mail.to, scaled(outcome.retry_after or THROTTLE_PAUSE))
    finally:
        breaker.after_tries(way.entry.name, outcomes, is_trial=way.is_trial)
    return True
