"""What the stack's database and the sandbox's ledger say: quick looks while it runs, and the whole for the oracle.

Must not: use the product's code in this process; a look that finds the database gone says so by returning None.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg

from tests.chaos import world
from tests.chaos.oracle import AlertRow, Entry, Row, Try

_MESSAGE_ID = re.compile(r"<([^@>]+)@")

_STATES = "SELECT state, count(*) FROM deliveries_delivery GROUP BY state"
_FRESH = """
SELECT id, attempts FROM deliveries_delivery
WHERE state = 'sending' AND role = ANY(%s) AND intent_at > now() - interval '1 second'
"""
_SENDING = "SELECT id, attempts FROM deliveries_delivery WHERE state = 'sending' AND id = ANY(%s)"
_WAITING = "SELECT count(*) FROM alerts_alert WHERE state IN ('held', 'running') AND expanded_at IS NULL"
#: What still has to happen by itself: rows on their way, unknowns that no person was asked about (a mail of a stopped
#: alert stays unknown), receipts awaited, failures of officials not followed up, receipts not applied, alerts not at
#: their end. Some receipts never come: by the script, or because a gateway gave up while our web process was dead.
_LEFT = """
SELECT
  (SELECT count(*) FROM deliveries_delivery d JOIN alerts_alert a ON a.id = d.alert_id
    WHERE d.state IN ('queued', 'leased', 'sending')
       OR d.state = 'unknown' AND NOT (d.channel = 'email' AND a.state = 'withdrawn')
          AND NOT EXISTS (SELECT 1 FROM deliveries_humantask t WHERE t.delivery_id = d.id AND t.done_at IS NULL)
       OR d.state = 'accepted' AND d.channel <> 'email' AND d.accepted_at > now() - interval '20 seconds'
       OR d.state IN ('failed', 'expired') AND d.role <> 'supporter' AND d.escalated_at IS NULL),
  (SELECT count(*) FROM receipts_receipt WHERE applied_at IS NULL),
  (SELECT count(*) FROM alerts_alert a WHERE state = 'held' OR state = 'running' AND NOT EXISTS
    (SELECT 1 FROM deliveries_delivery d WHERE d.alert_id = a.id
      AND (d.state = 'unknown' OR d.state = 'accepted' AND d.channel <> 'email')))
"""


def ask(url: str, statement: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]] | None:
    """The rows of one statement; None where the database can't be asked just now."""
    try:
        with psycopg.connect(url, connect_timeout=3, autocommit=True) as connection:
            return connection.execute(statement, parameters).fetchall()
    except psycopg.OperationalError:
        return None


def states(url: str) -> dict[str, int] | None:
    """How many deliveries are in each state."""
    rows = ask(url, _STATES)
    return None if rows is None else dict(rows)


def in_the_hands_of(url: str, roles: Collection[str]) -> set[tuple[int, int]]:
    """Deliveries to these roles that went on the wire within the last second, each with its attempt."""
    return {(row[0], row[1]) for row in ask(url, _FRESH, [list(roles)]) or ()}


def still_sending(url: str, held: Collection[tuple[int, int]]) -> bool:
    """Whether any of these is still in the attempt that it was in; yes where the database can't be asked."""
    rows = ask(url, _SENDING, [[one for one, _ in held]])
    return rows is None or any((row[0], row[1]) in held for row in rows)


def waiting_alerts(url: str) -> int:
    """How many alerts have not got their deliveries yet."""
    rows = ask(url, _WAITING)
    return 0 if rows is None else int(rows[0][0])


def left_to_do(url: str) -> tuple[int, int, int] | None:
    """Deliveries, receipts and alerts that have not come to rest."""
    rows = ask(url, _LEFT)
    return None if rows is None else (rows[0][0], rows[0][1], rows[0][2])


def dump(environment: Mapping[str, str]) -> dict[str, Any]:
    """Everything in the database that the oracle needs."""
    return dict(json.loads(drive(environment, "dump")))


def drive(environment: Mapping[str, str], *words: str) -> str:
    """Run `tests.chaos.drive` inside the stack's environment; what it printed."""
    command = [sys.executable, "-m", "tests.chaos.drive", *words]
    done = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command[2:])} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout


def entries_of(ledger: Sequence[Mapping[str, Any]], told: Mapping[str, Any]) -> list[Entry]:
    """The ledger, each entry with the delivery that it names."""
    ids = {row["reference"]: row["id"] for row in told["deliveries"]}
    return [
        Entry(
            seq=entry["seq"],
            at=datetime.fromisoformat(entry["at"]),
            channel=entry["channel"],
            ref=entry["ref"],
            delivery=ids.get(_reference_in(entry)),
            message_id=entry.get("message_id") or "",
        )
        for entry in ledger
    ]


