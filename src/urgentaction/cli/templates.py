"""`urgentaction template …`: the texts of letters, notices and text messages, and how staff change them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from urgentaction.cli import reading
from urgentaction.cli.session import actor, opened, printable
from urgentaction.core.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.table import Table

    from urgentaction.letters.lint import Finding
    from urgentaction.letters.models import TemplateVersion
    from urgentaction.letters.source import TemplateSource

app = typer.Typer(
    help="Templates: what letters, notices and text messages say (docs/templates.md).", no_args_is_help=True
)

EXIT_FOUND_ERRORS = 1
Name = Annotated[str, typer.Argument(metavar="TEMPLATE", help="Family, kind and language: letters/first_appeal/ko.")]
Number = Annotated[int, typer.Argument(metavar="VERSION", help="The version's number.")]
TextFile = Annotated[Path, typer.Argument(metavar="FILE", help="The text, front matter included.")]


@app.command("list")
def list_templates(
    *, family: Annotated[str, typer.Option(help="letters, notices or sms; all if left out.")] = ""
) -> None:
    """List the templates, and which version of each is in force."""
    with opened() as session:
        from urgentaction.cli.tables import add, table
        from urgentaction.letters.source import Family
        from urgentaction.letters.versions import overview

        wanted = Family(reading.one_of(family, Family, option="family")) if family else None
        found = overview(wanted)
        made = table("Template", "In force", "In review", "", fixed=["Template", "In force"])
        for one in found:
            force = f"version {one.live}" if one.live else "shipped file"
            hint = "the shipped file has changed since; compare: template diff" if one.has_newer_file else ""
            add(made, one.name, force, ", ".join(map(str, one.waiting)), hint)
        data = [
            {
                "template": str(one.name),
                "live": one.live,
                "in_review": one.waiting,
                "is_shipped": one.is_shipped,
                "has_newer_file": one.has_newer_file,
            }
            for one in found
        ]
        session.answer(data, made)


@app.command("show")
def show_template(
    template: Name,
    *,
    version: Annotated[str, typer.Option(help="A number, or shipped; what is in force if left out.")] = "live",
) -> None:
    """Show a template's text, ready to be saved to a file and edited."""
    with opened() as session:
        from urgentaction.letters.versions import TemplateName, text_called

        source = text_called(TemplateName.read(template), version)
        session.note(f"{source.name}, sha256 {source.sha256}")
        session.answer(
            {"name": source.name, "sha256": source.sha256, "text": source.text}, printable(source.text).rstrip()
        )


@app.command("history")
def show_history(template: Name) -> None:
    """Show every version: who wrote it, who reviewed it, and what became of it."""
    with opened() as session:
        from urgentaction.letters.versions import TemplateName, versions_of

        name = TemplateName.read(template)
        found = versions_of(name)
        none = f"No version of {name} has been written yet; the shipped file is in force."
        session.answer([_facts(one) for one in found], _history(found) if found else none)


@app.command("fields")
def show_fields(
    family: Annotated[str, typer.Argument(metavar="FAMILY", help="letters, notices or sms.")],
) -> None:
    """List every field that templates of a family may read."""
    with opened() as session:
        from urgentaction.cli.tables import add, table
        from urgentaction.letters.fields import readable
        from urgentaction.letters.source import Family

        found = list(readable(Family(reading.one_of(family, Family, option="family"))))
        made = table("Write", "What it is", fixed=["Write"])
        for line in found:
            add(made, line.path, line.kind.words())
        session.answer([{"path": line.path, "kind": line.kind.words()} for line in found], made)


@app.command("lint")
def lint(
    template: Name,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="The text; what is in force if left out.")
    ] = None,
) -> None:
    """Examine a text as saving it would, and save nothing. 1: it has errors."""
    with opened() as session:
        from urgentaction.letters.lint import Severity
        from urgentaction.letters.templates import check_template
        from urgentaction.letters.versions import TemplateName, text_called

        name = TemplateName.read(template)
        text = _text(file) if file else text_called(name, "live").text
        found = check_template(name, text)
        session.answer(
            [_finding(one) for one in found], _findings(found) if found else "Nothing found; every trial went well."
        )
        if any(one.severity is Severity.ERROR for one in found):
            raise typer.Exit(EXIT_FOUND_ERRORS)


@app.command("edit")
def edit(
    template: Name,
    file: TextFile,
    *,
    note: Annotated[str, typer.Option(help="What you changed and why; the reviewer reads it.")],
    based_on: Annotated[
        int | None, typer.Option(metavar="VERSION", help="Edited from this; else what is in force.")
    ] = None,
) -> None:
    """Save a text as a new version, a draft. Nothing is sent from it until it is approved."""
    with opened() as session:
        from urgentaction.letters.lint import Finding, Severity
        from urgentaction.letters.templates import draft_template
        from urgentaction.letters.versions import TemplateName

        version = draft_template(
            TemplateName.read(template), text=_text(file), by=actor(), note=note, based_on=based_on
        )
        warnings = [Finding(**{**one, "severity": Severity(one["severity"])}) for one in version.warnings]
        told = f"Saved: {version}, a draft. Hand it to review: urgentaction template submit {template} {version.number}"
        session.answer(_facts(version), *([_findings(warnings)] if warnings else []), told)


