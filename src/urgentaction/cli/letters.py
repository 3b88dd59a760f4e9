"""`urgentaction letter show` and `letter preview`: a frozen letter as it stands, and one as it would be sent now."""

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
    from urgentaction.cases.models import Case
    from urgentaction.letters.models import Letter
    from urgentaction.letters.preview import Form, Wish

app = typer.Typer(help="Letters and notices: frozen ones, and a look at what would be sent.", no_args_is_help=True)
app.command("verify")(verify.verify_letter)


@app.callback()
def _letters() -> None:
    """Letters and notices: frozen ones, and a look at what would be sent."""


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


@app.command("preview")
def preview_letter(  # noqa: PLR0913 - one parameter for each option
    reference: Annotated[str, typer.Argument(metavar="CASE", help="The case, such as UA-2015-0117.")],
    *,
    kind: Annotated[str, typer.Option(help="A letter (first_appeal …) or a notice to supporters (appeal, update …).")],
    language: Annotated[str, typer.Option("--lang", "--language", help="en, ko, fr, es, ru, zh-Hans, ar or ja.")],
    form: Annotated[str, typer.Option(help="pdf, fax, html, text or sms.")] = "text",
    audience: Annotated[str, typer.Option(help="Whose consent rules apply: government, public or supporter.")] = "",
    status: Annotated[str, typer.Option(help="Write about this status instead of the case's own.")] = "",
    to: Annotated[str, typer.Option(metavar="OFFICIAL", help="An official's short name; one on the CC list.")] = "",
    dated: Annotated[str, typer.Option(metavar="DAY", help="The date on the letter; today if left out.")] = "",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it there.")] = None,
) -> None:
    """Show what would be sent for a case as it stands. Nothing is written to the database and nothing is sent."""
    with opened() as session:
        from urgentaction.cases.queries import case_called
        from urgentaction.cases.vocabulary import parse_status
        from urgentaction.letters.content import Audience
        from urgentaction.letters.preview import Form, Wish

        wanted = Form(reading.one_of(form, [one.value for one in Form], option="form"))
        for_whom = reading.one_of(audience, [one.value for one in Audience], option="audience") if audience else ""
        wish = Wish(
            kind=kind.strip().lower(),
            language=language.strip(),
            audience=Audience(for_whom) if for_whom else None,
            status=parse_status(status) if status else None,
            to=to,
            dated_on=reading.day(dated, option="dated") if dated else None,
        )
        if wanted in {Form.PDF, Form.FAX} and out is None and (session.is_json or sys.stdout.isatty()):
            raise InvalidInput.of("out", f"a {wanted.value} is no text for a terminal; name a file with --out")
        content, facts, notes = _previewed(case_called(reference), wish, wanted)
        for note in notes:
            session.note(f"note: {note}.")
        data: dict[str, object] = {
            "case": reference,
            "kind": wish.kind,
            "language": wish.language,
            "form": wanted.value,
            "out": out,
        }
        data |= facts
        data["notes"] = notes
        if out is not None:
            _write(out, content)
            session.answer(data, f"{out}: {wish.kind.replace('_', ' ')}, {wish.language}, {wanted.value}.")
        elif wanted in {Form.PDF, Form.FAX}:
            sys.stdout.buffer.write(content)
        else:
            session.answer(data | {"content": content.decode()}, printable(content.decode()))


def _previewed(case: Case, wish: Wish, form: Form) -> tuple[bytes, dict[str, object], tuple[str, ...]]:
    """The content of the file, what JSON tells about it, and what to note about it."""
    from urgentaction.letters import preview

    supposed = preview.status_for(case, wish)
    told: tuple[str, ...] = ()
    if supposed is not None:
        told = (f"the case has no status yet; shown as if it were {supposed.value} (--status names another)",)
    if form is preview.Form.SMS:
        message = preview.sms(case, wish)
        facts: dict[str, object] = {"encoding": message.encoding.value, "segments": message.segments}
        return f"{message.text}\n".encode(), facts, told
    if preview.is_letter(wish.kind):
        letter = preview.letter(case, wish)
        made = {
            preview.Form.PDF: letter.pdf,
            preview.Form.FAX: letter.fax_pdf,
            preview.Form.HTML: letter.rendered.html.encode,
            preview.Form.TEXT: letter.rendered.text.encode,
        }
        return made[form](), {"subject": letter.rendered.re_line}, (*told, *letter.notes)
    if form in {preview.Form.PDF, preview.Form.FAX}:
        raise InvalidInput.of(
            "form", f"{wish.kind} is a notice to supporters; it has html, text and sms, no {form.value}"
        )
    notice = preview.notice(case, wish)
    content = notice.html if form is preview.Form.HTML else notice.text
    return content.encode(), {"subject": notice.subject}, told


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
