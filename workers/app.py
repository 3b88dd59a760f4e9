"""The Celery app. Messages are hints: ids only, no results, nothing that a lost or doubled one could break."""

from __future__ import annotations

import gc
import os

import django
from celery import Celery
from celery.signals import worker_init
from django.conf import settings
from kombu.transport.redis import Transport

from urgentaction.core.enqueue import Queue, broker_options
from workers.queues import QUEUES, ROUTES
from workers.schedule import timetable

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "urgentaction.conf.settings")
# Celery would run Django's checks in every worker, and the one of the URLs loads every page there is: 35 MB a process.
# `urgentaction doctor` runs them.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")
django.setup()

# A broker that is killed while tasks are unacknowledged ends kombu 5.7's Redis transport by an AttributeError on the
# connection it no longer has; counted as a lost connection, the worker connects again instead of dying.
Transport.connection_errors = (*Transport.connection_errors, AttributeError)

app = Celery("urgentaction", broker=settings.REDIS_URL)
app.conf.update(
    task_serializer="json",
    accept_content=["json"],
    task_queues=QUEUES,
    task_routes=ROUTES,
    task_default_queue=Queue.UPKEEP.value,
    task_create_missing_queues=False,
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_publish_retry=False,
    task_soft_time_limit=settings.TASK_SOFT_SECONDS,
    task_time_limit=settings.TASK_HARD_SECONDS,
    worker_prefetch_multiplier=1,
    worker_soft_shutdown_timeout=10,
    worker_enable_soft_shutdown_on_idle=True,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_channel_error_retry=True,  # a broker whose memory or disk is full answers with errors; the worker waits
    broker_transport_options=broker_options(),
    beat_schedule=timetable(settings.SWEEP_SECONDS),
    timezone="UTC",
    imports=("workers.tasks",),
)


@worker_init.connect
def refuse_other_mode(**_kwargs: object) -> None:
    """End where the database is live and this worker is not, or the other way round: it could claim nothing."""
    from urgentaction.core import live  # noqa: PLC0415 - it has a model: Django is set up first

    live.refuse_to_start()


@worker_init.connect
def keep_what_is_loaded(**_kwargs: object) -> None:
    """What Django and Celery loaded stays for good: the collector need not walk it again, nor each child copy it."""
    gc.collect()
    gc.freeze()
