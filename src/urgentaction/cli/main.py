"""`urgentaction`: puts the commands together, and says in one clear message what went wrong.

Errors made on purpose (`core.errors`) become one message on standard error and their exit code; with `--json` they
become `{"error": …}` on standard output. docs/cli.md lists commands and codes. Nothing heavy is imported here.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer

from urgentaction.cli import (
    alerts,
    approvals,
    cases,
    deliveries,
    gateways,
    imports,
    inbound,
    letters,
    operations,
    people,
    publishing,
    suppression,
    tasks,
    templates,
    up,
    watch,
)
from urgentaction.cli.bootstrap import VarFolder
from urgentaction.cli.session import Session, begin, current, error_console, printable, write_json
from urgentaction.core.errors import InvalidInput, UrgentActionError

EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141
#: Everything after this word belongs to Django.
MANAGE = "manage"

app = typer.Typer(
    name="urgentaction",
    help="Urgent-action alerting: a case changes, letters go out, and every one is followed to its end.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # they print local variables: names and addresses could be among them
    context_settings={"help_option_names": ["-h", "--help"]},
)
_DAILY, _SETUP, _RUNNING = "Every day", "Setting up", "Running it"
app.add_typer(cases.app, name="case", rich_help_panel=_DAILY)
app.add_typer(alerts.app, name="alert", rich_help_panel=_DAILY)
app.command("deliveries", rich_help_panel=_DAILY)(deliveries.show_deliveries)
app.add_typer(deliveries.app, name="delivery", rich_help_panel=_DAILY)
app.command("tasks", rich_help_panel=_DAILY)(tasks.show_tasks)
app.add_typer(tasks.app, name="task", rich_help_panel=_DAILY)
app.add_typer(letters.app, name="letter", rich_help_panel=_DAILY)
publishing.register(letters.app)
app.add_typer(templates.app, name="template", rich_help_panel=_DAILY)
app.add_typer(suppression.app, name="suppression", rich_help_panel=_DAILY)
app.add_typer(imports.app, name="import", rich_help_panel=_SETUP)
app.add_typer(approvals.app, name="approval", rich_help_panel=_SETUP)
app.add_typer(people.users, name="user", rich_help_panel=_SETUP)
app.add_typer(people.tokens, name="token", rich_help_panel=_SETUP)
app.add_typer(people.supporters, name="supporter", rich_help_panel=_SETUP)
app.command("up", rich_help_panel=_RUNNING)(up.up)
app.command("doctor", rich_help_panel=_RUNNING)(operations.doctor)
app.command("mode", rich_help_panel=_RUNNING)(operations.mode)
app.command("watch", rich_help_panel=_RUNNING)(watch.watch)
app.command("incidents", rich_help_panel=_RUNNING)(watch.show_incidents)
app.add_typer(watch.app, name="incident", rich_help_panel=_RUNNING)
app.add_typer(gateways.app, name="gateway", rich_help_panel=_RUNNING)
app.add_typer(inbound.app, name="inbound", rich_help_panel=_RUNNING)
app.add_typer(operations.audit, name="audit", rich_help_panel=_RUNNING)
app.command(
    MANAGE,
    rich_help_panel=_RUNNING,
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)(operations.manage)


@app.callback()
def _options(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON; may stand anywhere on the line.")] = False,
    var: Annotated[
        Path | None,
        typer.Option(help="Folder for data, keys and logs of a local run [URGENTACTION_VAR, else ./var]."),
    ] = None,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.", is_eager=True)] = False,
) -> None:
    if version:
        from importlib.metadata import version as installed

        typer.echo(installed("urgentaction"))
        raise typer.Exit
    begin(Session(VarFolder.chosen(var), is_json=as_json))


@app.command(rich_help_panel=_RUNNING)
def demo(
    *, stay: Annotated[bool, typer.Option("--stay", help="Stay up afterwards, with the console.")] = False
) -> None:
    """Take the sample case through the whole job and show what became of every delivery."""
    session = current()
    from urgentaction.cli.demo import run_demo

    raise typer.Exit(run_demo(stay=stay, as_json=session.is_json, var=session.var.path))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line. Returns its exit code."""
    line = hoisted(list(sys.argv[1:] if arguments is None else arguments))
    is_json = "--json" in line[:3]
    try:
        # Without the standalone mode it returns the code of `typer.Exit`, and raises everything else.
        code = _commands()(line, prog_name="urgentaction", standalone_mode=False)
    except UrgentActionError as error:
        report(error, is_json=is_json)
        return error.exit_code
    except typer.TyperException as error:
        report_usage(error, is_json=is_json)
        return error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has gone; Python would complain again when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    return code if isinstance(code, int) else 0


@cache
def _commands() -> Callable[..., Any]:
    """All commands, put together from the annotations of their functions."""
    return typer.main.get_command(app)


def hoisted(line: list[str]) -> list[str]:
    """The command line with `--json` and `--var` in front, wherever they stood before `--` or `manage`."""
    front: list[str] = []
    rest: list[str] = []
    while line:
        word = line.pop(0)
        if word == "--" or (word == MANAGE and not rest):
            rest += [word, *line]
            break
        if word == "--json":
            front = [word, *(other for other in front if other != word)]
        elif word == "--var" and line:
            front += [word, line.pop(0)]
        elif word.startswith("--var="):
            front.append(word)
        else:
            rest.append(word)
    return front + rest


def report(error: UrgentActionError, *, is_json: bool) -> None:
    """Say what went wrong, each problem on a line of its own."""
    problems = error.problems if isinstance(error, InvalidInput) else []
    if is_json:
        kind = re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__).lower()
        listed = [{"field": problem.field, "message": problem.message} for problem in problems]
        write_json({"error": {"kind": kind, "message": str(error), "problems": listed, "exit_code": error.exit_code}})
        return
    if len(problems) > 1:
        lines = [f"error: {len(problems)} problems; nothing was written.", *(f"  {problem}" for problem in problems)]
    else:
        lines = [f"error: {error}"]
    _complain(lines)


def report_usage(error: typer.TyperException, *, is_json: bool) -> None:
    """The command line itself can't be understood."""
    message = error.format_message()
    if is_json:
        write_json({"error": {"kind": "usage", "message": message, "problems": [], "exit_code": error.exit_code}})
        return
    context = getattr(error, "ctx", None)
    hint = [f"Try `{context.command_path} --help`."] if context is not None else []
    if message:
        _complain([f"error: {message}", *hint])


def _complain(lines: Sequence[str]) -> None:
    for line in lines:
        error_console().print(printable(line), style="red", soft_wrap=not error_console().is_terminal)


if __name__ == "__main__":
    sys.exit(main())
