"""One window of a mailing, over several lanes served in turn.

Owns who gets the next copy, and what is left to do. Knows no rows and no skeletons: how a copy is written is handed in.
"""

from __future__ import annotations

import math
import select
import time
from collections import deque
from collections.abc import Callable, Iterator

from urgentaction.channels.contract import Begin, Outcome, Refused, RetryClass
from urgentaction.channels.email.smtp.lane import Dialect, Lane, Letter
from urgentaction.channels.email.smtp.pool import Pool
from urgentaction.channels.email.smtp.replies import faulty
from urgentaction.channels.email.smtp.session import Session

#: A connection is worth its while for so many messages at least: only from the second on an envelope travels with the
#: message before it.
A_LANE_S_SHARE = 8
_READ = select.POLLIN
_READ_AND_WRITE = select.POLLIN | select.POLLOUT

#: The copy at a place, in a server's dialect; None where it has to go the careful way.
Write = Callable[[int, Dialect], Letter | None]


class Window:
    """Runs once.

    Attributes:
        careful: places of copies that have to go by a transaction of their own; not begun.
        unreachable: why there was no connection, where there was none.
        is_ended: nothing more may be begun.
    """

    def __init__(self, count: int, write: Write, begin: Begin, pool: Pool) -> None:
        self.careful: list[int] = []
        self.unreachable: Refused | None = None
        self.is_ended = False
        self._count = count
        self._write = write
        self._begin = begin
        self._pool = pool
        self._next = 0
        self._again: deque[Letter] = deque()  # begun, but not sent: their connection had broken
        self._told: list[tuple[int, Outcome]] = []

    def outcomes(self) -> Iterator[tuple[int, Outcome]]:
        """Each place begun, with its outcome; those in `careful` are left to the caller."""
        while self.unreachable is None and (more := self._remaining()):
            sessions = self._pool.lend(math.ceil(more / A_LANE_S_SHARE))
            if isinstance(sessions, Refused):
                self.unreachable = sessions
                yield from self._refuse_rest(sessions)
            else:
                yield from self._drive(sessions)

    def _remaining(self) -> int:
        return len(self._again) + (0 if self.is_ended else self._count - self._next)

    def _drive(self, sessions: list[Session]) -> Iterator[tuple[int, Outcome]]:
        """Send over these until all is done, or all of them are broken."""
        try:
            yield from self._served(sessions)
        except BaseException:
            # A time limit, Ctrl-C, or whoever listens has gone: what is under way here can't be followed any more.
            for session in sessions:
                session.hang_up()
            raise
        for session in sessions:
            self._pool.give_back(session)

    def _served(self, sessions: list[Session]) -> Iterator[tuple[int, Outcome]]:
        poll = select.poll()
        lanes: dict[int, Lane] = {}
        for session in sessions:
            lane = Lane(session, give=self._give, tell=self._told.append, give_back=self._again.append)
            lanes[session.sock.fileno()] = lane
            poll.register(session.sock, _READ)
        # No deadline that is set from now on ends before this, so until then nobody need be looked at.
        least = min(min(session.endpoint.reply_seconds, session.endpoint.dot_seconds) for session in sessions)
        now = time.monotonic()
        look_at = now + least
        is_busy = self._tidy(lanes, poll, now)
        while is_busy or self._told:
            if self._told:
                told, self._told[:] = self._told[:], []
                yield from told
                continue
            is_odd = False
            for number, event in poll.poll(max(0.0, look_at - time.monotonic()) * 1000 + 1):
                now = time.monotonic()
                lane = lanes[number]
                if event == _READ:
                    is_odd |= not lane.read(now)
                    continue
                is_odd = True
                if event & select.POLLOUT:
                    lane.write(now)
                if event & ~select.POLLOUT and lane.is_open:
                    lane.read(now)
            now = time.monotonic()
            if now >= look_at:
                look_at = self._give_up_late(lanes, now, least)
                is_odd = True
            if is_odd:
                is_busy = self._tidy(lanes, poll, now)

    def _give_up_late(self, lanes: dict[int, Lane], now: float, least: float) -> float:
        """Give up lanes whose deadline is over; returns when to look again."""
        for lane in lanes.values():
            if lane.deadline <= now:
                lane.give_up()
        return min(now + least, *(lane.deadline for lane in lanes.values()))

    def _tidy(self, lanes: dict[int, Lane], poll: select.poll, now: float) -> bool:
        """Give idle lanes something to do, forget broken ones. Returns whether an answer is awaited anywhere."""
        for number, lane in list(lanes.items()):
            lane.start(now)
            if lane.is_open:
                poll.modify(number, _READ_AND_WRITE if lane.wants_room else _READ)
            else:
                poll.unregister(number)
                del lanes[number]
        return any(lane.is_busy for lane in lanes.values())

    def _give(self, dialect: Dialect) -> Letter | None:
        """The next letter to be opened: begun, and written for this server."""
        while self._again:
            letter = self._again.popleft()
            if letter.dialect == dialect:
                return letter
            again = self._write(letter.place, dialect)
            if again is not None and not self._is_too_big(again):
                return again
            self._told.append((letter.place, faulty("dialect", "Another server than before answers at this address.")))
        while not self.is_ended and self._next < self._count:
            place = self._next
            self._next += 1
            written = self._write(place, dialect)
            if written is None:
                self.careful.append(place)
            elif not self._begin(place):
                self.is_ended = True
            elif not self._is_too_big(written):
                return written
        return None

    def _is_too_big(self, letter: Letter) -> bool:
        size, limit = len(letter.content), letter.dialect.size_limit
        if not 0 < limit < size:
            return False
        self._told.append((letter.place, too_big(size, limit)))
        return True

    def _refuse_rest(self, refused: Refused) -> Iterator[tuple[int, Outcome]]:
        """Nobody there: asked once a window, not once a message."""
        while self._again:
            yield self._again.popleft().place, refused
        places = [*self.careful, *range(self._next, self._count)]
        self.careful.clear()
        for place in places:
            if self.is_ended or not self._begin(place):
                self.is_ended = True
                return
            yield place, refused


def too_big(size: int, limit: int) -> Refused:
    """A message that the server said before it won't take (RFC 1870)."""
    text = f"The message has {size} bytes; the mail server takes {limit}."
    return Refused(RetryClass.FIX_FIRST, "5.3.4", text)
