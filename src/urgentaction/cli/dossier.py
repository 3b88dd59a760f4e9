"""`urgentaction case dossier`: everything on record about a case, as one PDF."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from urgentaction.cli import reading
from urgentaction.cli.session import actor, opened
from urgentaction.core.errors import InvalidInput


def write_dossier(
    reference: Annotated[str, typer.Argument(metavar="REF", help="The case, such as UA-2015-0117.")],
    *,
    out: Annotated[Path, typer.Option(metavar="FILE.pdf", help="Write it there.")],
    confidential: Annotated[
        bool,
        typer.Option("--confidential", help="With confidential names, and letters that may not be shown any more."),
    ] = False,
    made_at: Annotated[str, typer.Option("--at", metavar="TIME", help="The time printed on it; now if left out.")] = "",
) -> None:
    """Write the dossier of a case: history, alerts, every attempt, the letters with their hashes. For internal use."""
    with opened() as session:
        from urgentaction.cases.queries import case_called
        from urgentaction.core import clock
        from urgentaction.tracking.dossier_file import dossier_file

        moment = reading.moment(made_at, option="at") if made_at else clock.now()
        case = case_called(reference)
        found = dossier_file(case, by=actor(), is_confidential=confidential, made_at=moment)
        made, digest = found.made, found.sha256
        _write(out, found.pdf)
        letters = sum(len(alert.letters) for alert in made.alerts)
        attempts = sum(len(one.attempts) for alert in made.alerts for one in alert.deliveries)
        data = {"out": out, "sha256": digest, "bytes": len(found.pdf), "dossier": made}
        told = f"{out}: {len(made.alerts)} alerts, {letters} letters, {attempts} attempts. SHA-256 {digest}."
        session.answer(data, told, *_warnings(made.withheld, is_confidential=confidential))


def _warnings(withheld: tuple[str, ...], *, is_confidential: bool) -> list[str]:
    if is_confidential:
        return ["It holds names that may not be known: keep it encrypted."]
    if withheld:
        return [f"Withheld, because a consent was taken back: {'; '.join(withheld)}. `--confidential` has them."]
    return []


def _write(out: Path, pdf: bytes) -> None:
    """For the owner's eyes only. A file that is there is replaced, and keeps no wider permissions."""
    part = out.with_name(f".{out.name}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(pdf)
        part.replace(out)
    except OSError as error:
        raise InvalidInput.of("out", f"{out} can't be written: {error.strerror}") from error
