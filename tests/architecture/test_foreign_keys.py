"""Foreign keys point upstream: the same order as the imports, so that no room's data hangs on a room that uses it."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import models

from tests.architecture.layout import height, layers, room_of

#: Django and library tables lie under all rooms.
GROUND = -1


def relations() -> list[tuple[type[models.Model], str, type[models.Model]]]:
    """(model, field, target) for every foreign key, one-to-one and many-to-many field of ours."""
    found = []
    for model in apps.get_models(include_auto_created=True):
        if room_of(model.__module__) is None:
            continue
        for field in model._meta.get_fields(include_hidden=True):
            target = field.related_model
            if isinstance(field, models.ForeignKey | models.ManyToManyField) and isinstance(target, type):
                found.append((model, field.name, target))
    return found


def problem(model: str, field: str, target: str) -> str | None:
    """What is wrong with a relation between two modules, in words; None if it may stand."""
    here, there = room_of(model), room_of(target)
    if here == there or there is None:
        return None
    heights = height()
    for room in (here, there):
        if room not in heights:
            return f"{room} has tables, but no place among the layers of pyproject.toml"
    assert here is not None
    if heights[here] == heights[there]:
        return f"{here}.{field} points sideways, at {there}"
    if heights[here] < heights[there]:
        return f"{here}.{field} points downstream, at {there}"
    return None


def test_foreign_keys_point_upstream() -> None:
    assert relations(), "no relation found: is INSTALLED_APPS empty?"
    found = [
        problem(model.__module__, f"{model.__name__}.{field}", target.__module__)
        for model, field, target in relations()
    ]
    assert [text for text in found if text] == []


@pytest.mark.parametrize(
    ("model", "target", "words"),
    [
        ("cases", "alerts", "downstream"),
        ("core", "cases", "downstream"),
        ("directory", "supporters", "sideways"),
        ("elsewhere", "core", "no place"),
    ],
)
def test_a_wrong_direction_is_seen(model: str, target: str, words: str) -> None:
    text = problem(f"urgentaction.{model}.models", "Model.field", f"urgentaction.{target}.models")
    assert text is not None
    assert words in text


def test_the_right_direction_is_let_through() -> None:
    assert problem("urgentaction.deliveries.models", "Delivery.alert", "urgentaction.alerts.models") is None
    assert problem("urgentaction.alerts.models", "Alert.approved_by", "urgentaction.accounts.models") is None
    assert problem("urgentaction.api.models", "Call.user", "django.contrib.auth.models") is None


def test_every_room_stands_in_one_layer() -> None:
    rooms = [room for line in layers() for room in line]
    assert len(rooms) == len(set(rooms))
    assert {"core", "cases", "conf"} <= set(rooms)
