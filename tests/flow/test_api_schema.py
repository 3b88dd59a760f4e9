"""The OpenAPI document against the service: generated requests never break it, and its answers are as promised."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from django.test import Client
from hypothesis import HealthCheck
from hypothesis import settings as bounded
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.flow.callers import Caller
from tests.flow.world import World
from urgentaction.conf.wsgi import application

#: Semantics that no schema can tell (a day in the future, a person of another case) are 422 all the same.
UNFIT: Any = [positive_data_acceptance]


@pytest.fixture
def caller(transactional_db: None) -> Caller:
    world = World.make()
    world.case.reference = "UA-2015-0117"  # the example in the document
    world.case.save()
    return Caller()


#: The document itself needs no database. The Host is one that the settings allow.
HOST = {"Host": "127.0.0.1"}
schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", application, headers=HOST)


@schema.parametrize()
@bounded(
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_the_service_keeps_to_its_document(case: schemathesis.Case[Any], caller: Caller) -> None:
    case.call_and_validate(headers=HOST | {"Authorization": f"Bearer {caller.secret}"}, excluded_checks=UNFIT)


def test_the_document_is_public_and_names_problems_as_such() -> None:
    document = Client().get("/api/v1/openapi.json").json()
    assert document["openapi"].startswith("3.")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["security"], (method, path)
            for status, answer in operation["responses"].items():
                expected = "application/problem+json" if int(status) >= 400 else "application/json"
                assert list(answer["content"]) == [expected], (method, path, status)
