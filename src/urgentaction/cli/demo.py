"""`urgentaction demo`: everything is set up, the sample case runs its course, and what became of it is shown.

Each run begins with an empty database in `var/demo/run`; the results are left in `var/demo`.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from urgentaction.cli.bootstrap import VarFolder, read_ready, start_django
from urgentaction.cli.stack import Stack
from urgentaction.core.errors import ConfigurationError

if TYPE_CHECKING:
    from urgentaction.cli.demo_report import Agreement
    from urgentaction.cli.demo_story import Story

#: A drill's clock: pauses of minutes become seconds.
DRILL = {
    "URGENTACTION_MODE": "sandbox",
    "URGENTACTION_BACKOFF_SCALE": "0.01",
    "URGENTACTION_SWEEP_SECONDS": "1",
    "URGENTACTION_MAIL_WINDOW": "10",
    "URGENTACTION_CLAIM_SIZE": "60",
    "URGENTACTION_GATEWAY_TIMEOUT_SECONDS": "3",
    "URGENTACTION_SECOND_FACTOR": "optional",  # the printed password is enough to look around
}
DONE, DISAGREES = 0, 1
STATE_ORDER = (
    "delivered", "accepted", "failed", "suppressed", "withdrawn", "expired", "unknown", "queued", "leased", "sending",
)  # fmt: skip


def demo_folder(var: Path) -> Path:
    """Where the results go."""
    return var / "demo"


def run_demo(*, stay: bool, as_json: bool, var: Path | None = None, port: int = 0) -> int:
    """Run the demo. Returns the exit code: 0 if the story held and both ledgers agree.

    Args:
        stay: keep everything up afterwards, until Ctrl-C.
        as_json: print `report.json` instead of tables; progress goes to standard error.
        port: of the web process; 0 takes a free one.

    Raises:
        ConfigurationError, DemoFailed: with what to do about it.
    """
    folder = demo_folder(VarFolder.chosen(var).path)
    console = Console(stderr=as_json, highlight=False)
    began = time.monotonic()
    _make_room(folder)
    stack = Stack(folder / "run", port=port, env=DRILL, durable=True)
    console.print("[bold]Setting up[/bold] PostgreSQL, Valkey, the sandbox gateways, web, three workers, beat")
    stack.start(report=lambda part: console.print(f"  {part}", style="dim"))
    try:
        os.environ.update(stack.environment)
        start_django()
        story, report, agreement = _play(stack, folder, console)
        if as_json:
            sys.stdout.write(json.dumps(report, ensure_ascii=False, indent=1) + "\n")
        else:
            _show(console, story, report, agreement, folder)
        console.print(f"\nThe demo took {time.monotonic() - began:.0f} s.")
        if stay:
            _stay(stack, console)
        kept = all(promise["is_kept"] for promise in report["promises"])
        return DONE if agreement.is_full and kept else DISAGREES
    finally:
        stack.stop()


def _make_room(folder: Path) -> None:
    """A new demo starts without the data and files of the last one."""
    if read_ready(VarFolder(folder / "run").stack_ready):
        raise ConfigurationError(f"A demo is running in {folder}. End it with Ctrl-C first.")
    for name in ("letters", "fax", "run"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in ("report.json", "report.html"):
        (folder / name).unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)


def _play(stack: Stack, folder: Path, console: Console) -> tuple[Story, dict[str, Any], Agreement]:
    from django.conf import settings

    from urgentaction.cli import demo_report as reporting
    from urgentaction.cli.demo_story import Story

    story = Story(
        say=lambda line: console.print(line if line.startswith(" ") else f"[bold]·[/bold] {line}"),
        base_url=stack.base_url,
        outbox_url=stack.outbox_url,
        samples=settings.SAMPLES,
    )
    story.run()
    rows = reporting.delivery_rows(story.alerts)
    agreement = reporting.compare(rows, reporting.ledger(stack.outbox_url))
    report = reporting.as_json(story, rows, agreement)
    reporting.write_files(folder, story, report, rows)
    return story, report, agreement


def _show(console: Console, story: Story, report: dict[str, Any], agreement: Agreement, folder: Path) -> None:
    from urgentaction.cli.demo_report import delivery_rows, table_of

    rows = delivery_rows(story.alerts)
    table = Table(title="What became of every delivery", title_justify="left", show_lines=False)
    for heading in ("alert", "role", "channel", "of", "state"):
        table.add_column(heading, justify="right" if heading == "of" else "left")
    for line in table_of(rows):
        states = sorted(line["states"].items(), key=lambda pair: STATE_ORDER.index(pair[0]))
        told = ", ".join(f"{count} {state}" for state, count in states)
        table.add_row(line["alert"], line["role"], line["channel"], str(line["total"]), told)
    console.print()
    console.print(table)
    console.print("\n[bold]Officials, one by one[/bold]")
    for row in report["deliveries"]:
        if row["role"] != "supporter":
            console.print(f"  {row['alert']}  {row['recipient']}: {row['channel']}, {_in_words(row)}", soft_wrap=True)
    console.print("\n[bold]Trouble among the supporters[/bold]")
    for row in report["deliveries"]:
        if row["role"] == "supporter" and (
            row["state"] in {"failed", "suppressed"} or len(row["attempts"]) > 1 or _was_unknown(row)
        ):
            console.print(f"  {row['alert']}  {row['recipient']}: {row['channel']}, {_in_words(row)}", soft_wrap=True)
    console.print("\n[bold]Left for a person[/bold]")
    for task in report["human_tasks"]:
        console.print(f"  {'done' if task['is_done'] else 'open'}: {task['title']}", soft_wrap=True)
    console.print("\n[bold]What the story had to show[/bold]")
    for promise in report["promises"]:
        mark = "[green]kept[/green]  " if promise["is_kept"] else "[bold red]broken[/bold red]"
        console.print(f"  {mark} {promise['text']}")
    console.print()
    if agreement.is_full:
        console.print(
            f"[bold green]The two ledgers agree[/bold green]: {agreement.compared} deliveries compared one by one; the "
            f"gateways took {agreement.accepted} messages, none of them twice unasked, none unknown to us."
        )
    else:
        console.print("[bold red]The two ledgers disagree:[/bold red]")
        for difference in agreement.differences:
            console.print(f"  {difference}")
    console.print(f"Letters, fax pages, report.html and report.json are in {folder}")


def _was_unknown(row: dict[str, Any]) -> bool:
    return any(attempt["outcome"] == "unknown" for attempt in row["attempts"])


def _in_words(row: dict[str, Any]) -> str:
    tries = [f"{one['outcome']} {one['code']}".strip() for one in row["attempts"]]
    if tries and tries[-1] == row["state"]:
        tries.pop()
    story = " → ".join([*tries, row["state"]])
    return f"{story} ({row['reason']})" if row["reason"] else story


def _stay(stack: Stack, console: Console) -> None:
    login = _console_login()
    console.print(f"\n[bold]Console[/bold]  {stack.base_url}/  ({login[0]} / {login[1]})")
    console.print(f"[bold]Outbox[/bold]   {stack.outbox_url}/  (what the gateways took)")
    console.print("In another terminal, `urgentaction` commands act on this demo while it runs. Ctrl-C ends it.")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # may be ignored where a shell put us into the background
    try:
        while not stack.stopped():
            time.sleep(1)
        console.print(f"[red]{', '.join(stack.stopped())} ended; the logs are in {stack.var.logs}[/red]")
    except KeyboardInterrupt:
        console.print("\nStopping.")


def _console_login() -> tuple[str, str]:
    """A login for the demo's console; its password is new at every run."""
    from urgentaction.accounts.models import Role
    from urgentaction.accounts.people import add_user
    from urgentaction.cli.session import actor

    password = secrets.token_urlsafe(9)
    user = add_user("demo@urgentaction.invalid", role=Role.ADMINISTRATOR.value, password=password, by=actor())
    return user.email, password
