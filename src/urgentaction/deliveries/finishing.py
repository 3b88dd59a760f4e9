"""When an alert is done."""

from __future__ import annotations

from django.db import transaction

from urgentaction.alerts import service as alerts
from urgentaction.alerts.models import Alert

from .queries import has_open_work


@transaction.atomic
def finish_if_done(alert: Alert) -> bool:
    """Running → finished, where no work is left. A receipt may put something back between the two looks."""
    is_done = not has_open_work(alert) and alerts.finish_alert(alert.id) and not has_open_work(alert)
    transaction.set_rollback(not is_done)
    return is_done
