"""The oracle: what was acknowledged is in it, whatever happened afterwards."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.sandbox.running import eventually, mail, running
from urgentaction.sandbox.ledger import Entry, Events, Ledger, LedgerError, read


async def appended(path: Path, *messages: dict[str, str]) -> list[Entry]:
    ledger = Ledger(path)
    try:
        return await asyncio.gather(*(ledger.append(**{"channel": "sms", **message}) for message in messages))
    finally:
        ledger.close()


def test_entries_are_numbered_through_restarts(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    asyncio.run(appended(path, {"to": "+1", "ref": "a"}, {"to": "+2", "ref": "b"}))
    asyncio.run(appended(path, {"to": "+3", "ref": "c"}))
    assert [(entry.seq, entry.ref) for entry in read(path)] == [(1, "a"), (2, "b"), (3, "c")]


def test_a_repetition_is_counted_through_restarts(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    same = {"channel": "email", "to": "a@b.test", "message_id": "<1@x>"}
    asyncio.run(appended(path, {**same, "ref": "a"}, {**same, "ref": "b"}, {**same, "to": "c@b.test", "ref": "c"}))
    (again,) = asyncio.run(appended(path, {**same, "ref": "d"}))
    assert [entry.attempt_seen for entry in read(path)] == [1, 2, 1, 3]
    assert again.attempt_seen == 3


@pytest.mark.parametrize(
    ("fields", "reference"),
    [
        ({"message_id": "<m>"}, "<m>"),
        ({"client_state": "cw==", "callback_url": "http://x/1"}, "cw=="),
        ({"callback_url": "http://x/1#rc=3"}, "http://x/1"),
        ({}, "ref"),
    ],
)
def test_by_what_a_message_is_recognised(tmp_path: Path, fields: dict[str, str], reference: str) -> None:
    (entry,) = asyncio.run(appended(tmp_path / "l", {"to": "+1", "ref": "ref", **fields}))
    assert entry.reference == reference


def test_many_at_once_share_a_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs: list[int] = []
    real = os.fsync

    def counted(fd: int) -> None:
        syncs.append(fd)
        real(fd)

    monkeypatch.setattr(os, "fsync", counted)
    asyncio.run(appended(tmp_path / "l", *({"to": "+1", "ref": str(n)} for n in range(200))))
    assert [entry.ref for entry in read(tmp_path / "l")] == [str(n) for n in range(200)]
    assert 1 <= len(syncs) < 20


def test_nothing_is_acknowledged_before_the_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        asyncio.run(appended(tmp_path / "l", {"to": "+1", "ref": "a"}))


@given(entry_texts=st.lists(st.text(max_size=20), min_size=1, max_size=4), cut=st.integers(1, 400))
def test_a_torn_last_line_is_left_out_and_cut_off(
    tmp_path_factory: pytest.TempPathFactory, entry_texts: list[str], cut: int
) -> None:
    path = tmp_path_factory.mktemp("torn") / "ledger.jsonl"
    asyncio.run(appended(path, *({"to": text, "ref": "r"} for text in entry_texts)))
    whole = path.read_bytes()
    last = whole.rfind(b"\n", 0, -1) + 1
    path.write_bytes(whole[: max(last, len(whole) - cut)])
    assert [entry.to for entry in read(path)] == entry_texts[:-1]
    asyncio.run(appended(path, {"to": "next", "ref": "n"}))
    assert [(entry.seq, entry.to) for entry in read(path)][-1] == (len(entry_texts), "next")


def test_a_broken_line_in_the_middle_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    asyncio.run(appended(path, {"to": "+1", "ref": "a"}))
    path.write_bytes(b"{}\n" + path.read_bytes())
    with pytest.raises(LedgerError, match=r"ledger\.jsonl, line 1"):
        list(read(path))


def test_events_go_on_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    first = Events(path)
    first.record("fault", channel="sms", to="+1", ref="a", step="busy")
    first.record("refused", channel="sms", to="+1", reply="400")
    first.close()
    with path.open("ab") as file:
        file.write(b'{"torn')
    second = Events(path)
    second.record("status", channel="sms", ref="a", status="sent")
    second.close()
    assert [event["kind"] for event in second.of("a")] == ["fault", "status"]
    assert len(second.refusals) == 1
    assert [json.loads(line)["kind"] for line in path.read_text().splitlines()] == ["fault", "refused", "status"]


@pytest.mark.parametrize("round_", range(3))
def test_killed_right_after_the_250_it_is_in_the_ledger(tmp_path: Path, round_: int) -> None:
    data = tmp_path / "data"
    with running(data) as sandbox:
        client = sandbox.smtp()
        client.send_message(mail("a@b.test"), "bounce@mail.test", ["a@b.test"])
        sandbox.process.kill()
        sandbox.process.wait()
        client.close()
    (entry,) = read(data / "ledger.jsonl")
    assert (entry.channel, entry.to, entry.message_id, entry.attempt_seen) == (
        "email",
        "a@b.test",
        "<one@mail.test>",
        1,
    )
    assert b"Dear President" in (data / entry.file).read_bytes()


def test_killed_right_after_the_http_answer_it_is_in_the_ledger(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running(data) as sandbox:
        sid = sandbox.sms("+12025550101").raise_for_status().json()["sid"]
        fax = sandbox.fax("+442079460001", "http://127.0.0.1:9/none.pdf").raise_for_status().json()["data"]["id"]
        sandbox.process.kill()
        sandbox.process.wait()
    assert [(entry.channel, entry.ref) for entry in read(data / "ledger.jsonl")] == [("sms", sid), ("fax", fax)]


def test_the_ledger_over_http(tmp_path: Path) -> None:
    with running(tmp_path / "data") as sandbox:
        for number in range(3):
            sandbox.sms(f"+1202555010{number}").raise_for_status()
        told: dict[str, Any] = sandbox.http.get("/ledger.json", params={"since": 1}).json()
        assert [entry["seq"] for entry in told["entries"]] == [2, 3]
        assert told["last"] == 3
        assert sandbox.http.get("/ledger.json", params={"since": 3}).json() == {"entries": [], "last": 3}
        assert sandbox.http.get("/ledger.json", params={"since": "x"}).status_code == 400
        eventually(lambda: all(sandbox.events("status", entry["ref"]) for entry in told["entries"]))
