"""Run inside a stack's environment, as a program of its own, because only there Django has the stack's settings.

`python -m tests.chaos.drive load FOLDER` imports a generated world and prints an API token.
`python -m tests.chaos.drive dump` prints every delivery, alert and open task as JSON.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import django

BY = "cli:chaos"


def load(folder: Path) -> str:
    """Import everything in `folder`, approve in advance, and make a token for reporting updates."""
    from urgentaction.accounts.service import make_token
    from urgentaction.alerts.standing import grant_standing_approval
    from urgentaction.cases.importing import import_case
    from urgentaction.directory.importing import import_directory
    from urgentaction.letters.sections import parse_sections
    from urgentaction.supporters.importing import import_supporters

    import_directory(folder / "directory.toml", by=BY)
    for case in sorted((folder / "cases").iterdir()):
        import_case(case, by=BY, check_text=parse_sections)
    import_supporters(folder / "supporters.csv", by=BY)
    for rule in ("imminent", "fate-unknown"):
        grant_standing_approval(rule, by="Duty officer", actor=BY)
    _, secret = make_token("chaos", scopes=["updates:write"], lifetime=timedelta(days=2), by=BY)
    return secret


def dump() -> dict[str, Any]:
    """Everything the oracle needs to know of the database, addresses and references included."""
    from urgentaction.alerts.models import Alert
    from urgentaction.deliveries.models import Delivery, HumanTask
    from urgentaction.supporters.models import Supporter

    deliveries = Delivery.objects.select_related("supporter", "contact_point", "official").prefetch_related("tries")
    alerts = Alert.objects.select_related("update").prefetch_related("predecessors", "targets__official")
    tasks = HumanTask.objects.filter(done_at=None)
    return {
        "deliveries": [_delivery(row) for row in deliveries.order_by("id")],
        "alerts": [_alert(row) for row in alerts.order_by("id")],
        "tasks": list(tasks.values("kind", "key", "alert_id", "delivery_id", "title")),
        "supporters": [
            {"recipient": f"supporter {one.id}", "email": one.wants_email, "sms": one.wants_sms}
            for one in Supporter.objects.all()
        ],
    }


def _delivery(row: Any) -> dict[str, Any]:
    from urgentaction.deliveries.outgoing import address_of
    from urgentaction.deliveries.references import reference_of

    recipient = f"supporter {row.supporter_id}" if row.supporter_id else f"official {row.official.slug}"
    told = ("number", "outcome", "code", "text", "gateway", "gateway_ref", "started_at", "ended_at")
    return {
        **{name: getattr(row, name) for name in ("id", "role", "channel", "state", "reason", "repeats", "gateway_ref")},
        "alert": row.alert_id,
        "recipient": recipient,
        "address": address_of(row),
        "reference": reference_of(row.id),
        "step": row.step,
        "is_escalated": row.escalated_at is not None,
        "tries": [{name: getattr(one, name) for name in told} for one in sorted(row.tries.all(), key=_number)],
    }


def _number(one: Any) -> int:
    number: int = one.number
    return number


def _alert(row: Any) -> dict[str, Any]:
    return {
        **{name: getattr(row, name) for name in ("id", "number", "state", "rule", "kind", "started_at", "stopped_at")},
        "reported_at": row.update.recorded_at if row.update else row.created_at,
        "is_expanded": row.expanded_at is not None,
        "predecessors": [one.id for one in row.predecessors.all()],
        "targets": [f"official {target.official.slug}" for target in row.targets.all()],
    }


def main(what: str, *arguments: str) -> None:
    django.setup()
    if what == "load":
        sys.stdout.write(f"{load(Path(arguments[0]))}\n")
    else:
        json.dump(dump(), sys.stdout, default=str)


if __name__ == "__main__":
    main(*sys.argv[1:])
