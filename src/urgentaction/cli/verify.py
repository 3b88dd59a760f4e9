"""`urgentaction letter verify`: is this file a letter of ours, unchanged?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from urgentaction.cli.session import opened, printable
from urgentaction.core.errors import InvalidInput

if TYPE_CHECKING:
    from urgentaction.letters.verifying import LetterFacts, Verdict

#: As for other checks that fail (docs/cli.md).
EXIT_NOT_OURS = 1
_MOST_BYTES = 50 * 1024 * 1024


def verify_letter(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A PDF, fax pages, or the text; - for standard input.")],
) -> None:
    """Say whether a file is a letter that was frozen here, which one, and whether it still stands. 1: it is not."""
    content = _content(file)
    with opened() as session:
        from urgentaction.cli import tables
        from urgentaction.letters.verifying import verify

        verdict = verify(content)
        data = {"file": file, "is_ours": verdict.is_ours, **_fields(verdict)}
        if not session.is_json and verdict.is_ours and verdict.letter is not None:
            session.answer(data, f"{file}: {_headline(verdict)}", tables.facts(_rows(verdict.letter)))
        else:
            session.answer(data, f"{file}: {_headline(verdict)}", f"SHA-256 of the file: {verdict.sha256}")
    if not verdict.is_ours:
        raise typer.Exit(EXIT_NOT_OURS)


def _content(file: Path) -> bytes:
    try:
        content = sys.stdin.buffer.read(_MOST_BYTES + 1) if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise InvalidInput.of("file", f"{file} can't be read: {error.strerror}") from error
    if len(content) > _MOST_BYTES:
        raise InvalidInput.of("file", f"{file} is larger than any letter; it was not looked at")
    return content


def _fields(verdict: Verdict) -> dict[str, object]:
    names = ("sha256", "form", "is_intact", "letter", "differences", "first_line")
    return {name: getattr(verdict, name) for name in names}


def _headline(verdict: Verdict) -> str:
    letter = verdict.letter
    if letter is None:
        return "no letter of ours has this content."
    which = printable(f"{letter.alert} to {letter.to} ({letter.language})")
    if verdict.form is not None and verdict.is_intact:
        return f"the {verdict.form} of our letter {which}, unchanged."
    if verdict.form is not None:
        return (
            f"the file matches the hash of our letter {which}, but what is stored under it does not any more: "
            "the database has been changed behind the program. Compare it with a backup."
        )
    if verdict.differences:
        lines = "line differs" if verdict.differences == 1 else "lines differ"
        return (
            f"no letter of ours has this content. It resembles {which}, but {verdict.differences} {lines}, "
            f"the first at line {verdict.first_line}."
        )
    return f"no letter of ours has this content, though it bears the title of {which}: it was changed, or is forged."


def _rows(letter: LetterFacts) -> list[tuple[str, object]]:
    role = "copy" if letter.role == "cc" else "addressee"
    state = letter.alert_state.replace("_", " ")
    newer = "; the case has a newer status" if letter.has_newer_update else ""
    return [
        ("Alert", f"{letter.alert}, {letter.kind.replace('_', ' ')}"),
        ("Letter", letter.id),
        ("To", printable(f"{letter.to}, {letter.office} ({role})")),
        ("Language", letter.language),
        ("Subject", printable(letter.subject)),
        ("Frozen", f"{letter.frozen_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("Supersedes", letter.supersedes or "none"),
        ("Superseded by", ", ".join(letter.superseded_by) or "none"),
        ("Alert is", printable(state + (f": {letter.stop_reason}" if letter.stop_reason else "") + newer)),
        ("SHA-256", f"{letter.sha256} (PDF)"),
        ("", f"{letter.text_sha256} (text)"),
        *([("", f"{letter.fax_sha256} (fax pages)")] if letter.fax_sha256 else []),
    ]
