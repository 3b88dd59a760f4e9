"""Celery: the app, its queues, its tasks and its timetable. The work itself is in `urgentaction.pipeline`."""
