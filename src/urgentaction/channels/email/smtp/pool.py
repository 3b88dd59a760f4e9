"""The open connections to one server: kept between messages, looked at before they are used again.

Owns how many there are and when a new one is opened. Belongs to one thread of one process.
"""

from __future__ import annotations

import time

from urgentaction.channels.contract import Refused
from urgentaction.channels.email.smtp.opening import Credentials, open_session
from urgentaction.channels.email.smtp.session import Endpoint, Session

#: Servers and firewalls forget connections after a few minutes; some without a word.
IDLE_SECONDS = 60.0
#: So long a server that refused one more connection is not asked for it again.
ENOUGH_SECONDS = 60.0


class Pool:
    """Sessions, lent and given back. Opens only as many as are asked for."""

    def __init__(self, endpoint: Endpoint, credentials: Credentials | None, *, size: int) -> None:
        self._endpoint = endpoint
        self._credentials = credentials
        self._size = size
        self._idle: list[tuple[Session, float]] = []  # and since when; the one used last stands last
        self._enough_until = 0.0

    def lend(self, wanted: int) -> list[Session] | Refused:
        """So many sessions, or as many as there may be, but at least one; otherwise why there is none.

        The server is asked no more once it has refused: where one connection works, that one will do.
        """
        lent = self._quiet(min(max(wanted, 1), self._size))
        while len(lent) < min(wanted, self._size) or not lent:
            if lent and time.monotonic() < self._enough_until:
                break
            session = self._opened()
            if isinstance(session, Session):
                lent.append(session)
            elif lent:
                self._enough_until = time.monotonic() + ENOUGH_SECONDS
                break
            else:
                return session
        return lent

    def lend_one(self) -> Session | Refused:
        """One session, or why there is none."""
        lent = self.lend(1)
        return lent if isinstance(lent, Refused) else lent[0]

    def give_back(self, session: Session) -> None:
        """For the next one; a session that can't be used any more may be given back too."""
        if session.is_open:
            self._idle.append((session, time.monotonic()))

    def close(self) -> None:
        """Say goodbye on every connection. May be called twice."""
        while self._idle:
            self._idle.pop()[0].close()

    def _opened(self) -> Session | Refused:
        return open_session(self._endpoint, self._credentials)

    def _quiet(self, wanted: int) -> list[Session]:
        """Idle sessions whose server has neither hung up nor spoken meanwhile; the others are dropped."""
        found: list[Session] = []
        used_after = time.monotonic() - IDLE_SECONDS
        while self._idle and len(found) < wanted:
            session, since = self._idle.pop()
            if since > used_after and session.is_quiet:
                found.append(session)
            else:
                session.close()
        return found
