"""What may break into any piece of work from outside. It is never a fault of what it broke into.

Code that goes on after a fault of one row or one adapter must let these through: the task is to end. Ctrl-C and a
shutdown are no `Exception` and pass by themselves; the worker's soft time limit is one, and has to be named.
"""

from __future__ import annotations

from celery.exceptions import SoftTimeLimitExceeded

INTERRUPTIONS: tuple[type[Exception], ...] = (SoftTimeLimitExceeded,)
