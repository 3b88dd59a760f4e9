"""A contact point that died asks for another one: the task, and the verbs of the directory that settle it."""

from __future__ import annotations

import uuid

from django.db import transaction
from django.db.models import QuerySet

from urgentaction.core import clock
from urgentaction.core.phrases import Code, Phrase
from urgentaction.directory import contact_points as directory
from urgentaction.directory.contact_points import Check
from urgentaction.directory.kinds import Health
from urgentaction.directory.models import ContactPoint, ContactPointCheck

from . import reasons
from .models import HumanTask, HumanTaskKind
from .people import hold_tasks, open_task

FIND = Phrase("Find a new %(channel)s for %(office)s", channel="channel")
LOOK_UP = Phrase(
    "%(which)s does not work any more (%(why)s). Look it up, then put the new one in its place on the office's "
    "page in the console (Directory); that closes this task too."
)
ON_FILE = Phrase("The one on file")


def ask_for_replacement(point: ContactPoint, *, why: str) -> HumanTask:
    """A task to find what is right now; one for each death of a contact point."""
    return open_task(
        HumanTaskKind.REPLACE_CONTACT,
        key=task_key(point.id),
        title=FIND(channel=point.channel, office=point.office),
        advice=LOOK_UP(which=point.printed_value or ON_FILE(), why=why[:150]),
        may_reopen=True,
    )


@transaction.atomic
def replace_contact_point(point_id: uuid.UUID, *, printed: str, dial: str = "", check: Check, by: str) -> ContactPoint:
    """As `directory.contact_points.replace_contact_point`; closes the task that asked for it."""
    hold_tasks(_task(point_id))
    new = directory.replace_contact_point(point_id, printed=printed, dial=dial, check=check, by=by)
    _close_task(point_id, by=by, result=reasons.REPLACED(point=new.id))
    return new


@transaction.atomic
def retire_contact_point(point_id: uuid.UUID, *, why: str, is_sure: bool, by: str) -> ContactPoint:
    """As `directory.contact_points.retire_contact_point`; nobody looks for a replacement any more."""
    hold_tasks(_task(point_id))
    point = directory.retire_contact_point(point_id, why=why, is_sure=is_sure, by=by)
    _close_task(point_id, by=by, result=reasons.RETIRED(why=why))
    return point


@transaction.atomic
def record_check(point_id: uuid.UUID, check: Check, *, by: str) -> ContactPointCheck:
    """As `directory.contact_points.record_check`; opens or closes the task to find another one, as it turned out."""
    hold_tasks(_task(point_id))
    row = directory.record_check(point_id, check, by=by)
    point = ContactPoint.objects.select_related("office").get(id=point_id)
    if point.health == Health.DEAD:
        ask_for_replacement(point, why=point.health_note)
    else:
        _close_task(
            point_id,
            by=by,
            result=reasons.CHECKED(
                method=Code.of("check-method", row.method), result=Code.of("check-result", row.result)
            ),
        )
    return row


def task_key(point_id: uuid.UUID) -> str:
    """The key of the task to find another one."""
    return f"replace:{point_id}"


def _task(point_id: uuid.UUID) -> QuerySet[HumanTask]:
    return HumanTask.objects.filter(key=task_key(point_id))


def _close_task(point_id: uuid.UUID, *, by: str, result: str) -> None:
    _task(point_id).filter(done_at=None).update(done_at=clock.now(), done_by=by, result=result[:400])
