"""What became of the demo: files under `var/demo/`, a table, and the comparison of the two ledgers.

The database says what we believe; the sandbox's ledger, synced before each answer, says what really arrived. The demo
has worked when the two agree delivery by delivery.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from django.template.loader import render_to_string

from urgentaction.alerts.models import Alert
from urgentaction.cases.models import Case
from urgentaction.cli.demo_story import BOUNCES, STOPPED, TIMES_OUT, Story, supporter_row
from urgentaction.deliveries.models import Delivery, HumanTask
from urgentaction.deliveries.references import reference_of
from urgentaction.deliveries.rules import REACHED
from urgentaction.letters.models import Letter
from urgentaction.supporters.models import Suppression
from urgentaction.tracking.timeline import timeline

MESSAGE_ID = re.compile(r"<([^@>]+)@")


@dataclass(slots=True)
class Agreement:
    """Two ledgers side by side. `differences` is empty when they agree."""

    compared: int = 0
    accepted: int = 0
    differences: list[str] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        return not self.differences


def compare(rows: list[Delivery], entries: list[dict[str, Any]]) -> Agreement:
    """Hold each delivery against what the gateways took for it.

    Args:
        rows: deliveries with their attempts prefetched.
        entries: the sandbox's ledger.

    What we count as taken are the distinct gateway references on the delivery and its attempts. A gateway's reference
    that we never learnt, one that the gateway does not know, and a mail taken twice are all differences.
    """
    by_reference: dict[str, list[str]] = {}
    for entry in entries:
        by_reference.setdefault(reference_in(entry), []).append(entry["ref"])
    agreement = Agreement(compared=len(rows))
    for row in rows:
        reference = reference_of(row.id)
        ours = {one.gateway_ref for one in row.tries.all() if one.gateway_ref} | ({row.gateway_ref} - {""})
        theirs = by_reference.pop(reference, [])
        agreement.accepted += len(theirs)
        if sorted(ours) != sorted(theirs):
            agreement.differences.append(
                f"delivery {row.id} ({row.channel}, {row.state}): we know {len(ours)}, the gateway took {len(theirs)}"
            )
    agreement.differences += [f"the gateway took {name!r}, which is no delivery of ours" for name in by_reference]
    return agreement


def reference_in(entry: dict[str, Any]) -> str:
    """Our reference in a ledger entry: in the Message-ID, or in the callback URL we gave."""
    if entry["channel"] == "email":
        found = MESSAGE_ID.search(entry.get("message_id") or "")
        return found[1] if found else ""
    return parse_qs(urlsplit(entry.get("callback_url") or "").query).get("ref", [""])[0]


def recipient_label(row: Delivery) -> str:
    """An official by name and office; a supporter by a short id only."""
    if row.official is not None:
        return f"{row.official} · {row.official.office}"
    return f"supporter {str(row.supporter_id)[-6:]}"


def delivery_rows(alerts: list[Alert]) -> list[Delivery]:
    """All deliveries of these alerts with what the report shows, in a handful of queries."""
    return list(
        Delivery.objects.filter(alert__in=alerts)
        .select_related("alert", "official__office", "contact_point")
        .prefetch_related("tries")
        .order_by("alert__created_at", "id")
    )


@dataclass(frozen=True, slots=True)
class Promise:
    """Something the story must show, and whether it did."""

    text: str
    is_kept: bool


def promises(story: Story, rows: list[Delivery]) -> list[Promise]:
    """The story's points, each looked up in the rows."""
    first, second, third = (alert.number for alert in story.alerts[:3])
    of_second = [row for row in rows if row.alert.number == second]
    fax = [row for row in of_second if row.channel == "fax"]
    bounced, stopped, silent = (supporter_row(number).id for number in (BOUNCES, STOPPED, TIMES_OUT))
    # The second mailing was stopped half-way, so whoever heard the first part only hears the rest as well.
    of_first = [row for row in rows if row.alert.number == first and row.role == "supporter"]
    reached = {_recipient(row) for row in (*of_first, *of_second) if row.state in REACHED}
    told_again = {_recipient(row) for row in rows if row.alert.number == third}
    supporters = [row for row in of_second if row.role == "supporter"]
    return [
        Promise("two requests with one Idempotency-Key made one alert", len(story.api_answers) == 2),
        Promise(
            "the President's fax was busy once, then went through",
            [codes(row) for row in fax] == [["user_busy", ""]] and fax[0].state == "delivered",
        ),
        Promise(
            "the CC whose mailbox refused became a task for a person",
            any(row.role == "cc" and row.state == "failed" for row in of_second)
            and HumanTask.objects.filter(kind="reach_official").count() == 1,
        ),
        Promise(
            "the supporter who bounced is suppressed",
            any(row.supporter_id == bounced and row.state == "failed" for row in of_second)
            and Suppression.objects.filter(reason="hard_bounce").count() == 1,
        ),
        Promise(
            "who had said STOP got no text message",
            all(not row.tries.all() for row in rows if row.supporter_id == stopped and row.channel == "sms"),
        ),
        Promise(
            "the text message without an answer was unknown, then settled",
            any(
                row.supporter_id == silent and row.state == "delivered" and row.tries.all()[0].outcome == "unknown"
                for row in supporters
                if row.channel == "sms"
            ),
        ),
        Promise("what was unsent was withdrawn", any(row.state == "withdrawn" for row in supporters)),
        Promise("the follow-up went to exactly those who had heard a part before", told_again == reached),
    ]


