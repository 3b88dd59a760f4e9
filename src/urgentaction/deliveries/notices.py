"""Notices by mail to supporters, window after window. Most of a fan-out is here: a message may cost microseconds.

    choose a notice and a gateway ─> settle the window before, claim and declare the next ─> wire ─┐
      (every TURN seconds)              (one transaction: `windows`)                               │
                                               ^───────────────────────────────────────────────────┘

The promise is kept as in `send`: a window's intent is committed before its first byte, and what a gateway said is
written down before anything else happens to it. What a gateway took is settled together with the next claim; anything
else it said at once, row by row, by `recording`. A kill leaves one window unknown.

Fair: among alerts of the best priority that is due a turn is drawn by lot, so a small alert does not wait behind a
mailing to a hundred thousand, and a more urgent one waits for one turn.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast

from django.conf import settings
from django.db import transaction

from urgentaction.alerts.queries import has_enough_approvals
from urgentaction.channels.contract import Accepted, Channel, Outcome, Refused, Unknown
from urgentaction.channels.mailing import Copy, MailingGateway
from urgentaction.core import clock, statements
from urgentaction.core.crashpoints import crash_point
from urgentaction.core.encryption import KeyRing, key_ring
from urgentaction.core.errors import DecryptionError
from urgentaction.letters.models import Notice

from . import breaker, pace
from .agreeing import Agreement
from .announcing import names_are_unreadable
from .claim import Claim
from .copies import CopyMaker, mailing_of
from .gateways import gateway_named
from .outgoing import NOT_THIS_ROWS, Unready, ask_for_help, why_unready
from .reasons import ADAPTER_BROKE, NAMES_UNREADABLE, NOT_AGREED, NOT_APPROVED, WAITS_FOR_DOMAIN
from .recording import is_of_one, record, record_by_itself, scaled
from .rules import THROTTLE_PAUSE, held_pause
from .ways import Way, find_way, held_back, is_configured, more_room, open_entries
from .windows import START, Row, Window, claim_window, due_notice, give_back, put_off, withdraw_queued, write_accepted
from .wire import Wire, lease_end

log = logging.getLogger(__name__)

#: Seconds for which a process stays with one notice and one gateway before it looks again who is next.
TURN = 0.5
_NO_WAIT = timedelta()


@dataclass(slots=True)
class Sent:
    """A window after the wire: what is to be written down of it."""

    gateway: str
    token: uuid.UUID
    started: datetime
    accepted: list[tuple[Row, str]] = field(default_factory=list)
    others: list[tuple[Claim, Refused | Unknown]] = field(default_factory=list)
    returned: list[tuple[Claim, timedelta, str]] = field(default_factory=list)

    @property
    def can_wait(self) -> bool:
        """Whether all went well, so that it may be written down with the next claim."""
        return not (self.others or self.returned)

    @property
    def known(self) -> set[int]:
        """The deliveries of which it says something."""
        ids = {row.id for row, _ in self.accepted} | {claim.id for claim, _ in self.others}
        return ids | {claim.id for claim, _, _ in self.returned}

    @property
    def outcomes(self) -> list[Outcome]:
        """What the gateway said, in any order."""
        return [*(Accepted(ref) for _, ref in self.accepted), *(outcome for _, outcome in self.others)]


def take_mailings() -> bool:
    """Whether notices by mail go this way: unless some mail gateway takes no mailings. Then all go one by one."""
    usable = (gateway_named(entry.name) for entry in open_entries(Channel.EMAIL) if is_configured(entry))
    return all(gateway.capabilities.takes_mailings for gateway in usable)


def send_notices(*, until: float) -> int:
    """One turn: mails of one notice over one gateway. Returns how many were put to it, or settled without.

    Args:
        until: a moment on `time.monotonic`'s clock; nothing is claimed after it.
    """
    waiting: list[uuid.UUID] = []
    while (notice_id := due_notice(but=waiting)) is not None:
        done = _send_some_of(notice_id, until=until)
        if done or done is None:
            return done or 0
        # All that is due of it is for a gateway that takes no more just now: that must not keep the next one waiting.
        waiting.append(notice_id)
    return 0


def _send_some_of(notice_id: uuid.UUID, *, until: float) -> int | None:
    """As `send_notices`; None: no gateway takes any mail just now."""
    notice = Notice.objects.select_related("alert__case").get(id=notice_id)
    if not has_enough_approvals(notice.alert):
        return withdraw_queued(notice.id, reason=NOT_APPROVED)
    try:
        is_agreed = Agreement().covers(notice, notice.alert)
    except DecryptionError as error:
        names_are_unreadable(notice.alert, error)
        # Later, not left due: it is chosen first, and would keep everything less urgent waiting.
        return put_off(notice.id, wait=scaled(held_pause(1)), reason=NAMES_UNREADABLE)
    if not is_agreed:
        return withdraw_queued(notice.id, reason=NOT_AGREED)
    with statements.by_index():
        return _by_some_way(notice, until=min(until, time.monotonic() + TURN))


def _by_some_way(notice: Notice, *, until: float) -> int | None:
    way = find_way(Channel.EMAIL, wanted=settings.MAIL_WINDOW)
    if way is None:
        return None
    done = _Turn(notice, way).run(until=until)
    if done or way.is_trial:
        return done
    # What is due and was not taken has just been refused by this gateway: it is for another one.
    other = find_way(Channel.EMAIL, wanted=settings.MAIL_WINDOW, avoid=way.entry.name)
    if other is None or other.entry.name == way.entry.name:
        return 0
    return _Turn(notice, other).run(until=until)


class _Turn:
    """One notice, one gateway, some windows."""

    def __init__(self, notice: Notice, way: Way) -> None:
        self._notice = notice
        self._way = way
        self._name = way.entry.name
        self._gateway = cast(MailingGateway, gateway_named(self._name))  # its capabilities said so
        self._mailing = mailing_of(notice)
        self._maker = CopyMaker(notice.language)
        self._ring = key_ring()
        entries = open_entries(Channel.EMAIL)
        self._has_other = len(entries) > 1
        self._has_choice = sum(entry.weight > 0 for entry in entries) > 1
        self._place = START
        self._last: Sent | None = None

    def run(self, *, until: float) -> int:
        """Windows until the time is over, nothing is due, or the gateway takes no more."""
        done, tried, room = 0, 0, self._way.room
        try:
            while room:
                window = self._next(room)
                tried += len(window.rows)
                done += len(window.rows) + window.settled
                if window.rows:
                    self._last = self._send(window)
                elif not window.settled:
                    break
                if self._last is not None and not self._last.can_wait:
                    break
                # With a choice of gateways each window draws its own, so that shares follow the weights.
                is_over = self._has_choice or self._way.is_trial or time.monotonic() >= until
                room = 0 if is_over else more_room(self._way.entry, settings.MAIL_WINDOW)
        finally:
            self._write_down()
            if self._way.is_trial and not tried:
                breaker.after_tries(self._name, [], is_trial=True)
        return done

    def _next(self, room: int) -> Window:
        last, self._last = self._last, None
        try:
            with transaction.atomic():
                if last is not None:
                    _settle(last)
                window = claim_window(
                    self._notice.id, gateway=self._name, limit=room, has_other=self._has_other, after=self._place
                )
        except BaseException:
            self._last = last  # what the gateway said is known nowhere else
            raise
        self._place = window.last
        if window.rows:
            crash_point("after_mailing_window")
        return window

    def _send(self, window: Window) -> Sent:
        sent = Sent(self._name, window.token, clock.now())
        wire = Wire(self._name, Channel.EMAIL, lease_ends=lease_end())
        ready: list[tuple[Row, Copy]] = []
        try:
            ready = self._ready(window, sent)
            copies = [copy for _, copy in ready]
            wire.take(self._gateway.submit_mailing(self._mailing, copies, wire.begin))
        finally:
            crash_point("after_mailing_wire")
            for place, outcome in wire.outcomes():
                row, copy = ready[place]
                if isinstance(outcome, Accepted):
                    sent.accepted.append((row, outcome.ref))
                    continue
                sent.others.append((window.claim_of(row), outcome))
                if isinstance(outcome, Refused) and outcome.is_about_domain:
                    pace.pause_domain(self._name, copy.to, scaled(outcome.retry_after or THROTTLE_PAUSE))
            if len(sent.accepted) < len(window.rows):
                known = sent.known
                # Where the adapter broke over this notice, it is not chosen first again at once.
                wait, why = (scaled(held_pause(1)), ADAPTER_BROKE) if wire.is_stuck else (_NO_WAIT, "")
                sent.returned += [(window.claim_of(row), wait, why) for row in window.rows if row.id not in known]
            self._last = sent
        return sent

    def _ready(self, window: Window, sent: Sent) -> list[tuple[Row, Copy]]:
        """Open what is sealed. What can't be made ready, and what has to wait for its domain, goes back."""
        ready: list[tuple[Row, Copy]] = []
        for row in window.rows:
            try:
                ready.append((row, self._copy(row)))
            except NOT_THIS_ROWS:
                raise
            except Exception as error:
                log.exception("delivery %d can't be made ready", row.id)
                item = Unready(window.claim_of(row), self._notice.alert, type(error).__name__, why_unready(error))
                sent.returned.append((item.claim, scaled(held_pause(1)), item.reason))
                with transaction.atomic():
                    ask_for_help(item)
        waiting = held_back(self._way.entry, {row.id: copy.to for row, copy in ready})
        if waiting:
            held = ((window.claim_of(row), waiting[row.id]) for row, _ in ready if row.id in waiting)
            sent.returned += [(claim, wait, WAITS_FOR_DOMAIN) for claim, wait in held]
            ready = [(row, copy) for row, copy in ready if row.id not in waiting]
        return ready

    def _copy(self, row: Row) -> Copy:
        supporter = str(row.supporter)
        to = _opened(self._ring, row.email, "email", supporter)
        name = _opened(self._ring, row.name, "name", supporter) if row.name else ""
        return self._maker.copy(
            row.id, row.attempt, supporter=row.supporter, to=to, name=name, expires_at=row.expires_at
        )

    def _write_down(self) -> None:
        """Settle what is left of the turn; once more, each by itself, where something breaks in (`send`)."""
        last, self._last = self._last, None
        if last is None:
            return
        try:
            with transaction.atomic():
                _settle(last)
        except BaseException as error:
            with transaction.atomic():
                _settle(last, record_by_itself)
            if not is_of_one(error):
                raise
        crash_point("after_mailing")
        breaker.after_tries(self._name, last.outcomes, is_trial=self._way.is_trial)


def _settle(sent: Sent, write: Callable[..., bool] = record) -> None:
    ended = clock.now()
    written = write_accepted(sent.accepted, token=sent.token, gateway=sent.gateway, started=sent.started, ended=ended)
    if written < len(sent.accepted):
        log.warning("%d deliveries: lease lost, outcome not written", len(sent.accepted) - written)
    for claim, outcome in sent.others:
        write(claim, outcome, gateway=sent.gateway, started=sent.started)
    if sent.accepted or sent.others:
        crash_point("in_mailing_record")
    if give_back(sent.returned) < len(sent.returned):
        log.warning("%d deliveries: lease lost, not given back; nothing of them was begun", len(sent.returned))


def _opened(ring: KeyRing, sealed: bytes, column: str, supporter: str) -> str:
    return ring.decrypt(sealed, context=f"supporters_supporter/{column}/{supporter}")
