"""What deliveries name can't be deleted, although no foreign key says so (ADR 0018)."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction

from tests.flow.world import World
from tests.sandbox_program import SandboxProgram
from urgentaction.deliveries.models import Attempt, Delivery

NAMED = {
    "alerts_alert": "SELECT alert_id FROM deliveries_delivery",
    "supporters_supporter": "SELECT supporter_id FROM deliveries_delivery WHERE supporter_id IS NOT NULL",
    "deliveries_delivery": "SELECT delivery_id FROM deliveries_attempt",
}


@pytest.mark.parametrize("table", NAMED)
def test_what_a_delivery_names_cannot_be_deleted(world: World, sandbox: SandboxProgram, table: str) -> None:
    world.start()
    world.send()
    assert Attempt.objects.exists()
    with connection.cursor() as cursor:
        for own in ("deliveries_tally", "deliveries_humantask"):
            cursor.execute(f"DELETE FROM {own}")
        with pytest.raises(IntegrityError, match="still named in deliveries_"), transaction.atomic():
            cursor.execute(
                f"DELETE FROM {table} WHERE id = (SELECT id FROM {table} WHERE id IN ({NAMED[table]}) LIMIT 1)"
            )


def test_what_nothing_names_can(world: World) -> None:
    unused = world.supporters[0]
    assert not Delivery.objects.exists()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM supporters_supporter WHERE id = %s", [unused.id])
        assert cursor.rowcount == 1