@app.command("diff")
def diff(
    template: Name,
    *,
    old: Annotated[str, typer.Option("--from", metavar="VERSION", help="A number, live or shipped.")] = "live",
    new: Annotated[
        str, typer.Option("--to", metavar="VERSION", help="A number, live, shipped, or a file.")
    ] = "shipped",
) -> None:
    """Show what differs between two texts of a template."""
    with opened() as session:
        from urgentaction.letters.source import TemplateSource
        from urgentaction.letters.versions import TemplateName, difference, text_called

        name = TemplateName.read(template)

        def text(which: str) -> TemplateSource:
            path = Path(which)
            return TemplateSource(which, name.language, _text(path)) if path.is_file() else text_called(name, which)

        before, after = text(old), text(new)
        told = difference(before, after)
        session.answer({"from": before.name, "to": after.name, "diff": told}, printable(told) or "They are the same.")


@app.command("submit")
def submit(template: Name, version: Number) -> None:
    """Hand a draft to review."""
    with opened() as session:
        from urgentaction.letters.templates import submit_template
        from urgentaction.letters.versions import TemplateName, version_numbered

        done = submit_template(version_numbered(TemplateName.read(template), version).id, by=actor())
        session.answer(_facts(done), f"{done} is in review. Another person than {done.author} has to approve it.")


@app.command("review")
def review(
    template: Name,
    version: Number,
    *,
    approve: Annotated[
        bool | None, typer.Option("--approve/--reject", help="Your decision.", show_default=False)
    ] = None,
    comment: Annotated[str, typer.Option(help="Why; needed with --reject.")] = "",
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Approve even if something else went live meanwhile.")
    ] = False,
) -> None:
    """Approve a version, which puts it in force, or reject it. Without a decision: show what it changes."""
    with opened() as session:
        from urgentaction.letters.library import as_source
        from urgentaction.letters.templates import approve_template, reject_template
        from urgentaction.letters.versions import TemplateName, difference, text_called, version_numbered

        name = TemplateName.read(template)
        found = version_numbered(name, version)
        if approve is None:
            before = text_called(name, "live")
            told = difference(before, as_source(found))
            shown = printable(told) or "It is what is in force."
            session.answer(
                {**_facts(found), "diff": told}, f"{found}, by {found.author}: {printable(found.note)}", shown
            )
            return
        if approve:
            done = approve_template(found.id, by=actor(), comment=comment, is_outdated_allowed=anyway)
            session.answer(_facts(done), f"{done} is in force. Letters that were frozen before stay as they are.")
        else:
            done = reject_template(found.id, by=actor(), comment=comment)
            session.answer(_facts(done), f"{done} is rejected. What was in force stays in force.")


@app.command("rollback")
def rollback(
    template: Name,
    *,
    to: Annotated[str, typer.Option(metavar="VERSION", help="A version that was in force, or shipped.")],
    why: Annotated[str, typer.Option(help="The reason; it is kept.")],
) -> None:
    """Put a text back in force that was in force before, at once."""
    with opened() as session:
        from urgentaction.letters.templates import return_to_shipped, roll_back_template
        from urgentaction.letters.versions import SHIPPED, TemplateName

        name = TemplateName.read(template)
        if to == SHIPPED:
            done = return_to_shipped(name, by=actor(), why=why)
            session.answer(
                _facts(done), f"The shipped file of {name} is in force again; version {done.number} is retired."
            )
            return
        if not (to.isdecimal() and to.isascii()):
            raise InvalidInput.of("to", f"“{to[:40]}” is no version; write a number or {SHIPPED}")
        done = roll_back_template(name, to=int(to[:9]), by=actor(), why=why)
        session.answer(_facts(done), f"The text of version {to} is in force again, as {done}.")


def _text(file: Path) -> str:
    from urgentaction.letters.sandbox import LIMITS

    try:
        if file.stat().st_size > 4 * LIMITS.source:
            raise InvalidInput.of("file", f"{file} has {file.stat().st_size} bytes, which is no template")
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InvalidInput.of("file", f"{file} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidInput.of("file", f"{file} is no UTF-8 text ({error.reason}); save it as UTF-8") from error


def _facts(version: TemplateVersion) -> dict[str, object]:
    return {
        "template": version.name,
        "version": version.number,
        "state": version.state,
        "sha256": version.sha256,
        "author": version.author,
        "note": version.note,
        "created_at": version.created_at,
        "based_on": version.based_on.number if version.based_on else None,
        "same_as": version.same_as.number if version.same_as else None,
        "reviewed_by": version.reviewed_by,
        "reviewed_at": version.reviewed_at,
        "review_comment": version.review_comment,
        "retired_by": version.retired_by,
        "retired_at": version.retired_at,
        "retired_why": version.retired_why,
        "warnings": version.warnings,
    }


def _history(found: Iterable[TemplateVersion]) -> Table:
    from urgentaction.cli.tables import add, state, table, when

    made = table(
        "Version", "State", "Written (UTC)", "By", "What", numbers=["Version"], fixed=["State", "Written (UTC)"]
    )
    for one in found:
        lines = [one.note]
        if one.reviewed_by:
            lines.append(f"reviewed by {one.reviewed_by}: {one.review_comment or one.state.replace('_', ' ')}")
        if one.retired_by:
            lines.append(f"retired by {one.retired_by}, {when(one.retired_at)}: {one.retired_why}")
        add(made, one.number, state(one.state), when(one.created_at), one.author, "\n".join(lines))
    return made


def _finding(one: Finding) -> dict[str, object]:
    return {"severity": one.severity, "line": one.line, "column": one.column, "message": one.message}


def _findings(found: Iterable[Finding]) -> Table:
    from rich.text import Text

    from urgentaction.cli.tables import STYLES, add, table

    made = table("", "Line", "What", numbers=["Line"])
    for one in found:
        style = STYLES["fail" if one.severity == "error" else "warn"]
        add(made, Text(one.severity.value, style=style), one.line or "", one.message)
    return made
