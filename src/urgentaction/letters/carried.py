"""What a template reads, carried to another process as JSON and put together again there.

The classes of `letters.content` are the only ones that come back, whatever was carried. Pure.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeVar, cast

from urgentaction.letters.fields import Kind, fields_of

Value = TypeVar("Value")


def packed(value: Any) -> Any:
    """An instance of a class of `letters.content` (or None) as plain JSON values."""
    return None if value is None else json.loads(json.dumps(dataclasses.asdict(value), default=date.isoformat))


def unpacked(owner: Callable[..., Value], carried: Mapping[str, Any]) -> Value:
    """The instance again. Raises KeyError, TypeError or ValueError for what `packed` did not make."""
    return owner(**{name: _unpacked(kind, carried[name]) for name, kind in fields_of(cast("type", owner)).items()})


def _unpacked(kind: Kind, carried: Any) -> Any:
    if carried is None:
        return None
    if kind.is_list:
        return tuple(_one(kind.of, entry) for entry in carried)
    if kind.is_mapping:
        return {name: _one(kind.of, entry) for name, entry in carried.items()}
    return _one(kind.of, carried)


def _one(owner: type, carried: Any) -> Any:
    if dataclasses.is_dataclass(owner):
        return unpacked(owner, carried)
    make: Callable[[Any], Any] = date.fromisoformat if issubclass(owner, date) else owner
    return make(carried)
