"""The sample cases, directory and supporters: what a database made for trying things out begins with."""

from __future__ import annotations

from pathlib import Path

BY = "system:first-run"


def load_samples() -> list[str]:
    """Take in everything under `samples/`. Needs Django; safe to repeat. Returns the cases' references."""
    from django.conf import settings
    from django.db import transaction

    from urgentaction.cases.importing import import_case
    from urgentaction.directory.importing import import_directory
    from urgentaction.letters.sections import parse_sections
    from urgentaction.supporters.importing import import_supporters

    samples: Path = settings.SAMPLES
    folders = sorted(path.parent for path in (samples / "cases").glob("*/case.toml"))
    if not folders:
        return []  # installed without them
    with transaction.atomic():
        import_directory(samples / "directory.toml", by=BY)
        for folder in folders:
            import_case(folder, by=BY, check_text=parse_sections)
        import_supporters(samples / "supporters.csv", by=BY)
    return [folder.name for folder in folders]
