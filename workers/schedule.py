"""The timetable of beat. It only says when to look; what to do is found in the database."""

from __future__ import annotations

from typing import Any

from urgentaction.core.enqueue import Queue, Task


def timetable(sweep_seconds: float) -> dict[str, dict[str, Any]]:
    """Entries for Celery's `beat_schedule`. A sweep that could not be sent in time is dropped: the next one does it."""
    return {
        "sweep": {"task": Task.SWEEP.value, "schedule": sweep_seconds, "options": {"expires": sweep_seconds * 4}},
        "receipts": {
            "task": Task.APPLY_RECEIPTS.value,
            "schedule": sweep_seconds,
            "options": {"expires": sweep_seconds * 4},
        },
        # One through every queue, so that it can be told which worker gives no sign.
        **{
            f"heartbeat {queue}": {
                "task": Task.HEARTBEAT.value,
                "schedule": 10.0,
                "args": (queue.value,),
                "options": {"queue": queue.value, "expires": 60},
            }
            for queue in Queue
        },
    }
