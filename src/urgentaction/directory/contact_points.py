"""What staff do with the numbers and addresses of an office: add, correct, check, retire, replace.

A number that changes is another contact point, because deliveries tell what became of the one they were sent to: the
old one is retired, the new one takes its place in the order. Each verb is one transaction with a line in the audit log.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.db import transaction

from urgentaction.accounts.service import record_audit
from urgentaction.channels.contract import Channel
from urgentaction.core import clock
from urgentaction.core.errors import Conflict, InvalidInput, NotFound
from urgentaction.core.phrases import say
from urgentaction.core.tables import change_row, shaped

from .dialling import address_to_use
from .kinds import CheckMethod, CheckResult, Health
from .models import ContactPoint, ContactPointCheck
from .queries import stranded_without
from .records import ContactPointRecord
from .rules import CONTACTS, health_after
from .service import locked_office


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """How somebody found out whether a contact point is right."""

    method: CheckMethod
    result: CheckResult = CheckResult.RIGHT
    url: str = ""
    note: str = ""


@transaction.atomic
def add_contact_point(
    office_id: uuid.UUID, *, channel: Channel, printed: str, dial: str = "", rank: int = 1, check: Check | None, by: str
) -> ContactPoint:
    """A new contact point; a retired one with the same address comes back instead.

    Args:
        printed: as published; letters show it. dial: what is dialled; without it the first number printed.
        check: where it is from. None: nobody has checked it.

    Raises:
        NotFound, Conflict, InvalidInput: fields are `printed_value`, `dial_value`, `rank`. In sandbox mode an address
            that may belong to somebody is refused.
    """
    office = locked_office(office_id)
    record = _record(channel=channel.value, printed_value=printed, dial_value=dial, rank=rank)
    address = address_to_use(channel, printed=record.printed_value, dial=record.dial_value)
    values = {"printed_value": record.printed_value, "rank": record.rank}
    point = office.contact_points.filter(channel=channel, dial_value=address).first()
    if point is None:
        point = ContactPoint.objects.create(office=office, channel=channel.value, dial_value=address, **values)
    elif point.retired_at is None:
        raise Conflict.of(
            "dial_value",
            say("the office has this %(channel)s already; change that one, or replace it", channel=channel),
        )
    else:
        fresh = {"retired_at": None, "health": Health.UNVERIFIED.value, "health_note": "", "verified_at": None}
        change_row(point, {**values, **fresh, "verified_how": ""})
    record_audit(by, "contact_point.add", f"office:{office.id}", contact_point=point.id, channel=channel)
    if check is not None:
        _checked(point, check, by=by)
    return point


@transaction.atomic
def change_contact_point(point_id: uuid.UUID, *, printed: str, rank: int, by: str) -> ContactPoint:
    """Correct how it is printed, or its place in the order. What is dialled stays: see `replace_contact_point`.

    Raises:
        NotFound, InvalidInput.
    """
    point = _locked(point_id)
    record = _record(channel=point.channel, printed_value=printed, rank=rank)
    values = {"printed_value": record.printed_value, "rank": record.rank}
    changed = [name for name, value in values.items() if getattr(point, name) != value]
    if change_row(point, values):
        record_audit(by, "contact_point.change", _subject(point), contact_point=point.id, fields=",".join(changed))
    return point


@transaction.atomic
def record_check(point_id: uuid.UUID, check: Check, *, by: str) -> ContactPointCheck:
    """Write down that somebody checked a contact point; its health follows (`rules.health_after`).

    Raises:
        NotFound; Conflict: it is retired. InvalidInput: a web site without its address.
    """
    return _checked(_locked(point_id), check, by=by)


@transaction.atomic
def retire_contact_point(point_id: uuid.UUID, *, why: str, is_sure: bool, by: str) -> ContactPoint:
    """Use it no more. It stays on file, because deliveries tell what became of it.

    Args:
        is_sure: the last way to an office is retired only by somebody who was told so.

    Raises:
        NotFound, Conflict; InvalidInput: no reason, or it is the last way to an office and `is_sure` is False.
    """
    point = _locked(point_id)
    if not why.strip():
        raise InvalidInput.of("why", say("say why; it stays with the contact point"))
    stranded = stranded_without(point)
    if stranded and not is_sure:
        names = ", ".join(str(office) for office in stranded)
        raise InvalidInput.of(
            "is_sure", say("without it nothing is left for %(names)s; say that you mean it", names=names)
        )
    _retire(point, why.strip())
    record_audit(by, "contact_point.retire", _subject(point), contact_point=point.id, stranded=len(stranded))
    return point


@transaction.atomic
def replace_contact_point(point_id: uuid.UUID, *, printed: str, dial: str = "", check: Check, by: str) -> ContactPoint:
    """Retire a contact point and put another one at its place in the order. Returns the new one.

    Args:
        check: where the new one is from.

    Raises:
        NotFound, Conflict, InvalidInput: as `add_contact_point`.
    """
    old = _locked(point_id)
    new = add_contact_point(
        old.office_id, channel=Channel(old.channel), printed=printed, dial=dial, rank=old.rank, check=check, by=by
    )
    _retire(old, f"replaced by {new.printed_value or new.dial_value}")
    record_audit(by, "contact_point.replace", _subject(old), contact_point=old.id, replacement=new.id)
    return new


def _checked(point: ContactPoint, check: Check, *, by: str) -> ContactPointCheck:
    if check.method is CheckMethod.WEBSITE and not check.url:
        raise InvalidInput.of("url", say("write the address of the page, so that the next person can look there too"))
    at = clock.now()
    row = ContactPointCheck.objects.create(
        contact_point=point,
        at=at,
        by=by,
        method=check.method.value,
        result=check.result.value,
        url=check.url,
        note=check.note,
    )
    said = check.method.value.replace("_", " ")
    health = health_after(Health(point.health), check.method, check.result)
    values: dict[str, object] = {"health": health.value}
    if check.result is CheckResult.RIGHT:
        how = ": ".join(part for part in (said, check.note or check.url) if part)
        values |= {"verified_at": at, "verified_how": how[:200]}
        if health is Health.WORKING:
            values["health_note"] = ""
    elif check.result is CheckResult.WRONG:
        values["health_note"] = f"found wrong ({said}) {check.note}".strip()[:200]
    change_row(point, values)
    record_audit(
        by,
        "contact_point.check",
        _subject(point),
        contact_point=point.id,
        method=check.method,
        result=check.result,
        is_contact=check.method in CONTACTS,
    )
    return row


def _retire(point: ContactPoint, why: str) -> None:
    change_row(point, {"retired_at": clock.now(), "health": Health.DEAD.value, "health_note": why[:200]})


def _locked(point_id: uuid.UUID) -> ContactPoint:
    """A contact point in use, its office locked before it."""
    office_id = ContactPoint.objects.filter(id=point_id).values_list("office_id", flat=True).first()
    if office_id is None:
        raise NotFound.of("contact_point", f"there is no contact point {point_id}")
    locked_office(office_id)
    point = ContactPoint.objects.select_for_update(of=("self",)).select_related("office").get(id=point_id)
    if point.retired_at is not None:
        raise Conflict.of("contact_point", say("it is retired; add it again to the office if it is right after all"))
    return point


def _record(**values: object) -> ContactPointRecord:
    try:
        return shaped("contact_point", values, ContactPointRecord)
    except InvalidInput as error:
        for problem in error.problems:
            raise InvalidInput.of(problem.field.removeprefix("contact_point, "), problem.message) from None
        raise


def _subject(point: ContactPoint) -> str:
    return f"office:{point.office_id}"
