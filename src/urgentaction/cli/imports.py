"""`urgentaction import …`: cases, directory and supporters out of files. All of a file is taken, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from urgentaction.cli.session import actor, opened, printable

if TYPE_CHECKING:
    from urgentaction.core.tables import ImportReport

app = typer.Typer(help="Take in cases, offices and supporters from files.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(metavar="FILE", help="The file.")]


@app.command()
def cases(
    folders: Annotated[list[Path], typer.Argument(metavar="FOLDER…", help="A folder for each case.")],
) -> None:
    """Take in cases, each from its folder. Import the directory first: addressees are offices."""

    def take(folder: Path) -> ImportReport:
        from urgentaction.cases.importing import import_case
        from urgentaction.letters.sections import parse_sections

        return import_case(folder, by=actor(), check_text=parse_sections)

    _import(folders, take)


@app.command()
def directory(file: File) -> None:
    """Take in offices, officials and contact points."""

    def take(path: Path) -> ImportReport:
        from urgentaction.directory.importing import import_directory

        return import_directory(path, by=actor())

    _import([file], take)


@app.command()
def supporters(file: File) -> None:
    """Take in supporters from a table (CSV)."""

    def take(path: Path) -> ImportReport:
        from urgentaction.supporters.importing import import_supporters

        return import_supporters(path, by=actor())

    _import([file], take)


def _import(paths: Sequence[Path], take: Callable[[Path], ImportReport]) -> None:
    """All paths in one transaction: a fault in the last leaves nothing of the first."""
    with opened() as session:
        from django.db import transaction

        with transaction.atomic():
            found = [(path, take(path)) for path in paths]
        lines = []
        for path, report in found:
            lines += [f"warning: {printable(warning)}" for warning in report.warnings]
            counts = f"{report.created} new, {report.updated} changed, {report.unchanged} as before"
            lines.append(f"{path.name}: {counts}.")
        data = [
            {
                "path": str(path),
                "created": report.created,
                "updated": report.updated,
                "unchanged": report.unchanged,
                "warnings": list(report.warnings),
            }
            for path, report in found
        ]
        session.answer(data, *lines)
