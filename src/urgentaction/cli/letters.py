"""`urgentaction letter show`: a frozen letter, as it stands."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from urgentaction.cli import reading, verify
from urgentaction.cli.session import opened, printable
from urgentaction.core.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from urgentaction.alerts.models import Alert
    from urgentaction.letters.models import Letter

app = typer.Typer(help="Frozen letters.", no_args_is_help=True)
app.command("verify")(verify.verify_letter)


@app.callback()
def _letters() -> None:
    """Frozen letters."""


@app.command("show")
def show_letter(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="The alert, such as UA-2015-0117/2.")],
    *,
    language: Annotated[str, typer.Option(help="en, ko …; the main addressee's if left out.")] = "",
    to: Annotated[str, typer.Option(help="The official's short name; the main addressee if left out.")] = "",
    form: Annotated[str, typer.Option(help="text, pdf or fax (the pages as faxed, PDF).")] = "text",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it there.")] = None,
) -> None:
    """Show or save a frozen letter of an alert."""
    with opened() as session:
        from urgentaction.alerts.queries import alert_called

        wanted = reading.one_of(form, ("text", "pdf", "fax"), option="form")
        letter = _chosen(alert_called(number), language, to)
        content = _content(letter, wanted)
        if out is not None:
            _write(out, content)
        elif wanted != "text" and (session.is_json or sys.stdout.isatty()):
            raise InvalidInput.of("out", f"a {wanted} is no text for a terminal; name a file with --out")
        data = {
            "alert": number,
            "official": letter.official.slug,
            "role": letter.role,
            "language": letter.language,
            "kind": letter.kind,
            "subject": letter.subject,
            "sha256": letter.sha256,
            "frozen_at": letter.frozen_at,
            "out": out,
            "text": letter.text,
        }
        if out is not None:
            session.answer(data, f"{out}: {letter.kind.replace('_', ' ')} to {letter.official}, {letter.language}.")
        elif wanted == "text":
            session.answer(data, printable(letter.text))
        else:
            sys.stdout.buffer.write(content)


def _chosen(alert: Alert, language: str, to: str) -> Letter:
    """The letter asked for, the main addressee's first. Raises NotFound with what there is."""
    found = list(alert.letters.select_related("official").order_by("-role", "frozen_at", "id"))
    if not found:
        raise NotFound.of("letter", f"alert {alert.number} ({alert.state}) has no frozen letters")
    fitting = [one for one in found if language in ("", one.language) and to in ("", one.official.slug)]
    if not fitting:
        there = "; ".join(f"{one.official.slug} ({one.language})" for one in found)
        raise NotFound.of("letter", f"alert {alert.number} has no such letter; there are: {there}")
    return fitting[0]


def _content(letter: Letter, form: str) -> bytes:
    if form == "text":
        return letter.text.encode()
    pages = bytes(letter.pdf if form == "pdf" else letter.fax_pdf)
    if not pages:
        raise NotFound.of("form", f"the letter to {letter.official} is not faxed in this alert")
    return pages


def _write(out: Path, content: bytes) -> None:
    try:
        out.write_bytes(content)
    except OSError as error:
        raise InvalidInput.of("out", f"{out} can't be written: {error.strerror}") from error
