"""How things look in a terminal: tables that fold long texts instead of cutting them off, and colours for states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from urgentaction.cli.session import printable

if TYPE_CHECKING:
    from urgentaction.tracking.views import AlertProgress, DeliveryView, Entry, GatewayView, TaskView

STYLES: Mapping[str, str] = {
    "queued": "cyan",
    "leased": "cyan",
    "sending": "cyan",
    "accepted": "green",
    "delivered": "bold green",
    "failed": "bold red",
    "unknown": "bold yellow",
    "withdrawn": "dim",
    "expired": "dim",
    "suppressed": "dim",
    "running": "bold green",
    "held": "cyan",
    "draft": "yellow",
    "awaiting_approval": "yellow",
    "finished": "green",
    "rejected": "dim",
    "in_review": "yellow",
    "live": "bold green",
    "retired": "dim",
    "ok": "green",
    "warn": "yellow",
    "fail": "bold red",
}


def state(word: str) -> Text:
    """A state in its colour, without underscores."""
    return Text(word.replace("_", " "), style=STYLES.get(word, ""))


def when(moment: datetime | None) -> str:
    """A moment in UTC, to the second; empty for none."""
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else ""


def until(moment: datetime | None) -> str:
    """A deadline in UTC, to the minute; empty for none."""
    return f"{moment:%Y-%m-%d %H:%M}" if moment else ""


def table(*columns: str, numbers: Iterable[str] = (), fixed: Iterable[str] = ()) -> Table:
    """An empty table.

    Args:
        numbers: columns set to the right, never wrapped.
        fixed: columns never wrapped.
    """
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold", padding=(0, 1))
    for column in columns:
        is_number = column in numbers
        made.add_column(
            column,
            justify="right" if is_number else "left",
            no_wrap=is_number or column in fixed,
            overflow="fold",
        )
    return made


def add(made: Table, *cells: object) -> None:
    """Add a row; whatever is not a Text yet is shown literally."""
    made.add_row(*[cell if isinstance(cell, Text) else Text(printable(str(cell))) for cell in cells])


def facts(pairs: Iterable[tuple[str, object]]) -> Table:
    """Names and values below each other; pairs without a value are left out."""
    made = Table.grid(padding=(0, 2))
    made.add_column(style="bold", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in pairs:
        if value not in ("", None):
            made.add_row(Text(name), value if isinstance(value, Text) else Text(printable(str(value))))
    return made


def progress_table(found: Sequence[AlertProgress]) -> Table:
    """One line for each alert, role and channel; a column for each state that occurs."""
    occurring = list(dict.fromkeys(word for one in found for word in one.tally.by_state()))
    order = list(STYLES)
    columns = sorted(occurring, key=order.index)
    made = table("Alert", "To", "By", *columns, "all", numbers=[*columns, "all"], fixed=["Alert", "To", "By"])
    for one in found:
        label: Text = Text(one.alert) + Text("  ") + state(one.state)
        if one.counted_at is not None:
            label += Text(f"\nat {one.counted_at:%H:%M:%S}", style="dim")
        groups = one.tally.groups()
        if not groups:
            add(made, label, "", "", *["" for _ in columns], "0")
        for number, (role, channel) in enumerate(groups):
            tally = one.tally.of(role=role, channel=channel)
            sums = tally.by_state()
            cells = [
                Text(str(sums[word]), style=STYLES[word]) if word in sums else Text("·", "dim") for word in columns
            ]
            add(made, label if number == 0 else "", role, channel, *cells, tally.total)
    return made


def progress_facts(one: AlertProgress) -> dict[str, object]:
    """How far an alert is, for JSON."""
    tally = one.tally
    return {
        "alert": one.alert,
        "case": one.case,
        "kind": one.kind,
        "level": one.level,
        "state": one.state,
        "is_over": one.is_over,
        "deliveries": tally.total,
        "settled": tally.settled,
        "reached": tally.reached,
        "counted_at": one.counted_at,
        "counts": list(tally.counts),
    }


def deliveries_table(found: Sequence[DeliveryView]) -> Table:
    """Deliveries, each with the words of where it stands; the alert only where there are several."""
    has_alert = len({one.alert for one in found}) > 1
    columns = ["Id", *(["Alert"] if has_alert else []), "Recipient", "By", "State", "Tries", "Why"]
    made = table(*columns, numbers=["Id", "Tries"], fixed=["Alert", "By", "State"])
    for one in found:
        recipient = one.recipient if one.role == "supporter" else f"{one.role}: {one.recipient}"
        step = f" (step {one.step})" if one.step > 1 else ""
        alert = [one.alert] if has_alert else []
        add(made, one.id, *alert, recipient + step, one.channel, state(one.state), len(one.attempts), one.reason)
    return made


def timeline_table(entries: Iterable[Entry]) -> Table:
    """What happened, the earliest first (UTC)."""
    made = table("When (UTC)", "Alert", "What", fixed=["When (UTC)", "Alert"])
    for entry in entries:
        add(made, when(entry.at), entry.alert, entry.text)
    return made


def tasks_table(found: Iterable[TaskView]) -> Table:
    """Tasks, each with its advice below."""
    made = table("Task", "Since (UTC)", "What to do", fixed=["Task", "Since (UTC)"])
    for one in found:
        text = Text(printable(one.title), style="bold" if one.done_at is None else "dim")
        if one.done_at is not None:
            text.append(f"\ndone by {one.done_by}: {printable(one.result)}", style="dim")
        else:
            text.append(f"\n{printable(one.advice)}", style="not bold")
        add(made, one.id.hex[-8:], when(one.created_at), text)
    return made


def gateways_table(found: Iterable[GatewayView]) -> Table:
    """Gateways, and what waits for each."""
    made = table("Gateway", "Channel", "State", "Waiting", "Why", numbers=["Waiting"], fixed=["Gateway", "Channel"])
    for one in found:
        if one.is_paused:
            end = f"paused until {when(one.paused_until)}" if one.paused_until else "paused"
            word, why = Text(end, style="bold yellow"), one.reason
        elif one.is_broken:
            end = f"broken, tried again {when(one.broken_until)}" if one.broken_until else "broken"
            word, why = Text(end, style="bold red"), one.broken_why
        else:
            word, why = Text("open", style="green"), ""
        add(made, one.name, one.channel, word, one.waiting, why)
    return made
