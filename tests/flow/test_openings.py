"""Letters that wait for an office to open, and letters that don't."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.flow.cascading import MISSION_FAX, add_ways, start, to_president
from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction.cases.vocabulary import Status
from urgentaction.core import clock
from urgentaction.deliveries.models import Delivery
from urgentaction.deliveries.openings import opening_for
from urgentaction.directory.models import ContactPoint, Office


@pytest.fixture
def reachable(world: World) -> World:
    """The president has a second fax, and a mission abroad that takes letters."""
    return add_ways(world)


def close_today(office: Office) -> date:
    """Closed today, and tomorrow in case midnight comes during the test. Returns the day there."""
    today = clock.today(office.time_zone)
    shut = (today.isoweekday(), today.isoweekday() % 7 + 1)
    office.opens, office.closes = time(9), time(18)
    office.workdays = "".join(str(day) for day in range(1, 8) if day not in shut)
    office.holidays = ["XX"]  # nobody's: none at all
    office.save()
    return today


def test_a_step_s_time_begins_when_the_office_opens(reachable: World, sandbox: SandboxProgram) -> None:
    zone = ZoneInfo("Asia/Seoul")
    today = close_today(reachable.president.office)
    alert = start(reachable, order="parallel", status=Status.DETAINED)
    fax, mail = to_president(alert)
    opens = fax.due_at.astimezone(zone)
    assert (opens.hour, opens.minute) == (9, 0)
    assert opens.date() > today + timedelta(days=1)
    assert mail.due_at < clock.now(), "mail does not wait"
    assert fax.step_until == fax.due_at + timedelta(hours=8)
    assert mail.step_until == mail.due_at + timedelta(hours=8)


def test_where_hours_count_a_closed_office_is_faxed_all_the_same(reachable: World, sandbox: SandboxProgram) -> None:
    close_today(reachable.president.office)
    alert = start(reachable, order="parallel", status=Status.RETURN_IMMINENT)
    assert all(row.due_at < clock.now() for row in to_president(alert))


def test_a_retry_waits_for_the_opening_too_and_for_the_holidays_of_the_office_it_goes_to(
    reachable: World, sandbox: SandboxProgram
) -> None:
    Office.objects.update(opens=time(9), closes=time(18))
    alert = start(reachable, order="parallel", status=Status.DETAINED)
    fax, mail = to_president(alert)
    fax.expires_at = None
    saturday = datetime(2026, 2, 14, 1, tzinfo=UTC)  # 10:00 in Seoul, before a Sunday and three days of Seollal
    assert opening_for(fax, saturday) == datetime(2026, 2, 19, tzinfo=UTC)
    assert opening_for(mail, saturday) == saturday
    fax.contact_point = ContactPoint.objects.get(dial_value=MISSION_FAX)
    Office.objects.filter(slug="mission").update(holidays=["CH-GE"])
    fax.contact_point.refresh_from_db()
    assert opening_for(fax, saturday) == datetime(2026, 2, 16, 8, tzinfo=UTC), "Geneva keeps no Seollal"
    fax.expires_at = datetime(2026, 2, 16, tzinfo=UTC)
    assert opening_for(fax, saturday) == saturday, "on Monday it would be too late"
    supporter = Delivery.objects.filter(alert=alert, role="supporter").first()
    assert supporter is not None
    assert opening_for(supporter, saturday) == saturday
