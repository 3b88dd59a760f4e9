"""A mailing against a server that does whatever comes into its mind: what the gateway says of each copy is true."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.unit.channels.hostile import Server
from tests.unit.channels.moody import Moods
from tests.unit.channels.notices import NOTICE, copies
from tests.unit.channels.samples import config
from urgentaction.channels.contract import Accepted, Outcome, Refused, Unknown
from urgentaction.channels.mailing import MailingGateway
from urgentaction.channels.registry import build

WINDOW, WINDOWS = 30, 2
IN_TURN = ("8BITMIME", "SIZE 1000000")


def lies(server: Moods, told: dict[str, Outcome]) -> list[str]:
    """What was said of somebody's copy and is not true."""
    found = list(server.problems)
    for to, outcome in told.items():
        took, saw = server.took[to], server.saw[to]
        is_true = {
            Accepted: took == saw == 1,
            Refused: took == 0,
            Unknown: saw <= 1 and (took == 0 or to in server.unheard),
        }
        if not is_true[type(outcome)]:
            found.append(f"{to}: {outcome}, but taken {took} times, seen {saw} times")
    return found


@pytest.mark.parametrize("features", [("PIPELINING", *IN_TURN), IN_TURN], ids=["pipelined", "in turn"])
def test_what_is_said_of_each_copy_is_true(features: tuple[str, ...]) -> None:
    kinds: Counter[type] = Counter()
    for seed in range(12):
        moods = Moods(seed, features)
        server = Server(moods.serve)
        options = {"host": "127.0.0.1", "tls": "none", "port": str(server.port), "connections": "4"}
        gateway = build(config("smtp", options))
        assert isinstance(gateway, MailingGateway)
        told: dict[str, Outcome] = {}
        try:
            for number in range(WINDOWS):
                window = copies(WINDOW, first=number * WINDOW)
                results = list(gateway.submit_mailing(NOTICE, window, lambda _: True))
                assert sorted(place for place, _ in results) == list(range(WINDOW)), f"seed {seed}: one outcome each"
                told |= {window[place].to: outcome for place, outcome in results}
        finally:
            gateway.close()
            server.close()
        assert lies(moods, told) == [], f"seed {seed}"
        kinds.update(type(outcome) for outcome in told.values())
    assert kinds[Accepted] > kinds[Refused] > kinds[Unknown] > 0