def _reference_in(entry: Mapping[str, Any]) -> str:
    """Our reference: in the Message-ID, or in the callback URL that we gave."""
    if entry["channel"] == "email":
        found = _MESSAGE_ID.search(entry.get("message_id") or "")
        return found[1] if found else ""
    return parse_qs(urlsplit(entry.get("callback_url") or "").query).get("ref", [""])[0]


def rows_of(told: Mapping[str, Any]) -> list[Row]:
    """The deliveries as the oracle takes them."""
    about: defaultdict[int, list[str]] = defaultdict(list)
    for task in told["tasks"]:
        if task["delivery_id"] is not None:
            about[task["delivery_id"]].append(task["kind"])
    later = {(row["alert"], row["recipient"], row["step"]) for row in told["deliveries"]}
    keys = {task["key"] for task in told["tasks"]}
    reach = {(task["alert_id"], task["kind"]) for task in told["tasks"]}
    return [
        Row(
            **{name: row[name] for name in ("id", "recipient", "role", "channel", "state", "reason", "repeats")},
            alert=str(row["alert"]),
            gateway_ref=row["gateway_ref"],
            tries=tuple(_try(one) for one in row["tries"]),
            may_fail=world.may_fail(row["channel"], row["address"]),
            may_be_unknown=world.may_be_unknown(row["channel"], row["address"]),
            is_followed_up=row["is_escalated"]
            and (
                (row["alert"], row["recipient"], row["step"] + 1) in later
                or (row["alert"], "reach_official") in reach
                or _has_others(row, told)
            ),
            open_tasks=tuple(about[row["id"]]) or tuple(key for key in keys if key.startswith(f"unknown:{row['id']}:")),
        )
        for row in told["deliveries"]
    ]


def _has_others(row: Mapping[str, Any], told: Mapping[str, Any]) -> bool:
    """Whether the official hears of it on another way, or nobody needs to: the alert is over."""
    alert = next(one for one in told["alerts"] if one["id"] == row["alert"])
    return alert["state"] == "withdrawn" or any(
        other["state"] in {"accepted", "delivered", "unknown"}
        for other in told["deliveries"]
        if (other["alert"], other["recipient"]) == (row["alert"], row["recipient"])
    )


def _try(one: Mapping[str, Any]) -> Try:
    return Try(
        number=one["number"],
        outcome=one["outcome"],
        code=one["code"],
        gateway_ref=one["gateway_ref"],
        started_at=datetime.fromisoformat(one["started_at"]),
        ended_at=datetime.fromisoformat(one["ended_at"]),
    )


def alerts_of(told: Mapping[str, Any], entries: Sequence[Entry]) -> list[AlertRow]:
    """The alerts, each with those who must have a row of it."""
    return [
        AlertRow(
            id=str(alert["id"]),
            number=alert["number"],
            state="finished" if _only_waits(alert, told) else alert["state"],
            stopped_at=datetime.fromisoformat(alert["stopped_at"]) if alert["stopped_at"] else None,
            is_expanded=alert["is_expanded"],
            expected=frozenset(_expected(alert, told, entries)),
        )
        for alert in told["alerts"]
    ]


def _only_waits(alert: Mapping[str, Any], told: Mapping[str, Any]) -> bool:
    """An alert stays open while a person is asked about an unknown of it, and while a receipt may still come."""
    return alert["state"] == "running" and any(
        row["state"] == "unknown" or (row["state"] == "accepted" and row["channel"] != "email")
        for row in told["deliveries"]
        if row["alert"] == alert["id"]
    )


def _expected(alert: Mapping[str, Any], told: Mapping[str, Any], entries: Sequence[Entry]) -> set[tuple[str, str]]:
    """Supporters by the alert's audience; officials who have neither a row nor a task for a person."""
    there = {row["recipient"] for row in told["deliveries"] if row["alert"] == alert["id"]}
    handed_over = any(task["alert_id"] == alert["id"] and task["kind"] == "reach_official" for task in told["tasks"])
    expected = {(name, "any") for name in alert["targets"] if name not in there and not handed_over}
    supporters = told["supporters"]
    if alert["rule"] == "imminent":
        expected |= {(one["recipient"], channel) for one in supporters for channel in ("email", "sms") if one[channel]}
        return expected
    overtaken = {
        one["id"]
        for one in told["alerts"]
        if one["id"] in alert["predecessors"] and one["stopped_at"] and one["stopped_at"] >= alert["reported_at"]
    }
    heard = {row["id"]: row for row in told["deliveries"] if row["alert"] in overtaken}
    reached = {
        heard[entry.delivery]["recipient"]
        for entry in entries
        if entry.delivery in heard and not _failed_later(heard[entry.delivery], entry)
    }
    return expected | {(one["recipient"], "email") for one in supporters if one["recipient"] in reached}


def _failed_later(row: Mapping[str, Any], entry: Entry) -> bool:
    """Whether a message that the gateway had taken was reported as not delivered: its recipient heard nothing."""
    return any(one["outcome"] == "refused" and one["gateway_ref"] == entry.ref for one in row["tries"])
