"""What readers are told: true counts, the whole story in order, nobody's name, and no query for each row."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date

import pytest
from pytest_django import DjangoAssertNumQueries

from tests.flow.world import TEXT, World
from tests.sandbox_program import SandboxProgram
from urgentaction import pipeline
from urgentaction.alerts.models import Alert
from urgentaction.cases.models import CaseText
from urgentaction.cases.service import UpdateText
from urgentaction.cases.vocabulary import Confidence, Status
from urgentaction.channels.contract import Channel
from urgentaction.core import clock
from urgentaction.core.errors import InvalidInput
from urgentaction.deliveries.models import Delivery
from urgentaction.deliveries.pausing import pause_gateway
from urgentaction.supporters.models import Supporter, SuppressionReason
from urgentaction.supporters.service import suppress
from urgentaction.tracking.audience import audience_counts
from urgentaction.tracking.queries import (
    deliveries_of,
    gateway_states,
    open_tasks,
    progress,
    progress_of,
    totals,
    unknowns,
)
from urgentaction.tracking.timeline import timeline
from urgentaction.tracking.views import DeliveryPage, DeliveryView, EntryKind
from urgentaction.triggers.explain import AudienceCounts

QUERIES_OF_A_PAGE = 4  # officials and supporters, each with their attempts
QUERIES_OF_COUNTS = 2


def dry_run(world: World, status: Status, *, confidence: Confidence = Confidence.CONFIRMED) -> AudienceCounts:
    told = UpdateText(status=status, confidence=confidence, as_of=date(2026, 11, 21), reported_at=clock.now())
    case, decision = pipeline.dry_run(world.case.reference, told)
    return audience_counts(case, decision)


def told_supporters(alert: Alert) -> set[tuple[str, str, int]]:
    """What expansion really made: channel, language, people."""
    found: dict[tuple[str, str], int] = {}
    rows = Delivery.objects.filter(alert=alert, role="supporter", state="queued").select_related("notice")
    for row in rows:
        key = (row.channel, row.notice.language if row.notice else "")
        found[key] = found.get(key, 0) + 1
    return {(channel, language, people) for (channel, language), people in found.items()}


def counted_supporters(counts: AudienceCounts) -> set[tuple[str, str, int]]:
    return {(one.channel.value, one.language, one.people) for one in counts.supporters}


def test_progress_counts_every_delivery_once(world: World) -> None:
    alert = world.start()
    found = progress(alert)
    assert found.tally.total == Delivery.objects.filter(alert=alert).count() == 7
    assert found.tally.of(role="supporter").by_state() == {"queued": 4}
    assert found.tally.settled == 0
    assert not found.is_over
    assert totals([alert]) == found.tally


def test_a_sent_alert_is_settled_once_mail_is_accepted_and_receipts_came(world: World, sandbox: SandboxProgram) -> None:
    alert = world.start()
    world.send()
    found = progress(alert)
    assert found.tally.reached == found.tally.total
    assert found.tally.of(channel="email").settled == found.tally.of(channel="email").total
    # Fax and SMS are settled by their receipts, which nobody has delivered here.
    assert found.tally.of(channel="fax").settled == 0


def test_progress_of_many_alerts_is_two_queries(
    world: World, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    world.start()
    world.start(Status.FATE_UNKNOWN)
    alerts = list(Alert.objects.select_related("case").order_by("created_at"))
    with django_assert_num_queries(QUERIES_OF_COUNTS):
        found = progress_of(alerts)
    assert [one.alert for one in found] == [alert.number for alert in alerts]


def test_no_reader_learns_who_a_supporter_is(world: World, sandbox: SandboxProgram) -> None:
    alert = world.start()
    world.send()
    shown = repr(asdict(deliveries_of(alert))) + repr(timeline(world.case)) + repr(open_tasks())
    for supporter in world.supporters:
        assert supporter.name not in shown
        assert supporter.email not in shown
        assert supporter.phone not in shown


def test_officials_are_named_with_their_office_and_supporters_by_a_short_id(world: World) -> None:
    found = deliveries_of(world.start()).items
    assert found[0].recipient == "Office of the president · The president"
    people = {one.recipient for one in found if one.role == "supporter"}
    assert people == {f"supporter …{supporter.id.hex[-8:]}" for supporter in world.supporters}


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 50])
def test_pages_join_without_gap_or_overlap(world: World, limit: int) -> None:
    alert, other = world.start(), world.start(Status.FATE_UNKNOWN)
    for chosen in (alert, other, None):
        seen: list[DeliveryView] = []
        after = 0
        while True:
            page = deliveries_of(chosen, after_id=after, limit=limit)
            seen += page.items
            if page.next is None:
                break
            assert len(page.items) == limit
            after = page.next
        assert seen == list(deliveries_of(chosen, limit=50).items)
        whole = Delivery.objects.filter(alert=chosen) if chosen else Delivery.objects.all()
        assert sorted(one.id for one in seen) == sorted(whole.values_list("id", flat=True))


def test_officials_come_first_each_with_all_their_steps(world: World) -> None:
    found = deliveries_of(world.start()).items
    assert [one.role for one in found] == ["to", "to", "cc", "supporter", "supporter", "supporter", "supporter"]


def test_filters_narrow_the_page(world: World) -> None:
    alert = world.start()
    assert {one.channel for one in deliveries_of(alert, channel="fax").items} == {"fax"}
    assert {one.role for one in deliveries_of(alert, role="cc").items} == {"cc"}
    assert deliveries_of(alert, state="delivered") == DeliveryPage((), None)
    assert len(deliveries_of(None).items) == 7


def test_a_page_after_somebody_elses_delivery_is_refused(world: World) -> None:
    alert, other = world.start(), world.start(Status.FATE_UNKNOWN)
    with pytest.raises(InvalidInput, match="no delivery"):
        deliveries_of(other, after_id=deliveries_of(alert).items[0].id)


def test_a_page_costs_the_same_whatever_its_size(
    world: World, sandbox: SandboxProgram, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    alert = world.start()
    world.send()
    with django_assert_num_queries(QUERIES_OF_A_PAGE):
        found = deliveries_of(alert).items
    assert all(one.attempts for one in found)
    assert {attempt.outcome for one in found for attempt in one.attempts} == {"accepted"}


def test_the_timeline_tells_the_story_in_order(world: World, sandbox: SandboxProgram) -> None:
    first = world.start()
    world.send()
    world.update(Status.FATE_UNKNOWN, day=date(2026, 11, 21))
    entries = timeline(world.case)
    assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)
    of_first = [entry.kind for entry in entries if entry.alert == first.number]
    assert of_first == [
        EntryKind.DRAFTED,
        EntryKind.STARTED,
        EntryKind.FROZEN,
        EntryKind.FIRST_ACCEPTED,
        EntryKind.LAST_ACCEPTED,
        EntryKind.WITHDRAWN,
    ]
    updates = [entry.text for entry in entries if entry.kind is EntryKind.UPDATE]
    assert "at imminent risk of forcible return as of 2026-11-20, Tumen (confirmed)" in updates[0]
    assert len(updates) == 2


def test_a_draft_that_waits_is_a_task_and_in_the_timeline(world: World) -> None:
    world.update(Status.SENTENCED)
    (task,) = open_tasks()
    assert task.alert == Alert.objects.get().number
    assert task.kind == "decide"
    assert EntryKind.TASK_OPENED in [entry.kind for entry in timeline(world.case)]


def test_unknowns_are_listed(world: World) -> None:
    alert = world.start()
    Delivery.objects.filter(alert=alert, channel="fax").update(state="unknown")
    assert [one.channel for one in unknowns()] == ["fax"]


def test_gateways_say_what_waits_for_them(world: World) -> None:
    world.start()
    pause_gateway("telnyx", reason="401 wrong key")
    found = {one.name: one for one in gateway_states()}
    assert (found["telnyx"].is_paused, found["telnyx"].reason, found["telnyx"].waiting) == (True, "401 wrong key", 1)
    assert (found["smtp"].is_paused, found["smtp"].waiting) == (False, 5)


# Whom a dry run names must be whom the real run tells.


def test_the_dry_run_counts_whom_the_alert_then_tells(world: World) -> None:
    CaseText.objects.create(case=world.case, language="ko", markdown=TEXT)
    Supporter.objects.filter(id=world.supporters[1].id).update(language="ko")
    Supporter.objects.filter(id=world.supporters[2].id).update(language="fr")
    suppress(Channel.SMS, world.supporters[0].phone, reason=SuppressionReason.STOP, source="test")
    counts = dry_run(world, Status.RETURN_IMMINENT)
    assert counted_supporters(counts) == {("email", "en", 2), ("email", "ko", 1)}
    assert counted_supporters(counts) == told_supporters(world.start())


def test_the_dry_run_names_officials_with_the_channels_they_have(world: World) -> None:
    president, minister = dry_run(world, Status.RETURN_IMMINENT).officials
    assert president.name == "Office of the president · The president"
    assert set(president.channels) == {Channel.EMAIL, Channel.FAX}
    assert (minister.role.value, minister.channels) == ("cc", (Channel.EMAIL,))


def test_the_dry_run_counts_what_would_be_withdrawn(world: World) -> None:
    alert = world.start()
    (unsent,) = dry_run(world, Status.FATE_UNKNOWN).unsent
    assert (unsent.alert, unsent.deliveries) == (alert.number, 7)


def test_a_follow_up_counts_exactly_those_reached(world: World, sandbox: SandboxProgram) -> None:
    first = world.start()
    world.send()
    lost = Delivery.objects.filter(alert=first, role="supporter", supporter=world.supporters[2])
    lost.update(state="failed")
    Delivery.objects.filter(alert=first, role="cc").update(state="failed")
    counts = dry_run(world, Status.FATE_UNKNOWN)
    assert [one.role.value for one in counts.officials] == ["to"]
    follow_up = world.start(Status.FATE_UNKNOWN)
    told = told_supporters(follow_up)
    assert {row for row in told if row[0] == "email"} == counted_supporters(counts)
    assert sum(row[2] for row in told) == 2


@pytest.mark.parametrize("status", [Status.DIED, Status.VERIFIED])
def test_where_nobody_hears_nobody_is_counted(world: World, status: Status) -> None:
    counts = dry_run(world, status, confidence=Confidence.CONFIRMED)
    assert counts.officials == ()
    assert counts.unsent == ()


def test_a_rumour_still_says_whom_its_draft_would_reach(world: World) -> None:
    assert dry_run(world, Status.RETURN_IMMINENT, confidence=Confidence.RUMOURED).supporters
