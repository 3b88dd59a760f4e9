"""Every route of the URL tree, each with a path that it matches."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver
from django.urls.converters import IntConverter, UUIDConverter
from django.utils.regex_helper import normalize

from urgentaction.conf.urls import PUBLIC_ROUTES


@dataclass(frozen=True, slots=True)
class Route:
    """One pattern of the URL tree. `name` carries its namespaces; `path` has samples in the place of variables."""

    name: str
    path: str

    @property
    def is_public(self) -> bool:
        return self.name in PUBLIC_ROUTES


def _sample(pattern: URLPattern | URLResolver) -> str:
    """A path that the pattern matches."""
    form, names = normalize(str(pattern.pattern.regex.pattern))[0]
    converters = pattern.pattern.converters
    samples = {}
    for name in names:
        converter = converters.get(name)
        if isinstance(converter, IntConverter):
            samples[name] = "1"
        elif isinstance(converter, UUIDConverter):
            samples[name] = str(uuid.UUID(int=1))
        else:
            samples[name] = "x"
    return str(form) % samples


def routes(resolver: URLResolver, *, prefix: str = "/", namespaces: tuple[str, ...] = ()) -> Iterator[Route]:
    for pattern in resolver.url_patterns:
        address = prefix + _sample(pattern)
        if isinstance(pattern, URLResolver):
            inner = (*namespaces, pattern.namespace) if pattern.namespace else namespaces
            yield from routes(pattern, prefix=address, namespaces=inner)
        else:
            yield Route(":".join((*namespaces, pattern.name or "")), address)
