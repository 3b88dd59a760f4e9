"""The queues, and which worker takes which: urgent work never waits behind a mailing."""

from __future__ import annotations

from collections.abc import Mapping

from kombu import Exchange
from kombu import Queue as BrokerQueue

from urgentaction.core.enqueue import QUEUE_OF, Queue

QUEUES = tuple(BrokerQueue(queue.value, Exchange(queue.value), routing_key=queue.value) for queue in Queue)

ROUTES: Mapping[str, Mapping[str, str]] = {task.value: {"queue": queue.value} for task, queue in QUEUE_OF.items()}

#: Worker process → the queues it consumes. compose.yaml and `urgentaction up` start exactly these.
WORKERS: Mapping[str, tuple[Queue, ...]] = {
    "urgent": (Queue.URGENT, Queue.UPKEEP),
    "bulk": (Queue.BULK,),
    "receipts": (Queue.RECEIPTS,),
}
