"""One Idempotency-Key, one deed: repeated, changed, refused, and at the same moment."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from tests.flow.callers import DETAINED, IMMINENT, MANUAL, UPDATES, Caller, assert_problem, fields
from tests.flow.world import World
from urgentaction.alerts.models import Alert
from urgentaction.api.models import IdempotentRequest
from urgentaction.cases.models import StatusUpdate

pytestmark = pytest.mark.django_db


@pytest.fixture
def case(db: None) -> World:
    return World.make()


@pytest.fixture
def caller(db: None) -> Caller:
    return Caller()


class TestIdempotency:
    def test_the_same_request_makes_one_update(self, case: World, caller: Caller) -> None:
        first = caller.post(UPDATES, IMMINENT, key="one")
        again = caller.post(UPDATES, IMMINENT, key="one")
        assert (first.status_code, again.status_code) == (201, 201)
        assert again.content == first.content
        assert "Idempotency-Replayed" not in first.headers
        assert again.headers["Idempotency-Replayed"] == "true"
        assert (StatusUpdate.objects.count(), Alert.objects.count()) == (1, 1)

    def test_the_key_with_another_request_is_refused(self, case: World, caller: Caller) -> None:
        caller.post(UPDATES, DETAINED, key="one")
        body = assert_problem(caller.post(UPDATES, IMMINENT, key="one"), 422)
        assert fields(body) == {"Idempotency-Key"}
        assert StatusUpdate.objects.count() == 1

    def test_keys_of_two_tokens_are_two_keys(self, case: World, caller: Caller) -> None:
        caller.post(UPDATES, DETAINED, key="one")
        assert "Idempotency-Replayed" not in Caller().post(UPDATES, IMMINENT, key="one").headers
        assert StatusUpdate.objects.count() == 2

    def test_a_refused_request_leaves_the_key_free(self, case: World, caller: Caller) -> None:
        assert_problem(caller.post(UPDATES, IMMINENT | {"persons": ["nobody"]}, key="one"), 422)
        assert not IdempotentRequest.objects.exists()
        assert caller.post(UPDATES, IMMINENT, key="one").status_code == 201

    def test_a_key_that_cannot_be_kept_is_refused(self, case: World, caller: Caller) -> None:
        for key in ("two words", "k" * 201, "schlüssel"):
            assert_problem(caller.post(UPDATES, IMMINENT, key=key), 422)
        assert not StatusUpdate.objects.exists()

    def test_a_composed_alert_is_made_once_too(self, case: World, caller: Caller) -> None:
        first, again = caller.post("/alerts", MANUAL, key="one"), caller.post("/alerts", MANUAL, key="one")
        assert first.json()["id"] == again.json()["id"]
        assert Alert.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_at_the_same_moment_make_one_alert() -> None:
    World.make()
    caller = Caller()
    gate = threading.Barrier(4)
    answers: list[Any] = []

    def send() -> None:
        try:
            gate.wait(10)
            twin = Client()
            headers = {"Authorization": f"Bearer {caller.secret}", "Idempotency-Key": "same"}
            answers.append(twin.post(f"/api/v1{UPDATES}", IMMINENT, content_type="application/json", headers=headers))
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.content for answer in answers}) == 1
    assert sorted("Idempotency-Replayed" in answer.headers for answer in answers) == [False, True, True, True]
    assert (StatusUpdate.objects.count(), Alert.objects.count()) == (1, 1)