def codes(row: Delivery) -> list[str]:
    """The codes of a delivery's tries, in order."""
    return [one.code for one in sorted(row.tries.all(), key=lambda one: one.number)]


def _recipient(row: Delivery) -> tuple[object, object]:
    return row.official_id, row.supporter_id


def as_json(story: Story, rows: list[Delivery], agreement: Agreement) -> dict[str, Any]:
    """The content of `report.json`."""
    states = Counter(row.state for row in rows)
    return {
        "case": Case.objects.get(reference=story.alerts[0].case.reference).reference,
        "updates": story.updates,
        "alerts": [
            {
                "id": str(alert.id),
                "number": alert.number,
                "kind": alert.kind,
                "level": alert.level,
                "state": alert.state,
                "stop_reason": alert.stop_reason,
            }
            for alert in story.alerts
        ],
        "deliveries": [_delivery(row) for row in rows],
        "human_tasks": [
            {"kind": task.kind, "title": task.title, "advice": task.advice, "is_done": task.done_at is not None}
            for task in HumanTask.objects.order_by("created_at")
        ],
        "totals": {
            "deliveries": len(rows),
            "by_state": dict(sorted(states.items())),
            "attempts": sum(row.tries.count() for row in rows),
            "taken_by_gateways": agreement.accepted,
        },
        "promises": [{"text": one.text, "is_kept": one.is_kept} for one in promises(story, rows)],
        "ledger": {
            "agrees": agreement.is_full,
            "deliveries_compared": agreement.compared,
            "differences": agreement.differences,
        },
    }


def _delivery(row: Delivery) -> dict[str, Any]:
    return {
        "id": row.id,
        "alert": row.alert.number,
        "recipient": recipient_label(row),
        "role": row.role,
        "channel": row.channel,
        "state": row.state,
        "reason": row.reason,
        "attempts": [
            {"n": one.number, "outcome": one.outcome, "code": one.code, "gateway_ref": one.gateway_ref}
            for one in sorted(row.tries.all(), key=lambda one: one.number)
        ],
        "gateway_ref": row.gateway_ref,
    }


def table_of(rows: list[Delivery]) -> list[dict[str, Any]]:
    """Counts per alert, recipient class and channel."""
    counts: dict[tuple[str, str, str], Counter[str]] = {}
    for row in rows:
        counts.setdefault((row.alert.number, row.role, row.channel), Counter())[row.state] += 1
    return [
        {"alert": alert, "role": role, "channel": channel, "total": sum(states.values()), "states": dict(states)}
        for (alert, role, channel), states in counts.items()
    ]


def write_files(folder: Path, story: Story, report: dict[str, Any], rows: list[Delivery]) -> None:
    """Letters as PDF, fax pages as TIFF and PNG, `report.html`, `report.json`."""
    letters = folder / "letters"
    letters.mkdir(parents=True, exist_ok=True)
    names = []
    for letter in (
        Letter.objects.filter(alert__in=story.alerts).select_related("official", "alert").order_by("frozen_at")
    ):
        name = f"{letter.alert.number.replace('/', '-')}-{letter.official.slug}-{letter.language}.pdf"
        (letters / name).write_bytes(bytes(letter.pdf))
        names.append(name)
    faxes = fetch_faxes(folder / "fax", story.outbox_url)
    (folder / "report.json").write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    case = story.alerts[0].case
    html = render_to_string(
        "demo/report.html",
        {
            "report": report,
            "table": table_of(rows),
            "timeline": timeline(case),
            "letters": names,
            "faxes": faxes,
            "case": case,
        },
    )
    (folder / "report.html").write_text(html, encoding="utf-8")


def fetch_faxes(folder: Path, outbox_url: str) -> list[dict[str, Any]]:
    """What came out at the other end of the fax line, asked from the sandbox."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    with httpx.Client(base_url=outbox_url, trust_env=False, timeout=30) as client:
        for entry in ledger(outbox_url):
            if entry["channel"] != "fax":
                continue
            name = entry["ref"]
            tiff = client.get(f"/fax/{name}.tiff")
            if not tiff.is_success:
                continue
            (folder / f"{name}.tiff").write_bytes(tiff.content)
            pages: list[str] = []
            while (page := client.get(f"/fax/{name}/page/{len(pages) + 1}.png")).is_success:
                pages.append(f"{name}-{len(pages) + 1}.png")
                (folder / pages[-1]).write_bytes(page.content)
            found.append({"name": name, "pages": pages, "line": entry.get("line", "")})
    return found


def ledger(outbox_url: str) -> list[dict[str, Any]]:
    """Everything the sandbox's gateways took."""
    answer = httpx.get(f"{outbox_url}/ledger.json", params={"since": 0}, trust_env=False, timeout=60)
    answer.raise_for_status()
    data = answer.json()
    entries: list[dict[str, Any]] = data["entries"] if isinstance(data, dict) else data
    return entries
