"""Run inside a stack's environment, as a program of its own: loads the samples and reports one update.

`python -m tests.chaos.drive STATUS` prints the alert's number.
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import django

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
CASE = "UA-2015-0117"


def main(status: str) -> None:
    django.setup()
    from urgentaction import pipeline
    from urgentaction.alerts.standing import grant_standing_approval
    from urgentaction.cases.importing import import_case
    from urgentaction.cases.service import UpdateText
    from urgentaction.cases.vocabulary import Confidence, parse_status
    from urgentaction.core import clock
    from urgentaction.directory.importing import import_directory
    from urgentaction.supporters.importing import import_supporters

    import_directory(SAMPLES / "directory.toml", by="cli:chaos")
    import_case(SAMPLES / "cases" / CASE, by="cli:chaos")
    import_supporters(SAMPLES / "supporters.csv", by="cli:chaos")
    grant_standing_approval("imminent", by="Duty officer", actor="cli:chaos")
    told = UpdateText(
        status=parse_status(status),
        confidence=Confidence.CONFIRMED,
        as_of=date(2015, 11, 24),
        reported_at=clock.now(),
        place="Tumen",
    )
    number = pipeline.report_update(CASE, told, by="cli:chaos").alerts[0].number
    sys.stdout.write(f"{number}\n")


if __name__ == "__main__":
    main(sys.argv[1])
