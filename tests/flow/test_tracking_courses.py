"""How an alert went in time: exact for a small one, drawn from a sample for a large one, scaled to what is known."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection

from tests.flow.world import World
from urgentaction.tracking import courses
from urgentaction.tracking.courses import EDGES, course_of

pytestmark = pytest.mark.django_db(transaction=True)

#: Every third failed after five minutes; the others were accepted, one after the other, within ten seconds.
SENT = """
UPDATE deliveries_delivery SET
    state = CASE WHEN id % 3 = 0 THEN 'failed' ELSE 'accepted' END,
    accepted_at = CASE WHEN id % 3 > 0 THEN %(start)s + (id % 100) * interval '0.1 s' END,
    settled_at = CASE WHEN id % 3 = 0 THEN %(start)s + interval '5 min' END
WHERE alert_id = %(alert)s AND channel = 'email' AND role = 'supporter'
"""
#: Of another alert.
OTHERS = """
INSERT INTO deliveries_delivery (alert_id, role, supporter_id, channel, step, priority, state, reason, created_at,
    due_at, attempts, refusals, questions, repeats, retry_class, gateway, gateway_ref)
SELECT %s, 'supporter', gen_random_uuid(), 'email', 1, 1, 'accepted', '', now(), now(), 1, 0, 0, 0, '', 'smtp', 'Q'
FROM generate_series(1, 9000)
"""


@pytest.mark.parametrize("is_small_part", [False, True])
def test_a_large_mailing_is_drawn_from_a_sample(monkeypatch: pytest.MonkeyPatch, *, is_small_part: bool) -> None:
    world = World.make()
    world.more_supporters(3000)
    alert = world.start()
    with connection.cursor() as cursor:
        sent = SENT.replace("% 3", "%% 3").replace("% 100", "%% 100")
        cursor.execute(sent, {"alert": alert.id, "start": alert.started_at})
        cursor.execute("ANALYZE deliveries_delivery")
    exact = {one.channel: one for one in course_of(alert).channels}
    monkeypatch.setattr(courses, "SAMPLE", 1000)
    if is_small_part:  # of the table: then some of its rows are taken, not some of the table's pages
        with connection.cursor() as cursor:
            cursor.execute(OTHERS, [World.make(number=2).start().id])
            cursor.execute("ANALYZE deliveries_delivery")
    sampled = course_of(alert)
    assert sampled.looked_at is not None
    assert 300 < sampled.looked_at < 2000
    found = {one.channel: one for one in sampled.channels}
    assert abs(found["email"].total - exact["email"].total) <= 1
    assert found["sms"] == exact["sms"]  # small channels are read whole
    assert found["fax"] == exact["fax"]
    for curve in ("accepted", "failed"):
        assert found["email"].curves[curve][-1] == pytest.approx(exact["email"].curves[curve][-1], rel=0.15)


def test_what_happened_stands_before_its_edge() -> None:
    world = World.make()
    alert = world.start()
    assert alert.started_at is not None
    rows = list(alert.deliveries.filter(channel="email", role="supporter").order_by("id"))
    for row, seconds in zip(rows, (0.5, 4, 4000), strict=True):
        row.state, row.accepted_at = "accepted", alert.started_at + timedelta(seconds=seconds)
        row.save()
    (email,) = [one for one in course_of(alert).channels if one.channel == "email"]
    for seconds, come in ((1, 1), (3, 1), (5, 2), (3600, 2), (5400, 3)):
        assert email.curves["accepted"][EDGES.index(seconds)] == come
    assert email.curves["accepted"][-1] == 3
    assert sum(email.took) == 3
