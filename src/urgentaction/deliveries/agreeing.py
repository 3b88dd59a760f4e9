"""Consent, asked again before the wire: somebody whom a frozen text names may have taken it back since.

What was frozen stays as it is; it only isn't sent any more, and a person is told. The rule itself is `letters.consent`.
"""

from __future__ import annotations

import uuid

from urgentaction.alerts.models import Alert
from urgentaction.letters.consent import ConsentError, Guard, guard_of
from urgentaction.letters.models import Letter, Notice

from .announcing import consent_is_missing

#: Why a delivery is withdrawn, as people read it.


class Agreement:
    """The answers for a batch of deliveries: each text is looked at once."""

    def __init__(self) -> None:
        self._guards: dict[uuid.UUID, Guard] = {}
        self._answers: dict[uuid.UUID, bool] = {}

    def covers(self, frozen: Letter | Notice, alert: Alert) -> bool:
        """Whether this may still be shown to its readers. Where not, a task says which person has to be asked about."""
        if frozen.id not in self._answers:
            self._answers[frozen.id] = self._look(frozen, alert)
        return self._answers[frozen.id]

    def _look(self, frozen: Letter | Notice, alert: Alert) -> bool:
        guard = self._guards.get(alert.case_id)
        if guard is None:
            guard = self._guards[alert.case_id] = guard_of(alert.case)
        try:
            if isinstance(frozen, Letter):
                guard.check_letter(frozen)
            else:
                guard.check_notice(frozen)
        except ConsentError as error:
            consent_is_missing(alert, error)
            return False
        return True
